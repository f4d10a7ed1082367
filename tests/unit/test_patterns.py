"""Patterns: what fits, what does not, and that no text is an error."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.patterns import address_test, compile_pattern, is_pattern

PARTS = st.text("ab*?[]!^-.\\", max_size=6)


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("api", ["api"], ["apis", "Api", "", "a/api"]),
        ("api-*", ["api-", "api-one"], ["api", "xapi-one", "api-one/two"]),
        ("*", ["", "api", "a.b"], ["a/b"]),
        ("?", ["a", "é"], ["", "ab", "/"]),
        ("services/*", ["services/", "services/a"], ["services", "services/a/b"]),
        ("*/api", ["a/api", "/api"], ["api", "a/b/api"]),
        ("**", ["", "a", "a/b/c"], []),
        ("**/api", ["api", "a/api", "a/b/api"], ["xapi", "a/xapi"]),
        ("a/**", ["a/", "a/b", "a/b/c"], ["a", "ab"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "a/bz"]),
        ("a**z", ["az", "abz"], ["a/z"]),
        ("[ab]x", ["ax", "bx"], ["cx", "x", "abx"]),
        ("[!ab]x", ["cx", "-x"], ["ax", "bx", "x", "/x"]),
        ("[^ab]x", ["cx"], ["ax"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-"]),
        ("[c-a]", ["[c-a]"], ["a", "b", "c", "-"]),
        ("[!c-a]", ["a", "b", "-"], ["/", "ab"]),
        ("[]]", ["]"], ["[", "[]"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[+-0]", ["+", ",", "0"], ["/", "1"]),
        ("[", ["["], ["a"]),
        ("[a", ["[a"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a+(b)*", ["a+(b)", "a+(b)c"], ["aab"]),
        ("a\nb*", ["a\nb", "a\nbc\nd"], ["a b"]),
    ],
)
def test_what_fits(pattern: str, fitting: list[str], others: list[str]) -> None:
    fits = compile_pattern(pattern)
    assert [text for text in fitting if not fits(text)] == []
    assert [text for text in others if fits(text)] == []


@pytest.mark.parametrize("text", ["a*", "a?", "[a]", "["])
def test_what_may_stand_for_others(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", "a", "a/b:c", "a]", "-a", "a\\b"])
def test_what_stands_for_itself(text: str) -> None:
    assert not is_pattern(text)


@given(st.text("ab*?[]!^-/.\\\n", max_size=12))
def test_every_text_is_a_pattern_that_it_fits_itself(text: str) -> None:
    assert compile_pattern(text)(text)


@given(st.text("a*?b.", max_size=8), st.text("ab.", max_size=8))
def test_within_a_component_it_is_as_in_a_shell(pattern: str, text: str) -> None:
    if pattern != "**":
        assert compile_pattern(pattern)(text) == fnmatchcase(text, pattern)


@given(st.lists(PARTS, max_size=4), st.lists(st.text("ab", max_size=3), max_size=4))
def test_without_two_stars_the_components_fit_one_by_one(
    patterns: list[str], parts: list[str]
) -> None:
    """A slash is in no bracket, so that each component can be looked at on its own."""
    if "**" in patterns:
        return
    fits = compile_pattern("/".join(patterns))("/".join(parts))
    each = len(patterns) == len(parts) and all(
        compile_pattern(pattern)(part) for pattern, part in zip(patterns, parts, strict=True)
    )
    assert fits == (each or (not parts and patterns == [""]) or (not patterns and parts == [""]))


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("services/api:api", ["services/api:api"]),
        ("services/*:*", ["services/api:api", "services/web:web"]),
        ("services/api", ["services/api:api"]),
        ("services/api/", ["services/api:api"]),
        ("services/api:", ["services/api:api"]),
        ("services::", ["services/api:api", "services/web:web"]),
        ("::", [":root", "services/api:api", "services/web:web"]),
        (":root", [":root"]),
        ("web", ["services/web:web"]),
        ("w*", ["services/web:web"]),
        ("services", []),
        ("nope:*", []),
        ("**:*", [":root", "services/api:api", "services/web:web"]),
    ],
)
def test_addresses(spec: str, found: list[str]) -> None:
    images = [("", "root"), ("services/api", "api"), ("services/web", "web")]
    fits = address_test(spec)
    assert [f"{folder}:{name}" for folder, name in images if fits(folder, name)] == found
