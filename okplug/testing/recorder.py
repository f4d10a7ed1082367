"""A plugin that writes down every hook call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.backends import Artifact, BuildControl
    from okplug.events import Event
    from okplug.graph import ImageGraph
    from okplug.manifest.model import Image
    from okplug.plan import Plan, Report, Step


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a hook.

    :param arguments: by name, without ``config`` and ``parser``.
    """

    hook: str
    arguments: dict[str, Any]


class HookRecorder:
    """Give it to ``workspace.run(plugins=[...])``; it answers nothing and is asked first."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def names(self) -> tuple[str, ...]:
        """Return the names of the hooks that were called, in order."""
        return tuple(call.hook for call in self.calls)

    def of(self, hook: str) -> tuple[dict[str, Any], ...]:
        """Return the arguments of each call of one hook, in order."""
        return tuple(call.arguments for call in self.calls if call.hook == hook)

    def events(self) -> tuple[Event, ...]:
        """Return all events, in order."""
        return tuple(arguments["event"] for arguments in self.of("okplug_event"))

    def _note(self, hook: str, **arguments: object) -> None:
        self.calls.append(Call(hook, arguments))  # one step, so that threads do not interfere

    @hookimpl(tryfirst=True)
    def okplug_addoption(self) -> None:
        """Write the call down."""
        self._note("okplug_addoption")

    @hookimpl(tryfirst=True)
    def okplug_configure(self) -> None:
        """Write the call down."""
        self._note("okplug_configure")

    @hookimpl(tryfirst=True)
    def okplug_collect_manifest(self, path: Path) -> None:
        """Write the call down."""
        self._note("okplug_collect_manifest", path=path)

    @hookimpl(tryfirst=True)
    def okplug_graph_modify(self, graph: ImageGraph) -> None:
        """Write the call down."""
        self._note("okplug_graph_modify", graph=graph)

    @hookimpl(tryfirst=True)
    def okplug_key_inputs(self, image: Image) -> None:
        """Write the call down."""
        self._note("okplug_key_inputs", image=image)

    @hookimpl(tryfirst=True)
    def okplug_registry(self, host: str) -> None:
        """Write the call down."""
        self._note("okplug_registry", host=host)

    @hookimpl(tryfirst=True)
    def okplug_builder(self) -> None:
        """Write the call down."""
        self._note("okplug_builder")

    @hookimpl(tryfirst=True)
    def okplug_plan_modify(self, plan: Plan) -> None:
        """Write the call down."""
        self._note("okplug_plan_modify", plan=plan)

    @hookimpl(tryfirst=True)
    def okplug_build(self, step: Step) -> None:
        """Write the call down."""
        self._note("okplug_build", step=step)

    @hookimpl(tryfirst=True)
    def okplug_publish(self, step: Step, artifact: Artifact) -> None:
        """Write the call down."""
        self._note("okplug_publish", step=step, artifact=artifact)

    @hookimpl(tryfirst=True)
    def okplug_deliver(self, step: Step, artifact: Artifact, control: BuildControl) -> None:
        """Write the call down."""
        self._note("okplug_deliver", step=step, artifact=artifact, control=control)

    @hookimpl(tryfirst=True)
    def okplug_event(self, event: Event) -> None:
        """Write the call down."""
        self._note("okplug_event", event=event)

    @hookimpl(tryfirst=True)
    def okplug_finish(self, report: Report) -> None:
        """Write the call down."""
        self._note("okplug_finish", report=report)

    @hookimpl(tryfirst=True)
    def okplug_unconfigure(self) -> None:
        """Write the call down."""
        self._note("okplug_unconfigure")
