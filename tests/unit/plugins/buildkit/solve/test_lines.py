"""Lines out of pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.solve.lines import LineBuffer


def test_lines_and_what_is_left() -> None:
    buffer = LineBuffer()
    assert buffer.take(b"one\ntw") == ["one"]
    assert buffer.take(b"o\r\n\nth") == ["two", ""]
    assert buffer.rest() == "th"
    assert buffer.rest() == ""


def test_a_character_cut_in_two() -> None:
    buffer = LineBuffer()
    assert buffer.take("ü".encode()[:1]) == []
    assert buffer.take("ü".encode()[1:] + b"\n") == ["ü"]


def test_what_is_not_utf8() -> None:
    buffer = LineBuffer()
    assert buffer.take(b"a\xffb\n") == ["a\ufffdb"]
    buffer.take(b"\xc3")
    assert buffer.rest() == "\ufffd"


def test_a_line_without_end_is_given_out_in_parts() -> None:
    buffer = LineBuffer()
    lines = buffer.take(b"x" * (buffer.longest + 1))
    assert [len(line) for line in lines] == [buffer.longest + 1]
    assert buffer.take(b"y\n") == ["y"]


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r")), st.data())
def test_where_it_is_cut_makes_no_difference(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    buffer = LineBuffer()
    lines: list[str] = []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        lines += buffer.take(raw[start:end])
    assert "\n".join([*lines, buffer.rest()]) == text
