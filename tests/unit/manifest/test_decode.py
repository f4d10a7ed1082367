from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.decode import check_keys, check_text, fields, is_null, scalar, scalars
from okplug.manifest.yamlnodes import ScalarNode, compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.manifest.yamlnodes import Node

PATH = Path("okteto.yaml")


def node(text: str) -> Node:
    """Return the root of a document."""
    root = compose(text.encode(), PATH)
    assert root is not None
    return root


def texts(text: str, *, at: str = "") -> dict[str, str]:
    """Return the entries of a map, or of the map at a key of it."""
    root = node(text)
    found = fields(fields(root, "root")[at].value if at else root, "here")
    values = {name: field.value for name, field in found.items()}
    return {name: v.text for name, v in values.items() if isinstance(v, ScalarNode)}


def error(act: Callable[[], object]) -> str:
    """Return the error that *act* raises, as users read it."""
    with pytest.raises(ManifestError) as caught:
        act()
    return str(caught.value)


def test_null_is_a_scalar_without_text() -> None:
    assert [is_null(node(text)) for text in ("~", "''", "[]", "{}", "x")] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_scalar_is_taken_as_it_is_written() -> None:
    assert scalar(node("1.20"), "version").text == "1.20"
    assert scalar(node("''"), "version").text == ""


@pytest.mark.parametrize(
    ("text", "found"), [("[a]", "a list"), ("{a: b}", "a map"), ("~", "nothing")]
)
def test_what_is_no_text(text: str, found: str) -> None:
    assert error(lambda: scalar(node(text), "build.api.target")) == (
        f"okteto.yaml:1:1: build.api.target: expected a string, found {found}"
    )


def test_one_text_stands_for_a_list_of_it() -> None:
    assert [item.text for item in scalars(node("a"), "x")] == ["a"]
    assert [item.text for item in scalars(node("[a, '', 1.0]"), "x")] == ["a", "", "1.0"]
    assert scalars(node("~"), "x") == ()
    assert scalars(node("[]"), "x") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: b}", "1:1: cache: expected a list or a string, found a map"),
        ("[a, [b]]", "1:5: an item of cache: expected a string, found a list"),
        ("- a\n-\n", "2:2: an item of cache: expected a string, found nothing"),
        ("[{a: b}]", "1:2: an item of cache: expected a string, found a map"),
    ],
)
def test_what_is_no_list_of_texts(text: str, message: str) -> None:
    assert error(lambda: scalars(node(text), "cache")) == f"okteto.yaml:{message}"


def test_the_entries_of_a_map_in_their_order() -> None:
    assert list(texts("{b: 1, a: 2, '1': 3, on: 4}").items()) == [
        ("b", "1"),
        ("a", "2"),
        ("1", "3"),
        ("on", "4"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]", "1:1: build: expected a map, found a list"),
        ("a", "1:1: build: expected a map, found a string"),
        ("~", "1:1: build: expected a map, found nothing"),
        ("{[a]: b}", "1:2: a key of build: expected a string, found a list"),
        ("~: b", "1:1: a key of build: expected a string, found nothing"),
        ("? {a: b}\n: c", "1:3: a key of build: expected a string, found a map"),
    ],
)
def test_what_is_no_map_of_names(text: str, message: str) -> None:
    assert error(lambda: fields(node(text), "build")) == f"okteto.yaml:{message}"


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "a: 1\nb: 2\n'a': 1\n", "{a, b: 1,\na: }"])
def test_a_key_that_is_written_twice(text: str) -> None:
    found = error(lambda: fields(node(text), "build"))
    line, column = (2, 1) if text.startswith("{") else (3, 1)
    first = 2 if text.startswith("{") else 1
    assert found == (
        f"okteto.yaml:{line}:{column}: the key 'a' of build is written twice, "
        f"first in line 1, column {first}\n"
        "  hint: keep one of the two"
    )


def test_a_map_takes_in_what_it_merges() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {b: own, <<: *x, c: 3}\n"
    assert texts(text, at="y") == {"b": "own", "c": "3", "a": "1"}


def test_of_several_merged_maps_the_first_counts() -> None:
    text = "x: &x {a: 1}\nz: &z {a: 2, b: 2}\ny: {<<: [*x, *z]}\n"
    assert texts(text, at="y") == {"a": "1", "b": "2"}


def test_a_map_may_merge_more_than_once() -> None:
    text = "x: &x {a: 1}\nz: &z {a: 2, b: 2}\ny:\n  <<: *x\n  <<: *z\n"
    assert texts(text, at="y") == {"a": "1", "b": "2"}


def test_merged_maps_merge_in_turn() -> None:
    text = "x: &x {a: 1, b: 1}\nz: &z {<<: *x, b: 2}\ny: {<<: *z}\n"
    assert texts(text, at="y") == {"b": "2", "a": "1"}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert texts("{'<<': 1}") == {"<<": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<<: x", "1:5: what << merges: expected a map, found a string"),
        ("<<:", "1:4: what << merges: expected a map, found nothing"),
        ("<<: [{a: 1}, b]", "1:14: what << merges: expected a map, found a string"),
        ("<<: [[{a: 1}]]", "1:6: what << merges: expected a map, found a list"),
    ],
)
def test_only_maps_can_be_merged(text: str, message: str) -> None:
    assert error(lambda: fields(node(text), "x")) == f"okteto.yaml:{message}"


def test_a_repetition_in_a_merged_map_is_an_error_of_that_map() -> None:
    assert "the key 'a' of what << merges is written twice" in error(
        lambda: fields(node("<<: {a: 1, a: 2}"), "x")
    )


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("!env X", lambda root: scalar(root, "x")),
        ("!env [X]", lambda root: scalars(root, "x")),
        ("[!env X]", lambda root: scalars(root, "x")),
        ("!env {X: y}", lambda root: fields(root, "x")),
        ("!env X: y", lambda root: fields(root, "x")),
    ],
)
def test_a_tag_that_means_nothing_here(text: str, act: Callable[[Node], object]) -> None:
    column = 2 if text.startswith("[") else 1
    assert error(lambda: act(node(text))) == (
        f"okteto.yaml:1:{column}: the tag !env means nothing in a manifest\n  hint: remove the tag"
    )


def test_known_keys_pass() -> None:
    check_keys(fields(node("{a: 1, b: 2}"), "x"), {"a", "b", "c"}, "x")


def test_the_first_unknown_key_is_reported_with_its_likely_meaning() -> None:
    found = fields(node("context: .\ndepends-on: x\nfoo: y\n"), "x")
    assert error(lambda: check_keys(found, {"depends_on", "context"}, "build.api")) == (
        "okteto.yaml:2:1: unknown key 'depends-on' in build.api\n"
        "  hint: did you mean depends_on? the keys are context, depends_on"
    )


def test_an_unknown_key_that_is_like_no_other() -> None:
    found = fields(node("zzz: y"), "x")
    assert error(lambda: check_keys(found, {"file", "env"}, "build.api.secrets.a")) == (
        "okteto.yaml:1:1: unknown key 'zzz' in build.api.secrets.a\n  hint: the keys are env, file"
    )


@pytest.mark.parametrize("text", ["plain", "two\nlines\t", "äöü 😀", "\x07", ""])
def test_what_a_path_or_argument_can_hold(text: str) -> None:
    at = node("x")
    assert isinstance(at, ScalarNode)
    check_text(text, at, "x")


@pytest.mark.parametrize("text", ["a\0b", "\udcff"])
def test_what_no_path_or_argument_can_hold(text: str) -> None:
    at = node("x")
    assert isinstance(at, ScalarNode)
    assert error(lambda: check_text(text, at, "build.api.context")) == (
        "okteto.yaml:1:1: build.api.context holds a character that no path or argument can hold\n"
        "  hint: there is a NUL, or a variable whose value is not UTF-8"
    )


def test_an_escaped_nul_is_refused_where_texts_are_read() -> None:
    assert "build.x holds a character" in error(lambda: scalar(node('"\\0"'), "build.x"))
