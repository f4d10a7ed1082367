"""Whole builds in memory: a registry, and a builder that stores what a request gives it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from okplug import hookimpl
from okplug.backends import Artifact
from okplug.errors import BuildError
from okplug.naming import RESULT_PREFIX
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView, push_image
from tests.functional.keeping import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from okplug.backends import BuildControl, Builder, BuildOutline, BuildRequest, Registry
    from okplug.config import Config
    from okplug.testing import Outcome, Workspace

#: base <- lib <- api and base <- web; each reads one file
SHOP = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
    "base/data": "base\n",
    "lib/okteto.yaml": "build: {lib: {context: ., depends_on: 'base:base'}}\n",
    "lib/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY data /lib\n",
    "lib/data": "lib\n",
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'lib:lib'}}\n",
    "api/Dockerfile": "ARG OKTETO_BUILD_LIB_IMAGE\nFROM ${OKTETO_BUILD_LIB_IMAGE}\nCOPY data /api\n",
    "api/data": "api\n",
    "web/okteto.yaml": "build: {web: {context: ., depends_on: 'base:base'}}\n",
    "web/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY data /web\n",
    "web/data": "web\n",
}


@dataclass
class Shop:
    """A workspace of four images with its registry and its builder, which is the plugin of both.

    :param hosts: further registries by host.
    :param before: address -> what happens when the builder gets the image, before it reads files.
    :param requests: what the builder was asked for, in order.
    """

    workspace: Workspace
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    hosts: dict[str, FakeRegistry] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    requests: list[BuildRequest] = field(default_factory=list)
    name: str = "memory"
    jobs: int = 1

    @hookimpl(tryfirst=True)
    def okplug_registry(self, host: str, config: Config) -> Registry | None:
        """Serve the configured registry and the further hosts."""
        return self.registry if host == config.text("registry") else self.hosts.get(host)

    @hookimpl(tryfirst=True)
    def okplug_builder(self) -> Builder:
        """Build with this."""
        return self

    def describe(self) -> str:
        """Return the header's line."""
        return "in memory"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """Take everything."""

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Store the files of the context, with the build arguments as the environment."""
        self.requests.append(request)
        control.log(f"building {request.image.name}", "COPY data")
        self.before.get(request.image.address, lambda: None)()
        files = {}
        for file in request.context.files:
            if file.kind == "file":
                with request.context.open(file.relpath) as stream:
                    files[file.relpath] = stream.read()
        descriptor = push_image(
            registry,
            request.repository,
            files=files,
            config={"Env": [f"{name}={value}" for name, value in sorted(request.args.items())]},
            annotations=request.annotations,
        )
        return Artifact(request.repository.with_digest(descriptor.digest), descriptor)

    def run(self, *argv: str, plugins: Sequence[object] = ()) -> Outcome:
        """Run a command with this registry and builder."""
        return self.workspace.run(*argv, plugins=[self, *plugins])

    def results(self, *argv: str, plugins: Sequence[object] = ()) -> dict[str, dict[str, Any]]:
        """Build, and return the result document's entry of each image by its address."""
        outcome = self.run("build", "--json", "-", *argv, plugins=plugins)
        return {image["address"]: image for image in json.loads(outcome.stdout)["images"]}

    def verdicts(self, *argv: str, plugins: Sequence[object] = ()) -> dict[str, str]:
        """Build, and return the verdict of each image by its address."""
        found = self.results(*argv, plugins=plugins)
        return {address: image["verdict"] for address, image in found.items()}

    def shared(self, name: str) -> dict[str, str]:
        """Return key -> digest of what everybody finds an image under."""
        tags = self.tags(f"okteto/{name}")
        return {tag: digest for tag, digest in tags.items() if not tag.startswith(RESULT_PREFIX)}

    def personal(self, name: str) -> dict[str, str]:
        """Return tag -> digest of what cindy finds an image under."""
        return self.tags(f"cindy/{name}")

    def tags(self, repository: str) -> dict[str, str]:
        """Return tag -> digest of a repository."""
        reference = Reference("registry.test", repository)
        return dict(self.registry.repository(reference).tags)

    def view(self, name: str) -> ImageView:
        """Read what cindy's own tag finds."""
        return ImageView.read(self.registry, Reference("registry.test", f"cindy/{name}", "okteto"))

    def break_down(self, address: str, message: str = "it is broken") -> None:
        """Have every build of an image fail."""

        def fail() -> None:
            raise BuildError(message)

        self.before[address] = fail

    def built(self) -> list[str]:
        """Return the addresses that the builder was given, in order, and forget them."""
        addresses = [request.image.address for request in self.requests]
        self.requests.clear()
        return addresses

    def edit(self, path: str, text: str) -> None:
        """Change a file."""
        (self.workspace.root / path).write_text(text)


@pytest.fixture
def empty_shop(workspace: Workspace) -> Shop:
    """Registry and builder, and no image yet."""
    return Shop(workspace)


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    """Base <- lib <- api and base <- web."""
    empty_shop.workspace.write(SHOP)
    return empty_shop


@pytest.fixture
def masked(workspace: Workspace) -> Callable[[str], str]:
    """Return what replaces times, keys, digests and the workspace's path in a screen."""

    def mask(text: str) -> str:
        text = text.replace(str(workspace.root), "ROOT")
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", text)
        text = re.sub(r"\b[0-9a-f]{32}\b", "KEY", text)
        text = re.sub(r"\d\.\d\ds", "0.00s", text)
        return re.sub(r'("duration": )[\d.]+', r"\g<1>0.0", text)

    return mask


@pytest.fixture
def kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A workspace that is empty at first, whose runs keep what they know."""
    return Kept(workspace, monkeypatch)
