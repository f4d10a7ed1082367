"""``--chown`` and ``--chmod``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug_embedded.filesystem import FILE, FileSystem, FileSystemError, Owner

if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST = 2**32 - 1
_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<how>[-+=])(?P<what>[rwxXst]*)")
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}
_SPECIAL = {"u": 0o4000, "g": 0o2000, "o": 0}
_STICKY = 0o1000


def read_owner(text: str, tree: FileSystem) -> Owner:
    """Return the owner that ``user[:group]`` means, by numbers or by the names of the image.

    A number alone is user and group; a name alone brings the user's own group.

    :raises FileSystemError: if the image has no such name.
    """
    user, colon, group = text.partition(":")
    if user.isdecimal():
        uid = gid = _number(user)
    else:
        fields = _account(tree, "etc/passwd", user, "user")
        uid, gid = _number(fields[2]), _number(fields[3])
    if colon and group:
        gid = _number(group) if group.isdecimal() else 0
        if not group.isdecimal():
            gid = _number(_account(tree, "etc/group", group, "group")[2])
    return Owner(uid, gid)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) > _HIGHEST:
        raise FileSystemError(f"{text} is no number of a user or group")
    return int(text)


def _account(tree: FileSystem, path: str, name: str, what: str) -> list[str]:
    node = tree.get(tree.resolve(path))
    if node is not None and node.entry.kind == FILE and node.entry.content is not None:
        with node.entry.content.open() as stream:
            lines = stream.read().decode("utf-8", "replace").splitlines()
        for line in lines:
            fields = line.split(":")
            if fields[0] == name and len(fields) >= 4:  # noqa: PLR2004  # both files have four
                return fields
    raise FileSystemError(f"the image's /{path} has no {what} {name!r}")


def read_mode(text: str) -> Callable[[int, bool], int]:
    """Return what makes the new mode of the old one and of whether it is a directory's.

    :param text: octal digits, or clauses such as ``u+x,go-w`` as chmod takes them.
    :raises FileSystemError: if it is neither.
    """
    if re.fullmatch(r"[0-7]{1,5}", text) and int(text, 8) <= 0o7777:  # noqa: PLR2004  # all bits
        mode = int(text, 8)
        return lambda _old, _is_directory: mode
    clauses = [_CLAUSE.fullmatch(part) for part in text.split(",")]
    matches = [match for match in clauses if match]
    if len(matches) != len(clauses):
        raise FileSystemError(f"{text!r} is no mode: expected octal digits or u+x,go-w")

    def change(mode: int, is_directory: bool) -> int:  # noqa: FBT001  # one of two facts
        for match in matches:
            mode = _changed(mode, match, is_directory=is_directory)
        return mode

    return change


def _changed(mode: int, clause: re.Match[str], *, is_directory: bool) -> int:
    who = "ugo" if not clause["who"] or "a" in clause["who"] else clause["who"]
    bits = 0
    for letter in clause["what"]:
        bits |= _bits(letter, who, runs=is_directory or bool(mode & 0o111))
    covered = 0
    for one in who:
        covered |= 7 << _SHIFTS[one] | _SPECIAL[one]
    if clause["how"] == "+":
        return mode | bits
    return mode & ~(bits if clause["how"] == "-" else covered) | (
        bits if clause["how"] == "=" else 0
    )


def _bits(letter: str, who: str, *, runs: bool) -> int:
    if letter == "t":
        return _STICKY
    bits = 0
    for one in who:
        if letter == "s":
            bits |= _SPECIAL[one]
        elif letter != "X" or runs:
            bits |= _BITS[letter.lower()] << _SHIFTS[one]
    return bits
