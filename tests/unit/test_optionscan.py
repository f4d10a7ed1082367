from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.optionscan import Token, scan

VALUED = ("-p", "-o", "--color")
FLAGS = ("-q", "-v", "--debug")


def found(*argv: str) -> list[Token]:
    return list(scan(argv, VALUED, FLAGS))


@pytest.mark.parametrize(
    ("argv", "value"),
    [
        (("-p", "x"), "x"),
        (("-px",), "x"),
        (("-p=x",), "x"),
        (("-p", "-x"), "-x"),
        (("-p",), ""),
        (("-vqp", "x"), "x"),
        (("-vqpx",), "x"),
    ],
)
def test_a_letter_has_its_value_behind_it(argv: tuple[str, ...], value: str) -> None:
    assert found(*argv)[-1] == Token(0, "-p", value)


@pytest.mark.parametrize(
    ("argv", "value"),
    [(("--color", "never"), "never"), (("--color=never",), "never"), (("--color=",), "")],
)
def test_a_long_option_has_its_value_behind_it(argv: tuple[str, ...], value: str) -> None:
    assert found(*argv) == [Token(0, "--color", value)]


def test_letters_are_taken_apart() -> None:
    assert found("-qv") == [Token(0, "-q"), Token(0, "-v")]


def test_words_know_their_place() -> None:
    assert found("-q", "build", "-", "--debug", "api") == [
        Token(0, "-q"),
        Token(1, "", "build"),
        Token(2, "", "-"),
        Token(3, "--debug"),
        Token(4, "", "api"),
    ]


def test_what_is_not_known_is_told() -> None:
    assert found("--json=x", "-qxp", "y") == [
        Token(0, "--json", "x", is_known=False),
        Token(1, "-q"),
        Token(1, "-x", is_known=False),
        Token(2, "", "y"),
    ]


def test_nothing_counts_behind_two_dashes() -> None:
    assert found("-q", "--", "-v", "build") == [Token(0, "-q")]


@given(
    st.lists(
        st.sampled_from(["-q", "-v", "-qv", "-p", "-px", "-vp", "-o", "--color", "--color=a", "w"]),
        max_size=7,
    )
)
def test_it_finds_what_argparse_finds(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    for option in VALUED:
        parser.add_argument(option, action="append", dest=option, default=[])
    for option in FLAGS:
        parser.add_argument(option, action="count", dest=option, default=0)
    parser.add_argument("words", nargs="*")
    try:
        expected = vars(parser.parse_intermixed_args(argv))
    except (argparse.ArgumentError, SystemExit):
        return
    tokens = found(*argv)
    for option in VALUED:
        assert [token.value for token in tokens if token.option == option] == expected[option]
    for option in FLAGS:
        assert sum(token.option == option for token in tokens) == expected[option]
    assert [token.value for token in tokens if not token.option] == expected["words"]
