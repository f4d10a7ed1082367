"""The stages of a Dockerfile: what each starts from, what it carries out, which it needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.model import Inherited
from okplug.dockerfile.mounts import read_mount
from okplug.dockerfile.variables import BadSubstitutionError, UnsetVariableError
from okplug.errors import Location, ManifestError
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug.dockerfile.buildargs import BuildArguments
    from okplug.dockerfile.model import Dockerfile, Instruction, Stage

_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)


class Base(NamedTuple):
    """What a stage starts from: an earlier stage, else an image.

    :param variables: those in the words of its FROM.
    """

    stage: int | None
    reference: str
    variables: frozenset[str]


class Step(NamedTuple):
    """An instruction that a stage carries out, its own or a trigger of its base.

    :param line: the line of this file that stands for it.
    :param is_trigger: it comes from the base.
    """

    instruction: Instruction
    line: int
    end_line: int
    is_trigger: bool = False


class Use(NamedTuple):
    """What ``COPY --from`` or a mount names: an earlier stage, else an image."""

    cause: str
    stage: int | None
    reference: str


class StageGraph:
    """Knows the stages by name and number, and what they use.

    :param inherited: tells what an image passes on; called once for each reference.
    """

    def __init__(
        self,
        dockerfile: Dockerfile,
        arguments: BuildArguments,
        inherited: Callable[[str], Inherited],
    ) -> None:
        self._file = dockerfile
        self._names = stage_names(dockerfile)
        self._ask = inherited
        self._images: dict[str, Inherited] = {"scratch": Inherited()}
        self._arguments = arguments
        self._declare_globals()
        self.bases = self._find_bases()

    def reached_from(self, target: int) -> list[int]:
        """Return the stages that building *target* needs, itself among them, in file order.

        :raises ManifestError: if one of them names a stage that does not stand above it.
        """
        reached: set[int] = set()
        waiting = [target]
        while waiting:
            index = waiting.pop()
            if index not in reached:
                reached.add(index)
                waiting += self._needed(index)
        return sorted(reached)

    def steps(self, index: int) -> Iterator[Step]:
        """Yield what a stage carries out: the triggers of its base, then its instructions."""
        stage, base = self._file.stages[index], self.bases[index]
        if base.stage is not None:
            for trigger in triggers(self._file.stages[base.stage]):
                yield _trigger(trigger, trigger)
        else:
            for trigger in self.inherited(base.reference).triggers:
                yield _trigger(trigger, stage.origin)
        for instruction in stage.instructions:
            yield Step(instruction, instruction.line, instruction.end_line)

    def inherited(self, reference: str) -> Inherited:
        """Return what an image passes on."""
        if reference not in self._images:
            self._images[reference] = self._ask(reference)
        return self._images[reference]

    def uses(self, step: Step, index: int) -> Iterator[Use]:
        """Yield the stages and images that a step of stage *index* names.

        :raises ManifestError: for a stage that does not stand above it.
        """
        if not step.instruction.flags:
            return
        for cause, origin in _origins(step.instruction):
            try:
                name = self._expanded(origin)
                yield Use(cause, self._find(name, index), name)
            except (BadSubstitutionError, MalformedError) as error:
                raise self.located(error, step) from error

    def located(self, error: BadSubstitutionError | MalformedError, step: Step) -> ManifestError:
        """Return the error to show for a step."""
        if isinstance(error, UnsetVariableError):
            hint = f"give {error.name} a value with ARG or ENV, or as a build argument"
            error = MalformedError(str(error), hint=hint, near=error.text)
        elif isinstance(error, BadSubstitutionError):
            hint = "write ${NAME} or ${NAME:-default}; within single quotes '$' is plain"
            error = MalformedError(str(error), hint=hint, near=error.text)
        return error.located(self._file.path, self._file.lines, step.line, step.end_line)

    def _declare_globals(self) -> None:
        for instruction in self._file.global_args:
            try:
                self._arguments.declare_global(instruction)
            except BadSubstitutionError as error:
                raise self.located(error, _step(instruction)) from error

    def _find_bases(self) -> tuple[Base, ...]:
        """Return the base of every stage; a name means the nearest stage above that has it."""
        bases: list[Base] = []
        above: dict[str, int] = {}
        for stage in self._file.stages:
            step = _step(stage.origin)
            try:
                reference, variables = self._arguments.expand(stage.base)
                platform, more = self._arguments.expand(stage.platform)
            except BadSubstitutionError as error:
                raise self.located(error, step) from error
            if not reference:
                raise self.located(self._empty("image", stage.base, variables), step)
            if stage.platform and not platform:
                raise self.located(self._empty("platform", stage.platform, more), step)
            bases.append(Base(above.get(reference), reference, variables | more))
            if stage.name:
                above[stage.name] = stage.index
        return tuple(bases)

    def _empty(self, what: str, written: str, variables: frozenset[str]) -> MalformedError:
        name = min(variables, default="")
        if not name:
            return MalformedError(f"the {what} of FROM is empty", hint=f"name the {what}")
        return MalformedError(
            f"the {what} of FROM is empty: ${name} has no value",
            hint=f"give the build argument {name}, or a default with ARG {name}=VALUE"
            if self._arguments.is_declared(name)
            else f"write ARG {name}=VALUE before the first FROM",
            near=written,
        )

    def _needed(self, index: int) -> Iterator[int]:
        if (base := self.bases[index].stage) is not None:
            yield base
        for step in self.steps(index):
            for use in self.uses(step, index):
                if use.stage is not None:
                    yield use.stage

    def _expanded(self, origin: str) -> str:
        """Return ``from`` with the arguments before the first FROM in it.

        BuildKit takes no variables there; okplug does, so that an image of the workspace can be
        named by ``${OKTETO_BUILD_<NAME>_IMAGE}``.
        """
        name, variables = self._arguments.expand(origin)
        if not name:
            raise MalformedError(
                f"'from={origin}' is empty: ${min(variables, default='')} has no value",
                hint="declare it with ARG before the first FROM, and give it a value",
                near=f"from={origin}",
            )
        self._arguments.note_used(variables)
        return name

    def _find(self, origin: str, index: int) -> int | None:
        """Return the stage that ``from`` names, None if it is an image."""
        near = f"from={origin}"
        found = self._names.get(origin.lower())
        if _NUMBER.fullmatch(origin):
            found = int(origin)
        if found is not None and not 0 <= found < index:
            above = [stage.name or str(stage.index) for stage in self._file.stages[:index]]
            raise MalformedError(
                f"'{near}' names no stage above this one",
                hint=f"the stages above are {', '.join(above)}" if above else "there is none above",
                near=near,
            )
        return found


def stage_names(dockerfile: Dockerfile) -> dict[str, int]:
    """Return the named stages; of two with one name the later counts."""
    return {stage.name: stage.index for stage in dockerfile.stages if stage.name}


def find_target(dockerfile: Dockerfile, target: str) -> int:
    """Return the stage with that name, the last one if *target* is empty.

    A number is no name here, as it is in ``COPY --from``: BuildKit takes none.

    :raises ManifestError: if there is none.
    """
    stages, names = dockerfile.stages, stage_names(dockerfile)
    if not target:
        return len(stages) - 1
    if target.lower() in names:
        return names[target.lower()]
    listed = ", ".join(names)
    raise ManifestError(
        f"no stage '{target}' in the Dockerfile{did_you_mean(target.lower(), names)}",
        location=Location(dockerfile.path),
        hint=f"the stages are {listed}" if names else "name one: FROM ... AS NAME",
    )


def triggers(stage: Stage) -> tuple[Instruction, ...]:
    """Return the ONBUILD instructions of a stage."""
    return tuple(each for each in stage.instructions if each.name == "ONBUILD")


def _step(instruction: Instruction) -> Step:
    return Step(instruction, instruction.line, instruction.end_line)


def _trigger(trigger: Instruction, place: Instruction) -> Step:
    return Step(trigger.trigger or trigger, place.line, place.end_line, is_trigger=True)


def _origins(instruction: Instruction) -> Iterator[tuple[str, str]]:
    if instruction.name == "COPY":
        if origin := instruction.flag("from"):
            yield "COPY --from", origin
    elif instruction.name == "RUN":
        for value in instruction.flag_values("mount"):
            if origin := read_mount(value).image:
                yield "RUN --mount", origin
