"""What a branch would rebuild: the images here against those of a commit, by key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from okplug.commitcomparison import CommitComparisons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from okplug.collect import Collection
    from okplug.comparison import Comparison
    from okplug.keydiff import Change
    from okplug.keyring import Keyring
    from okplug.masking import Masks

REBUILD: Final = "rebuild"
NEW: Final = "new"
MOVED: Final = "moved"
REMOVED: Final = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One image that is not what it was.

    :param verdict: ``rebuild``, ``new``, ``moved`` (it has another address, and is the same) or
        ``removed``.
    :param changes: what differs of the image itself.
    :param because: the images that it is built from, near or far, of which something itself
        differs: the root causes.
    :param was: the address that a moved image had.
    """

    address: str
    verdict: str
    changes: tuple[Change, ...] = ()
    because: tuple[str, ...] = ()
    was: str = ""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """All that is not what it was, in graph order, what is gone last.

    :param unchanged: how many images are the same.
    """

    differences: tuple[Difference, ...]
    unchanged: int

    def count(self, *verdicts: str) -> int:
        """Return how many images have one of these verdicts."""
        return sum(each.verdict in verdicts for each in self.differences)


@dataclass(frozen=True, slots=True)
class Side:
    """The images of one side, and their keys."""

    collection: Collection
    keyring: Keyring

    def addresses(self) -> list[str]:
        """Return what is selected and what that needs, in graph order."""
        needed = self.collection.selection.needed
        return [address for address in self.collection.graph.order() if address in needed]

    def names(self, addresses: Iterable[str]) -> dict[tuple[str, str], str]:
        """Return repository and key, by which everybody finds an image, -> address."""
        graph, naming = self.collection.graph, self.collection.naming
        return {
            (naming.shared(graph.image(each)).repository, self.keyring.record(each).key): each
            for each in addresses
        }


def compare_plans(old: Side | None, new: Side, masks: Masks) -> PlanDiff:
    """Compare what is selected here, and what that needs, with the same of a commit.

    :param old: None if the commit has nothing of it.
    :param masks: what nobody may read of the changes.
    """
    here = new.addresses()
    comparisons = CommitComparisons(old.keyring if old else None, new.keyring)
    compared = {address: comparisons.compare(address) for address in here}
    gone = [each for each in old.addresses() if each not in new.collection.graph] if old else []
    moved = _moved(old, new, gone, [each for each in here if compared[each] is None])
    found = [
        *(_masked(each, masks) for each in _present(compared, moved)),
        *(Difference(each, REMOVED) for each in gone if each not in moved.values()),
    ]
    same = sum(1 for each in compared.values() if each and not each.is_change)
    return PlanDiff(tuple(found), same)


def _moved(old: Side | None, new: Side, gone: Iterable[str], come: Iterable[str]) -> dict[str, str]:
    """Return address -> the address that the same image had."""
    before = old.names(gone) if old else {}
    return {address: before[name] for name, address in new.names(come).items() if name in before}


def _present(
    compared: Mapping[str, Comparison | None], moved: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield what differs of images that are here, of which causes come before effects."""
    roots: dict[str, dict[str, None]] = {}
    for address, comparison in compared.items():
        if comparison is None:
            was = moved.get(address, "")
            yield Difference(address, MOVED if was else NEW, was=was)
        elif comparison.is_change:
            own = tuple(each for each in comparison.changes if not _is_effect(each))
            causes = [each.subject for each in comparison.changes if _is_effect(each)]
            because = dict.fromkeys(root for cause in causes for root in roots.get(cause, ()))
            roots[address] = {**because, **({address: None} if own else {})}
            yield Difference(address, REBUILD, own, tuple(because))


def _masked(difference: Difference, masks: Masks) -> Difference:
    changes = (
        replace(each, subject=masks.sentence(each.subject), detail=masks.sentence(each.detail))
        for each in difference.changes
    )
    return replace(difference, changes=tuple(changes)) if masks else difference


def _is_effect(change: Change) -> bool:
    return change.kind == "dependency" and change.how == "changed"
