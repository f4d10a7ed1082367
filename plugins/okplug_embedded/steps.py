"""Carry out the instructions of one stage."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from okplug.dockerfile import (
    BadSubstitutionError,
    MalformedError,
    announced_heredoc,
    context_path,
    instruction_text,
    refuse_unknown_reads,
    unknown_bases,
)
from okplug_embedded.configuration import SETTERS
from okplug_embedded.copysteps import CopyStep
from okplug_embedded.failures import NEEDS_BUILDKIT, InstructionError, located
from okplug_embedded.filesystem import DIRECTORY, PLAIN_DIRECTORY, ROOT, Entry, Owner
from okplug_embedded.owners import UnknownNameError, read_owner
from okplug_embedded.sources import clean_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.dockerfile import BuildArguments, Instruction, StageGraph, Step
    from okplug_embedded.copysteps import Copied
    from okplug_embedded.filesystem import FileSystem
    from okplug_embedded.stage import Stage
    from okplug_embedded.stages import StageBuilder

_UNITS = ("KiB", "MiB", "GiB")
_FACTOR = 1024


class StepRunner:
    """Carries out the steps of one stage.

    :param stages: those that are done.
    """

    def __init__(
        self,
        builder: StageBuilder,
        graph: StageGraph,
        arguments: BuildArguments,
        stage: Stage,
        stages: Mapping[int, Stage],
        platform: str,
    ) -> None:
        self._builder = builder
        self._graph = graph
        self._arguments = arguments
        self._stage = stage
        self._stages = stages
        self._platform = platform

    def carry_out(self, index: int, position: int) -> None:
        """Carry out the triggers of the base and the instructions of stage *index*.

        :param position: of the stage among those that are reached.
        :raises BuildError: if an instruction fails.
        :raises ManifestError: if a word cannot be expanded.
        """
        file = self._builder.request.dockerfile
        for step in self._graph.steps(index):
            self._builder.check()
            try:
                with located(file, step.line, step.end_line):
                    self._carry_out_step(step, index, position)
            except (BadSubstitutionError, MalformedError) as error:
                raise self._graph.located(error, step) from error

    def _carry_out_step(self, step: Step, index: int, position: int) -> None:
        instruction, stage = step.instruction, self._stage
        text = _in_history(instruction)
        report = ""
        if instruction.name in ("ADD", "COPY"):
            report = _amount(self._copy(step, index))
        elif instruction.name == "ENV":
            stage.environment.set_env(instruction)
        elif instruction.name == "ARG":
            self._arguments.declare(instruction, stage.environment, position)
            text = f"ARG {' '.join(self._argument(name) for name, _ in instruction.pairs)}"
        elif instruction.name == "WORKDIR":
            self._enter(instruction)
        elif instruction.name == "MAINTAINER":
            stage.author = instruction.text
        elif instruction.name in SETTERS:
            SETTERS[instruction.name](stage.config, instruction, self._expand)
            self._note_command(instruction)
        else:
            raise InstructionError(f"this image needs a process: {text}", hint=NEEDS_BUILDKIT)
        stage.commit(text)
        self._builder.control.log(f"{text}{report}", text)

    def _expand(self, text: str) -> str:
        return self._stage.environment.expand(text).text

    def _argument(self, name: str) -> str:
        """Return an argument with the value that it has, as BuildKit's histories tell it."""
        value = self._stage.environment.get(name)
        return name if value is None else f"{name}={value}"

    def _note_command(self, instruction: Instruction) -> None:
        """Have an ENTRYPOINT take away the CMD of the base."""
        if instruction.name == "CMD":
            self._stage.sets_command = True
        elif instruction.name == "ENTRYPOINT" and not self._stage.sets_command:
            self._stage.config.pop("Cmd", None)

    def _copy(self, step: Step, index: int) -> Copied:
        return CopyStep(
            step.instruction,
            self._stage,
            self._source(step, index),
            not step.instruction.flag("from"),
            self._builder.keep,
            self._builder.check,
        ).carry_out()

    def _source(self, step: Step, index: int) -> FileSystem:
        """Return what a COPY or ADD copies from: the context, a stage, an image."""
        for use in self._graph.uses(step, index):
            if use.stage is not None:
                return self._stages[use.stage].tree
            image = self._builder.image(use.reference, self._platform)
            return self._builder.tree(image)
        if step.is_trigger:
            self._refuse_unknown(step.instruction)
        return self._builder.context()

    def _refuse_unknown(self, trigger: Instruction) -> None:
        """Refuse what a base that is not known here has copied."""
        request = self._builder.request
        words = [word for word in trigger.words[:-1] if not announced_heredoc(word)]
        refuse_unknown_reads(
            request.resolution,
            unknown_bases(request.resolution, request.images),
            [context_path(self._expand(word)) for word in words],
            request.dockerfile.path,
        )

    # ---------------------------------------------------------------------------------- WORKDIR

    def _enter(self, instruction: Instruction) -> None:
        stage = self._stage
        text = self._expand(instruction.text)
        if not text.startswith("/"):
            text = "/" + "/".join(clean_names(posixpath.join(stage.folder, text)))
        stage.config["WorkingDir"] = text
        place = stage.tree.resolve(text)
        if stage.tree.get(place) is None:
            entry = Entry(DIRECTORY, PLAIN_DIRECTORY.mode, self._user())
            stage.tree.make_directories(place, entry)
        elif place:
            stage.tree.make_directories(place)

    def _user(self) -> Owner:
        """Return whom USER names; one that the image does not know owns nothing, as in BuildKit."""
        user = self._stage.config.get("User")
        if not user:
            return ROOT
        try:
            return read_owner(user, self._stage.tree)
        except UnknownNameError as error:
            self._builder.control.warn(f"{error}, so root owns what WORKDIR makes")
            return ROOT


def _in_history(instruction: Instruction) -> str:
    """Return an instruction as it is noted: without its flags, which may name what is elsewhere."""
    text = instruction_text(replace(instruction, flags=()))
    return " ".join(text.partition("\n")[0].split())


def _amount(copied: Copied) -> str:
    files = "1 file" if copied.files == 1 else f"{copied.files} files"
    return f" ({files}, {_size(copied.size)})"


def _size(size: int) -> str:
    """Return a number of bytes as people read it."""
    if size < _FACTOR:
        return "1 byte" if size == 1 else f"{size} bytes"
    amount = float(size)
    for unit in _UNITS:
        amount /= _FACTOR
        if amount < _FACTOR or unit == _UNITS[-1]:
            break
    return f"{amount:.0f} {unit}"
