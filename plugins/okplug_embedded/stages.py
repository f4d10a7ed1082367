"""Carry out the stages that a target reaches, instruction by instruction."""

from __future__ import annotations

import posixpath
from pathlib import Path as HostPath
from typing import TYPE_CHECKING, BinaryIO, cast

from okplug import BuildError, CancelledError
from okplug.dockerfile import (
    BadSubstitutionError,
    BuildArguments,
    Environment,
    Inherited,
    MalformedError,
    StageGraph,
    announced_heredoc,
    context_path,
    expand_body,
    instruction_text,
    is_remote,
    locate,
    parse,
)
from okplug.oci import OCI_LAYER
from okplug_embedded.configuration import SETTERS
from okplug_embedded.contents import InContext, Text
from okplug_embedded.copying import Copier, Manner, MissingSourceError
from okplug_embedded.filesystem import DIRECTORY, FILE, LINK, Entry, FileSystem, FileSystemError
from okplug_embedded.images import SourceImage, StoredLayer, named_image, open_image
from okplug_embedded.layers import write_layer
from okplug_embedded.owners import read_mode, read_owner
from okplug_embedded.stage import Stage, from_image, from_scratch

if TYPE_CHECKING:
    from contextlib import ExitStack

    from okplug import BuildControl, BuildRequest, Registry
    from okplug.dockerfile import Instruction, Step
    from okplug.dockerfile import Stage as DockerfileStage

_UNSUPPORTED = (
    "name a BuildKit with --builder or BUILDKIT_HOST; the embedded builder has no process"
)


class StageBuilder:
    """Builds one request for one platform.

    :param spools: keeps temporary files open until the image is stored.
    """

    def __init__(
        self,
        request: BuildRequest,
        registry: Registry,
        control: BuildControl,
        platform: str,
        spools: ExitStack,
    ) -> None:
        self._request = request
        self._registry = registry
        self._control = control
        self._platform = platform
        self._spools = spools
        self._images: dict[str, SourceImage] = {}
        self._stages: dict[int, Stage] = {}
        self._context: FileSystem | None = None
        reached = request.resolution.stages
        self._arguments = BuildArguments(
            request.args,
            platform=platform,
            target=request.image.target or reached[-1].name,
            escape=request.dockerfile.escape,
        )
        self._line = reached[-1].origin
        self._graph = StageGraph(request.dockerfile, self._arguments, self._inherited)

    @property
    def time(self) -> int:
        """The time of everything, in seconds since the epoch."""
        return self._request.source_date_epoch or 0

    def build(self) -> Stage:
        """Return the target's stage, its layers stored.

        :raises BuildError: if an instruction fails.
        :raises CancelledError: if the run is interrupted.
        """
        stages = self._request.resolution.stages
        for position, described in enumerate(stages):
            self._stages[described.index] = self._carry_out(described, position)
        return self._stages[stages[-1].index]

    def _carry_out(self, described: DockerfileStage, position: int) -> Stage:
        self._line = described.origin
        try:
            stage = self._begin(described)
        except FileSystemError as error:
            raise self._failure(str(error), described.origin) from error
        for step in self._graph.steps(described.index):
            self._check()
            try:
                self._carry_out_step(step, described.index, stage, position)
            except (BadSubstitutionError, MalformedError) as error:
                raise self._graph.located(error, step) from error
            except FileSystemError as error:
                raise self._failure(str(error), step.instruction, step.line) from error
        return stage

    def _check(self) -> None:
        if self._control.is_cancelled:
            raise CancelledError

    # ------------------------------------------------------------------------------------- bases

    def _begin(self, described: DockerfileStage) -> Stage:
        base = self._graph.bases[described.index]
        if base.stage is not None:
            return self._stages[base.stage].child()
        environment = Environment(
            self._request.dockerfile.escape, self._graph.inherited(base.reference)
        )
        if base.reference == "scratch":
            return from_scratch(environment)
        platform = self._arguments.expand(described.platform)[0] or self._platform
        return from_image(self._image(base.reference, platform), environment)

    def _image(self, text: str, platform: str) -> SourceImage:
        """Return an image from outside the Dockerfile.

        :raises BuildError: if there is none of that name.
        """
        name = f"{platform} {text}"
        if name not in self._images:
            reference = named_image(text, dict(self._request.images))
            image = reference and open_image(self._registry, reference, platform, self._spools)
            if not image:
                raise self._failure(
                    f"the image {text} is not in the registry",
                    self._line,
                    hint="store it there, or name a BuildKit with --builder, which fetches it",
                )
            self._images[name] = image
        return self._images[name]

    def _inherited(self, reference: str) -> Inherited:
        image = self._image(reference, self._platform)
        config = image.config.get("config") or {}
        env = tuple(tuple(pair.split("=", 1)) for pair in config.get("Env") or ())
        triggers = "".join(f"ONBUILD {text}\n" for text in config.get("OnBuild") or ())
        instructions: tuple[Instruction, ...] = ()
        if triggers:
            text = f"FROM scratch\n{triggers}".encode("utf-8", "surrogateescape")
            instructions = parse(text, HostPath(reference)).stages[0].instructions
        return Inherited(env, instructions)  # type: ignore[arg-type]  # pairs by construction

    # ------------------------------------------------------------------------------ instructions

    def _carry_out_step(self, step: Step, index: int, stage: Stage, position: int) -> None:
        instruction = step.instruction
        name = instruction.name
        if name in ("COPY", "ADD"):
            self._copy(step, index, stage)
        elif name == "ENV":
            stage.environment.set_env(instruction)
        elif name == "ARG":
            self._arguments.declare(instruction, stage.environment, position)
        elif name == "WORKDIR":
            self._set_workdir(instruction, stage)
        elif name == "MAINTAINER":
            stage.author = self._expand(stage, instruction.text)
        elif name in SETTERS:
            SETTERS[name](stage.config, instruction, lambda text: self._expand(stage, text))
        else:
            raise self._failure(f"{name} needs a process", instruction, step.line, _UNSUPPORTED)
        if name == "CMD":
            stage.sets_command = True
        if name == "ENTRYPOINT" and not stage.sets_command:
            stage.config.pop("Cmd", None)
        self._commit(instruction, stage)

    def _expand(self, stage: Stage, text: str) -> str:
        return stage.environment.expand(text).text

    def _set_workdir(self, instruction: Instruction, stage: Stage) -> None:
        path = posixpath.join(
            stage.config.get("WorkingDir") or "/", self._expand(stage, instruction.text)
        )
        stage.config["WorkingDir"] = posixpath.normpath("/" + path.lstrip("/"))
        stage.tree.make_directories(stage.tree.resolve(path))

    def _commit(self, instruction: Instruction, stage: Stage) -> None:
        """Store what the instruction wrote as a layer, and note the instruction."""
        created = {"created_by": instruction_text(instruction), "comment": "okplug embedded"}
        if stage._tree is None or not stage.tree.changed:  # noqa: SLF001  # asked for, it is made
            stage.history.append({**created, "empty_layer": True})
            return
        changed = stage.tree.changed
        with write_layer(stage.tree, changed, self.time, self._check) as data:
            blob = self._registry.write_blob(
                self._request.repository, cast("BinaryIO", data), OCI_LAYER
            )
        stage.layers.append(StoredLayer(blob, blob.digest))
        stage.history.append(created)
        stage.tree.changed = set()
        self._control.log(f"{len(changed)} entries, {blob.size} bytes", created["created_by"])

    # ----------------------------------------------------------------------------------- copying

    def _copy(self, step: Step, index: int, stage: Stage) -> None:
        instruction = step.instruction
        destination = self._destination(instruction, stage)
        manner = self._manner(instruction, stage)
        source = self._source(step, index)
        words = instruction.words[:-1]
        if len(words) > 1 and not destination.endswith("/"):
            raise FileSystemError(
                f"{instruction.name} of several sources needs a destination that ends with /"
            )
        copier = Copier(stage.tree, manner)
        for word in words:
            if announced_heredoc(word):
                continue
            text = self._expand(stage, word)
            if is_remote(text):
                raise self._failure("ADD cannot fetch URLs", instruction, step.line, _UNSUPPORTED)
            try:
                copier.copy(source, self._pattern(text, manner), destination)
            except MissingSourceError as error:
                raise self._missing(error, text, step, source) from error
        self._copy_heredocs(instruction, stage, copier, destination)

    def _pattern(self, text: str, manner: Manner) -> str:
        return text.lstrip("/") if manner.parents else context_path(text)

    def _copy_heredocs(
        self, instruction: Instruction, stage: Stage, copier: Copier, destination: str
    ) -> None:
        for heredoc in instruction.heredocs:
            body = heredoc.body
            if heredoc.expand:
                lookup = stage.environment.get
                body = expand_body(body, lookup)
            tree = FileSystem()
            content = Text(body.encode("utf-8", "surrogateescape"))
            tree.put((heredoc.name,), Entry(FILE, 0o644, content=content))
            copier.copy(tree, heredoc.name.replace("\\", "\\\\"), destination)

    def _destination(self, instruction: Instruction, stage: Stage) -> str:
        text = self._expand(stage, instruction.words[-1])
        path = posixpath.join(stage.config.get("WorkingDir") or "/", text)
        is_folder = path.endswith(("/", "/.")) or text in (".", "")
        clean = posixpath.normpath("/" + path.lstrip("/"))
        return f"{clean.rstrip('/')}/" if is_folder else clean

    def _manner(self, instruction: Instruction, stage: Stage) -> Manner:
        chown, chmod = instruction.flag("chown"), instruction.flag("chmod")
        unpack = instruction.flag("unpack")
        return Manner(
            owner=read_owner(self._expand(stage, chown), stage.tree) if chown else None,
            mode=read_mode(self._expand(stage, chmod)) if chmod else None,
            excludes=tuple(
                self._expand(stage, text) for text in instruction.flag_values("exclude")
            ),
            parents=_is_set(instruction, "parents"),
            unpacks=instruction.name == "ADD" and (unpack is None or unpack.lower() != "false"),
            spools=self._spools,
            check=self._check,
        )

    def _source(self, step: Step, index: int) -> FileSystem:
        for use in self._graph.uses(step, index):
            if use.stage is not None:
                return self._stages[use.stage].tree
            self._line = step.instruction
            return self._image(use.reference, self._platform).tree()
        if self._context is None:
            self._context = self._context_tree()
        return self._context

    def _context_tree(self) -> FileSystem:
        tree = FileSystem()
        context = self._request.context
        for file in context.files:
            path = tuple(file.relpath.split("/"))
            if file.kind == DIRECTORY:
                entry = Entry(DIRECTORY, 0o755)
            elif file.kind == LINK:
                entry = Entry(LINK, 0o777, target=file.target)
            else:
                entry = Entry(
                    FILE, 0o755 if file.executable else 0o644, content=InContext(context, file)
                )
            tree.put(path, entry)
        return tree

    # ------------------------------------------------------------------------------------ errors

    def _missing(
        self, error: MissingSourceError, text: str, step: Step, source: FileSystem
    ) -> BuildError:
        import difflib

        names = ["/".join(path) for path, _ in source.below(())]
        guesses = difflib.get_close_matches(text.strip("/"), names, n=3)
        hint = f"there are {', '.join(guesses)}" if guesses else "the source has nothing like it"
        return self._failure(str(error), step.instruction, step.line, hint, near=text)

    def _failure(
        self, message: str, instruction: Instruction, line: int = 0, hint: str = "", near: str = ""
    ) -> BuildError:
        file = self._request.dockerfile
        first = line or instruction.line
        last = instruction.end_line if first == instruction.line else first
        return BuildError(
            message,
            location=locate(file.path, file.lines, first, last, near),
            hint=hint,
            source=file.lines[first - 1 : last],
        )


def _is_set(instruction: Instruction, flag: str) -> bool:
    value = instruction.flag(flag)
    return value is not None and value.lower() != "false"
