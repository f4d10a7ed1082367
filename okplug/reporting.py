"""Tell what happens during a run: values in, events out, and the report at the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from okplug import events
from okplug.coresettings import RAWJSON
from okplug.errors import BuildError, ExitCode, OkplugError
from okplug.eventbus import EventBus
from okplug.plan import BUILD, REUSE, Report, Result
from okplug.secretcontents import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from okplug.backends import BuildControl, Builder
    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.errors import Location
    from okplug.heldtags import HeldTags
    from okplug.masking import Masks
    from okplug.plan import Plan, Step
    from okplug.reference import Reference
    from okplug.scheduler import CancelToken


#: seconds in which one event says how far a part of a build is
_PAUSE = 0.25
_ENDS = {"done", "cached", "failed"}


class Reporting:
    """The events of one run; as a context manager it ends them and has the report written."""

    def __init__(self, config: Config, command: str) -> None:
        self._config = config
        self._command = command
        self._started = time.monotonic()
        self._bus = EventBus(config.plugins.event)
        self._builder = ""
        self._asked: frozenset[str] = frozenset()
        self._collection: Collection | None = None
        self._withheld: tuple[str, ...] = ()
        self._holds = bool(getattr(config.options, "all_or_nothing", False))
        self.results: list[Result] = []

    def __enter__(self) -> Self:
        self._config.on_warning(lambda warned: self.warn(warned.message, warned.address))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._config.masks.error(error)
        code = self.exit_code() if error is None else _exit_code(error)
        duration = time.monotonic() - self._started
        counts = Counter(result.verdict for result in self.results)
        self.emit(
            events.RunFinished,
            exit_code=code,
            duration=duration,
            counts=tuple(counts.items()),
            message=_ending(error),
        )
        try:
            self._bus.close()
        finally:
            self._config.plugins.finish(self._report(code, duration), self._config)
        if error is not None and self._config.text("progress") == RAWJSON:
            raise SystemExit(int(code)) from error  # the last event tells it, and no text may

    def _report(self, code: ExitCode, duration: float) -> Report:
        return Report(
            self._command,
            code,
            duration,
            tuple(self.results),
            self._builder,
            self._asked,
            self._withheld,
        )

    def emit(self, kind: Callable[..., events.Event], **fields: Any) -> None:  # noqa: ANN401  # the fields of *kind*
        """Send an event with the present time."""
        self._bus.emit(kind(time=self._bus.now(), **fields))

    def warn(self, message: str, address: str = "", location: str = "") -> None:
        """Send a warning."""
        message = self._config.masks.sentence(message)
        self.emit(events.WarningRaised, message=message, address=address, location=location)

    def exit_code(self) -> ExitCode:
        """Return how the run ended, by its results."""
        if not self.results:
            return ExitCode.NOTHING_SELECTED
        if all(result.verdict in (REUSE, BUILD) for result in self.results):
            return ExitCode.OK
        return ExitCode.FAILED

    def collected(self, collection: Collection) -> None:
        """Tell what the workspace holds."""
        asked = len(collection.selection.asked)
        images = len(collection.graph.images())
        self._collection = collection
        self.emit(events.RunStarted, command=self._command, header=self._header(collection))
        self.emit(
            events.Collected,
            images=images,
            manifests=sum(bool(manifest.images) for manifest in collection.manifests),
            selected=asked,
            deselected=images - asked,
        )
        if not images:
            self._warn_of_nothing(collection)

    def _warn_of_nothing(self, collection: Collection) -> None:
        """Say why there is no image at all."""
        for manifest in collection.manifests:
            self.warn(
                "it describes no image: there is no build: in it", location=str(manifest.path)
            )
        if not collection.manifests:
            self.warn(f"there is no manifest in {self._config.root} (okplug init writes one)")

    def _header(self, collection: Collection) -> tuple[str, ...]:
        """Say for whom and where; without a context the registry is what images are shared in."""
        namespace, context = self._config.text("namespace"), self._config.text("context")
        registry = collection.registries.main.describe()
        whose = f"{namespace} @ " if namespace else ""
        root = f"root: {self._config.root}"
        if context:
            return f"Using {whose}{context} as context", root, f"registry: {registry}"
        return f"Using {whose}{registry}", root

    def looking_up(self) -> None:
        """Tell that the registry is asked for keys, which may take a while."""
        self.emit(events.LookUpStarted)

    def planned(self, plan: Plan, builder: Builder | None, jobs: int) -> None:
        """Tell the verdicts."""
        self._builder = builder.name if builder else ""
        self._asked = plan.asked
        for step in plan.steps.values():
            self.emit(
                events.StepPlanned,
                address=step.address,
                key=step.key,
                verdict=step.verdict,
                reasons=step.reasons,
            )
        self.emit(
            events.Planned,
            builder=builder.describe() if builder else "",
            jobs=jobs if builder else 0,
            build=plan.count(BUILD),
            reuse=plan.count(REUSE),
            dependencies=tuple(
                address
                for address, step in plan.steps.items()
                if step.verdict == BUILD and address not in plan.asked
            ),
        )

    def started(self, step: Step) -> None:
        """Tell that a worker begins with an image, whose secrets nobody may read from now on."""
        if step.verdict == BUILD:
            mask_secrets(step.image, self._config)
        self.emit(
            events.StepStarted,
            address=step.address,
            verdict=step.verdict,
            dockerfile=str(step.image.dockerfile),
        )

    def finished(self, result: Result) -> None:
        """Tell how an image ended, and keep it for the report."""
        self._config.masks.error(result.error)
        self.results.append(result)
        artifact, error = result.artifact, result.error
        self.emit(
            events.StepFinished,
            address=result.step.address,
            verdict=result.verdict,
            key=result.step.key,
            duration=result.duration,
            digest=artifact.descriptor.digest if artifact else "",
            reference=str(next(iter(result.step.personal), result.step.shared)),
            message=result.message,
            source=error.source if isinstance(error, BuildError) else (),
            log=error.log if isinstance(error, BuildError) else (),
            blocked_by=result.blocked_by,
            source_line=_source_line(error),
            reasons=result.step.reasons,
        )
        if not self._holds:
            self._pushed(result)

    def concluded(self) -> None:
        """Tell that the tags which waited for the end have moved."""
        if self._holds:
            for result in self.results:
                self._pushed(result)

    def _pushed(self, result: Result) -> None:
        tags = result.step.personal
        is_lone = self._collection is not None and self._collection.is_lone
        has_no_name = is_lone and not tags and result.verdict in (BUILD, REUSE)
        if has_no_name or (tags and result.verdict == BUILD):
            self.emit(
                events.Pushed,
                address=result.step.address,
                references=tuple(map(str, tags)),
                where=self._where(tags[0]) if tags else "",
            )

    def _where(self, tag: Reference) -> str:
        """Say what keeps a tag in place of its host, ``""`` if that does."""
        if self._collection is None:
            return ""
        registry = self._collection.registries.serving(tag)
        return "" if registry.is_remote else registry.describe()

    def withheld(self, tags: HeldTags) -> None:
        """Tell which tags stay as they were, because all or none of them were to move."""
        for held in tags.waiting:
            self.warn(f"{held.tag} was not moved", held.address)
        for held in tags.stuck:
            self.warn(f"{held.tag} was moved, and cannot be put back", held.address)
        self._withheld = tuple(str(held.tag) for held in tags.waiting)

    @property
    def masks(self) -> Masks:
        """What nobody may read."""
        return self._config.masks

    def control(self, address: str, token: CancelToken) -> BuildControl:
        """Return what the builder of an image reports through."""
        return _Control(self, address, token)


class _Control:
    """``BuildControl`` of one image: its lines become events."""

    def __init__(self, reporting: Reporting, address: str, token: CancelToken) -> None:
        self._reporting = reporting
        self._address = address
        self._token = token
        self._told: dict[str, float] = {}

    def log(self, text: str, instruction: str = "") -> None:
        masks = self._reporting.masks
        self._reporting.emit(
            events.StepLog,
            address=self._address,
            instruction=masks.instruction(instruction),
            text=masks.output(text),
        )

    def warn(self, message: str, location: Location | None = None) -> None:
        place = str(location) if location else ""
        self._reporting.warn(message, self._address, place)

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        if state == "running" and not self._is_due(part):
            return
        if state in _ENDS:
            self._told.pop(part, None)
        self._reporting.emit(
            events.StepProgress,
            address=self._address,
            part=part,
            name=self._reporting.masks.instruction(name),
            state=state,
            current=current,
            total=total,
        )

    def _is_due(self, part: str) -> bool:
        """Tell whether nothing was said of a running part for a while."""
        now = time.monotonic()
        if now - self._told.get(part, -_PAUSE) < _PAUSE:
            return False
        self._told[part] = now
        return True

    @property
    def is_cancelled(self) -> bool:
        return self._token.is_cancelled

    def on_cancel(self, callback: Callable[[], None]) -> None:
        self._token.on_cancel(callback)


def _source_line(error: BaseException | None) -> int:
    if isinstance(error, BuildError) and error.location:
        return error.location.line
    return 0


def _ending(error: BaseException | None) -> str:
    """Return what ended a run, as the last words of its output have it."""
    if error is None or isinstance(error, OkplugError):
        return str(error or "")
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"internal error: {type(error).__name__}: {error}"


def _exit_code(error: BaseException) -> ExitCode:
    if isinstance(error, OkplugError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.INTERNAL_ERROR
