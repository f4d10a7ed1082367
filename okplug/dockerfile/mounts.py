"""``RUN --mount``: what is mounted, as far as it tells what a build reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from okplug.dockerfile.malformed import MalformedError

KINDS = ("bind", "cache", "secret", "ssh", "tmpfs")
#: fields that have another name as well
_SAME = {"src": "source", "dst": "target", "destination": "target"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount, variables still there.

    :param kind: one of ``KINDS`` once it is expanded.
    :param image: the stage or image that it comes from, ``""`` for the context.
    :param source: path in what it comes from.
    :param id: of a secret or an agent; a secret without one goes by the name of its target.
    """

    kind: str = "bind"
    image: str = ""
    source: str = ""
    id: str = ""


@lru_cache(maxsize=256)
def read_mount(value: str) -> Mount:
    """Read the value of a ``--mount`` flag: fields ``key=value`` with commas between them.

    :raises MalformedError: if its quotes are wrong, or ``from`` holds a variable.
    """
    fields = {"type": "bind", "from": "", "source": "", "target": "", "id": ""}
    for field in _split_fields(value):
        key, equals, text = field.partition("=")
        key = key.lower()
        if equals:
            fields[_SAME.get(key, key)] = text
    if re.search(r"\$.", fields["from"]):
        raise MalformedError(
            "'from' of a mount cannot hold a variable",
            hint="name a stage, and use the variable in the FROM of that stage",
            near=f"--mount={value}",
        )
    kind, name = fields["type"], fields["id"]
    if kind == "secret" and not name:
        name = fields["target"].rpartition("/")[2]
    return Mount(kind, fields["from"], fields["source"], name)


def _split_fields(value: str) -> list[str]:
    """Split at commas; fields may be quoted as RFC 4180 has it."""
    if '"' not in value:
        return value.split(",")
    import csv

    try:
        return next(csv.reader([value], strict=True))
    except csv.Error as error:
        raise MalformedError(
            f"--mount={value} cannot be read: {error}",
            hint='a field with a quote is written as "key=""value"""',
            near="--mount",
        ) from error
