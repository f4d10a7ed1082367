"""A typed place where plugins keep what belongs to a run."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
D = TypeVar("D")


class StashKey(Generic[T]):
    """What a value is kept under: two keys are never equal, so plugins cannot collide.

    ``COUNT = StashKey[int]()`` at module level, then ``config.stash[COUNT] = 1``.
    """

    __slots__ = ()


class Stash:
    """Values by key; the type of a value is that of its key."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[StashKey[Any], object] = {}

    def __setitem__(self, key: StashKey[T], value: T) -> None:
        self._values[key] = value

    def __getitem__(self, key: StashKey[T]) -> T:
        return cast("T", self._values[key])

    def __contains__(self, key: StashKey[T]) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __delitem__(self, key: StashKey[T]) -> None:
        del self._values[key]

    def get(self, key: StashKey[T], default: D) -> T | D:
        """Return the value, or *default* if there is none."""
        return cast("T | D", self._values.get(key, default))

    def setdefault(self, key: StashKey[T], default: T) -> T:
        """Return the value; *default* becomes the value if there is none."""
        return cast("T", self._values.setdefault(key, default))

    def pop(self, key: StashKey[T], default: D) -> T | D:
        """Take the value out and return it, or *default* if there is none."""
        return cast("T | D", self._values.pop(key, default))
