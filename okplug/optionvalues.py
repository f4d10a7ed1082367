"""Values of options that say something of images: what they look like, and what they come to."""

from __future__ import annotations

import argparse
import re
from typing import Final, NamedTuple

from okplug.platforms import normalize_platform

#: the options that say something of images, as ``config.options`` has them
NAMES: Final = (
    "build_arg",
    "target",
    "platforms",
    "secret",
    "ssh",
    "label",
    "annotation",
    "add_host",
    "network",
    "cache_from",
    "export_cache",
    "push",
)

_STAGE: Final = re.compile(r"\w[\w.-]*")
_SECRET_FORM: Final = "write id=ID,src=FILE or id=ID,env=NAME"  # noqa: S105  # a hint


class Addressed(NamedTuple):
    """A value for some images.

    :param where: a selection, ``""`` for the images that the whole command line selects.
    """

    where: str
    value: str


class GivenArg(NamedTuple):
    """A build argument.

    :param where: a selection, ``""`` for all images that declare the argument.
    :param value: None for that of the environment variable of the same name.
    """

    where: str
    name: str
    value: str | None


class GivenSecret(NamedTuple):
    """A secret for all images whose Dockerfiles mount its id.

    :param kind: ``file``, ``env``, or ``""``: the variable called *source* if there is one, else
        the file.
    """

    id: str
    kind: str
    source: str


def read_build_arg(text: str) -> GivenArg:
    """Read ``NAME=VALUE``, ``NAME`` or ``FOLDER:IMAGE.NAME=VALUE``.

    :raises argparse.ArgumentTypeError: if it is none of these.
    """
    name, equals, value = text.partition("=")
    where, name = _address_of(name)
    if not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return GivenArg(where, name, value if equals else None)


def _address_of(name: str) -> tuple[str, str]:
    """Take ``services/api:api.NAME`` apart; names of arguments have no colon."""
    if ":" not in name:
        return "", name
    where, _, name = name.rpartition(".")
    return (where, name) if where.count(":") else ("", "")


def read_pair(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``; without ``=`` the value is empty.

    :raises argparse.ArgumentTypeError: if there is no name.
    """
    name, _, value = text.partition("=")
    if not name.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name.strip(), value


def read_target(text: str) -> Addressed:
    """Read ``STAGE`` or ``SELECTION=STAGE``.

    :raises argparse.ArgumentTypeError: if the stage cannot be one.
    """
    where, equals, stage = text.rpartition("=")
    if not _STAGE.fullmatch(stage) or bool(equals) != bool(where):
        raise argparse.ArgumentTypeError(f"expected STAGE or ADDRESS=STAGE, not {text!r}")
    return Addressed(where, stage)


def read_platforms(text: str) -> Addressed:
    """Read ``linux/amd64,linux/arm64`` or the same with ``SELECTION=`` before it.

    :raises argparse.ArgumentTypeError: if one is no platform.
    """
    where, equals, listed = text.rpartition("=")
    try:
        platforms = [normalize_platform(name) for name in listed.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if bool(equals) != bool(where):
        raise argparse.ArgumentTypeError(f"expected ADDRESS=PLATFORM, not {text!r}")
    return Addressed(where, ",".join(dict.fromkeys(platforms)))


def read_secret(text: str) -> GivenSecret:
    """Read the fields of a secret as ``docker build`` has them, separated by commas.

    :raises argparse.ArgumentTypeError: if one is unknown, twice there or empty, or the id is not
        there.
    """
    fields: dict[str, str] = {}
    for part in _split(text):
        key, equals, value = part.strip().partition("=")
        key = {"source": "src"}.get(key.lower(), key.lower())
        if not equals or not value:
            raise _wrong_secret(text, f"{part.strip() or key!r} has no value")
        if key not in {"id", "src", "env", "type"}:
            raise _wrong_secret(text, f"there is no field {key!r}")
        if key in fields:
            raise _wrong_secret(text, f"{key} is given twice")
        fields[key] = value
    if "id" not in fields:
        raise _wrong_secret(text, "it has no id")
    return GivenSecret(fields["id"], *_secret_source(text, fields))


def _secret_source(text: str, fields: dict[str, str]) -> tuple[str, str]:
    kind = fields.get("type", "")
    if kind not in {"", "file", "env"}:
        raise _wrong_secret(text, "type is file or env")
    if "src" in fields and "env" in fields:
        raise _wrong_secret(text, "src and env cannot both be given")
    if "env" in fields:
        return "env", fields["env"]
    if "src" in fields:
        return kind or "file", fields["src"]
    return kind, fields["id"]


def _split(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    import csv

    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise _wrong_secret(text, str(error)) from None


def _wrong_secret(text: str, problem: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r}: {problem}; {_SECRET_FORM}")


def read_host(text: str) -> tuple[str, str]:
    """Read ``HOST:ADDRESS`` or ``HOST=ADDRESS``; an IPv6 address may have brackets.

    :raises argparse.ArgumentTypeError: if the address is none.
    """
    import ipaddress  # few command lines have hosts

    separator = "=" if "=" in text else ":"
    host, _, address = text.partition(separator)
    address = address.removeprefix("[").removesuffix("]")
    try:
        if host:
            return host, str(ipaddress.ip_address(address))
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected HOST:ADDRESS such as db:10.0.0.2, not {text!r}")
