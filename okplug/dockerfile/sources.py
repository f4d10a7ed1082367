"""What COPY, ADD and bind mounts read from the context."""

from __future__ import annotations

import re
from posixpath import normpath
from typing import TYPE_CHECKING

from okplug.dockerfile.heredocs import announced_heredoc
from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.model import ContextRead
from okplug.dockerfile.mounts import KINDS
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from okplug.dockerfile.environment import Environment
    from okplug.dockerfile.model import Instruction
    from okplug.dockerfile.mounts import Mount

_URL = re.compile(r"(?:https?|git|ssh)://", re.IGNORECASE)
#: ``user@host:path``, as ssh has it
_SSH = re.compile(r"[\w-]+@[A-Za-z0-9.-]+:", re.ASCII)


class UnknownSourceError(Exception):
    """A source that depends on what the base image sets.

    :param name: the variable.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def copied(instruction: Instruction, environment: Environment, line: int) -> ContextRead | None:
    """Return what a COPY or ADD without ``--from`` reads, None if it reads nothing there.

    :raises MalformedError: if COPY names a URL.
    :raises BadSubstitutionError: if a source cannot be expanded.
    :raises UnknownSourceError: if a source cannot be known.
    """
    flag = instruction.flag("parents")
    parents = flag is not None and flag.lower() != "false"
    patterns: list[str] = []
    for word in instruction.words[:-1]:
        if "<<" in word and announced_heredoc(word):
            continue
        source = _known(word, environment)
        if is_remote(source):
            if instruction.name == "COPY":
                raise MalformedError(
                    f"COPY cannot fetch '{source}'", hint="ADD fetches URLs", near=word
                )
            continue
        patterns.append(_with_parents(source) if parents else context_path(source))
    if not patterns:
        return None
    return ContextRead(tuple(patterns), line, instruction.flag_values("exclude"), parents)


def mounted(mount: Mount, environment: Environment, line: int) -> ContextRead | None:
    """Return what a mount reads from the context, None if it reads nothing there.

    :raises MalformedError: if it is of no known kind.
    :raises BadSubstitutionError: if it cannot be expanded.
    :raises UnknownSourceError: if it cannot be known.
    """
    kind = _known(mount.kind, environment).lower()
    if kind not in KINDS:
        raise MalformedError(
            f"no kind of mount '{kind}'{did_you_mean(kind, KINDS)}",
            hint=f"the kinds are {', '.join(KINDS)}",
            near="--mount",
        )
    if kind != "bind" or mount.image:
        return None
    return ContextRead((context_path(_known(mount.source, environment)),), line, is_mount=True)


def _known(text: str, environment: Environment) -> str:
    expanded = environment.expand(text)
    if expanded.unknown:
        raise UnknownSourceError(expanded.unknown)
    return expanded.text


def is_remote(source: str) -> bool:
    """Tell whether ADD fetches *source* from elsewhere.

    As in BuildKit, ``github.com/owner/name`` and ``name.git`` are paths.
    """
    return (_URL.match(source) or _SSH.match(source)) is not None


def context_path(source: str) -> str:
    """Return *source* relative to the context; ``..`` cannot leave it, as in BuildKit."""
    return normpath("/" + source.lstrip("/"))[1:] or "."


def _with_parents(source: str) -> str:
    """Keep the first ``/./``, behind which COPY --parents begins to make folders."""
    above, pivot, below = source.partition("/./")
    root = context_path(above)
    if not pivot or root == ".":
        return context_path(source)
    return f"{root}/./{context_path(below)}"
