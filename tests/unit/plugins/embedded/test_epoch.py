"""The time that an image records."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from okplug import UsageError
from okplug_embedded.epoch import image_time, written

if TYPE_CHECKING:
    from okplug import BuildRequest
    from tests.unit.plugins.embedded.conftest import Workshop


@pytest.fixture
def request_of(workshop: Workshop) -> Any:
    """Make a request with a time of the run, a build argument, or both."""

    def request_of(epoch: int | None = None, argument: str | None = None) -> BuildRequest:
        args = {} if argument is None else {"SOURCE_DATE_EPOCH": argument}
        request = workshop.case("FROM scratch\n").request()
        return dataclasses.replace(request, source_date_epoch=epoch, args=args)

    return request_of


@pytest.mark.parametrize(
    ("epoch", "argument", "expected"),
    [
        (None, None, 0),
        (None, "", 0),
        (None, "1700000000", 1_700_000_000),
        (1_600_000_000, "1700000000", 1_600_000_000),
        (1_600_000_000, None, 1_600_000_000),
        (None, "253402300799", 253_402_300_799),
    ],
)
def test_the_run_s_time_comes_before_the_argument(
    request_of: Any, epoch: int | None, argument: str | None, expected: int
) -> None:
    assert image_time(request_of(epoch, argument)) == expected


@pytest.mark.parametrize("text", ["yesterday", "-1", "1.5", "\u0661", "253402300800", " 1"])
def test_what_is_no_time(request_of: Any, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        image_time(request_of(argument=text))
    assert caught.value.message == f"SOURCE_DATE_EPOCH is {text!r}"
    assert caught.value.hint.startswith("it is a whole number of seconds since 1970-01-01")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_written_as_configurations_have_them(time: int, expected: str) -> None:
    assert written(time) == expected
