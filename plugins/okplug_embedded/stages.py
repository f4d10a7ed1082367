"""Find the stages that a target reaches on a platform, and what they begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from okplug import CancelledError, ManifestError
from okplug.dockerfile import (
    BuildArguments,
    Environment,
    Inherited,
    StageGraph,
    find_target,
    parse,
)
from okplug_embedded.contexttree import context_tree
from okplug_embedded.failures import InstructionError, located
from okplug_embedded.images import open_image, parse_name
from okplug_embedded.stage import from_image, from_scratch
from okplug_embedded.steps import StepRunner

if TYPE_CHECKING:
    from contextlib import ExitStack
    from typing import IO

    from okplug import BuildControl, BuildRequest, Registry
    from okplug.dockerfile import Instruction
    from okplug_embedded.filesystem import FileSystem
    from okplug_embedded.images import Images, SourceImage
    from okplug_embedded.stage import Stage


class StageBuilder:
    """Builds the stages of one request for one platform.

    :param images: opens base images.
    :param spools: keeps temporary files open until the image is stored.
    """

    def __init__(
        self,
        request: BuildRequest,
        registry: Registry,
        control: BuildControl,
        images: Images,
        spools: ExitStack,
    ) -> None:
        self.request = request
        self.control = control
        self._registry = registry
        self._images = images
        self._spools = spools
        self._opened: dict[tuple[str, str], SourceImage] = {}
        self._context: FileSystem | None = None

    def build(self, platform: str) -> Stage:
        """Return the stage of the target.

        :raises BuildError: if an instruction fails.
        :raises ManifestError: if a word of the Dockerfile cannot be expanded.
        :raises CancelledError: if the run is interrupted.
        """
        return _Run(self, platform).build()

    def check(self) -> None:
        """Stop if the run is interrupted.

        :raises CancelledError: then.
        """
        if self.control.is_cancelled:
            raise CancelledError

    def keep(self, spool: IO[bytes]) -> IO[bytes]:
        """Keep a temporary file open until the image is stored."""
        return self._spools.enter_context(spool)

    def context(self) -> FileSystem:
        """Return the files of the context; do not change it."""
        if self._context is None:
            self._context = context_tree(self.request.context)
        return self._context

    def image(self, text: str, platform: str) -> SourceImage:
        """Return an image from outside the Dockerfile.

        :raises InstructionError: if there is none of that name.
        """
        key = (text, platform)
        if key not in self._opened:
            known = {**self.request.bases, **self.request.images}
            named = "" if text in known else self.request.image.image_contexts().get(text)
            reference = parse_name(named or text, known)
            image = open_image(self._registry, reference, platform)
            if image.platform != platform:
                self.control.warn(f"the image {text} is for {image.platform}, not {platform}")
            self._opened[key] = image
        return self._opened[key]

    def tree(self, image: SourceImage) -> FileSystem:
        """Return the file system of an image."""
        return self._images.tree(image, self.check)


class _Run:
    """The stages on one platform."""

    def __init__(self, builder: StageBuilder, platform: str) -> None:
        self._builder = builder
        self._platform = platform
        self._file = builder.request.dockerfile
        self._target = builder.request.image.target
        self._arguments = BuildArguments(
            builder.request.args,
            platform=platform,
            target=self._target or self._file.stages[-1].name,
            escape=self._file.escape,
        )
        self._graph = StageGraph(self._file, self._arguments, self._inherited)
        self._stages: dict[int, Stage] = {}

    def build(self) -> Stage:
        index = find_target(self._file, self._target)
        for position, reached in enumerate(self._graph.reached_from(index)):
            stage = self._begin(reached)
            runner = StepRunner(
                self._builder, self._graph, self._arguments, stage, self._stages, self._platform
            )
            runner.carry_out(reached, position)
            self._stages[reached] = stage
        return self._stages[index]

    def _begin(self, index: int) -> Stage:
        base = self._graph.bases[index]
        if base.stage is not None:
            return self._stages[base.stage].child()
        escape = self._file.escape
        if base.reference == "scratch":
            return from_scratch(Environment(escape, Inherited()), self._platform)
        origin = self._file.stages[index].origin
        with located(self._file, origin.line, origin.end_line):
            image = self._builder.image(base.reference, self._platform_of(index))
        environment = Environment(escape, Inherited(_variables(image)))
        return from_image(image, environment, lambda: self._builder.tree(image))

    def _platform_of(self, index: int) -> str:
        written = self._file.stages[index].platform
        return self._arguments.expand(written)[0] if written else self._platform

    def _inherited(self, reference: str) -> Inherited:
        """Return what an image passes on to the stages FROM it."""
        bases = enumerate(self._graph.bases)
        index = next(index for index, base in bases if base.reference == reference)
        origin = self._file.stages[index].origin
        with located(self._file, origin.line, origin.end_line):
            image = self._builder.image(reference, self._platform_of(index))
            texts = image.runtime.get("OnBuild") or ()
            triggers = tuple(_trigger(text, reference) for text in texts)
        return Inherited(_variables(image), triggers)


def _variables(image: SourceImage) -> tuple[tuple[str, str], ...]:
    pairs = (text.partition("=") for text in image.runtime.get("Env") or ())
    return tuple((name, value) for name, _, value in pairs)


def _trigger(text: str, reference: str) -> Instruction:
    """Read an ONBUILD instruction of an image.

    :raises InstructionError: if it is none.
    """
    data = f"FROM scratch\n{text}\n".encode("utf-8", "surrogateescape")
    problem = "expected one instruction"
    try:
        stages = parse(data, Path(reference)).stages
        if len(stages) == 1 and len(stages[0].instructions) == 1:
            return stages[0].instructions[0]
    except ManifestError as error:
        problem = error.message
    raise InstructionError(f"the image's ONBUILD {text!r} cannot be read: {problem}")
