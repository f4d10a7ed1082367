"""``--chown`` and USER: who owns what an instruction writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import FILE, Owner

if TYPE_CHECKING:
    from okplug_embedded.filesystem import FileSystem

_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_HIGHEST = 2**31 - 1
#: bytes of the largest /etc/passwd that is read, as BuildKit has it
_LARGEST = 10 << 20
_NAME, _ID, _GROUP = 0, 2, 3


class UnknownNameError(InstructionError):
    """The image has no user or group of that name."""


def read_owner(text: str, tree: FileSystem) -> Owner:
    """Return the owner that ``user[:group]`` means, by numbers or by the names of the image.

    A number alone is user and group; a name alone brings the user's own group.

    :raises UnknownNameError: if the image has no such name.
    :raises InstructionError: if a number is too large.
    """
    user, colon, group = text.partition(":")
    if user in ("", "root"):
        owner = Owner(0, 0)
    elif _NUMBER.fullmatch(user):
        owner = Owner(_number(user), _number(user))
    else:
        fields = _account(tree, "/etc/passwd", user, "user")
        owner = Owner(_number(fields[_ID]), _number(fields[_GROUP]))
    if not colon:
        return owner
    if group in ("", "root"):
        return Owner(owner.uid, 0)
    if _NUMBER.fullmatch(group):
        return Owner(owner.uid, _number(group))
    return Owner(owner.uid, _number(_account(tree, "/etc/group", group, "group")[_ID]))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > _HIGHEST:
        raise InstructionError(f"{text} is no number of a user or group: expected 0 to {_HIGHEST}")
    return int(text)


def _account(tree: FileSystem, path: str, name: str, what: str) -> list[str]:
    """Return the fields of a user or group, at least four."""
    accounts = [line.split(":") for line in _lines(tree, path)]
    accounts = [fields for fields in accounts if len(fields) > _GROUP and fields[_NAME]]
    for fields in accounts:
        if fields[_NAME] == name:
            return fields
    names = ", ".join(fields[_NAME] for fields in accounts[:5])
    raise UnknownNameError(
        f"{path} of the image has no {what} {name!r}",
        hint=f"it has {names}; or write numbers" if names else "write numbers",
    )


def _lines(tree: FileSystem, path: str) -> list[str]:
    node = tree.get(tree.resolve(path))
    content = node.entry.content if node and node.entry.kind == FILE else None
    if content is None:
        return []
    if content.size > _LARGEST:
        raise InstructionError(f"{path} of the image has more than {_LARGEST >> 20} MiB")
    with content.open() as stream:
        return stream.read().decode("utf-8", "replace").splitlines()
