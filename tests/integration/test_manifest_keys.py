"""Keys of a manifest that Okteto does not have, as images of a real BuildKit show them."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Outcome, Workspace
    from tests.integration.conftest import BuildKit

API = Reference.parse("localhost/cindy/api:okteto")
SHELL = """\
FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""


@dataclass
class Shop:
    """A workspace with an image ``api``, and the daemon that builds it."""

    workspace: Workspace
    buildkit: BuildKit

    def write(self, keys: str, dockerfile: str = "FROM scratch\nCOPY f /\n") -> None:
        """Write the entry's keys, a line each, and its Dockerfile."""
        lines = "".join(f"    {line}\n" for line in keys.splitlines())
        self.workspace.write(
            {
                "api/okteto.yaml": f"build:\n  api:\n    context: .\n{lines}",
                "api/Dockerfile": dockerfile,
                "api/f": "1",
            }
        )
        shutil.copy(program("busybox"), self.workspace.root / "api/busybox")

    def build(self, *arguments: str, **environ: str) -> Outcome:
        """Build."""
        environ = {"OKPLUG_BUILDER": self.buildkit.address, **environ}
        return self.workspace.run("build", *arguments, environ=environ)

    @property
    def images(self) -> LayoutRegistry:
        """The registry that is there without one."""
        return LayoutRegistry(self.workspace.home / ".cache/okplug/registry")

    def document(self, reference: Reference = API) -> dict[str, Any]:
        """Return a manifest or an index."""
        found = self.images.read_manifest(reference)
        assert found is not None
        document: dict[str, Any] = json.loads(found[1])
        return document

    def view(self, platform: str = "") -> ImageView:
        """Return the image of the last build."""
        return ImageView.read(self.images, API, platform)

    def file(self, path: str) -> str:
        """Return what is in a file of the last build's image."""
        content = self.view().tree()[path].content
        assert isinstance(content, bytes)
        return content.decode()


@pytest.fixture
def shop(workspace: Workspace, buildkit: BuildKit) -> Shop:
    """A workspace without images."""
    return Shop(workspace, buildkit)


def test_labels_are_in_the_configuration(shop: Shop) -> None:
    shop.write("labels: [a=1, b=$V]", "FROM scratch\nLABEL a=0 c=0\nCOPY f /\n")
    shop.build(V="x y").assert_ok()
    assert shop.view().config["config"]["Labels"] == {"a": "1", "b": "x y", "c": "0"}


def test_annotations_are_of_the_manifest(shop: Shop) -> None:
    shop.write("annotations: {org.opencontainers.image.title: 'An API, and more', 'a:b': c}")
    shop.build().assert_ok()
    found = shop.document()["annotations"]
    assert found["org.opencontainers.image.title"] == "An API, and more"
    assert found["a:b"] == "c"
    assert shop.build().assert_ok().stderr.count("1 reused") == 1
    shop.write("annotations: {org.opencontainers.image.title: other}")
    assert "1 built" in shop.build().assert_ok().stderr


def test_platforms_and_annotations_of_an_index(shop: Shop) -> None:
    shop.write("platforms: linux/amd64,linux/arm64\nannotations: {a: b}")
    shop.build().assert_ok()
    index = shop.document()
    platforms = [each["platform"]["architecture"] for each in index["manifests"]]
    assert platforms == ["amd64", "arm64"]
    assert index["annotations"]["a"] == "b"
    for platform in ("linux/amd64", "linux/arm64"):
        assert shop.view(platform).manifest["annotations"] == {"a": "b"}


def test_an_inline_dockerfile(shop: Shop) -> None:
    shop.write(
        "dockerfile_inline: |\n  # escape=`\n  FROM scratch\n  COPY `\n    f /g\n  ENV A=$V B=${C:-d}"
    )
    shop.build(V="of the shell").assert_ok()
    assert shop.file("g") == "1"
    assert {"A=", "B=d"} <= set(shop.view().config["config"]["Env"])


def test_an_error_of_an_inline_dockerfile_is_in_the_manifest(shop: Shop) -> None:
    inline = "".join(f"\n  {line}" for line in (SHELL + "RUN exit 3").splitlines())
    shop.write(f"dockerfile_inline: |{inline}")
    outcome = shop.build().assert_exit(1)
    assert "api/okteto.yaml:8: " in outcome.stderr
    assert "RUN exit 3" in outcome.stderr


def test_the_network_none_has_no_way_out(shop: Shop) -> None:
    text = f"{SHELL}RUN ls /sys/class/net > /x\n"
    shop.write("network: none", text)
    shop.build().assert_ok()
    assert shop.file("x").split() == ["lo"]


def test_hosts_are_known_to_run(shop: Shop) -> None:
    shop.write(
        "extra_hosts: ['db.example.com:10.1.2.3', 'six=[::1]']", f"{SHELL}RUN cat /etc/hosts > /x\n"
    )
    shop.build().assert_ok()
    lines = [line.split() for line in shop.file("x").splitlines()]
    assert ["10.1.2.3", "db.example.com"] in lines
    assert ["::1", "six"] in lines


def test_an_agent_is_there_by_its_id(shop: Shop, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent.sock"))
        agent.listen()
        mount = "RUN --mount=type=ssh,id=git,required [ -S $SSH_AUTH_SOCK ]\n"
        shop.write("ssh: git=$AGENT", SHELL + mount)
        shop.build(AGENT=str(tmp_path / "agent.sock")).assert_ok()
    shop.write("", SHELL + mount)
    assert "git" in shop.build("--no-cache").assert_exit(1).stderr


def test_named_contexts_are_folders_and_images(shop: Shop) -> None:
    shop.write(
        "contexts:\n  shared: ../shared\n  parent: libs/base:base\n  other: docker-image://okteto.dev/base:okteto",
        "FROM parent\nCOPY --from=shared in /shared\nCOPY --from=other base /other\n",
    )
    shop.workspace.write(
        {
            "shared/in": "in",
            "libs/base/okteto.yaml": "build: {base: {context: ., push: true}}\n",
            "libs/base/Dockerfile": "FROM scratch\nCOPY base /\n",
            "libs/base/base": "base",
        }
    )
    assert "2 built" in shop.build("api").assert_ok().stderr
    assert sorted(shop.view().tree()) == ["base", "other", "shared"]
    graph = shop.workspace.run("graph", "api").assert_ok().stdout
    assert "libs/base:base  (named context, api/okteto.yaml:4" in graph
    shop.workspace.write({"libs/base/base": "2"})
    assert "2 built" in shop.build("api").assert_ok().stderr
    assert shop.file("other") == "2"
    shop.workspace.write({"shared/in": "other"})
    assert "1 built" in shop.build("api").assert_ok().stderr
    assert shop.file("shared") == "other"


def test_tags_and_no_push(shop: Shop) -> None:
    shop.write("tags: [okteto.dev/api:1, okteto.dev/web]")
    shop.build().assert_ok()
    digests = {
        text: shop.images.resolve(Reference.parse(f"localhost/cindy/{text}"))
        for text in ("api:okteto", "api:1", "web:latest")
    }
    assert len({found.digest for found in digests.values() if found}) == 1
    assert None not in digests.values()
    shop.write("push: false", "FROM scratch\nCOPY f /other\n")
    outcome = shop.build("--json", "-").assert_ok()
    (image,) = json.loads(outcome.stdout)["images"]
    assert image["references"]["tags"] == []
    found = shop.images.resolve(API)
    assert found == digests["api:okteto"]
    assert shop.images.resolve(Reference.parse(image["references"]["global"])) is not None
    assert "1 reused" in shop.build("-t", "okteto.dev/api:mine").assert_ok().stderr
    mine = shop.images.resolve(Reference.parse("localhost/cindy/api:mine"))
    assert mine is not None
    assert mine.digest == image["digest"]
