"""What differs between two states of a workspace, and which images that comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.collect import collect
from okplug.commitcomparison import CommitComparisons
from okplug.fingerprint import ContextIndex
from okplug.keyring import Keyring
from okplug.manifest import plugin as okteto_plugin
from okplug.masking import Masks
from okplug.plandiff import MOVED, NEW, REBUILD, REMOVED, Difference, PlanDiff, Side, compare_plans
from okplug.testing import FakeRegistry
from okplug.testing.workspace import Workspace, make_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Registry


class Serving:
    """Serves one registry."""

    registry = FakeRegistry()

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Return it."""
        return self.registry


def image(folder: str, *dependencies: str, data: str = "data") -> dict[str, str]:
    """Return the files of an image that is built from others."""
    name = folder.rpartition("/")[2]
    depends = ", ".join(f"'{address}'" for address in dependencies)
    return {
        f"{folder}/okteto.yaml": f"build: {{{name}: {{context: ., depends_on: [{depends}]}}}}\n",
        f"{folder}/Dockerfile": "FROM scratch\nCOPY data /\n",
        f"{folder}/data": data,
    }


#: base <- left, right <- top, and alone
DIAMOND = {
    **image("base"),
    **image("left", "base:base"),
    **image("right", "base:base"),
    **image("top", "left:left", "right:right"),
    **image("alone", data="alone"),
}


@pytest.fixture
def states(tmp_path: Path) -> tuple[Workspace, Workspace]:
    """Two workspaces of the same images."""
    found = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        found.append(make_workspace(tmp_path / name))
        found[-1].write(DIAMOND)
    old, new = found
    return old, new


def side(workspace: Workspace, *selection: str) -> Side:
    config = workspace.config(plugins=[okteto_plugin, Serving()], options={"selection": selection})
    collection = collect(config)
    index = ContextIndex(workspace.root, None)
    return Side(collection, Keyring(config, collection.graph, index))


def compared(states: tuple[Workspace, Workspace], masks: Masks | None = None) -> PlanDiff:
    old, new = states
    return compare_plans(side(old), side(new), masks or Masks())


def because(diff: PlanDiff) -> dict[str, tuple[str, ...]]:
    return {each.address: each.because for each in diff.differences if each.verdict == REBUILD}


def verdicts(diff: PlanDiff) -> dict[str, str]:
    return {each.address: each.verdict for each in diff.differences}


def test_nothing_differs(states: tuple[Workspace, Workspace]) -> None:
    assert compared(states) == PlanDiff((), 5)


def test_a_root_cause_is_named_once_over_two_ways(states: tuple[Workspace, Workspace]) -> None:
    states[1].write({"base/data": "changed"})
    diff = compared(states)
    assert because(diff) == {
        "base:base": (),
        "left:left": ("base:base",),
        "right:right": ("base:base",),
        "top:top": ("base:base",),
    }
    assert diff.unchanged == 1
    assert (diff.count(REBUILD), diff.count(REBUILD, NEW), diff.count(NEW)) == (4, 4, 0)


def test_a_dependant_with_a_change_of_its_own_is_a_cause_for_others(
    states: tuple[Workspace, Workspace],
) -> None:
    states[1].write({"base/data": "changed", "left/data": "changed"})
    diff = compared(states)
    assert because(diff)["left:left"] == ("base:base",)
    assert because(diff)["top:top"] == ("base:base", "left:left")
    changes = {each.address: [*map(str, each.changes)] for each in diff.differences}
    assert changes["left:left"] == ["data changed"]
    assert changes["top:top"] == []


def test_what_is_built_from_something_else_is_a_cause(states: tuple[Workspace, Workspace]) -> None:
    states[1].write(image("right", "alone:alone"))
    diff = compared(states)
    assert because(diff) == {"right:right": (), "top:top": ("right:right",)}
    (right, _) = diff.differences
    assert [*map(str, right.changes)] == [
        "dependency alone:alone added",
        "dependency base:base removed",
    ]


def test_new_and_removed(states: tuple[Workspace, Workspace]) -> None:
    states[0].write(image("gone"))
    states[1].write(image("come", data="other"))
    diff = compared(states)
    assert verdicts(diff) == {"come:come": NEW, "gone:gone": REMOVED}
    assert diff.differences[-1] == Difference("gone:gone", REMOVED)


def test_moved(states: tuple[Workspace, Workspace]) -> None:
    states[0].write(image("one/site", "base:base"))
    states[1].write(image("two/site", "base:base"))
    assert compared(states).differences == (
        Difference("two/site:site", MOVED, was="one/site:site"),
    )


def test_another_name_is_another_image(states: tuple[Workspace, Workspace]) -> None:
    """It is looked up by its name, and has to be built under the new one."""
    states[0].write(image("site"))
    states[1].write(image("page"))
    assert verdicts(compared(states)) == {"page:page": NEW, "site:site": REMOVED}


def test_only_what_is_selected_and_needed_counts(states: tuple[Workspace, Workspace]) -> None:
    states[1].write({"base/data": "changed", "alone/data": "changed"})
    old, new = states
    diff = compare_plans(side(old, "left"), side(new, "left"), Masks())
    assert verdicts(diff) == {"base:base": REBUILD, "left:left": REBUILD}


def test_what_is_not_selected_is_not_removed(states: tuple[Workspace, Workspace]) -> None:
    old, new = states
    assert compare_plans(side(old), side(new, "alone"), Masks()) == PlanDiff((), 1)


def test_without_another_side_all_is_new(states: tuple[Workspace, Workspace]) -> None:
    diff = compare_plans(None, side(states[1]), Masks())
    assert set(verdicts(diff).values()) == {NEW}
    assert (len(diff.differences), diff.unchanged) == (5, 0)


def test_changes_are_masked(states: tuple[Workspace, Workspace]) -> None:
    masks = Masks()
    masks.add(["hunter2"])
    states[1].write({"base/Dockerfile": "FROM scratch\nCOPY data /hunter2\n"})
    (base, *_) = compared(states, masks).differences
    assert [*map(str, base.changes)] == [
        "instruction Dockerfile:2 changed: COPY data / -> COPY data /***"
    ]


def test_graph_order(states: tuple[Workspace, Workspace]) -> None:
    states[1].write({"base/data": "changed"})
    assert [*verdicts(compared(states))] == ["base:base", "left:left", "right:right", "top:top"]


# --------------------------------------------------------------------------------- one image at a time


def test_files_are_listed_only_where_some_differ(
    states: tuple[Workspace, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    with_files = Keyring.with_files

    def noted(keyring: Keyring, address: str, record: object) -> object:
        listed.append(address)
        return with_files(keyring, address, record)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Keyring, "with_files", noted)
    states[1].write({"base/data": "changed"})
    assert compared(states).count(REBUILD) == 4
    assert listed == ["base:base", "base:base"]


def test_an_image_that_was_not_there(states: tuple[Workspace, Workspace]) -> None:
    old, new = states
    new.write(image("come"))
    comparisons = CommitComparisons(side(old).keyring, side(new).keyring)
    assert comparisons.compare("come:come") is None
    found = comparisons.compare("base:base")
    assert found is not None
    assert (found.origin, found.changes, found.is_change) == ("commit", (), False)
    assert CommitComparisons(None, side(new).keyring).compare("base:base") is None
