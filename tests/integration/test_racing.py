"""A hundred builds on BuildKit while files are edited: every key in the registry is what its image is."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING

from okplug.backends import Descriptor
from okplug.testing import ImageView, make_workspace
from tests.integration.registries import serve
from tests.integration.team import Store, User
from tests.racing import DOCKERFILES, Editor, Image, write_group, wrong_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import BuildKit

_KEY = re.compile(r"[0-9a-f]{32}")
_GROUPS = ("g0", "g1", "g2", "g3")
#: with three images in each group, more than a hundred builds
_RUNS = 9


def stored_images(store: Store) -> Iterator[Image]:
    """Yield what is found under keys."""
    for group in _GROUPS:
        for name in DOCKERFILES:
            repository = f"okteto/{group}/{name}"
            for tag in filter(_KEY.fullmatch, store.tags(repository)):
                view = pull(store, repository, tag)
                yield Image(name, tag, view.config["config"]["Labels"], view.tree())


def pull(store: Store, repository: str, tag: str) -> ImageView:
    """Return an image as any client gets it."""
    manifest = store.document(repository, tag)
    layers = [
        gzip.decompress(store.blob(repository, each["digest"])) for each in manifest["layers"]
    ]
    config = json.loads(store.blob(repository, manifest["config"]["digest"]))
    descriptor = Descriptor(manifest["mediaType"], store.digest(repository, tag), 0)
    return ImageView(descriptor, manifest, config, tuple(layers))


def test_files_that_are_edited_during_a_hundred_builds(buildkit: BuildKit, tmp_path: Path) -> None:
    folder = tmp_path / "monorepo"
    for group in _GROUPS:
        write_group(folder / group)
    (folder / "okplug.toml").write_text('names = "{folder}/{name}"\n')
    (tmp_path / "registry").mkdir()
    (tmp_path / "clean").mkdir()
    with serve(tmp_path / "registry") as server:
        environ = {"OKPLUG_REGISTRY": server.host, "OKPLUG_BUILDER": buildkit.address}
        user = User("cindy", folder, tmp_path / "home", environ)
        groups = [folder / group for group in _GROUPS]
        pauses = (0, 0.005, 0.02, 0.05)
        with Editor(groups, tmp_path / "spare", "buildkit", pauses) as editor:
            runs = [user.run("build") for _ in range(_RUNS)]
        images = list(stored_images(Store(server.host)))
    said = "\n".join(run.stderr for run in runs)
    assert wrong_keys(make_workspace(tmp_path / "clean"), images) == []
    assert {run.returncode for run in runs} <= {0, 1}, said
    assert len(images) > 30, f"{editor.changes} changes\n{said}"
    assert "the file changed while it was in use" in said
    assert "internal error" not in said
