"""The options of ``okplug build``, as a BuildKit carries them out, with and without a manifest."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program
from tests.integration.test_buildkit_attach import agent, ssh_program

if TYPE_CHECKING:
    from okplug.testing import Outcome, Workspace
    from tests.integration.conftest import BuildKit

__all__ = ["agent"]  # a fixture of another file

SHELL = """\
FROM scratch AS shell
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""


@dataclass
class App:
    """A folder with a Dockerfile and no manifest, and what builds it."""

    workspace: Workspace
    buildkit: BuildKit

    def write(self, dockerfile: str, **files: str | bytes) -> None:
        """Write the Dockerfile, after a stage with a shell, and what it copies."""
        others = {f"app/{name}": content for name, content in files.items()}
        self.workspace.write({"app/Dockerfile": SHELL + dockerfile, **others})
        shutil.copy(program("busybox"), self.workspace.root / "app/busybox")

    def run(self, *argv: str, **environ: str) -> Outcome:
        """Build the folder."""
        given = {"OKPLUG_BUILDER": self.buildkit.address, "SOURCE_DATE_EPOCH": "0"}
        return self.workspace.run("build", "app", *argv, environ={**given, **environ})

    def view(self, *argv: str, **environ: str) -> ImageView:
        """Build the folder, and return the image."""
        self.run("-t", "okteto.dev/app:test", *argv, **environ).assert_ok()
        return ImageView.read(self.images, self.reference)

    def document(self) -> dict[str, Any]:
        """Return the manifest or index of the last image that was tagged."""
        found = self.images.read_manifest(self.reference)
        assert found is not None
        document: dict[str, Any] = json.loads(found[1])
        return document

    @property
    def images(self) -> LayoutRegistry:
        """The registry that is there without one."""
        return LayoutRegistry(self.workspace.home / ".cache/okplug/registry")

    reference = Reference("localhost", "cindy/app", "test")


@pytest.fixture
def app(workspace: Workspace, buildkit: BuildKit) -> App:
    """A folder without a Dockerfile yet."""
    return App(workspace, buildkit)


def text(view: ImageView, path: str) -> str:
    content = view.tree()[path].content
    assert isinstance(content, bytes)
    return content.decode()


def test_a_target_and_build_arguments(app: App) -> None:
    app.write(
        """\
        FROM shell AS one
        ARG A=1
        ARG B=1
        RUN echo $A $B >/out
        FROM one
        RUN echo more >>/out
        """.replace("        ", "")
    )
    assert text(app.view("--target", "one"), "out") == "1 1\n"
    view = app.view("--target", "one", "--build-arg", "A", "--build-arg", "app:app.B=3", A="2")
    assert text(view, "out") == "2 3\n"
    assert text(app.view(), "out") == "1 1\nmore\n"


def test_an_image_without_a_tag_is_reused(app: App) -> None:
    app.write("FROM shell\nRUN echo 1 >/out\n")
    first = app.run().assert_ok()
    assert "BUILT" in first.stderr
    assert "Build succeeded\nYour image won't be pushed." in first.stderr
    assert app.images.resolve(app.reference) is None
    again = app.run("-t", "okteto.dev/app:test").assert_ok()
    assert "REUSED" in again.stderr
    assert app.images.resolve(app.reference) is not None


def test_secrets_of_files_and_variables(app: App) -> None:
    app.write(
        "FROM shell\n"
        "RUN --mount=type=secret,id=file cat /run/secrets/file >/out\n"
        "RUN --mount=type=secret,id=TOKEN,env=T echo $T >>/out\n"
    )
    app.workspace.write({"the file": b"from\0a $FILE\n"})
    secrets = ("--secret", "id=file,src=the file", "--secret", "id=TOKEN")
    assert text(app.view(*secrets, TOKEN="of a $variable"), "out") == (
        "from\0a $FILE\nof a $variable\n"
    )


def test_a_secret_is_in_no_log(app: App) -> None:
    app.write("FROM shell\nRUN --mount=type=secret,id=T cat /run/secrets/T; false\n")
    outcome = app.run("--secret", "id=T", "--progress", "plain", T="hidden-word").assert_exit(1)
    assert "hidden-word" not in outcome.stderr
    assert "***" in outcome.stderr


def test_a_missing_secret_is_told_before_anything_is_built(app: App) -> None:
    app.write("FROM shell\nRUN --mount=type=secret,id=file true\n")
    outcome = app.run("--secret", "id=file,src=gone").assert_exit(4)
    assert outcome.stderr.startswith("error: --secret id=file: there is no file gone\n")


def test_platforms(app: App) -> None:
    app.write("FROM scratch\nCOPY data /data\n", data="x")
    view = app.view("--platform", "linux/arm64")
    assert view.config["architecture"] == "arm64"
    app.view("--platform", "linux/amd64,linux/arm64")
    platforms = [each["platform"]["architecture"] for each in app.document()["manifests"]]
    assert platforms == ["amd64", "arm64"]


def test_a_platform_with_a_dependency(app: App) -> None:
    app.workspace.write(
        {
            "base/okteto.yaml": "build: {base: .}\n",
            "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
            "base/data": "base\n",
            "app/okteto.yaml": "build: {app: {context: ., depends_on: 'base:base'}}\n",
            "app/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n"
            "COPY data /data\n",
            "app/data": "data\n",
        }
    )
    view = app.view("--platform", "linux/arm64")
    assert view.config["architecture"] == "arm64"
    assert text(view, "base") == "base\n"


def test_labels_and_annotations(app: App) -> None:
    app.write("FROM scratch\nLABEL a=1 b=2\nCOPY data /data\n", data="x")
    view = app.view("--label", "a=x", "--label", "c", "--annotation", "org.example.team=shop")
    assert view.config["config"]["Labels"] == {"a": "x", "b": "2", "c": ""}
    assert app.document()["annotations"]["org.example.team"] == "shop"


def test_networks_and_hosts(app: App) -> None:
    app.write("FROM shell\nRUN cat /etc/hosts >/out && ls /sys/class/net >>/out\n")
    out = text(app.view("--add-host", "db:10.1.2.3", "--network", "none"), "out")
    assert "10.1.2.3\tdb\n" in out
    assert out.endswith("\nlo\n")


def test_an_agent(app: App, agent: dict[str, str]) -> None:
    app.write(
        "FROM shell\nCOPY --chmod=755 root /\n"
        "RUN --mount=type=ssh,required ssh-add -L >/out\n"
        "RUN --mount=type=ssh,id=git,required ssh-add -L >>/out\n",
        **ssh_program(),
    )
    keys = subprocess.run(["ssh-add", "-L"], capture_output=True, check=True, env=agent).stdout
    socket = agent["SSH_AUTH_SOCK"]
    view = app.view("--ssh", "default", "--ssh", f"git={socket}", SSH_AUTH_SOCK=socket)
    assert view.tree()["out"].content == keys * 2


def test_caches(app: App) -> None:
    app.write("FROM shell\nRUN cat /proc/sys/kernel/random/uuid >/out\n")
    folder = app.workspace.root.parent / "cache"
    first = app.view("--export-cache", f"type=local,dest={folder}")
    assert (folder / "index.json").is_file()
    with_cache = app.view("--no-cache", "--cache-from", f"type=local,src={folder}")
    assert text(with_cache, "out") != text(first, "out"), "no cache is asked"
