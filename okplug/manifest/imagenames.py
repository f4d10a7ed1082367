"""The names that images have: okteto's, which are lower case with dashes."""

from __future__ import annotations


def sanitise(name: str) -> str:
    """Return the name that okteto gives an image: lower case, blanks and ``_`` as ``-``."""
    return name.strip().replace(" ", "-").replace("_", "-").lower()


def sanitise_wanted(text: str) -> str:
    """Sanitise the name in ``name`` or ``folder:name``, but not the folder."""
    folder, colon, name = text.rpartition(":")
    if not colon and "/" in text:
        return text
    return f"{folder}{colon}{sanitise(name)}"
