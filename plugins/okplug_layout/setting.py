"""The setting ``registry = "layout:FOLDER"``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "layout:"
_HINT = "write layout:FOLDER, with a FOLDER such as /srv/images, ~/images or images"


def is_layout(text: str) -> bool:
    """Tell whether the setting asks for layouts."""
    return text.startswith(_PREFIX)


def layout_folder(text: str, root: Path, environ: Mapping[str, str]) -> Path:
    """Return the absolute folder that the setting names.

    :param root: what a relative folder is below.
    :param environ: its ``HOME`` stands for ``~``.
    :raises UsageError: if there is no folder in the text, or no home.
    """
    folder = text.removeprefix(_PREFIX)
    if not folder or "\0" in folder:
        raise UsageError(f"the setting registry has no folder: {text!r}", hint=_HINT)
    first, slash, rest = folder.partition("/")
    if first == "~":
        home = environ.get("HOME")
        if not home:
            raise UsageError(f"HOME is not set, which {text!r} needs", hint=_HINT)
        folder = f"{home}{slash}{rest}"
    elif first.startswith("~"):
        raise UsageError(f"only your own home can be written with ~, not {text!r}", hint=_HINT)
    return Path(os.path.normpath(root / folder))
