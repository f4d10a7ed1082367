from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.nodevalues import by_name, expanded, pairs, texts
from okplug.manifest.yamlnodes import ScalarNode, compose

if TYPE_CHECKING:
    from okplug.manifest.yamlnodes import Node

PATH = Path("/shop/okteto.yaml")
ENVIRON = {"ONE": "1", "LIST": "a, b", "EMPTY": ""}


def node(text: str) -> Node:
    found = compose(text.encode(), PATH)
    assert found is not None
    return found


def read(text: str, separators: str = "=") -> list[tuple[str, str | None]]:
    found = pairs(node(text), "x", ENVIRON, separators=separators)
    return [(pair.name, pair.value) for pair in found]


def error(text: str, separators: str = "=") -> str:
    with pytest.raises(ManifestError) as caught:
        read(text, separators)
    return str(caught.value)


def test_a_text_is_expanded_from_an_index_on() -> None:
    scalar = node("$ONE=$ONE")
    assert isinstance(scalar, ScalarNode)
    assert expanded(scalar, "x", ENVIRON) == "1=1"
    assert expanded(scalar, "x", ENVIRON, start=5) == "1"


def test_the_place_of_a_variable_without_a_value() -> None:
    assert error("[a=b, c=d$NOPE]").startswith(
        "/shop/okteto.yaml:1:10: the variable NOPE is not set"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a", ["a"]),
        ("[a, $ONE]", ["a", "1"]),
        ("a,b", ["a,b"]),
        ("null", []),
    ],
)
def test_texts(text: str, found: list[str]) -> None:
    assert [one.value for one in texts(node(text), "x", ENVIRON)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b", ["a", "b"]),
        ("a , b", ["a", "b"]),
        ("$LIST", ["a", "b"]),
        ("[a, 'b,c']", ["a", "b", "c"]),
    ],
)
def test_texts_with_commas_between(text: str, found: list[str]) -> None:
    assert [one.value for one in texts(node(text), "x", ENVIRON, splits=True)] == found


@pytest.mark.parametrize("text", ["[a, $EMPTY]", "$EMPTY", "''"])
def test_an_empty_text_is_an_error(text: str) -> None:
    with pytest.raises(ManifestError, match="an item of x is empty"):
        list(texts(node(text), "x", ENVIRON))


def test_nothing_between_two_commas_is_an_error() -> None:
    with pytest.raises(ManifestError, match="an item of x is empty"):
        list(texts(node("a,,b"), "x", ENVIRON, splits=True))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{a: 1, b: $ONE, c: }", [("a", "1"), ("b", "1"), ("c", "")]),
        ("[a=1, b=$ONE, c=, d]", [("a", "1"), ("b", "1"), ("c", ""), ("d", None)]),
        ("[a=b=c]", [("a", "b=c")]),
        ("{a: true, b: 1.20}", [("a", "true"), ("b", "1.20")]),
        ("[$ONE=x]", [("$ONE", "x")]),
    ],
)
def test_pairs(text: str, found: list[tuple[str, str | None]]) -> None:
    assert read(text) == found


def test_the_first_of_several_separators_counts() -> None:
    assert read("['h:::1', 'h=1:2', h]", ":=") == [("h", "::1"), ("h", "1:2"), ("h", None)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "1:1: x: expected a map or a list, found a string"),
        ("[[a]]", "1:2: an item of x: expected a string, found a list"),
        ("{a: [b]}", "1:5: x.a: expected a string, found a list"),
        ("{a: 1, a: 2}", "1:8: the key 'a' of x is written twice"),
    ],
)
def test_what_is_no_pair(text: str, message: str) -> None:
    assert error(text).startswith(f"/shop/okteto.yaml:{message}")


def test_a_map_in_a_list_says_how_to_write_it() -> None:
    assert error("[{a: b}]", ":=") == (
        "/shop/okteto.yaml:1:2: an item of x: expected NAME:value, found a map\n"
        "  hint: write - NAME:value, or NAME: value without the dash"
    )


def test_pairs_by_name() -> None:
    found = by_name(pairs(node("{b: 2, a: 1}"), "x", {}), "label", "build.api")
    assert {name: pair.value for name, pair in found.items()} == {"b": "2", "a": "1"}


@pytest.mark.parametrize("text", ["[a=1, a=2]", "[a, a]", "[&x a=1, *x]"])
def test_a_name_that_is_given_twice(text: str) -> None:
    with pytest.raises(ManifestError, match=r"the label a of build\.api is given twice"):
        by_name(pairs(node(text), "x", {}), "label", "build.api")
