"""Patterns of COPY: Go's filepath.Match, on which the tables were checked."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.globs import (
    check_glob,
    compile_glob,
    compile_regexp,
    crosses_folders,
    is_glob,
)
from okplug.errors import ManifestError


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("abc", "abc", True),
        ("*", "abc", True),
        ("*c", "abc", True),
        ("a*", "ab/c", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("ab[c]", "abc", True),
        ("ab[b-d]", "abc", True),
        ("ab[e-g]", "abc", False),
        ("ab[^c]", "abc", False),
        ("ab[^e-g]", "abc", True),
        ("[b-a]", "a", False),
        ("[^b-a]", "a", True),
        ("[!a]", "!", True),
        ("[[]", "[", True),
        ("[*?]", "?", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "ab", False),
        ("[\\]a]", "]", True),
        ("[x\\-y]", "-", True),
        ("a.c", "abc", False),
        ("a$|(b)", "a$|(b)", True),
        ("**", "ab", True),
        ("?", "\udcff", True),
        ("", "", True),
        ("sub[^.]*e", "sub/three", True),
        ("s*[^.]*e", "sub/three", False),
        ("sub*e", "sub/three", False),
        ("a?b", "a/b", False),
        ("a[^x]b*", "a/b/c", False),
        ("*a*b", "aab", True),
        ("*ab*", "aab", True),
        ("*", "", True),
    ],
)
def test_glob_matches_as_filepath_match(pattern: str, name: str, matches: bool) -> None:  # noqa: FBT001 - a column
    """A name of one component against a pattern."""
    assert bool(compile_glob(pattern)(name)) is matches


@pytest.mark.parametrize("pattern", ["[", "[a", "[]a]", "[-]", "[x-]", "[-x]", "a\\", "[\\", "[a-"])
def test_malformed_globs_are_refused(pattern: str) -> None:
    """A check finds what compiling finds."""
    with pytest.raises(ManifestError):
        compile_glob(pattern)
    with pytest.raises(ManifestError):
        check_glob(pattern)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", False), ("a*", True), ("a\\*", False), ("a\\\\*", True), ("[", True), ("a]", False)],
)
def test_is_glob_sees_what_is_escaped(text: str, expected: bool) -> None:  # noqa: FBT001 - a column
    """A backslash takes the wildcard behind it literally."""
    assert is_glob(text) is expected


@pytest.mark.parametrize(
    ("name", "crosses"),
    [
        ("a[^b]c", True),
        ("*[^b]*", True),
        ("[^a][^b]c", True),
        ("a[.-0]c", True),
        ("a[\\.-\\0]c", True),
        ("\\[[^b]c", True),
        ("[^b]c", False),
        ("a[^b]", False),
        ("[^a][^b]", False),
        ("a[b-z]c", False),
        ("a[^.-0]c", False),
        ("a\\[^b]c", False),
        ("a*?b", False),
        ("", False),
    ],
)
def test_which_classes_go_past_a_slash(name: str, crosses: bool) -> None:  # noqa: FBT001 - a column
    """Whatever is beside the class in a name, a path has no two slashes in a row."""
    assert crosses_folders(name) is crosses
    if "*" not in name and "[" in name:
        matches = compile_glob(name)
        paths = [f"{head}/{tail}" for head in ("a", "[", "b") for tail in ("c", "b")]
        assert any(map(matches, paths)) <= crosses


def test_minus_behind_an_escaped_backslash_is_not_escaped() -> None:
    """The backslash before it belongs to what stands before."""
    with pytest.raises(ManifestError, match="'-' stands in"):
        compile_glob("[a\\\\-b-c]")


def test_replacement_character_in_a_class_names_bytes_that_are_not_utf8() -> None:
    """Go reads each of them as that character."""
    assert compile_glob("[a\ufffd]")("\udcff")
    assert not compile_glob("[^a\ufffd]")("\udcff")


@pytest.mark.parametrize("pattern", ["a/*[]", "a*b/c[a-]", "a*\\"])
def test_checking_stops_behind_what_does_not_match(pattern: str) -> None:
    """Docker checks a pattern by matching it with ``.``, and reads no further than that goes."""
    check_glob(pattern)


@pytest.mark.parametrize("pattern", ["*a[", "a[-b]*", "?*[", "[.]*[a-]"])
def test_checking_reads_what_the_match_comes_to(pattern: str) -> None:
    with pytest.raises(ManifestError, match="invalid pattern"):
        check_glob(pattern)


@pytest.mark.parametrize(
    ("expression", "text", "matches"),
    [
        ("{2}a?", "a", True),
        ("a^{2}b", "ab", False),
        (r"[\d-x]", "-", True),
        (r"[\d-x]", "m", False),
        (r"[\t-b]", "a", True),
        ("[a\udcff]", "\udcfe", True),
    ],
)
def test_expressions_that_go_reads_in_its_own_way(
    expression: str,
    text: str,
    matches: bool,  # noqa: FBT001 - a column
) -> None:
    assert bool(compile_regexp(f"{expression}", "p")(text)) is matches


@pytest.mark.parametrize("expression", ["{2}{3}*", "a{3,2}b", "[a", "[b-a]", "[\\pL]", "\\é"])
def test_expressions_that_go_refuses_are_errors(expression: str) -> None:
    """The message names the pattern, not what became of it."""
    with pytest.raises(ManifestError, match="invalid pattern 'p'"):
        compile_regexp(expression, "p")


@given(st.text("ab*?[", max_size=6), st.text("ab", max_size=6))
def test_globs_without_classes_agree_with_fnmatch(pattern: str, name: str) -> None:
    """The two languages are the same where no bracket or backslash is."""
    plain = pattern.replace("[", "")
    assert bool(compile_glob(plain)(name)) == fnmatch.fnmatchcase(name, plain)
