"""What changed of an image, as plain data: the answer of ``okplug why``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from okplug.comparison import COMMIT, HERE, REGISTRY, Comparison
from okplug.errors import RegistryError
from okplug.plan import REUSE

if TYPE_CHECKING:
    from okplug.commitcomparison import CommitComparisons
    from okplug.comparison import Comparisons
    from okplug.gitrefs import Base
    from okplug.keydiff import Change
    from okplug.plan import Step


class Explainer:
    """Describes what changed of images, for people and for programs.

    :param against: ``here``, ``registry``, or None for the registry where nothing is known here.
    :param commit: the commit to compare with in their place, and what does it.
    """

    def __init__(
        self,
        comparisons: Comparisons,
        against: str | None,
        commit: tuple[Base, CommitComparisons] | None = None,
    ) -> None:
        self._comparisons = comparisons
        self._against = against
        self._commit = commit

    def explain(self, step: Step) -> dict[str, Any]:
        """Describe one step.

        :raises RegistryError: if the registry cannot be asked, and was to be.
        """
        found, against = self._compare(step)
        return {
            "address": step.address,
            "key": step.key,
            "verdict": step.verdict,
            "reasons": list(step.reasons),
            "awaits": list(step.awaits),
            "against": against,
            "changes": None if found is None else self._changes(found, {step.address}),
        }

    def _compare(self, step: Step) -> tuple[Comparison | None, dict[str, Any] | None]:
        if self._commit:
            base, commit = self._commit
            found = commit.compare(step.address)
            return found, {**base_document(base), "key": found.record.key if found else ""}
        here = None if self._against == REGISTRY else self._comparisons.here(step.address)
        if here:
            return here, {"origin": HERE, "key": here.record.key}
        if self._against == HERE or step.verdict == REUSE:
            return None, None
        try:
            near = self._comparisons.elsewhere(step.address)
        except RegistryError:
            if self._against:
                raise
            return None, None
        against = {
            "origin": REGISTRY,
            "key": near.record.key if near.record else "",
            "reference": near.reference,
            "compared": near.compared,
            "known": near.known,
        }
        nearest = Comparison(REGISTRY, near.record, near.changes) if near.record else None
        return nearest, against if near.known else None

    def _below(self, address: str, above: Comparison) -> Comparison | None:
        if self._commit:
            return self._commit[1].compare(address)
        return self._comparisons.below(address, above)

    def _changes(self, comparison: Comparison, seen: set[str]) -> list[dict[str, Any]]:
        """Describe what differs, and below a dependency what differs of that, once."""
        documents = []
        for change in comparison.changes:
            document = change_document(change)
            is_told = change.kind != "dependency" or change.subject in seen
            if change.how == "changed" and not is_told:
                seen.add(change.subject)
                below = self._below(change.subject, comparison)
                document["changes"] = None if below is None else self._changes(below, seen)
            documents.append(document)
        return documents


def change_document(change: Change) -> dict[str, Any]:
    """Describe one change."""
    return {
        "kind": change.kind,
        "how": change.how,
        "subject": change.subject,
        "detail": change.detail,
        "text": str(change),
    }


def base_document(base: Base) -> dict[str, Any]:
    """Describe the commit that was compared with."""
    return {
        "origin": COMMIT,
        "name": base.name,
        "commit": base.commit.id,
        "is_merge_base": base.is_merge_base,
    }
