"""What a Dockerfile says, parsed but not expanded: frozen values with their lines.

The language is that of BuildKit's ``dockerfile.v0`` frontend, as in the Dockerfile reference of
Docker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: *name* is its delimiter, *body* ends with a newline unless it is empty.

    :param expand: variables in the body are replaced (the delimiter was not quoted).
    :param chomp: leading tabs are dropped (``<<-``); *body* already has none.
    """

    name: str
    body: str
    expand: bool = True
    chomp: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """``--name=value``; *value* is None for a flag without ``=``."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, continuation lines joined, comments dropped, variables as written.

    :param name: the keyword in capitals.
    :param line: first line, from 1.
    :param end_line: last line, here-documents included.
    :param text: what follows keyword and flags.
    :param words: the elements of a JSON array, or *text* split as the instruction splits it
        (sources and destination of COPY; the one word of WORKDIR; the whole text of a shell-form
        RUN). Quotes and escapes are still there unless it is a JSON array.
    :param is_json: written as a JSON array (exec form).
    :param pairs: name and value of ENV, LABEL and ARG; an ARG without default has the value None.
    :param trigger: the instruction below an ONBUILD.
    """

    name: str
    line: int
    end_line: int
    text: str = ""
    flags: tuple[Flag, ...] = ()
    words: tuple[str, ...] = ()
    is_json: bool = False
    heredocs: tuple[Heredoc, ...] = ()
    pairs: tuple[tuple[str, str | None], ...] = ()
    trigger: Instruction | None = None

    def flag(self, name: str) -> str | None:
        """Return the value of the last flag *name*, ``""`` without a value, None without it."""
        for flag in reversed(self.flags):
            if flag.name == name:
                return flag.value or ""
        return None

    def flag_values(self, name: str) -> tuple[str, ...]:
        """Return the values of every flag *name*, in order."""
        return tuple(flag.value or "" for flag in self.flags if flag.name == name)


@dataclass(frozen=True, slots=True)
class Stage:
    """A FROM and the instructions up to the next one.

    :param name: what follows AS in lower case, ``""`` when there is none.
    :param base: the image or stage that FROM names, as written.
    :param platform: the value of ``--platform``, as written.
    """

    index: int
    name: str
    base: str
    platform: str
    origin: Instruction
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A whole file.

    :param lines: the source lines without their ends, for messages.
    :param directives: parser directives in lower case: ``syntax``, ``escape``, ``check``.
    :param global_args: the ARG instructions before the first FROM.
    :param first_line: the line of the file at which the Dockerfile begins: one that another file
        holds has empty lines before it in *lines*.
    """

    path: Path
    lines: tuple[str, ...]
    directives: tuple[tuple[str, str], ...]
    global_args: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    first_line: int = 1

    @property
    def text(self) -> str:
        """What a builder may read in place of the file: each instruction is in its line of it.

        Directives, which count at the top only, are moved there.
        """
        before = self.first_line - 1
        own = self.lines[before:]
        if before < len(self.directives):
            return "\n".join((*own, ""))
        moved = [f"# {name}={value}" for name, value in self.directives]
        blank = [""] * (before - len(moved))
        if moved:
            count = len(moved) + own[0].startswith("#!")
            own = ("",) * count + own[count:]
        return "\n".join((*moved, *blank, *own, ""))

    @property
    def syntax(self) -> str:
        """The frontend that ``# syntax=`` names, ``""`` for the built-in one."""
        return dict(self.directives).get("syntax", "")

    @property
    def escape(self) -> str:
        """The escape character: a backslash or a backquote."""
        return dict(self.directives).get("escape", "\\")


@dataclass(frozen=True, slots=True)
class ContextRead:
    """What one instruction of a reached stage may read from the context.

    :param patterns: sources relative to the context, variables expanded, quotes gone, as COPY takes
        them: a path or a pattern with ``*``, ``?`` and ``[...]``; ``.`` is the whole context.
    :param excludes: the values of ``--exclude``.
    :param parents: ``--parents`` is set; then a ``/./`` in a pattern still stands.
    :param is_mount: a bind mount of a RUN; its pattern is a plain path.
    """

    patterns: tuple[str, ...]
    line: int
    excludes: tuple[str, ...] = ()
    parents: bool = False
    is_mount: bool = False


@dataclass(frozen=True, slots=True)
class ImageUse:
    """An image from outside the Dockerfile that a reached stage uses.

    :param cause: ``FROM``, ``COPY --from`` or ``RUN --mount``.
    :param reference: the name, variables expanded.
    """

    cause: str
    reference: str
    line: int


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a base image passes on to the stage that starts FROM it.

    :param env: its variables, as far as they are known.
    :param triggers: its ONBUILD instructions.
    :param is_complete: False for an image that the workspace does not describe: *env* may lack
        variables.
    """

    env: tuple[tuple[str, str], ...] = ()
    triggers: tuple[Instruction, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Resolution:
    """What building one target comes to: the stages it reaches, and all that they read.

    :param stages: the reached stages in file order, the target last.
    :param args: the declared build arguments with the values they get, sorted by name; undeclared
        ones are not here.
    :param reads: what the stages may read from the context.
    :param whole_context: why all of the context counts, ``""`` when *reads* says it all.
    :param images: external images in order of their lines, without repetition; ``scratch`` is none.
    :param passes_on: what the target's image passes on to a stage that starts FROM it.
    :param triggers: the ONBUILD instructions of bases that the stages carry out, with the lines of
        this file that stand for them.
    """

    stages: tuple[Stage, ...]
    args: tuple[tuple[str, str], ...]
    reads: tuple[ContextRead, ...]
    whole_context: str
    images: tuple[ImageUse, ...]
    passes_on: Inherited
    triggers: tuple[Instruction, ...] = ()
