"""The tags that ``--tag`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import okplug_layout as layout
from okplug.collect import collect
from okplug.errors import UsageError
from okplug.giventags import given_tags
from okplug.manifest import plugin as okteto_plugin
from okplug.naming import Naming

if TYPE_CHECKING:
    from okplug.graph import ImageGraph
    from okplug.testing import Workspace

NAMING = Naming("registry.example.com", "cindy", "okteto")
API = frozenset({"api:api"})


@pytest.fixture
def graph(workspace: Workspace) -> ImageGraph:
    """Return a graph of two images."""
    for name in ("api", "web"):
        manifest = f"build: {{{name}: .}}\n"
        workspace.write({f"{name}/okteto.yaml": manifest, f"{name}/Dockerfile": "FROM scratch\n"})
    return collect(workspace.config(plugins=[okteto_plugin, layout])).graph


def tags(graph: ImageGraph, *texts: str, asked: frozenset[str] = API) -> dict[str, list[str]]:
    found = given_tags(texts, NAMING, graph, asked)
    return {address: list(map(str, references)) for address, references in found.items()}


def test_without_any_nothing_is_asked(graph: ImageGraph) -> None:
    assert tags(graph, asked=frozenset({"api:api", "web:web"})) == {}


def test_several_with_aliases(graph: ImageGraph) -> None:
    assert tags(graph, "okteto.dev/api:1, ghcr.io/team/api", "okteto.dev/api:1") == {
        "api:api": ["registry.example.com/cindy/api:1", "ghcr.io/team/api:latest"]
    }


@pytest.mark.parametrize("asked", [frozenset[str](), frozenset({"api:api", "web:web"})])
def test_one_image_must_be_selected(graph: ImageGraph, asked: frozenset[str]) -> None:
    with pytest.raises(UsageError, match=rf"one image, and {len(asked)} are selected") as caught:
        tags(graph, "okteto.dev/api:1", asked=asked)
    assert caught.value.hint == "select one: okplug build ADDRESS --tag REFERENCE"


def test_another_images_name_is_refused(graph: ImageGraph) -> None:
    with pytest.raises(UsageError) as caught:
        tags(graph, "okteto.dev/web:okteto")
    assert caught.value.message == (
        "--tag okteto.dev/web:okteto: registry.example.com/cindy/web:okteto is the name of web:web"
    )
    assert tags(graph, "okteto.dev/api:okteto")


@pytest.mark.parametrize("text", ["", "UPPER", "a:b:c", f"a@sha256:{'a' * 64}"])
def test_what_is_no_tag(graph: ImageGraph, text: str) -> None:
    with pytest.raises(UsageError):
        tags(graph, text)
