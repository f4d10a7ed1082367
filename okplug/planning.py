"""From the graph to the plan: keys, look-ups, verdicts and the reasons for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from okplug.backends import BuildOutline
from okplug.bases import Bases
from okplug.comparison import Comparisons, Reasons
from okplug.cutoff import bakes_digest
from okplug.giventags import given_tags
from okplug.keydiff import record_to_json
from okplug.keyring import Keyring
from okplug.lookups import Found, Lookup, look_up
from okplug.plan import BUILD, FAILED, REUSE, Plan, Result, Step, make_plan
from okplug.state import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from okplug.backends import Builder
    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.fingerprint import ContextIndex
    from okplug.keys import KeyRecord
    from okplug.reference import Reference
    from okplug.state import State


class Planner:
    """Makes the plan of one run."""

    def __init__(
        self, config: Config, collection: Collection, index: ContextIndex, state: State
    ) -> None:
        self._config = config
        self._collection = collection
        self._state = state
        self.index = index
        self._bases = Bases(
            collection.naming, collection.registries, tracks_all=config.flag("track_bases")
        )
        self._tags = given_tags(
            getattr(config.options, "tag", ()),
            collection.naming,
            collection.graph,
            collection.selection.asked,
        )
        self.keyring = Keyring(config, collection.graph, index, self._bases.of, collection.tokens)
        self.comparisons = Comparisons(
            self.keyring, state, collection.naming, collection.registries.main
        )

    def plan(self) -> Plan:
        """Return what is to be done with each image that is asked for, and with what it needs."""
        graph, selection = self._collection.graph, self._collection.selection
        records = self.records()
        found = self._look_up(records)
        steps = {address: self._step(address, record, found) for address, record in records.items()}
        plan = make_plan(steps, selection.asked, graph.ingredients)
        self._explain(plan, found.keys)
        plan.priorities.update(graph.priorities(self._state.durations()))
        self._config.plugins.plan_modify(plan, self._config)
        return plan

    def records(self) -> dict[str, KeyRecord]:
        """Return the keys of what is asked for and of what that needs, in graph order."""
        graph, selection = self._collection.graph, self._collection.selection
        wanted = [name for name in graph.order() if name in selection.needed]
        self._bases.look_up(use for address in wanted for use in graph.elsewhere(address))
        return self.keyring.compute(wanted)

    def check(self, plan: Plan, builder: Builder) -> None:
        """Have the builder refuse what it cannot build, before anything is built."""
        builder.check(
            [self._outline(step) for step in plan.steps.values() if step.verdict == BUILD]
        )

    def _outline(self, step: Step) -> BuildOutline:
        node = self._collection.graph.node(step.address)
        platforms = self.keyring.inputs(step.address).platforms
        context = self.keyring.context(step.address)
        return BuildOutline(step.image, node.dockerfile, node.resolution, platforms, context)

    def remember(self, results: Iterable[Result]) -> None:
        """Keep what became of the images, for ``why``, for estimates and for the next plan."""
        self._state.remember_all(
            [self._entry(result) for result in results if result.verdict in (BUILD, REUSE, FAILED)]
        )

    def _entry(self, result: Result) -> Entry:
        step = result.step
        is_done = result.verdict in (BUILD, REUSE)
        is_news = is_done and self._state.key(step.address) != step.key
        return Entry(
            address=step.address,
            key=step.key,
            verdict=result.verdict,
            digest=result.artifact.descriptor.digest if result.artifact else "",
            duration=result.duration if result.verdict == BUILD else None,
            record=record_to_json(self.comparisons.full_record(step.address)) if is_news else None,
        )

    def _look_up(self, records: Mapping[str, KeyRecord]) -> Found:
        if self.skipped:
            return Found({address: Lookup(reason=self.skipped) for address in records})
        naming, graph = self._collection.naming, self._collection.graph
        shared = {
            address: (naming.shared(graph.image(address), record.key), record)
            for address, record in records.items()
        }
        found = self._ask(shared, self._own_tags())
        unshared = self._ask(self._unshared(found.keys, records)).keys
        hits = {address: lookup for address, lookup in unshared.items() if lookup.artifact}
        return Found(found.keys | hits, found.tags)

    def _own_tags(self) -> list[Reference]:
        """Return the tags that a build would move, if they do not point at their images already."""
        if self._config.command != "build":
            return []
        host = self._collection.registries.main.host
        return [
            tag
            for address in self._collection.selection.asked
            for tag in self._personal(address)
            if tag.registry == host
        ]

    def _personal(self, address: str) -> tuple[Reference, ...]:
        image = self._collection.graph.image(address)
        return self._tags.get(address) or self._collection.naming.personal(image)

    def _unshared(
        self, found: Mapping[str, Lookup], records: Mapping[str, KeyRecord]
    ) -> dict[str, tuple[Reference, KeyRecord]]:
        """Return where the user keeps what nobody shares, if it was built without leave to share.

        It costs one more question of what would have to be built otherwise.
        """
        naming, graph = self._collection.naming, self._collection.graph
        return {
            address: (naming.own(graph.image(address), records[address].key), records[address])
            for address, lookup in found.items()
            if lookup == Lookup()
        }

    def _ask(
        self, keys: Mapping[str, tuple[Reference, KeyRecord]], tags: Iterable[Reference] = ()
    ) -> Found:
        verify = self._config.flag("verify_hits")
        at_once = self._config.flag("parallel_lookups")
        registry = self._collection.registries.main
        found = look_up(registry, keys, tags, verify=verify, at_once=at_once)
        failures = [lookup.failure for lookup in found.keys.values() if lookup.failure]
        if failures:
            self._config.warn(
                f"the registry cannot be asked for {len(failures)} of {len(keys)} keys, which "
                f"count as unknown: {failures[0]}"
            )
        return found

    @property
    def skipped(self) -> str:
        """Why the registry is not asked for keys, ``""`` if it is."""
        if getattr(self._config.options, "no_cache", False):
            return "--no-cache"
        if not self._config.flag("smart_builds"):
            return "Smart Builds are off"
        return ""

    def _step(self, address: str, record: KeyRecord, found: Found) -> Step:
        lookup = found.keys[address]
        image = self._collection.graph.image(address)
        verdict = REUSE if lookup.artifact else BUILD
        naming = self._collection.naming
        personal = self._personal(address)
        digest = lookup.artifact.descriptor.digest if lookup.artifact else None
        return Step(
            image=image,
            record=record,
            verdict=verdict,
            reasons=(lookup.reason,) if lookup.reason else (),
            personal=personal,
            shared=naming.shared(image, record.key),
            own=naming.own(image),
            artifact=lookup.artifact,
            settled=tuple(tag for tag in personal if digest and found.tags.get(tag) == digest),
        )

    def _explain(self, plan: Plan, found: Mapping[str, Lookup]) -> None:
        """Give the steps that are built their reasons: by the last run here, or else by others."""
        unknown = [
            address
            for address, step in plan.steps.items()
            if step.verdict == BUILD and not found[address].reason
        ]
        last = {address: self.comparisons.here(address) for address in unknown}
        reasons = self.comparisons.reasons([address for address in unknown if not last[address]])
        for address, comparison in last.items():
            found_reasons = Reasons.of(comparison.changes) if comparison else reasons[address]
            plan.steps[address] = self._explained(plan.steps[address], found_reasons)

    def _explained(self, step: Step, found: Reasons) -> Step:
        if found.dependencies and not bakes_digest(self._collection.graph.node(step.address)):
            text = f"depends on the result of {', '.join(found.dependencies)}"
            return replace(step, reasons=(text,), awaits=found.dependencies)
        texts = found.texts or ("its key is not in the registry",)
        return replace(step, reasons=tuple(map(self._config.masks.sentence, texts)))
