"""Find options on a command line before its parser is known, by argparse's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Token:
    """An option or a word of a command line.

    :param index: of the word that it is in.
    :param option: such as ``-p``, ``""`` for a word.
    :param value: of the option, or the word.
    :param is_known: it is a word, or an option that the caller named.
    """

    index: int
    option: str
    value: str = ""
    is_known: bool = True


def scan(argv: Sequence[str], valued: Collection[str], flags: Collection[str]) -> Iterator[Token]:
    """Yield the options and words before ``--``.

    The values of options that are not known are taken for words.

    :param valued: options that take a value.
    :param flags: options that take none.
    """
    words = iter(enumerate(argv))
    for index, word in words:
        if word == "--":
            return
        if word == "-" or not word.startswith("-"):
            yield Token(index, "", word)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            if name in valued and not equals:
                value = next(words, (0, ""))[1]
            yield Token(index, name, value, name in valued or name in flags)
        else:
            yield from _letters(index, word, words, valued, flags)


def _letters(
    index: int,
    word: str,
    words: Iterator[tuple[int, str]],
    valued: Collection[str],
    flags: Collection[str],
) -> Iterator[Token]:
    """Take ``-qvp NAME`` and ``-qvpNAME`` apart, up to the first letter that is not known."""
    for position in range(1, len(word)):
        option, rest = f"-{word[position]}", word[position + 1 :]
        if option in valued:
            value = rest.removeprefix("=") if rest else next(words, (0, ""))[1]
            yield Token(index, option, value)
            return
        yield Token(index, option, is_known=option in flags)
        if option not in flags:
            return
