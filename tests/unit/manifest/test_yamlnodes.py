from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import Location, ManifestError
from okplug.manifest import yamlnodes
from okplug.manifest.yamlnodes import (
    MAX_DEPTH,
    MAX_NODES,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    compose,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = Path("/w/okteto.yaml")


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with libyaml and with PyYAML's own parser."""
    monkeypatch.setattr(yamlnodes, "_LOADER", getattr(yaml, request.param))


both_parsers = pytest.mark.usefixtures("_loader")


def plain(node: Node | None) -> object:
    """Return nodes as lists of pairs, lists and strings."""
    if isinstance(node, MappingNode):
        return [(plain(key), plain(value)) for key, value in node.pairs]
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return None if node is None else node.text


def scalars(node: Node | None) -> Iterator[ScalarNode]:
    """Return all scalars below a node in file order."""
    if isinstance(node, MappingNode):
        for key, value in node.pairs:
            yield from scalars(key)
            yield from scalars(value)
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from scalars(item)
    elif node is not None:
        yield node


def error(data: bytes | str) -> ManifestError:
    """Return the error that *data* gives."""
    with pytest.raises(ManifestError) as caught:
        compose(data if isinstance(data, bytes) else data.encode(), PATH)
    return caught.value


@both_parsers
@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a comment\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_root(data: bytes) -> None:
    assert compose(data, PATH) is None


@both_parsers
def test_maps_lists_and_texts() -> None:
    text = b"a:\n  - 1\n  - [x, 'y']\nb: {c: d, e: }\n"
    assert plain(compose(text, PATH)) == [("a", ["1", ["x", "y"]]), ("b", [("c", "d"), ("e", "")])]


@both_parsers
def test_scalars_keep_the_text_that_is_written() -> None:
    text = b"[1.20, on, 0x10, 2024-01-01, ~, 'it''s', \"tab\\t\", yes, 1_000]"
    assert plain(compose(text, PATH)) == [
        "1.20",
        "on",
        "0x10",
        "2024-01-01",
        "~",
        "it's",
        "tab\t",
        "yes",
        "1_000",
    ]


@both_parsers
def test_block_scalars_are_one_text() -> None:
    assert plain(compose(b"a: |\n  one\n  two\nb: >-\n  three\n  four\n", PATH)) == [
        ("a", "one\ntwo\n"),
        ("b", "three four"),
    ]


@both_parsers
@pytest.mark.parametrize(
    ("text", "is_null"),
    [
        ("a:", True),
        ("a: ~", True),
        ("a: null", True),
        ("a: Null", True),
        ("a: NULL", True),
        ("a: nULL", False),
        ("a: ''", False),
        ('a: "null"', False),
        ("a: !!str null", False),
        ("a: !!str", False),
        ("a: none", False),
    ],
)
def test_null_is_what_is_written_without_quotes(text: str, is_null: bool) -> None:  # noqa: FBT001 - a column of the table
    value = list(scalars(compose(text.encode(), PATH)))[1]
    assert value.is_null is is_null


@both_parsers
def test_every_node_knows_where_it_begins() -> None:
    root = compose(b"# first\nkey:\n  - item\n  - {x: 1}\n", PATH)
    assert isinstance(root, MappingNode)
    assert root.location == Location(PATH, 2, 1)
    key, items = root.pairs[0]
    assert key.location == Location(PATH, 2, 1)
    assert isinstance(items, SequenceNode)
    assert [str(item.location) for item in items.items] == [f"{PATH}:3:5", f"{PATH}:4:5"]
    assert str(items.location) == f"{PATH}:3:3"


def test_columns_count_characters_not_bytes() -> None:
    found = list(scalars(compose("[äöü, 'x😀', y]".encode(), PATH)))
    assert [node.column for node in found] == [2, 7, 13]


@both_parsers
@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a: abcdef", 6),
        ("a: 'abcdef'", 7),
        ('a: "abcdef"', 7),
        ("a: 'it''s'", 4),
        ('a: "\\x41bcd"', 4),
        ("a: &x abcdef", 4),
        ("a: !!str abcdef", 4),
        ("a: ab\n  cd", 4),
        ("a: |\n  abcdef", 4),
        ("a: >\n  abcdef", 4),
    ],
)
def test_a_place_in_a_text_is_exact_where_that_is_known(text: str, column: int) -> None:
    value = list(scalars(compose(text.encode(), PATH)))[1]
    assert value.location_at(2) == Location(PATH, 1, column)


@both_parsers
def test_an_alias_is_the_node_that_it_names() -> None:
    root = compose(b"a: &x [1, 2]\nb: *x\nc: &y text\nd: *y\n", PATH)
    assert plain(root) == [("a", ["1", "2"]), ("b", ["1", "2"]), ("c", "text"), ("d", "text")]
    assert isinstance(root, MappingNode)
    assert root.pairs[1][1] is root.pairs[0][1]


@both_parsers
def test_an_anchor_may_be_given_again() -> None:
    assert plain(compose(b"[&a 1, *a, &a 2, *a]", PATH)) == ["1", "1", "2", "2"]


@both_parsers
def test_an_alias_without_anchor() -> None:
    assert str(error("a: 1\nb: *nope\n")) == (
        "/w/okteto.yaml:2:4: nothing before this place is called &nope\n"
        "  hint: write &nope at its value"
    )


@both_parsers
@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "&a {*a : b}"])
def test_an_alias_to_what_it_is_part_of(text: str) -> None:
    found = error(text)
    assert found.message == "&a holds itself"
    assert found.hint == "do not use *a inside &a"


def test_the_number_of_nodes_is_bounded_with_aliases_counted_as_often_as_they_are_used() -> None:
    """Nine levels of nine aliases are a billion values in 300 bytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    found = error("\n".join(lines))
    assert found.message == f"the file comes to more than {MAX_NODES:,} values"
    assert found.location is not None
    assert found.location.line == 6
    assert found.hint == "an alias counts as often as it is used; split the file"


def test_a_long_file_is_bounded_too() -> None:
    assert error("[" + "x," * MAX_NODES + "]").message.startswith("the file comes to more than")


def test_a_file_below_the_bound_is_read() -> None:
    root = compose(b"[" + b"x," * (MAX_NODES - 1) + b"]", PATH)
    assert isinstance(root, SequenceNode)
    assert len(root.items) == MAX_NODES - 1


@both_parsers
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_bounded(opening: str) -> None:
    found = error(opening * (MAX_DEPTH + 1))
    assert found.message == "this lies more than 100 levels deep"
    assert found.location == Location(PATH, 1, len(opening) * MAX_DEPTH + 1)


@both_parsers
@pytest.mark.parametrize("opening", [b"[", b"- ", b"{a: "])
def test_a_very_deep_file_does_not_end_the_process(opening: bytes) -> None:
    """A composer that recurses in C overflows its stack here, and libyaml has a bound of its own."""
    found = error(opening * 300_000)
    assert found.message == "this lies more than 100 levels deep"
    assert found.location == Location(PATH, 1, len(opening) * MAX_DEPTH + 1)


@both_parsers
def test_the_deepest_file_that_is_taken() -> None:
    assert compose(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, PATH) is not None


@both_parsers
@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\n---\nb: 2\n", 2), ("a: 1\n...\n---\nb: 2\n", 3), ("---\na: 1\n---\n", 3)],
)
def test_a_second_document(text: str, line: int) -> None:
    found = error(text)
    assert found.message == "a second document begins here"
    assert found.location == Location(PATH, line, 1)
    assert found.hint == "keep one document per file"


@both_parsers
def test_the_marks_of_one_document_are_taken() -> None:
    assert plain(compose(b"%YAML 1.1\n---\na: 1\n...\n", PATH)) == [("a", "1")]


@both_parsers
def test_a_byte_order_mark_is_no_part_of_the_file() -> None:
    root = compose(b"\xef\xbb\xbfa: 1\n", PATH)
    assert plain(root) == [("a", "1")]
    assert root is not None
    assert root.location == Location(PATH, 1, 1)


@both_parsers
def test_line_ends_of_any_system() -> None:
    root = compose(b"a: 1\r\nb: 2\rc: 3\n", PATH)
    assert [node.line for node in scalars(root)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\xff", "1:1"),
        (b"a: 1\nb: \xe9t\xe9\n", "2:4"),
        ("ä: ü".encode() + b"\x80", "1:5"),
        ("a: ä\n".encode() + "ö: ".encode() + b"\xc3", "2:4"),
        ("a: 1".encode("utf-16"), "1:1"),
    ],
)
def test_a_file_that_is_not_utf_8(data: bytes, place: str) -> None:
    assert str(error(data)) == (
        f"/w/okteto.yaml:{place}: the file is not UTF-8\n  hint: save it in the encoding UTF-8"
    )


@both_parsers
@pytest.mark.parametrize(
    ("data", "place", "code"),
    [
        (b"a: b\x00c", "1:5", "0000"),
        (b"a: 1\nbb: \x07\n", "2:5", "0007"),
        ("ä: 1\n# ö\x1b[0m\n".encode(), "2:4", "001B"),
        (b"a: \x7f", "1:4", "007F"),
        (b"b: 1\na: \xc2\x80", "2:4", "0080"),
        ("a: \ufffe".encode(), "1:4", "FFFE"),
    ],
)
def test_a_control_character(data: bytes, place: str, code: str) -> None:
    assert str(error(data)) == (
        f"/w/okteto.yaml:{place}: the control character U+{code} cannot stand in YAML\n"
        '  hint: remove it, or write it as an escape such as "\\x07" in double quotes'
    )


@both_parsers
@pytest.mark.parametrize(
    ("text", "place"),
    [("build:\n\tapi: x\n", "2:1"), ("a:\n  - b\n\t- c\n", "3:1"), ("a: \t- b\n\tc: d\n", None)],
)
def test_a_tab_that_indents(text: str, place: str | None) -> None:
    found = error(text)
    if place is not None:
        assert str(found) == (
            f"/w/okteto.yaml:{place}: a tab cannot indent YAML or begin a value\n  hint: use spaces"
        )


def test_a_tab_inside_a_value_is_taken() -> None:
    assert plain(compose(b"a: b\tc\t# comment\n", PATH)) == [("a", "b\tc")]


def test_a_colon_in_a_text() -> None:
    assert str(error("build:\n  api: a: b\n")) == (
        "/w/okteto.yaml:2:9: this is not YAML: mapping values are not allowed in this context\n"
        "  hint: quote a text that holds a colon; check the indentation"
    )


def test_a_bracket_that_is_not_closed_names_the_line_in_which_it_is_open() -> None:
    assert str(error("a: 1\nb: [x,\n  y\nc: d\n")) == (
        "/w/okteto.yaml:4:2: this is not YAML: did not find expected ',' or ']' while parsing a "
        "flow sequence, begun in line 2\n"
        "  hint: check the indentation, and that brackets and quotes are closed"
    )


def test_a_quote_that_is_not_closed() -> None:
    assert str(error("a: 'x\n")) == (
        "/w/okteto.yaml:2:1: this is not YAML: found unexpected end of stream while scanning a "
        "quoted scalar, begun in line 1\n"
        "  hint: close the quote"
    )


def test_a_character_that_means_something_else_to_yaml() -> None:
    assert str(error("a: @x\n")) == (
        "/w/okteto.yaml:1:4: this is not YAML: found character that cannot start any token\n"
        "  hint: quote a text that begins with this character"
    )


def test_indentation_that_fits_nowhere() -> None:
    assert str(error("a:\n    b: 1\n  c: 2\n")) == (
        "/w/okteto.yaml:3:3: this is not YAML: did not find expected key while parsing a block "
        "mapping, begun in line 1\n"
        "  hint: check the indentation, and that brackets and quotes are closed"
    )


def test_what_has_no_usual_remedy_has_no_hint() -> None:
    assert str(error("%YAML 3.0\n---\na: b\n")) == (
        "/w/okteto.yaml:1:1: this is not YAML: found incompatible YAML document"
    )


@both_parsers
@pytest.mark.parametrize(
    "text",
    [
        "a: 'x",
        'a: "\\q"',
        "a: [",
        "a: {",
        "a: ]",
        "- a\nb",
        "&",
        "*",
        "a: |x",
        "%",
        "? - :\n-",
        "!<",
        "a: b: c",
        "`",
        "%TAG",
        "a: !<x",
        '"\\ud800\\',
    ],
)
def test_what_is_not_yaml_is_an_error_with_a_line(text: str) -> None:
    found = error(text)
    assert found.message.startswith("this is not YAML: ")
    assert "\n" not in found.message
    assert found.location is not None
    assert found.location.line >= 1


@both_parsers
def test_tags_of_yaml_itself_say_nothing_and_others_are_kept() -> None:
    root = compose(b"[!!str 1, !!int 2, ! 3, !env X, !!map {}, !x [], !y {}]", PATH)
    assert isinstance(root, SequenceNode)
    assert [node.tag for node in root.items] == ["", "", "", "!env", "", "!x", "!y"]


PIECES = ("a", "b: ", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "'", '"', "&x ", "*x")
MORE = ("!t ", "|", ">", "#", "---\n", "...", "\\", "%", "? ", "<<: ", "ä", "\0", "\ufeff", "@")
pieces = st.sampled_from(PIECES + MORE)


@given(st.lists(pieces, max_size=20).map("".join) | st.text())
def test_any_text_is_nodes_or_a_located_error(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    lines = len(text.splitlines()) + 2
    try:
        found = list(scalars(compose(data, PATH)))
    except ManifestError as failure:
        assert failure.location is not None  # noqa: PT017 - both ends are right
    else:
        assert all(1 <= node.line <= lines and node.column >= 1 for node in found)


@given(st.binary())
def test_any_bytes_are_nodes_or_a_located_error(data: bytes) -> None:
    try:
        compose(data, PATH)
    except ManifestError as failure:
        assert failure.location is not None  # noqa: PT017 - both ends are right


plain_values = st.recursive(
    st.text(), lambda below: st.lists(below) | st.dictionaries(st.text(), below), max_leaves=12
)


@given(plain_values)
def test_what_yaml_writes_is_read_back(value: object) -> None:
    """The texts that YAML would take for numbers and the like are quoted by its own writer."""

    def as_plain(value: object) -> object:
        if isinstance(value, dict):
            return [(key, as_plain(below)) for key, below in value.items()]
        return [as_plain(below) for below in value] if isinstance(value, list) else value

    written = yaml.safe_dump(value, sort_keys=False)
    assert plain(compose(written.encode(), PATH)) == as_plain(value)
