from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import ManifestError
from okplug.manifest.expand import expand
from okplug.manifest.interpolation import Interpolation, quoted, unquoted
from okplug.manifest.yamlnodes import MappingNode, ScalarNode, compose

ENVIRON = {"SET": "value", "EMPTY": "", "DOLLAR": "a$b"}


def scalar(text: str) -> ScalarNode:
    return ScalarNode(Path("compose.yaml"), 3, 5, text, is_plain=True, shift=0)


def filled(text: str) -> str:
    return Interpolation(ENVIRON).text(scalar(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a${SET}b$SET.c", "avaluebvalue.c"),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("${DOLLAR}", "a$b"),
        ("${NOPE-x} ${EMPTY-x} ${SET-x}", "x  value"),
        ("${NOPE:-x} ${EMPTY:-x} ${SET:-x}", "x x value"),
        ("${NOPE+x} ${EMPTY+x} ${SET+x}", " x x"),
        ("${NOPE:+x} ${EMPTY:+x} ${SET:+x}", "  x"),
        ("${SET?x} ${EMPTY?x}", "value "),
        ("${SET:?x}", "value"),
        ("${NOPE:-${SET}-${NOPE2:-y}}", "value-y"),
        ("${SET:-${NOPE:?never read}}", "value"),
        ("${NOPE:-$$}", "$"),
        ("x}y", "x}y"),
        ("${OKTETO_BUILD_API_IMAGE} $OKTETO_BUILD_API_TAG", None),
    ],
)
def test_forms(text: str, expected: str | None) -> None:
    assert filled(text) == (text if expected is None else expected)


@pytest.mark.parametrize("text", ["$NOPE", "a${NOPE}", "${SET:+$NOPE}", "${OTHER:-$NOPE}"])
def test_what_is_not_set_is_empty_and_told(text: str) -> None:
    interpolation = Interpolation(ENVIRON)
    assert "NOPE" not in interpolation.text(scalar(text))
    assert list(interpolation.unset) == ["NOPE"]


@pytest.mark.parametrize(
    "text", ["${NOPE:-x}", "${SET:-$NOPE}", "${NOPE:+x}", "${EMPTY}", "$$NOPE"]
)
def test_what_needs_no_value_is_not_told(text: str) -> None:
    interpolation = Interpolation(ENVIRON)
    interpolation.text(scalar(text))
    assert interpolation.unset == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NOPE?}", "3:5: the variable NOPE is required: it is not set\n  hint: set NOPE"),
        ("x${EMPTY:?say $SET}", "3:6: the variable EMPTY is required: say $SET\n  hint: set EMPTY"),
        ("ab ${SET", "3:8: what follows $ is not a variable"),
        ("ab ${SET:-x", "3:8: the closing brace of ${ is missing"),
        ("$1", "3:5: what follows $ is not a variable\n  hint: write ${NAME} or ${NAME:-default}"),
        ("5 $", "3:7: what follows $ is not a variable"),
        ("${}", "3:5: what follows $ is not a variable"),
        ("${SET!x}", "3:5: what follows $ is not a variable"),
        ("${A:-" * 60, "3:255: more than 50 defaults lie in one another"),
        ("$é", "3:5: what follows $ is not a variable"),
    ],
)
def test_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        filled(text)
    assert str(caught.value).startswith(f"compose.yaml:{message}")


def test_all_values_of_a_node_are_filled_in_and_no_key() -> None:
    data = b"$SET:\n  - $SET\n  - {a: !x $SET, b: [c]}\n"
    node = compose(data, Path("compose.yaml"))
    assert isinstance(node, MappingNode)
    ((key, value),) = Interpolation(ENVIRON).node(node).pairs
    assert isinstance(key, ScalarNode)
    assert key.text == "$SET"
    assert "'value'" in str(value)
    assert "$SET" not in str(value)
    assert "tag='!x'" in str(value)


def test_an_empty_value_is_not_nothing() -> None:
    assert not Interpolation(ENVIRON).node(scalar("$EMPTY")).is_null


def test_what_comes_out_is_in_the_other_dialect() -> None:
    text = "${OKTETO_BUILD_API_IMAGE} $DOLLAR $$HOME"
    out = Interpolation(ENVIRON).node(scalar(text)).text
    assert expand(out, {}) == "${OKTETO_BUILD_API_IMAGE} a$b $HOME"


@given(st.text())
def test_a_value_comes_through_as_it_is(value: str) -> None:
    out = Interpolation({"X": value}).node(scalar("<$X>")).text
    if "OKTETO_BUILD_" not in value:
        assert expand(out, {}) == f"<{value}>"
    assert unquoted(quoted(value)) == value


@given(st.text(alphabet="$ {}:-+?AX\n"))
def test_no_text_is_too_odd(text: str) -> None:
    interpolation = Interpolation({"A": "a"})
    try:
        out = interpolation.text(scalar(text))
    except ManifestError:
        return
    assert "$" not in out or "$$" in text
