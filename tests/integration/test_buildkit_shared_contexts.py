"""Images of one context, of which a real BuildKit gets one tree, while files in it change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug import Step
    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit


class Meanwhile:
    """Does something once, after everything is hashed and before an image is built."""

    def __init__(self, address: str, change: Callable[[], object]) -> None:
        self._address = address
        self._change: Callable[[], object] | None = change

    @hookimpl(tryfirst=True)
    def okplug_build(self, step: Step) -> None:
        """Do it, and leave the build to others."""
        if step.address == self._address and self._change is not None:
            self._change()
            self._change = None


@pytest.fixture
def shop(workspace: Workspace, buildkit: BuildKit) -> Workspace:
    """Two images that read different files of one context; ``one`` is built first."""
    workspace.environ["OKPLUG_BUILDER"] = buildkit.address
    workspace.write(
        {
            "ctx/okteto.yaml": """
                build:
                  one: {context: ., target: one}
                  two: {context: ., target: two, depends_on: one}
                """,
            "ctx/Dockerfile": """
                FROM scratch AS one
                COPY one /
                FROM scratch AS two
                COPY two /
                """,
            "ctx/one/a": f"one of {workspace.root}",
            "ctx/two/b": f"two of {workspace.root}",
        }
    )
    return workspace


def tree(shop: Workspace, name: str) -> dict[str, str]:
    """Return the files of an image with what is in them."""
    registry = LayoutRegistry(shop.home / ".cache/okplug/registry")
    view = ImageView.read(registry, Reference.parse(f"localhost/cindy/{name}:okteto"))
    return {
        path: bytes(node.content).decode()
        for path, node in view.tree().items()
        if isinstance(node.content, bytes)
    }


def test_an_image_does_not_fail_for_a_file_that_only_the_other_reads(shop: Workspace) -> None:
    meanwhile = Meanwhile("ctx:one", lambda: (shop.root / "ctx/two/b").write_text("new"))
    shop.run("build", plugins=[meanwhile]).assert_ok()
    assert tree(shop, "one") == {"a": f"one of {shop.root}"}
    assert tree(shop, "two") == {"b": "new"}


def test_a_file_that_is_gone_is_in_no_image_that_is_keyed_again(shop: Workspace) -> None:
    """The daemon has the file from before: it would not ask for it, and would notice nothing."""
    (shop.root / "ctx/one/d").write_text("more")
    shop.run("build").assert_ok()
    (shop.root / "ctx/one/a").write_text("changed")

    def change() -> None:
        (shop.root / "ctx/one/a").write_text("changed again")
        (shop.root / "ctx/one/d").unlink()

    outcome = shop.run("build", plugins=[Meanwhile("ctx:one", change)]).assert_ok()
    assert "it is hashed and built again" in outcome.stderr
    assert tree(shop, "one") == {"a": "changed again"}
    assert tree(shop, "two") == {"b": f"two of {shop.root}"}


def test_what_is_not_sent_again_is_what_was_hashed(shop: Workspace) -> None:
    """The daemon has got the other image's file along with the first one's; the next run notices."""

    def change() -> None:
        (shop.root / "ctx/two/b").write_text("new")

    shop.run("build", plugins=[Meanwhile("ctx:two", change)]).assert_ok()
    assert tree(shop, "two") == {"b": f"two of {shop.root}"}
    shop.run("build").assert_ok()
    assert tree(shop, "two") == {"b": "new"}
