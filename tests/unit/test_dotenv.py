"""The language of ``.env`` files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dotenv import EnvFile, parse_env
from okplug.errors import Location, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = Path("/shop/.env")


def parse(
    text: str, below: Mapping[str, str] | None = None, above: Mapping[str, str] | None = None
) -> EnvFile:
    return parse_env(text.encode(), PATH, below or {}, above or {})


def values(text: str, **above: str) -> dict[str, str]:
    """Return what a file says when the environment has *above*."""
    return {name: found.value for name, found in parse(text, above=above).variables.items()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1", "1"),
        ("A = 1  ", "1"),
        ("  export A=1\n", "1"),
        ("A: 1", "1"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=#channel", "#channel"),
        ("A=b#c # d", "b#c"),
        ("A=https://host/#top\t# e", "https://host/#top"),
        ("A=two words\r\n", "two words"),
        ('A=it\'s "so"', 'it\'s "so"'),
        ("A='raw $B \\n' # c", "raw $B \\n"),
        ('A="a\\tb\\n\\"c\\" \\\\ \\x"', 'a\tb\n"c" \\ \\x'),
        ('A="cost: \\$5"', "cost: $5"),
        ("A='one\ntwo'", "one\ntwo"),
        ('A="one\n# two\n"', "one\n# two\n"),
        ("A=''", ""),
        ("A=1\nA=2", "2"),
        ("\ufeffA=1", "1"),
        ("A=$", "$"),
        ("A=a$$b", "a$b"),
    ],
)
def test_a_value(text: str, value: str) -> None:
    assert values(text) == {"A": value}


def test_comments_blank_lines_and_bare_names_say_nothing() -> None:
    assert values("# A=1\n\n   # B\nC\nexport D\n \t\nE=5\n") == {"E": "5"}


def test_variables_are_expanded() -> None:
    text = 'HOST=db\nURL=pg://$HOST:${PORT:-5432}\nQUOTED="<${HOST}>"\n'
    assert values(text) == {"HOST": "db", "URL": "pg://db:5432", "QUOTED": "<db>"}


def test_the_environment_counts_more_than_the_file_and_the_file_more_than_what_is_below() -> None:
    found = parse("A=own\nB=$A $C", below={"A": "below", "C": "below"}, above={}).variables
    assert found["B"].value == "own below"
    found = parse("A=own\nB=$A", above={"A": "above"}).variables
    assert found["B"].value == "above"


def test_what_a_variable_holds_is_not_read_again() -> None:
    assert values('B="$A"\nC=$A', A='\\n"$B # x') == {"B": '\\n"$B # x', "C": '\\n"$B # x'}


def test_a_variable_that_is_not_set_is_empty_and_warned_of() -> None:
    found = parse("\nPASS=pa$word$$\n")
    assert found.variables["PASS"].value == "pa$"
    (warning,) = found.warnings
    assert warning.startswith("/shop/.env:2:8: the variable word is not set and counts as empty")


def test_a_variable_has_the_place_of_its_name() -> None:
    place = parse("\n  export A=1").variables["A"].location
    assert (place.path, place.line, place.column) == (PATH, 2, 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=1", "/shop/.env:1:1: expected the name of a variable"),
        ("A=1\n  2B=3", "/shop/.env:2:3: expected the name of a variable"),
        ("A B=1", "/shop/.env:1:3: expected = after A"),
        ("\nA='x\ny", "/shop/.env:2:3: the closing ' is missing"),
        ('A="x\\"', '/shop/.env:1:3: the closing " is missing'),
        ('A="x" y', '/shop/.env:1:6: expected the end of the line after "'),
        ("A=x${B", "/shop/.env:1:4: the closing brace of ${ is missing"),
        ("A=${B:?who}", "/shop/.env:1:3: the variable B is required: who"),
    ],
)
def test_what_cannot_be_read_has_a_place_and_a_remedy(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value).startswith(message)
    assert caught.value.hint


def test_a_file_of_another_encoding() -> None:
    with pytest.raises(UsageError, match=r"^/shop/.env:2: the file is not UTF-8"):
        parse_env(b"A=1\nB=\xff", PATH, {}, {})


def test_values_are_in_no_text_of_a_variable() -> None:
    assert "hunter2" not in repr(parse("A=hunter2").variables["A"])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\r")))
def test_single_quotes_keep_everything(text: str) -> None:
    assert values(f"A='{text}'\nB=1") == {"A": text, "B": "1"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        places = [found.location for found in parse(text).variables.values()]
    except UsageError as error:
        places = [error.location or Location(PATH)]
    assert all(place.line for place in places)
