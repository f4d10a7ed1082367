"""What a ``WWW-Authenticate`` header asks for, after RFC 9110, section 11."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # a word of the grammar, no secret
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"{_TOKEN}(?=[\s,]|$)")
_GAP = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to be let in.

    :param scheme: in lower case, such as ``bearer``.
    :param parameters: by their names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str]


def read_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Return all challenges of the headers of one answer; what is none is left out."""
    return tuple(challenge for header in headers for challenge in _read(header))


def _read(header: str) -> Iterator[Challenge]:
    scheme = ""
    parameters: dict[str, str] = {}
    place = 0
    while True:
        gap = _GAP.match(header, place)
        place = gap.end() if gap else place
        if parameter := _PARAMETER.match(header, place):
            parameters[parameter[1].lower()] = _value(parameter)
            place = parameter.end()
            continue
        if scheme:
            yield Challenge(scheme, parameters)
        found = _SCHEME.match(header, place)
        if not found:
            return
        scheme, parameters, place = found[0].lower(), {}, found.end()


def _value(parameter: re.Match[str]) -> str:
    quoted = parameter[2]
    return parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
