"""Carry one step out: hand it to the builder, see that the registry has it, publish it.

The record of the key comes first, then the key, and the user's own tags last, so that a run that
dies at any moment leaves no key that finds a wrong image, or one that nobody can explain. An image
whose files changed while it was built is keyed and built again. One whose dependencies came out as
they were is not built.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from okplug.backends import RESULT_ANNOTATION, ROOT_ANNOTATION, Artifact, BuildRequest
from okplug.cutoff import Cutoff
from okplug.errors import (
    BuildError,
    CancelledError,
    ContextChangedError,
    Location,
    PluginError,
    RegistryError,
)
from okplug.heldtags import HeldTags
from okplug.lookups import look_up
from okplug.plan import BUILD, REUSE, BuildTask, Plan, Step
from okplug.records import RecordPublisher
from okplug.results import result_value
from okplug.sharing import Sharing
from okplug.standins import fill_in
from okplug.transfer import point

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.backends import BuildControl, Builder, Registry
    from okplug.config import Config
    from okplug.contextsnapshot import UnmatchedSource
    from okplug.graph import Node
    from okplug.keyring import Keyring
    from okplug.reference import Reference
    from okplug.registries import Registries


@dataclasses.dataclass(frozen=True, slots=True)
class Building:
    """What builds, and how it is talked to.

    :param builder: None when nothing is to be built.
    :param control: makes what the builder reports through, for an address.
    :param started: told each step whose turn it is, with its final verdict.
    """

    builder: Builder | None
    control: Callable[[str], BuildControl]
    started: Callable[[Step], object] = lambda _: None


class Executor:
    """Carries the steps of one plan out, from several threads.

    ``steps`` are the plan's, those that were keyed again replaced; ``artifacts`` are the images
    that are there so far, by address; ``held`` are the users' own tags that wait for ``conclude``,
    if all or none of them are to move.
    """

    def __init__(
        self,
        config: Config,
        keyring: Keyring,
        registries: Registries,
        plan: Plan,
        building: Building,
    ) -> None:
        self._config = config
        self._keyring = keyring
        self._registries = registries
        self._registry = registries.main
        self._building = building
        self._sharing = Sharing(config, registries)
        self._records = RecordPublisher(config, registries.main)
        self.artifacts = {
            address: step.artifact
            for address, step in plan.steps.items()
            if step.artifact is not None
        }
        self.steps = dict(plan.steps)
        self.held = HeldTags(registries)
        self._cutoff = Cutoff(config, keyring, registries.main, self.artifacts)
        self._no_cache = bool(getattr(config.options, "no_cache", False))
        self._holds = bool(getattr(config.options, "all_or_nothing", False))
        self._asked = plan.asked

    def __call__(self, address: str) -> Artifact:
        """Build or reuse one image.

        :raises OkplugError: if that fails.
        :raises CancelledError: if the run is interrupted.
        """
        control = self._building.control(address)
        if control.is_cancelled:
            raise CancelledError
        step = self.steps[address]
        if step.verdict == BUILD:
            step = self._decide(step, control)
        self._building.started(step)
        artifact = self._reuse(step) if step.verdict == REUSE else self._build(step, control)
        self.artifacts[address] = artifact
        if not self._holds:
            self._deliver(address, control)
        return artifact

    def conclude(self) -> None:
        """Move the tags that wait, and deliver the images; called when every step has succeeded.

        :raises OkplugError: if that fails; no tag has moved if it is a tag that cannot be.
        """
        if self._holds:
            self.held.move()
            for address in self.artifacts:
                self._deliver(address, self._building.control(address))

    def _deliver(self, address: str, control: BuildControl) -> None:
        if address in self._asked:
            artifact = self.artifacts[address]
            self._config.plugins.deliver(self.steps[address], artifact, self._config, control)

    def _reuse(self, step: Step) -> Artifact:
        assert step.artifact is not None
        if step.result is not None:  # the registry does not have it under its key yet
            return self._publish(step, step.artifact)
        self._tag_personally(step, step.artifact)
        return step.artifact

    def _decide(self, step: Step, control: BuildControl) -> Step:
        """Settle the key of a step and whether it is built, now that its dependencies are there."""
        step = self._keyed_again(step)
        found = None
        key_tag = self._sharing.key_tag(step)
        if key_tag:
            try:
                step = self._cutoff.with_result(step)
                found = None if self._no_cache else self._cutoff.find(step, key_tag)
            except RegistryError as error:
                control.warn(f"what equal dependencies gave is not looked for: {error.message}")
        step = step.decided(found)
        self.steps[step.address] = step
        return step

    def _build(self, step: Step, control: BuildControl) -> Artifact:
        self._warn_of_unset(step, control)
        try:
            artifact = self._hand_over(step, control)
        except ContextChangedError as error:
            control.warn(f"{error.message}; it is hashed and built again", error.location)
            self._keyring.forget(step.address)
            step = self._decide(step, control)
            if step.verdict == REUSE:
                return self._reuse(step)
            artifact = self._hand_over(step, control)
        return self._publish(step, artifact)

    def _warn_of_unset(self, step: Step, control: BuildControl) -> None:
        """Tell of secrets that do not exist, which only a mount that requires one minds."""
        for secret in step.image.secrets:
            if secret.kind == "env":
                environ = self._config.environ_of(self._config.root / step.image.folder)
                if secret.source not in environ:
                    control.warn(
                        f"the secret {secret.id} is missing, as the variable {secret.source} is "
                        "not set; the build may fail",
                        secret.location,
                    )

    def _keyed_again(self, step: Step) -> Step:
        """Take over the present key; it differs if files of the image or a dependency changed."""
        record = self._keyring.record(step.address)
        if record != step.record:
            shared = step.shared.with_tag(record.key)
            step = dataclasses.replace(step, record=record, shared=shared)
        return step

    def _hand_over(self, step: Step, control: BuildControl) -> Artifact:
        self._refuse_missing_sources(step)
        assert self._building.builder is not None
        task = BuildTask(self._request(step), self._building.builder, self._registry, control)
        built = self._config.plugins.build(dataclasses.replace(step, task=task), self._config)
        if built is None:
            raise PluginError(
                f"nothing came of building {step.address}",
                hint="a builder, or a plugin's okplug_build, returns the image that it stored",
            )
        return built

    def _refuse_missing_sources(self, step: Step) -> None:
        """Say which source is not there: a builder does not know what .dockerignore leaves out."""
        for source in self._keyring.context(step.address).unmatched:
            if source.is_error:
                raise _missing_source(step, source, self._keyring.graph.node(step.address))

    def _request(self, step: Step) -> BuildRequest:
        node = self._keyring.graph.node(step.address)
        inputs = self._keyring.inputs(step.address)
        return BuildRequest(
            image=step.image,
            key=step.key,
            dockerfile=node.dockerfile,
            resolution=node.resolution,
            context=self._keyring.context(step.address),
            args={name: fill_in(value, self._result) for name, value in node.args.items()},
            platforms=inputs.platforms,
            images={
                fill_in(text, self._result): self.artifacts[address].reference
                for text, address in node.images.items()
            },
            repository=self._sharing.repository(step),
            annotations={**dict(step.image.annotations), **_proofs(step)},
            secrets=step.image.secrets,
            folders=inputs.folders,
            bases=self._keyring.bases(step.address),
            source_date_epoch=inputs.source_date_epoch,
            no_cache=self._no_cache,
        )

    def _result(self, address: str, field: str) -> str:
        return result_value(self.artifacts[address], field)

    def _publish(self, step: Step, artifact: Artifact) -> Artifact:
        """Tag an image that was built, and return the one that its key finds from now on."""
        if self._registry.resolve(artifact.reference) is None:
            raise RegistryError(
                f"the builder says that it stored {artifact.reference}, and it is not there",
                hint="look at the builder's log; nothing was tagged",
            )
        key_tag = self._sharing.key_tag(step)
        if key_tag:
            record = self._keyring.with_files(step.address, step.record)
            self._records.publish(artifact, step.address, record)
            self._cutoff.keep(step, artifact, key_tag)
            artifact = self._tag_key(step, artifact, key_tag)
        self._tag_personally(step, artifact)
        self._config.plugins.publish(step, artifact, self._config)
        return artifact

    def _tag_key(self, step: Step, artifact: Artifact, tag: Reference) -> Artifact:
        """Point a key at its image; where it may not move any more, what it points at counts.

        Somebody else may have built the same in the meantime, in a registry whose tags stay.
        """
        try:
            self._tag(artifact, (tag,))
        except RegistryError:
            if self._no_cache:
                raise
            found = look_up(self._registry, {"": (tag, step.record)}, verify=True).keys[""]
            if found.artifact is None:
                raise
            return found.artifact
        return artifact

    def _tag_personally(self, step: Step, artifact: Artifact) -> None:
        tags = tuple(tag for tag in step.personal if tag not in step.settled)
        if self._holds:
            self.held.hold(step.address, artifact, tags)
        else:
            self._tag(artifact, tags)

    def _tag(self, artifact: Artifact, tags: tuple[Reference, ...]) -> None:
        for tag in tags:
            target: Registry = self._registries.serving(tag)
            point(self._registry, artifact.reference, target, tag)


def _proofs(step: Step) -> dict[str, str]:
    """Return what tells of an image what it was made of."""
    proofs = {ROOT_ANNOTATION: step.record.root}
    if step.result is not None:
        proofs[RESULT_ANNOTATION] = step.result.root
    return proofs


_WHY_MISSING = {
    "missing": ("is not in the context", "write it, or correct the instruction"),
    "ignored": (
        "is left out of the context by .dockerignore",
        "change .dockerignore, or copy something else",
    ),
    "malformed": ("is a malformed pattern", "patterns are those of Go's path.Match"),
    "nowhere": (
        "matches nothing, in a folder that nothing is copied from",
        (
            "write what it is to match, or see what .dockerignore leaves out; builders refuse "
            "wildcards in a folder that they do not get"
        ),
    ),
}
_NO_WAY_OUT = (
    "../ does not lead out of the context; move the file, or let context name a folder above"
)


def _missing_source(step: Step, source: UnmatchedSource, node: Node) -> BuildError:
    why, hint = _WHY_MISSING[source.reason]
    line = source.read.line
    lines = node.dockerfile.lines[line - 1 : line]
    if source.reason == "missing" and any("../" in text for text in lines):
        hint = _NO_WAY_OUT
    return BuildError(
        f"{source.pattern} {why}",
        location=Location(step.image.dockerfile, line, 1),
        hint=hint,
        source=lines,
    )
