"""Patterns in ``${NAME#p}`` and its like; the tables were checked on BuildKit."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.shellpatterns import PatternError, remove_prefix, remove_suffix, replace


@pytest.mark.parametrize(
    ("value", "pattern", "shortest", "longest"),
    [
        ("foo.bar.baz", "*.", "bar.baz", "baz"),
        ("foo.bar.baz", "foo", ".bar.baz", ".bar.baz"),
        ("foo.bar.baz", "bar", "foo.bar.baz", "foo.bar.baz"),
        ("foo.bar.baz", "*", "foo.bar.baz", ""),
        ("foo.bar.baz", "???", ".bar.baz", ".bar.baz"),
        ("foo.bar.baz", "", "foo.bar.baz", "foo.bar.baz"),
        ("a*b*c", r"a\*", "b*c", "b*c"),
        ("a*b*c", r"*\*", "b*c", "c"),
        ("a/b/c", r"*\/", "b/c", "c"),
        ("}x", r"\}", "x", "x"),
        ("\\x", r"\\", "x", "x"),
        ("[a]b", "[a]", "b", "b"),
        ("a\nb", "a?", "a\nb", "a\nb"),
        ("äöü", "?", "öü", "öü"),
    ],
)
def test_remove_prefix(value: str, pattern: str, shortest: str, longest: str) -> None:
    """The shortest or longest match at the start goes away."""
    assert remove_prefix(value, pattern, longest=False) == shortest
    assert remove_prefix(value, pattern, longest=True) == longest


@pytest.mark.parametrize(
    ("value", "pattern", "shortest", "longest"),
    [
        ("foo.bar.baz", ".*", "foo.bar", "foo"),
        ("foo.bar.baz", "baz", "foo.bar.", "foo.bar."),
        ("foo.bar.baz", "bar", "foo.bar.baz", "foo.bar.baz"),
        ("foo.bar.baz", "*", "foo.bar.baz", ""),
        ("foo.bar.baz", "???", "foo.bar.", "foo.bar."),
        ("a*b*c", r"\*?", "a*b", "a*b"),
        ("a*b*c", r"\**", "a*b", "a"),
        ("abab", "ab", "ab", "ab"),
        ("x\\", r"\\", "x", "x"),
    ],
)
def test_remove_suffix(value: str, pattern: str, shortest: str, longest: str) -> None:
    """The shortest or longest match at the end goes away."""
    assert remove_suffix(value, pattern, longest=False) == shortest
    assert remove_suffix(value, pattern, longest=True) == longest


@pytest.mark.parametrize(
    ("value", "pattern", "first", "everywhere"),
    [
        ("banana", "an", "bXana", "bXXa"),
        ("banana", "a*a", "bX", "bX"),
        ("banana", "z", "banana", "banana"),
        ("banana", "?", "Xanana", "XXXXXX"),
        ("banana", "*", "X", "X"),
        ("abc", "", "Xabc", "XaXbXcX"),
        ("", "", "X", "X"),
        ("", "a", "", ""),
        ("a.b.c", ".", "aXb.c", "aXbXc"),
        ("a/b", r"\/", "aXb", "aXb"),
    ],
)
def test_replace(value: str, pattern: str, first: str, everywhere: str) -> None:
    """The first match or all of them are replaced; a wildcard takes as much as it can."""
    assert replace(value, pattern, "X", everywhere=False) == first
    assert replace(value, pattern, "X", everywhere=True) == everywhere


def test_replacement_is_taken_literally() -> None:
    """Backslashes and group references of regular expressions mean nothing."""
    assert replace("abc", "b", r"\1\g<0>", everywhere=True) == r"a\1\g<0>c"


@pytest.mark.parametrize("pattern", [r"\a", r"\.", "\\"])
def test_an_escape_of_anything_else_is_refused(pattern: str) -> None:
    """BuildKit refuses these, too."""
    for function in (remove_prefix, remove_suffix):
        with pytest.raises(PatternError, match="escapes what needs no escape"):
            function("abc", pattern, longest=True)
    with pytest.raises(PatternError, match="escapes what needs no escape"):
        replace("abc", pattern, "", everywhere=True)


_plain = st.text(st.characters(exclude_characters="*?\\\n[]", codec="utf-8"), max_size=12)
_patterns = st.lists(st.one_of(st.sampled_from("*?"), _plain), max_size=5).map("".join)


@given(value=_plain, pattern=_patterns)
def test_what_is_removed_matches(value: str, pattern: str) -> None:
    """Python's own wildcards agree on what went away."""
    for longest in (False, True):
        rest = remove_prefix(value, pattern, longest=longest)
        if rest != value:
            assert fnmatch.fnmatchcase(value[: len(value) - len(rest)], pattern)
        rest = remove_suffix(value, pattern, longest=longest)
        if rest != value:
            assert fnmatch.fnmatchcase(value[len(rest) :], pattern)


@given(value=_plain, pattern=_patterns)
def test_the_longest_match_is_at_least_as_long(value: str, pattern: str) -> None:
    """What is left of the longest match is no longer than that of the shortest."""
    for remove in (remove_prefix, remove_suffix):
        longest = remove(value, pattern, longest=True)
        assert len(longest) <= len(remove(value, pattern, longest=False))


@given(value=_plain, old=_plain.filter(bool), new=_plain)
def test_replacing_plain_text_is_what_python_does(value: str, old: str, new: str) -> None:
    """Without wildcards a pattern is a text."""
    assert replace(value, old, new, everywhere=True) == value.replace(old, new)
    assert replace(value, old, new, everywhere=False) == value.replace(old, new, 1)


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [("$0$0", "aab"), ("${0}x", "axb"), ("$$", "$b"), ("$A", "b"), ("$-", "$-b"), ("${A", "${Ab")],
)
def test_dollar_signs_where_every_match_is_replaced(replacement: str, expected: str) -> None:
    """They name groups of the regular expression, of which only the whole match is there."""
    assert replace("ab", "a", replacement, everywhere=True) == expected
    assert replace("ab", "a", replacement, everywhere=False) == f"{replacement}b"


def test_backslash_at_the_end_of_a_suffix() -> None:
    """It is possible where the backquote escapes; BuildKit turns it to what stands before it."""
    assert remove_suffix("ab*", "*\\", longest=False) == "ab"
    assert remove_suffix("abc", "*\\", longest=False) == "abc"
