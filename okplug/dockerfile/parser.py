"""From the lines of a Dockerfile to instructions and stages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from okplug.dockerfile.arguments import read_arguments
from okplug.dockerfile.flags import check_flags, take_flags
from okplug.dockerfile.heredocs import find_heredocs
from okplug.dockerfile.lexer import Lexer, LogicalLine, read_directives, read_lines
from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.model import Dockerfile, Instruction, Stage
from okplug.dockerfile.mounts import read_mount
from okplug.dockerfile.variables import WHITESPACE
from okplug.errors import Location, ManifestError
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug.dockerfile.model import Heredoc

INSTRUCTIONS = (
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
)
_KNOWN = frozenset(INSTRUCTIONS)
_TAKE_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_NO_TRIGGERS = frozenset({"FROM", "MAINTAINER", "ONBUILD"})
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_ONBUILD = re.compile(r"\s*ONBUILD\s*", re.IGNORECASE)


def parse(data: bytes, path: Path, first_line: int = 1) -> Dockerfile:
    """Read a Dockerfile.

    :param path: stands in messages; it is not opened.
    :param first_line: the line of the file at which the Dockerfile begins.
    :raises ManifestError: if BuildKit would refuse the file.
    """
    lines = read_lines(b"\n" * (first_line - 1) + data, path)
    directives = read_directives(lines, path, first_line)
    escape = dict(directives).get("escape", "\\")
    source = tuple(line.rstrip("\r") for line in lines)
    global_args, stages = _Parser(lines, source, escape, path).stages()
    return Dockerfile(path, source, directives, global_args, stages, first_line)


class _Parser:
    """Reads the instructions of one file."""

    def __init__(
        self, lines: tuple[str, ...], source: tuple[str, ...], escape: str, path: Path
    ) -> None:
        self._lexer = Lexer(lines, escape)
        self._source = source
        self._escape = escape
        self._path = path

    def stages(self) -> tuple[tuple[Instruction, ...], tuple[Stage, ...]]:
        """Return the ARG instructions before the first FROM, and all stages."""
        global_args: list[Instruction] = []
        stages: list[tuple[Instruction, list[Instruction]]] = []
        for instruction in self._instructions():
            if instruction.name == "FROM":
                stages.append((instruction, []))
            elif stages:
                stages[-1][1].append(instruction)
            elif instruction.name == "ARG":
                global_args.append(instruction)
            else:
                raise MalformedError(
                    f"{instruction.name} stands before the first FROM",
                    hint="begin with FROM; only ARG may stand before it",
                ).located(self._path, self._source, instruction.line)
        if not stages:
            raise ManifestError(
                "no FROM in the Dockerfile" if global_args else "the Dockerfile is empty",
                location=Location(self._path),
                hint="begin with the base image, such as FROM debian:13, or FROM scratch",
            )
        return tuple(global_args), tuple(
            _stage(index, origin, below) for index, (origin, below) in enumerate(stages)
        )

    def _instructions(self) -> Iterator[Instruction]:
        while (line := self._lexer.next_line()) is not None:
            try:
                yield self._instruction(line)
            except MalformedError as error:
                raise error.located(self._path, self._source, line.line, line.end_line) from error

    def _instruction(self, line: LogicalLine) -> Instruction:
        instruction = self._parsed(line.text, line)
        if "<<" not in line.text:
            return instruction
        inner = instruction.trigger or instruction
        if inner.name not in _TAKE_HEREDOCS or inner.is_json:
            return instruction
        heredocs = tuple(
            replace(heredoc, body=self._body(heredoc)) for heredoc in find_heredocs(line.text)
        )
        end_line = self._lexer.line
        inner = replace(inner, heredocs=heredocs, end_line=end_line)
        if instruction.trigger is None:
            return inner
        return replace(instruction, trigger=inner, end_line=end_line)

    def _body(self, heredoc: Heredoc) -> str:
        body = self._lexer.read_heredoc(heredoc)
        if body is None:
            raise MalformedError(
                f"here-document '{heredoc.name}' has no end",
                hint=f"end it with a line '{heredoc.name}', or quote '<<' if it begins none",
                near="<<",
            )
        return body

    def _parsed(self, text: str, line: LogicalLine) -> Instruction:
        """Return the instruction that *text* is, its here-documents aside."""
        keyword, *more = _BLANKS.split(text.strip(WHITESPACE), maxsplit=1)
        rest = more[0] if more else ""
        name = keyword.upper()
        if name not in _KNOWN:
            raise MalformedError(
                f"unknown instruction '{keyword}'{did_you_mean(name, INSTRUCTIONS)}",
                hint=f"the instructions are {', '.join(INSTRUCTIONS)}",
            )
        words: tuple[str, ...] = ()
        if rest.lstrip(WHITESPACE).startswith("--"):
            words, rest = take_flags(rest, self._escape)
        rest = rest.strip(WHITESPACE)
        if name == "ONBUILD":
            return self._onbuild(words, rest, line)
        arguments = read_arguments(name, rest, self._escape)
        flags = () if not words else check_flags(name, words)
        if name == "RUN" and flags:
            for flag in flags:
                if flag.name == "mount":
                    read_mount(flag.value or "")
        return Instruction(
            name,
            line.line,
            line.end_line,
            rest,
            flags,
            arguments.words,
            arguments.is_json,
            pairs=arguments.pairs,
        )

    def _onbuild(self, words: tuple[str, ...], rest: str, line: LogicalLine) -> Instruction:
        if not rest:
            raise MalformedError(
                "ONBUILD needs an instruction", hint="write it like ONBUILD RUN make"
            )
        flags = check_flags("ONBUILD", words)
        name = _BLANKS.split(rest, maxsplit=1)[0].upper()
        if name in _NO_TRIGGERS:
            raise MalformedError(
                f"{name} cannot be the trigger of ONBUILD",
                hint="any instruction but FROM, MAINTAINER and ONBUILD can",
                near=_BLANKS.split(rest, maxsplit=1)[0],
            )
        trigger = self._parsed(rest, line)
        kept = _ONBUILD.sub("", line.text, count=1)  # as the image has it, blanks at its end, too
        return Instruction(
            "ONBUILD", line.line, line.end_line, kept, flags, (kept,), trigger=trigger
        )


def _stage(index: int, origin: Instruction, instructions: list[Instruction]) -> Stage:
    words = origin.words
    return Stage(
        index=index,
        name=words[2] if len(words) > 1 else "",
        base=words[0],
        platform=origin.flag("platform") or "",
        origin=origin,
        instructions=tuple(instructions),
    )
