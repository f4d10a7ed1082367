"""Foreign text in Markdown: it is shown as it is, and nothing else."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.markdown import code, plain, table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("libs/base:base", "`libs/base:base`"),
        ("a_b*c*<d>&e@f#1", "`a_b*c*<d>&e@f#1`"),
        ("a b", "`a b`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a\\b", "<code>a&#92;b</code>"),
        (" a", "<code> a</code>"),
        ("", "<code></code>"),
        ("a\nb", "<code>a&#92;nb</code>"),
        ("a\x1b[31mb", "`ab`"),
        ("naïve.txt", "`naïve.txt`"),
    ],
)
def test_code(text: str, expected: str) -> None:
    assert code(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data changed; lib:lib, too", "data changed&#59; lib:lib, too"),
        ("*a* _b_ `c` [d](e)", "&#42;a&#42; &#95;b&#95; &#96;c&#96; &#91;d&#93;&#40;e&#41;"),
        ("<b>&amp;|@you #1", "&#60;b&#62;&#38;amp&#59;&#124;&#64;you &#35;1"),
        ("1 -> 2", "1 -&#62; 2"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_no_text_ends_a_cell_or_a_line(text: str) -> None:
    for written in (code(text), plain(text)):
        assert not re.search(r"[|\r\n\x00-\x08\x0b-\x1f]", written)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_what_is_shown_is_the_text(text: str) -> None:
    """A reader of HTML gets it back; between backticks all stands for itself."""
    assert html.unescape(plain(text)) == text
    written = code(text)
    if written.startswith("`"):
        assert written == f"`{text}`"
        assert "`" not in text
    else:
        assert html.unescape(written.removeprefix("<code>").removesuffix("</code>")) == text


def test_a_table() -> None:
    text, shown = table(("image", "why"), [("`a`", "x"), ("`b`", "")], 1000)
    assert text == "| image | why |\n|---|---|\n| `a` | x |\n| `b` |  |\n"
    assert shown == 2


def test_a_table_is_cut_where_a_row_would_be_too_much() -> None:
    rows = [("1234567890",)] * 10
    for longest in range(20, 200):
        text, shown = table(("head",), rows, longest)
        assert len(text) <= longest
        assert text.count("1234567890") == shown
        assert shown == min(10, (longest - len("| head |\n|---|\n")) // len("| 1234567890 |\n"))
