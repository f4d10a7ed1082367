"""Addresses of images: ``folder:name``, with ``""`` for the folder of the workspace's root."""

from __future__ import annotations

from okplug.errors import UsageError

_HINT = "an address is FOLDER:NAME with the folder as seen from the root: services/api:api, or :api"


def join_address(folder: str, name: str) -> str:
    """Return the address of an image.

    :param folder: POSIX path below the root, ``""`` for the root.
    """
    return f"{folder}:{name}"


def split_address(text: str) -> tuple[str, str]:
    """Return folder and name of an address, which may be written with ``//`` before it.

    The name is what follows the last colon, since folders may have colons in their names.

    :raises UsageError: if the text is no address.
    """
    folder, colon, name = text.removeprefix("//").rpartition(":")
    if not colon:
        raise UsageError(f"{text!r} is no address: it has no colon", hint=_HINT)
    problem = _problem_of_name(name) or _problem_of_folder(folder)
    if problem:
        raise UsageError(f"{text!r} is no address: {problem}", hint=_HINT)
    return folder, name


def is_address(text: str) -> bool:
    """Tell whether ``split_address`` takes the text."""
    folder, colon, name = text.removeprefix("//").rpartition(":")
    return bool(colon) and not (_problem_of_name(name) or _problem_of_folder(folder))


def _problem_of_name(name: str) -> str:
    if not name:
        return "there is no name behind the colon"
    if "/" in name:
        return f"the name {name!r} has a slash"
    return ""


def _problem_of_folder(folder: str) -> str:
    if folder.startswith("/"):
        return f"the folder {folder!r} is absolute"
    parts = folder.split("/") if folder else []
    if any(part in {"", ".", ".."} for part in parts):
        return f"the folder {folder!r} is no plain path below the root"
    return ""
