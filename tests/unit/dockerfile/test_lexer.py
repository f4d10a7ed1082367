"""Lines, directives and here-document bodies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.lexer import MAX_LINE, Lexer, LogicalLine, read_directives, read_lines
from okplug.dockerfile.model import Heredoc
from okplug.errors import ManifestError

PATH = Path("Dockerfile")


def logical_lines(text: str, escape: str = "\\") -> list[tuple[str, int, int]]:
    """Return all logical lines as plain tuples."""
    lexer = Lexer(read_lines(text.encode(), PATH), escape)
    found: list[tuple[str, int, int]] = []
    while (line := lexer.next_line()) is not None:
        found.append((line.text, line.line, line.end_line))
    return found


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", ()),
        (b"\n", ("",)),
        (b"FROM a", ("FROM a",)),
        (b"FROM a\n", ("FROM a",)),
        (b"FROM a\r\nRUN b\r\n", ("FROM a\r", "RUN b\r")),
        (b"\xef\xbb\xbfFROM a", ("FROM a",)),
        (b"FROM a\n\xef\xbb\xbfRUN b", ("FROM a", "\ufeffRUN b")),
        ("LABEL a=ü".encode(), ("LABEL a=ü",)),
        (b"LABEL a=\xff", ("LABEL a=\udcff",)),
        (b"a\x0bb\x0cc\x85", ("a\x0bb\x0cc\udc85",)),
    ],
)
def test_read_lines(data: bytes, lines: tuple[str, ...]) -> None:
    """Only a newline ends a line; the byte order mark at the top goes away."""
    assert read_lines(data, PATH) == lines


def test_a_nul_byte_is_refused() -> None:
    """The place is that of the first one."""
    with pytest.raises(ManifestError) as caught:
        read_lines(b"FROM a\nRUN x\0y\0\n", PATH)
    assert str(caught.value) == (
        "Dockerfile:2:6: NUL byte in a Dockerfile\n  hint: a Dockerfile is text; save it as UTF-8"
    )


def test_utf16_is_refused() -> None:
    """A file that an editor saved in another encoding gets the message on NUL bytes."""
    with pytest.raises(ManifestError, match="NUL byte"):
        read_lines("FROM a\n".encode("utf-16"), PATH)


def test_the_longest_line() -> None:
    """BuildKit reads 65535 bytes, and so does okplug."""
    line = b"#" + b"x" * (MAX_LINE - 1)
    assert read_lines(b"FROM a\n" + line + b"\n", PATH)[1] == line.decode()
    with pytest.raises(ManifestError) as caught:
        read_lines(b"FROM a\n" + line + b"y\n", PATH)
    assert str(caught.value) == (
        "Dockerfile:2: the line has 65536 bytes, at most 65535 can be read\n"
        "  hint: break it with the escape character, or put the content into a file"
    )


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("FROM a", {}),
        ("# syntax=docker/dockerfile:1\nFROM a", {"syntax": "docker/dockerfile:1"}),
        ("#syntax = a/b extra words \n", {"syntax": "a/b extra words"}),
        ("# SYNTAX=A/b\n# Escape=`\n", {"syntax": "A/b", "escape": "`"}),
        ("  # check=skip=all\r\n", {"check": "skip=all"}),
        ("# syntax=a\n# a comment\n# escape=`\n", {"syntax": "a"}),
        ("\n# syntax=a\n", {}),
        ("# unknown=1\n# syntax=a\n", {}),
        ("FROM a\n# syntax=a\n", {}),
        ("# syntax=\n", {}),
        ("// syntax=a\n", {}),
        ('{"syntax": "a"}\n', {}),
        ("#!/usr/bin/env docker\n# syntax=a\n# escape=`\n# check=b", {"syntax": "a", "check": "b"}),
    ],
)
def test_directives(text: str, directives: dict[str, str]) -> None:
    """They stand at the very top, before comments, blank lines and instructions."""
    assert dict(read_directives(read_lines(text.encode(), PATH), PATH)) == directives


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "# syntax=a\n  # Syntax=b\n",
            (
                "Dockerfile:2:3: directive 'syntax' stands here again\n"
                "  hint: each parser directive may be given once"
            ),
        ),
        (
            "# escape=x\n",
            (
                "Dockerfile:1:1: 'x' cannot be the escape character\n"
                "  hint: write '# escape=\\' or '# escape=`'"
            ),
        ),
    ],
)
def test_directives_that_are_wrong(text: str, message: str) -> None:
    """They are refused where they stand."""
    with pytest.raises(ManifestError) as caught:
        read_directives(read_lines(text.encode(), PATH), PATH)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n  \n# comment\n  # another\n", []),
        ("RUN a\nRUN b\n", [("RUN a", 1, 1), ("RUN b", 2, 2)]),
        ("  RUN a  \n", [("RUN a  ", 1, 1)]),
        ("RUN a\r\n\r\nRUN b\r\n", [("RUN a", 1, 1), ("RUN b", 3, 3)]),
        ("RUN a \\\n  b\n", [("RUN a   b", 1, 2)]),
        ("RUN a\\\nb\n", [("RUN ab", 1, 2)]),
        ("RUN a \\ \t\n b\n", [("RUN a  b", 1, 2)]),
        ("RUN a \\\r\n b\r\n", [("RUN a  b", 1, 2)]),
        ("RUN a \\\n# comment\n\n  # more\n b\nRUN c", [("RUN a  b", 1, 5), ("RUN c", 6, 6)]),
        ("RUN a \\\n # no end \\\n b", [("RUN a  b", 1, 3)]),
        ("RUN a \\\n", [("RUN a ", 1, 1)]),
        ("RUN a \\\n\n# end\n", [("RUN a ", 1, 3)]),
        ("RUN a \\\\\nRUN b", [("RUN a \\\\", 1, 1), ("RUN b", 2, 2)]),
        ("\\\nRUN a", [("RUN a", 1, 2)]),
        ("RUN a # no comment\n", [("RUN a # no comment", 1, 1)]),
        ("RUN a `\n b", [("RUN a `", 1, 1), ("b", 2, 2)]),
    ],
)
def test_logical_lines(text: str, lines: list[tuple[str, int, int]]) -> None:
    """Continued lines are joined, what is no part of an instruction is left out."""
    assert logical_lines(text) == lines


def test_another_escape_character() -> None:
    """The backslash goes on nowhere then."""
    assert logical_lines("RUN a `\n b\nRUN C:\\\nRUN d ``\n", "`") == [
        ("RUN a  b", 1, 2),
        ("RUN C:\\", 3, 3),
        ("RUN d ``", 4, 4),
    ]


@pytest.mark.parametrize(
    ("text", "heredoc", "body", "line"),
    [
        ("RUN <<E\na\n  b\nE\nRUN c", Heredoc("E", ""), "a\n  b\n", 4),
        ("RUN <<E\nE\n", Heredoc("E", ""), "", 2),
        ("RUN <<E\n E\nE \nE\n", Heredoc("E", ""), " E\nE \n", 4),
        ("RUN <<E\r\na\r\nE\r\n", Heredoc("E", ""), "a\r\n", 3),
        ("RUN <<-E\n\t\ta\n\t b\n\tE\n", Heredoc("E", "", chomp=True), "a\n b\n", 4),
        ("RUN <<E\n# kept\n\nx \\\nE", Heredoc("E", ""), "# kept\n\nx \\\n", 5),
    ],
)
def test_heredoc_bodies(text: str, heredoc: Heredoc, body: str, line: int) -> None:
    """A body ends at a line that is the delimiter and nothing else."""
    lexer = Lexer(read_lines(text.encode(), PATH), "\\")
    assert lexer.next_line() is not None
    assert lexer.read_heredoc(heredoc) == body
    assert lexer.line == line


def test_a_heredoc_without_end() -> None:
    """The file is read to its end, and the caller is told."""
    lexer = Lexer(read_lines(b"RUN <<E\na\nE x\n", PATH), "\\")
    lexer.next_line()
    assert lexer.read_heredoc(Heredoc("E", "")) is None
    assert lexer.next_line() is None


_rows = st.one_of(
    st.sampled_from(["", "  ", "# c", "  # c", "a \\", "a", "\\", "  b", "x\\\\", "\r", "a \\ \r"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=8),
)


@given(st.lists(_rows, max_size=12))
def test_no_line_is_lost(rows: list[str]) -> None:
    """Every line that says something belongs to exactly one instruction, in order."""
    text = "\n".join(rows)
    spans = [range(line, end + 1) for _, line, end in logical_lines(text)]
    covered = [number for span in spans for number in span]
    assert covered == sorted(set(covered))
    for number, row in enumerate(read_lines(text.encode(), PATH), 1):
        said = row.strip()
        if said and not said.startswith("#"):
            assert number in covered


@given(st.lists(_rows, max_size=12), st.data())
def test_comments_within_a_continuation_change_nothing(
    rows: list[str], data: st.DataObject
) -> None:
    """A comment may stand anywhere but in a here-document."""
    position = data.draw(st.integers(0, len(rows)))
    comment = data.draw(st.sampled_from(["# comment", "  # comment", "#", "# x \\"]))
    before = [text for text, _, _ in logical_lines("\n".join(rows))]
    more = [*rows[:position], comment, *rows[position:]]
    assert [text for text, _, _ in logical_lines("\n".join(more))] == before


def test_logical_line_is_a_value() -> None:
    """Two with the same content are equal."""
    assert LogicalLine("RUN a", 1, 2) == LogicalLine("RUN a", 1, 2)


@pytest.mark.parametrize("line", ["# a=b" + " " * 60_000 + "c", "# a" + " " * 60_000, "#" * 60_000])
def test_long_directives_are_read_quickly(line: str) -> None:
    """The time grows with the text, not with its square."""
    assert read_directives((line,), PATH) == ()
    assert read_directives((f"# syntax={line}",), PATH) == (("syntax", line.rstrip()),)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("#\x0bescape\t= `\t\r", (("escape", "`"),)),
        ("#\xa0syntax=a\xa0", (("syntax", "a\xa0"),)),
        ("# escape\x0b=`", ()),
    ],
)
def test_blanks_of_directives(line: str, found: tuple[tuple[str, str], ...]) -> None:
    """They are those of Go's regular expressions, and any before the name."""
    assert read_directives((line,), Path("Dockerfile")) == found


@pytest.mark.parametrize("line", ["# escape=\x0b`", "# escape= "])
def test_blank_as_escape_character(line: str) -> None:
    with pytest.raises(ManifestError, match="cannot be the escape character"):
        read_directives((line,), Path("Dockerfile"))
