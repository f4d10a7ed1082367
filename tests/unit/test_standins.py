"""What stands for images that are not built yet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.standins import fields_in, fill_in, stand_in, standing_in

ADDRESSES = st.text("ab/#%:2350 é", min_size=1, max_size=8)
FIELDS = st.sampled_from(["IMAGE", "REGISTRY", "REPOSITORY", "TAG", "SHA"])


def test_a_stand_in_can_be_read() -> None:
    assert stand_in("services/api:api", "TAG") == "okplug-image:services/api:api#TAG"


def test_it_is_found_in_any_text() -> None:
    text = f"a {stand_in('x:x', 'IMAGE')}/{stand_in(':root', 'SHA')}b"
    assert standing_in(text) == ("x:x", ":root")
    assert (
        fill_in(text, lambda address, field: f"<{address} {field}>") == "a <x:x IMAGE>/<:root SHA>b"
    )


@pytest.mark.parametrize("text", ["", "okplug", "x:x#TAG", "okplug-image:x:x", "okplug-image:#tag"])
def test_other_texts_stand_for_nothing(text: str) -> None:
    assert standing_in(text) == ()
    assert fill_in(text, lambda *_: "never") == text


def test_what_is_filled_in_is_not_read_again() -> None:
    other = stand_in("y:y", "TAG")
    assert fill_in(stand_in("x:x", "TAG"), lambda *_: other) == other


@given(st.lists(st.tuples(ADDRESSES, FIELDS), max_size=4), st.text("a/:@ ", max_size=3))
def test_any_address_comes_back(pairs: list[tuple[str, str]], between: str) -> None:
    text = between.join(stand_in(address, field) for address, field in pairs)
    seen = []

    def note(address: str, field: str) -> str:
        seen.append((address, field))
        return "!"

    assert fill_in(text, note) == between.join("!" for _ in pairs)
    assert seen == pairs
    assert standing_in(text) == tuple(address for address, _ in pairs)


def test_the_fields_that_a_text_needs() -> None:
    text = f"a {stand_in('x#x', 'IMAGE')}/{stand_in(':root', 'SHA')} {stand_in('y:y', 'SHA')}"
    assert fields_in(text) == {"IMAGE", "SHA"}
    assert fields_in("x:x#TAG") == fields_in("okplug-image:#tag") == frozenset()
