"""Markdown with foreign text in it, after GitHub's specification of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from okplug.terminal.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


#: characters; GitHub takes up to 65,536
LONGEST_COMMENT: Final = 60_000


def code(text: str) -> str:
    """Return a text as it is, in the type of code, for a line or a cell of a table.

    What would end that, or a cell, is written as numbered entities, which code in backticks cannot
    have. A name after ``@`` calls nobody.
    """
    shown = visible(text)
    if shown.strip() == shown and shown and not set(shown) & {"`", "|", "\\"}:
        return f"`{shown}`"
    return f"<code>{plain(shown)}</code>"


def plain(text: str) -> str:
    """Return a text as it is: no letter of it is a sign of Markdown or HTML."""
    return "".join(c if c.isalnum() or c in " /.,:-" else f"&#{ord(c)};" for c in visible(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], longest: int) -> tuple[str, int]:
    """Return a table, and how many of the rows are in it.

    :param rows: cells in Markdown.
    :param longest: characters; rows that would make it longer are left out.
    """
    lines = [_line(heads), "|" + "---|" * len(heads) + "\n"]
    left = longest - sum(map(len, lines))
    for row in rows:
        line = _line(row)
        left -= len(line)
        if left < 0:
            break
        lines.append(line)
    return "".join(lines), len(lines) - 2


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
