"""Patterns as Go matches them: ``filepath.Match`` and the regular expressions that moby makes.

COPY expands its sources with ``filepath.Match``, component by component. ``.dockerignore`` goes
through regular expressions of Go, whose few forms that can arise there are translated here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: one byte that is not UTF-8, as ``surrogateescape`` decodes it; Go reads all of them as U+FFFD
_INVALID = "[\udc80-\udcff\ufffd]"
_REPETITION = re.compile(r"\d+(,\d*)?\}")
#: asterisks and what comes before the next that is in no class
_CHUNK = re.compile(r"\*+|(?:\\.?|\[(?:\\.?|[^]\\])*\]?|[^*\[\\])+", re.DOTALL)
_NOTHING_ESCAPED = "nothing follows the backslash at its end"
#: escapes with a letter that Go and Python read alike (with ``re.ASCII``)
_ESCAPES = frozenset("dwsDWSaftnrv")
_MANY = frozenset({r"\d", r"\w", r"\s", r"\D", r"\W", r"\S"})
_CONTROLS = {r"\a": "\a", r"\f": "\f", r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\v": "\v"}


def is_glob(text: str) -> bool:
    """Tell whether *text* holds a wildcard: ``*``, ``?`` or ``[`` that no backslash escapes."""
    return re.search(r"[*?\[]", re.sub(r"\\.", "", text, flags=re.DOTALL)) is not None


def compile_glob(pattern: str) -> Callable[[str], object]:
    """Return what tells whether a name matches *pattern* by the rules of ``filepath.Match``.

    Go never takes back how much an asterisk has taken, which shows where a class takes a slash.

    :raises ManifestError: if the pattern is malformed.
    """
    *chunks, last = ["", *_CHUNK.findall(pattern)]
    out = []
    star = ""
    for chunk in chunks:
        if chunk.startswith("*"):
            star = "[^/]*?"
        else:
            out.append(f"(?>{star}{_translate_glob(chunk, pattern)})")
            star = ""
    ends_in_star = last.startswith("*")
    out.append("[^/]*" if ends_in_star else star + _translate_glob(last, pattern))
    return re.compile("".join(out)).fullmatch


def crosses_folders(name: str) -> bool:
    """Tell whether a class within *name* takes a slash: ``lib[^0-9]*`` names ``lib/a``, in Go.

    At the beginning and at the end of a name, none can come of it: no path has two in a row.

    :param name: one component of a well-formed pattern.
    """
    position = 0
    while position < len(name):
        start, char = position, name[position]
        position += 1
        if char == "[":
            text, position = _glob_class(name, position, name)
            if start > 0 and position < len(name) and re.fullmatch(text, "/"):
                return True
        elif char == "\\":
            position += 1
    return False


def check_glob(pattern: str) -> None:
    """Read *pattern* as far as ``filepath.Match`` does that holds it against ``.``, as moby does.

    Behind a part that does not match it reads no more up to the next asterisk but one.

    :raises ManifestError: if the pattern is malformed.
    """
    if "[" not in pattern and "\\" not in pattern:
        return
    for chunk in _CHUNK.findall(pattern):
        if chunk[0] != "*" and not re.fullmatch(_translate_glob(chunk, pattern), "."):
            break


def compile_regexp(expression: str, pattern: str) -> Callable[[str], object]:
    r"""Return what tells whether a path matches ``^expression$`` as a regular expression of Go.

    Wildcards, classes, escapes, ``|`` and ``{n,m}`` are understood. Of the escapes with a letter
    or a digit those for single characters and ``\d``, ``\s``, ``\w`` are; Go has more, which nobody
    means.

    :param pattern: what the expression was made of, for messages.
    :raises ManifestError: if Go would refuse the expression, or reads it in an obscure way.
    """
    expression = f"^{expression}"
    out = []
    position = 0
    while position < len(expression):
        char = expression[position]
        position += 1
        if char == "[":
            char, position = _regexp_class(expression, position, pattern)
        elif char == "\\":
            char, position = _escape(expression[position : position + 1], pattern), position + 1
        elif char == "{" and not _REPETITION.match(expression, position):
            char = r"\{"
        elif char == "^":
            char = "(?:^)"  # Go lets it be repeated
        elif _is_invalid(char):
            char = _INVALID
        out.append(char)
    try:
        return re.compile(rf"{''.join(out)}\Z", re.ASCII).search
    except re.error as error:
        raise malformed(pattern, error.msg) from None


def malformed(pattern: str, reason: str) -> ManifestError:
    """Return the error that says what is wrong with *pattern*."""
    return ManifestError(
        f"invalid pattern '{pattern}': {reason}",
        hint="write a backslash before '*', '?', '[' and '\\' to take them literally",
    )


def _is_invalid(char: str) -> bool:
    return "\udc80" <= char <= "\udcff" or char == "\ufffd"


def _translate_glob(glob: str, pattern: str) -> str:
    """Write *glob*, which is *pattern* or a part of it, as a regular expression."""
    out = []
    position = 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "[":
            char, position = _glob_class(glob, position, pattern)
        elif char == "\\":
            if position == len(glob):
                raise malformed(pattern, _NOTHING_ESCAPED)
            char, position = re.escape(glob[position]), position + 1
        else:
            char = {"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char)
        out.append(char)
    return "".join(out)


def _glob_class(glob: str, position: int, pattern: str) -> tuple[str, int]:
    """Translate a class whose ``[`` stands before *position*; return it with where it ends."""
    negated = glob.startswith("^", position)
    position += negated
    ranges: list[tuple[str, str]] = []
    while not ranges or not glob.startswith("]", position):
        low, position = _glob_class_char(glob, position, pattern)
        high = low
        if glob.startswith("-", position):
            high, position = _glob_class_char(glob, position + 1, pattern)
        ranges.append((low, high))
    # Unlike a regular expression, filepath.Match takes a range upside down for an empty one.
    return _python_class(negated, (_range(*r) for r in ranges if r[0] <= r[1])), position + 1


def _glob_class_char(glob: str, position: int, pattern: str) -> tuple[str, int]:
    is_escaped = glob.startswith("\\", position)
    position += is_escaped
    char = glob[position : position + 1]
    if char and char in "-]" and not is_escaped:
        raise malformed(pattern, f"'{char}' stands in a '[...]' without a backslash")
    if not char or "\udc80" <= char <= "\udcff" or position + 1 == len(glob):
        raise malformed(pattern, "a '[' is not closed")
    return char, position + 1


def _regexp_class(expression: str, position: int, pattern: str) -> tuple[str, int]:
    negated = expression.startswith("^", position)
    position += negated
    members: list[str] = []
    while not members or not expression.startswith("]", position):
        if expression.startswith("[:", position) and ":]" in expression[position + 2 :]:
            raise malformed(pattern, "'[:...:]' is not supported")
        low, position = _regexp_class_char(expression, position, pattern)
        high = low
        # behind an escape for many characters, a minus stands for itself
        if low not in _MANY and re.compile(r"-[^]]").match(expression, position):
            high, position = _regexp_class_char(expression, position + 1, pattern)
        members.append(_class_range(low, high, pattern))
    return _python_class(negated, members), position + 1


def _regexp_class_char(expression: str, position: int, pattern: str) -> tuple[str, int]:
    char = expression[position : position + 1]
    if not char:
        raise malformed(pattern, "a '[' is not closed")
    if char != "\\":
        return "\ufffd" if _is_invalid(char) else char, position + 1
    return _escape(expression[position + 1 : position + 2], pattern), position + 2


def _class_range(low: str, high: str, pattern: str) -> str:
    """Write a range of a class; an escape for many characters is a member of its own."""
    low, high = (
        text[1:] if re.fullmatch(r"\\[^A-Za-z]", text) else _CONTROLS.get(text, text)
        for text in (low, high)
    )
    if low == high and len(low) > 1:
        return low
    if len(low) > 1 or len(high) > 1 or low > high:
        raise malformed(pattern, f"'{low}-{high}' is not a range")
    return _range(low, high)


def _escape(char: str, pattern: str) -> str:
    if not char:
        raise malformed(pattern, _NOTHING_ESCAPED)
    if char in _ESCAPES:
        return f"\\{char}"
    if char.isalnum() or not char.isascii():
        raise malformed(pattern, f"'\\{char}' is not supported, write '{char}'")
    return re.escape(char)


def _python_class(negated: bool, members: Iterable[str]) -> str:  # noqa: FBT001 - as Go's '[^'
    body = "".join(members)
    if not body:
        return r"[\s\S]" if negated else "(?!)"
    return f"[{'^' * negated}{body}]"


def _range(low: str, high: str) -> str:
    invalid = "\udc80-\udcff" if low <= "\ufffd" <= high else ""
    return f"{re.escape(low)}-{re.escape(high)}{invalid}"
