from __future__ import annotations

import pytest

from okplug.stash import Stash, StashKey

COUNT = StashKey[int]()
OTHER = StashKey[int]()


def test_a_value_is_found_under_its_key_only() -> None:
    stash = Stash()
    stash[COUNT] = 1
    stash[OTHER] = 2
    assert (stash[COUNT], stash[OTHER], len(stash)) == (1, 2, 2)


def test_a_key_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        Stash()[COUNT]


def test_get_gives_the_default_and_keeps_nothing() -> None:
    stash = Stash()
    assert stash.get(COUNT, None) is None
    assert COUNT not in stash


def test_setdefault_keeps_the_first_value() -> None:
    stash = Stash()
    assert stash.setdefault(COUNT, 1) == 1
    assert stash.setdefault(COUNT, 2) == 1


def test_pop_and_del_take_the_value_out() -> None:
    stash = Stash()
    stash[COUNT] = 1
    assert stash.pop(COUNT, 0) == 1
    assert stash.pop(COUNT, 0) == 0
    stash[COUNT] = 1
    del stash[COUNT]
    assert len(stash) == 0
