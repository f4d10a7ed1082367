"""When the builder is offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from okplug_embedded import okplug_builder

if TYPE_CHECKING:
    from okplug import Config


@dataclass
class Settings:
    """The one setting that counts."""

    builder: tuple[str, ...]

    def words(self, name: str) -> tuple[str, ...]:
        """Return the value of the setting."""
        assert name == "builder"
        return self.builder


@pytest.mark.parametrize(
    ("builder", "is_offered"),
    [
        (("auto",), True),
        (("embedded",), True),
        (("tcp://localhost:1234",), False),
        (("embedded", "tcp://localhost:1234"), False),
        ((), False),
    ],
)
def test_where_it_is_named_or_nothing_else_is(
    builder: tuple[str, ...],
    is_offered: bool,  # noqa: FBT001  # a column of the table
) -> None:
    offered = okplug_builder(cast("Config", Settings(builder)))
    assert (offered is not None) == is_offered
    assert offered is None or offered.name == "embedded"
