from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.drafting.text import Entry, manifest_text, quoted
from okplug.manifest.yamlnodes import MappingNode, ScalarNode, compose


def test_what_needs_nothing_else_is_in_the_short_form() -> None:
    entries = [Entry("api", ".", "Dockerfile"), Entry("web", "../web", "Dockerfile")]
    assert manifest_text(entries) == "build:\n  api: .\n  web: ../web\n"


def test_everything_else_is_in_the_long_form() -> None:
    entry = Entry(
        "api",
        "../..",
        "services/api/Containerfile",
        {"BASE": "my-base"},
        {"acme/base:dev": "libs/base:my-base"},
        ["tools", "libs/base:my-base", ":shop"],
    )
    assert manifest_text([entry], "docker-compose.yml") == (
        "build:\n"
        "  api:\n"
        "    context: ../..\n"
        "    dockerfile: services/api/Containerfile\n"
        "    args:\n"
        "      BASE: ${OKTETO_BUILD_MY_BASE_IMAGE}\n"
        "    contexts:\n"
        "      acme/base:dev: libs/base:my-base\n"
        "    depends_on:\n"
        "      - tools\n"
        "      - libs/base:my-base\n"
        '      - ":shop"\n'
        "deploy:\n"
        "  compose: docker-compose.yml\n"
    )


def test_variables_are_not_expanded_in_paths() -> None:
    assert manifest_text([Entry("api", "$x y", "Dockerfile")]) == 'build:\n  api: "$$x y"\n'


@pytest.mark.parametrize(
    "text",
    ["1.20", "no", "True", "null", "~", "", " a", "a ", "a: b", "a:", "#a", "- a", "*", "1e3"],
)
def test_what_yaml_would_take_for_something_else_is_quoted(text: str) -> None:
    assert quoted(text).startswith('"')


@pytest.mark.parametrize("text", ["api", ".", "..", "../../a", "./a", "a/b:c", "a-b_c.d", "x@1"])
def test_what_is_plain_is_not(text: str) -> None:
    assert quoted(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]).filter(str.isprintable)))
def test_yaml_reads_every_text_back(text: str) -> None:
    node = compose(f"{quoted(text)}: {quoted(text)}\n".encode(), Path("/m"))
    assert isinstance(node, MappingNode)
    ((key, value),) = node.pairs
    assert isinstance(key, ScalarNode)
    assert isinstance(value, ScalarNode)
    assert (key.text, value.text) == (text, text)
    assert not value.is_null
