r"""The patterns of ``${NAME#p}``, ``${NAME%p}`` and ``${NAME/p/r}``.

``*`` stands for any characters, ``?`` for one; a backslash makes ``*``, ``?``, ``\``, ``/`` and
``}`` plain. Neither stands for a newline. There are no ``[...]``.
"""

from __future__ import annotations

import re

#: what stands for a group of a regular expression
_GROUP = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


class PatternError(ValueError):
    """A pattern that escapes what needs no escape."""


def remove_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """Return *value* without the match of *pattern* at its start.

    :raises PatternError: if the pattern is malformed.
    """
    match = re.match("".join(_pieces(pattern, longest=longest)), value)
    return value[match.end() :] if match else value


def remove_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """Return *value* without the match of *pattern* at its end.

    :raises PatternError: if the pattern is malformed.
    """
    # a regular expression finds the leftmost match; the shortest at the end is the leftmost of all
    # that is written backwards; a backslash at the end comes to escape the first, as in BuildKit
    backwards = "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))
    match = re.match("".join(_pieces(backwards, longest=longest)), value[::-1])
    return value[: len(value) - match.end()] if match else value


def replace(value: str, pattern: str, replacement: str, *, everywhere: bool) -> str:
    """Return *value* with the first or every match of *pattern* replaced.

    Where every match is, ``$0`` in *replacement* is the match, ``$$`` a dollar sign, and ``$`` with
    another name nothing, as in Go's regular expressions, which BuildKit leaves it to.

    :raises PatternError: if the pattern is malformed.
    """
    pieces: list[str] = []
    end = 0
    for match in re.finditer("".join(_pieces(pattern, longest=True)), value):
        if pieces and match.start() == match.end() == end:
            continue  # nothing right behind a match is no match of its own, as Go has it
        instead = _filled(replacement, match[0]) if everywhere else replacement
        pieces += (value[end : match.start()], instead)
        end = match.end()
        if not everywhere:
            break
    return "".join([*pieces, value[end:]])


def _filled(replacement: str, match: str) -> str:
    return _GROUP.sub(
        lambda group: "$" if group[1] else match * (group[2] == "0" or group[3] == "0"),
        replacement,
    )


def _pieces(pattern: str, *, longest: bool) -> list[str]:
    """Return a regular expression for each element of *pattern*."""
    pieces: list[str] = []
    chars = iter(pattern)
    for char in chars:
        if char == "*":
            pieces.append(".*" if longest else ".*?")
        elif char == "?":
            pieces.append(".")
        else:
            pieces.append(re.escape(_escaped(next(chars, "")) if char == "\\" else char))
    return pieces


def _escaped(char: str) -> str:
    if not char or char not in "*?\\/}":
        raise PatternError(f"'\\{char}' escapes what needs no escape")
    return char
