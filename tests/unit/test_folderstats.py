"""Stats of many names, compared as one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import folderstats
from okplug.folderstats import Names, StatCheck, get_stat, is_same, pack_stat, state_of, unpack_stat

if TYPE_CHECKING:
    from collections.abc import Callable


def group(base: Path, *names: str) -> Names:
    """Return a group as an earlier run stored it."""
    paths = [os.fsencode(base / name) for name in names]
    stats = [get_stat(os.lstat(path)) for path in paths]
    return Names(os.fsencode(base), b"\0".join(map(os.fsencode, names)), state_of(stats))


@pytest.fixture
def groups(tmp_path: Path) -> list[Names]:
    """Return four groups of three files."""
    found = []
    for number in range(4):
        folder = tmp_path / f"g{number}"
        (folder / "sub").mkdir(parents=True)
        for name in ("a", "b\n\udcff", "sub/c"):
            (folder / name).write_text(name.encode("utf-8", "surrogateescape").hex())
        found.append(group(folder, ".", "a", "b\n\udcff", "sub", "sub/c"))
    return found


@pytest.fixture(params=["in processes", "here"])
def forks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a few names checked by processes, or as if none could be had."""
    monkeypatch.setattr(folderstats, "_MANY", 1)
    alone = request.param == "in processes"
    monkeypatch.setattr("okplug.forking.has_one_thread", lambda: alone)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda folder: (folder / "a").write_text("other, and longer"),
    "mode": lambda folder: (folder / "sub/c").chmod(0o755),
    "a new file": lambda folder: (folder / "new").touch(),
    "a file less": lambda folder: (folder / "a").unlink(),
    "a folder moved": lambda folder: folder.rename(folder.with_name("other")),
    "time": lambda folder: os.utime(folder / "a", ns=(1, 1)),
}


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("change", CHANGES)
def test_changed_groups_are_told_from_others(
    groups: list[Names], tmp_path: Path, change: str
) -> None:
    assert StatCheck(groups).results() == [True] * 4
    CHANGES[change](tmp_path / "g2")
    assert StatCheck(groups).results() == [True, True, False, True]
    assert [is_same(each) for each in groups] == [True, True, False, True]


@pytest.mark.usefixtures("forks")
def test_groups_of_every_kind(groups: list[Names], tmp_path: Path) -> None:
    """One that is not to be relied on, one without names, one whose base is gone."""
    odd = [
        groups[0]._replace(state=b""),
        Names(os.fsencode(tmp_path), b"", state_of([])),
        groups[1]._replace(base=b"/nowhere"),
        groups[1],
    ]
    assert StatCheck(odd).results() == [False, True, False, True]
    assert StatCheck([]).results() == []


@pytest.mark.usefixtures("forks")
def test_nothing_is_left_of_a_check_that_nobody_wants(groups: list[Names]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    StatCheck(groups).end()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.usefixtures("forks")
def test_this_process_stays_where_it_is(groups: list[Names]) -> None:
    before = Path.cwd()
    StatCheck(groups).results()
    assert Path.cwd() == before


def test_a_few_names_are_checked_here(groups: list[Names], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process costs more than thousands of stats."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    assert StatCheck(groups).results() == [True] * 4


@pytest.mark.parametrize("number", [0, 1, 2**63, -1])
def test_stats_outlive_packing(number: int) -> None:
    """Times may be before 1970; what is compared is cut alike."""
    stat = (0o100644, 5, number, number, 7)
    assert unpack_stat(pack_stat(stat)) == folderstats.masked(stat)
    assert unpack_stat(pack_stat(unpack_stat(pack_stat(stat)))) == folderstats.masked(stat)
