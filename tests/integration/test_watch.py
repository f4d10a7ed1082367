"""``okplug build --watch`` on BuildKit, with caches and archives in the workspace itself."""

from __future__ import annotations

import json
import shutil
import tarfile
from typing import TYPE_CHECKING

from okplug.errors import ExitCode
from tests.functional.test_watch_events import WAITING, watching
from tests.integration.conftest import program

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit

DOCKERFILE = (
    "FROM scratch\n"
    "COPY --chmod=755 busybox /bin/busybox\n"
    "COPY . /src\n"
    'RUN ["/bin/busybox", "sh", "-c", "grep -q good /src/data && cat /src/data >/result"]\n'
)
OPTIONS = (
    *("--output", "type=oci,dest=out/image.tar"),
    *("--export-cache", "type=local,dest=cache"),
    *("--metadata-file", "meta.json"),
)


def result(archive: Path) -> bytes:
    """Return what the last layer of an image in an archive adds."""
    with tarfile.open(archive) as tar:

        def read(digest: str) -> bytes:
            file = tar.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert file is not None
            return file.read()

        index = tar.extractfile("index.json")
        assert index is not None
        found = json.load(index)
        while "layers" not in found:
            found = json.loads(read(found["manifests"][0]["digest"]))
        (archive.parent / "layer").write_bytes(read(found["layers"][-1]["digest"]))
    with tarfile.open(archive.parent / "layer") as layer:
        file = layer.extractfile("result")
        assert file is not None
        return file.read()


def test_each_change_is_built_once(workspace: Workspace, buildkit: BuildKit) -> None:
    """What a build writes into its own context is part of the next image, and wakes nobody."""
    workspace.write(
        {
            "okteto.yaml": "build: {app: .}\n",
            "Dockerfile": DOCKERFILE,
            ".dockerignore": "out/layer\n",
            "data": "good 1\n",
        }
    )
    (workspace.root / "out").mkdir()
    shutil.copy(program("busybox"), workspace.root / "busybox")
    environ = {"OKPLUG_BUILDER": buildkit.address}
    with watching(workspace, "build", *OPTIONS, **environ) as watch:
        watch.until(WAITING)
        assert result(workspace.root / "out/image.tar") == b"good 1\n"
        workspace.write({"data": "good 2\n"})
        watch.until("^.{10}data changed$")
        watch.until("1 built in")
        watch.until(WAITING)
        assert result(workspace.root / "out/image.tar") == b"good 2\n"
        workspace.write({"data": "bad\n"})
        watch.until("^.{10}data changed$")
        watch.until("1 failed in")
        watch.until(WAITING)
        workspace.write({"data": "good 3\n"})
        watch.until("^.{10}data changed$")
        watch.until("1 built in")
        watch.until(WAITING)
        assert result(workspace.root / "out/image.tar") == b"good 3\n"
        workspace.write({"data": "good 4\n"})
        watch.until("^.{10}data changed$")
        watch.until("1 built in")
        assert watch.end() == (ExitCode.OK, [])
