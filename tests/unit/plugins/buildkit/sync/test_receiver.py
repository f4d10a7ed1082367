"""What a daemon exports goes to the output of its exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.rpc import Code, RpcError
from okplug_buildkit.sync.receiver import METHOD, serve_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_buildkit.rpc import Call
    from tests.unit.plugins.buildkit.sync.conftest import FakeCall

EXPORTER = "buildkit_attachable_exporter_id"


class Kept:
    """An output that keeps the calls that come to it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def receive(self, call: Call) -> None:
        """Keep a call."""
        self.calls.append(call)

    def commit(self) -> None:
        """Do nothing."""

    def discard(self) -> None:
        """Do nothing."""


def test_the_path_of_the_service() -> None:
    assert METHOD == "/moby.filesync.v1.FileSend/DiffCopy"


def test_each_exporter_has_its_output(make_call: Callable[..., FakeCall]) -> None:
    one, two = Kept(), Kept()
    handler = serve_outputs({0: one, 2: two})
    calls = [make_call(**{EXPORTER: number}) for number in ("2", "0", "2")]
    for call in calls:
        handler(call)
    assert one.calls == [calls[1]]
    assert two.calls == [calls[0], calls[2]]


def test_an_exporter_without_a_number_is_the_first(make_call: Callable[..., FakeCall]) -> None:
    output = Kept()
    serve_outputs({0: output})(make_call())
    assert len(output.calls) == 1


@pytest.mark.parametrize("number", ["1", "-1", "x", "", "0x0", "٣"])
def test_another_exporter_is_refused(make_call: Callable[..., FakeCall], number: str) -> None:
    output = Kept()
    with pytest.raises(RpcError) as raised:
        serve_outputs({0: output})(make_call(**{EXPORTER: number}))
    assert raised.value.code is Code.NOT_FOUND
    assert output.calls == []
