from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from okplug.manifest.sections import MISSPELT_BUILD, is_misspelt_build


@pytest.mark.parametrize(
    "name",
    [
        "biuld",
        "buid",
        "buildd",
        "bild",
        "Build",
        "BUILD",
        "builds",
        "bulid",
        "built",
        "_build",
        "rebuild",
    ],
)
def test_what_differs_by_a_letter_or_two_is_meant_to_be_build(name: str) -> None:
    assert is_misspelt_build(name)


@pytest.mark.parametrize(
    "name",
    [
        "build",
        "deploy",
        "dev",
        "x-build",
        "x-built",
        "name",
        "destroy",
        "",
        "b",
        "bui",
        "builders",
        "test",
    ],
)
def test_other_sections_are_not(name: str) -> None:
    assert not is_misspelt_build(name)


@given(st.text("buildx", max_size=9) | st.text(max_size=9))
@example("guild")
@example("dliub")
def test_it_is_what_people_find_alike(name: str) -> None:
    """Names that share four letters of five in their order, whichever way one looks for them."""
    ratio = difflib.SequenceMatcher(None, name.lower(), "build").ratio()
    if name != "build" and not name.startswith("x-") and name.isascii() and ratio >= 0.8:
        assert is_misspelt_build(name)
    if ratio < 0.6:
        assert not is_misspelt_build(name)


def test_the_pattern_has_nothing_that_only_python_understands() -> None:
    assert not re.search(r"\(\?[^=!:]|\\[AZ]", MISSPELT_BUILD)
