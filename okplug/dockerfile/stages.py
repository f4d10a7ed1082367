"""What building a target comes to: the stages it reaches, and all that they read and use."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from okplug.dockerfile.buildargs import BuildArguments
from okplug.dockerfile.environment import Environment
from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.model import ContextRead, ImageUse, Inherited, Resolution
from okplug.dockerfile.mounts import read_mount
from okplug.dockerfile.sources import UnknownSourceError, copied, mounted
from okplug.dockerfile.stagegraph import StageGraph, Step, find_target, triggers
from okplug.dockerfile.variables import BadSubstitutionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from okplug.dockerfile.model import Dockerfile, Instruction, Stage

_DOCKER_FRONTEND = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?:-upstream|-labs)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


def resolve(
    dockerfile: Dockerfile,
    *,
    target: str,
    args: Mapping[str, str],
    platform: str,
    inherited: Callable[[str], Inherited],
) -> Resolution:
    """Return what building *target* comes to.

    :param target: name of a stage, ``""`` for the last one.
    :param args: build arguments; those that no reached stage declares do not count, but for
        ``SOURCE_DATE_EPOCH`` and ``BUILDKIT_*``, which act undeclared. To another frontend than
        Docker's all of them may mean something.
    :param platform: ``os/arch[/variant]``.
    :param inherited: tells what an image from outside the Dockerfile passes on; called once for
        each reference.
    :raises ManifestError: if there is no such stage, or BuildKit would refuse what it reaches.
    """
    index = find_target(dockerfile, target)
    arguments = BuildArguments(
        args,
        platform=platform,
        target=target or dockerfile.stages[-1].name,
        escape=dockerfile.escape,
    )
    resolver = _Resolver(dockerfile, arguments, inherited)
    reached = resolver.carry_out(index)
    foreign = _foreign_frontend(dockerfile, args)
    if foreign:
        arguments.note_given()
    return Resolution(
        stages=tuple(reached),
        args=arguments.values(),
        reads=tuple(resolver.reads),
        whole_context=foreign or resolver.unknown,
        images=tuple(sorted(resolver.images, key=lambda use: use.line)),
        passes_on=resolver.environments[index].passed_on(triggers(dockerfile.stages[index])),
        triggers=tuple(resolver.triggers),
    )


class _Resolver:
    """Carries out what counts in the stages of one Dockerfile."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        arguments: BuildArguments,
        inherited: Callable[[str], Inherited],
    ) -> None:
        self._file = dockerfile
        self._arguments = arguments
        self._graph = StageGraph(dockerfile, arguments, inherited)
        self.environments: dict[int, Environment] = {}
        self.images: dict[ImageUse, None] = {}
        self.reads: list[ContextRead] = []
        self.triggers: list[Instruction] = []
        self.unknown = ""

    def carry_out(self, target: int) -> list[Stage]:
        """Carry out all stages that *target* needs, and return them in file order."""
        reached = [self._file.stages[index] for index in self._graph.reached_from(target)]
        for position, stage in enumerate(reached):
            self._carry_out(stage, position)
        return reached

    def _carry_out(self, stage: Stage, position: int) -> None:
        base = self._graph.bases[stage.index]
        self._arguments.note_used(base.variables)
        if base.stage is not None:
            environment = self.environments[base.stage].copy()
        else:
            environment = Environment(self._file.escape, self._graph.inherited(base.reference))
            self._use_image("FROM", base.reference, stage.origin.line)
        self.environments[stage.index] = environment
        for step in self._graph.steps(stage.index):
            if step.is_trigger:
                self.triggers.append(
                    replace(step.instruction, line=step.line, end_line=step.end_line)
                )
            for use in self._graph.uses(step, stage.index):
                if use.stage is None:
                    self._use_image(use.cause, use.reference, step.line)
            try:
                self._carry_out_step(step, position, environment)
            except UnknownSourceError as error:
                reason = f"line {step.line}: ${error.name} may come from the base image"
                self.unknown = self.unknown or reason
            except (BadSubstitutionError, MalformedError) as error:
                raise self._graph.located(error, step) from error

    def _carry_out_step(self, step: Step, position: int, environment: Environment) -> None:
        instruction = step.instruction
        if instruction.name == "ENV":
            environment.set_env(instruction)
        elif instruction.name == "ARG":
            self._arguments.declare(instruction, environment, position)
        else:
            self.reads += _context_reads(step, environment)

    def _use_image(self, cause: str, reference: str, line: int) -> None:
        if reference != "scratch":
            self.images[ImageUse(cause, reference, line)] = None


def _context_reads(step: Step, environment: Environment) -> Iterator[ContextRead]:
    instruction = step.instruction
    read: ContextRead | None
    if instruction.name in ("ADD", "COPY") and not instruction.flag("from"):
        if read := copied(instruction, environment, step.line):
            yield read
    elif instruction.name == "RUN" and instruction.flags:
        for value in instruction.flag_values("mount"):
            if read := mounted(read_mount(value), environment, step.line):
                yield read


def _foreign_frontend(dockerfile: Dockerfile, args: Mapping[str, str]) -> str:
    """Say why another frontend than Docker's reads the file, ``""`` if none does."""
    syntax, where = args.get("BUILDKIT_SYNTAX", ""), "build argument BUILDKIT_SYNTAX"
    if not syntax:
        syntax = dockerfile.syntax
        numbered = enumerate(dockerfile.lines, 1)
        where = f"line {next((number for number, line in numbered if syntax in line), 1)}"
    name = syntax.split(" ")[0]
    if not name or _DOCKER_FRONTEND.fullmatch(name):
        return ""
    return f"{where}: the frontend {name} may read any file"
