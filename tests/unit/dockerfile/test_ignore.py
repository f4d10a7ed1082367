"""What .dockerignore leaves out; the tables were checked against moby's own matcher."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from okplug.dockerfile.ignore import Matcher, Pattern, Results, clean_path, read_patterns
from okplug.errors import Location, ManifestError


def test_read_patterns_follows_the_rules_for_lines() -> None:
    """A mark at the start, CRLF, comments, blanks, slashes and exceptions are all understood."""
    data = (
        b"\xef\xbb\xbf# comment\r\n"
        b"/abs/path/\r\n"
        b"  # not a comment  \n"
        b"\n"
        b" \t \n"
        b"a//b/./c/../d\n"
        b"! /kept/ \n"
        b"!\texception\n"
        b"../up\n"
        b"/\n"
        b"//two\n"
        b"trailing space \n"
        b"caf\xc3\xa9\n"
        b"raw\xff"
    )
    assert read_patterns(data) == (
        "abs/path",
        "# not a comment",
        "a/b/d",
        "!kept",
        "!exception",
        "../up",
        "/",
        "two",
        "trailing space",
        "café",
        "raw\udcff",
    )


def test_a_comment_behind_the_byte_order_mark_is_a_comment() -> None:
    """The mark is taken away before anything else, and only once."""
    assert read_patterns(b"\xef\xbb\xbf#x\n#y\n") == ()


def test_separators_of_information_are_part_of_a_name() -> None:
    """Go's TrimSpace leaves 1C to 1F alone, Python's strip would not."""
    assert read_patterns(b"\x1cx\x1f\n\xc2\xa0y\xe3\x80\x80\n") == ("\x1cx\x1f", "y")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"!", "invalid pattern '!': nothing follows the '!'"),
        (b"[a", "invalid pattern '[a': a '[' is not closed"),
        (b"x/[]", "invalid pattern 'x/[]': ']' stands in a '[...]' without a backslash"),
        (b"[a-]", "invalid pattern '[a-]': ']' stands in a '[...]' without a backslash"),
        (b"[-a]", "invalid pattern '[-a]': '-' stands in a '[...]' without a backslash"),
        (b"x\\", "invalid pattern 'x\\': nothing follows the backslash at its end"),
        (b"[b-a]", "invalid pattern '[b-a]': 'b-a' is not a range"),
        (b"\\z", "invalid pattern '\\z': '\\z' is not supported, write 'z'"),
        (b"[[:alpha:]]", "invalid pattern '[[:alpha:]]': '[:...:]' is not supported"),
    ],
)
def test_malformed_patterns_are_errors_with_their_line(line: bytes, reason: str) -> None:
    """The error names file and line, and says how to take a character literally."""
    path = Path("/w/.dockerignore")
    with pytest.raises(ManifestError) as caught:
        read_patterns(b"ok\n# comment\n" + line + b"\n", path)
    assert caught.value.message == reason
    assert caught.value.location == Location(path, 3)
    assert caught.value.hint
    with pytest.raises(ManifestError) as unlocated:
        Matcher([line.decode()])
    assert unlocated.value.message == reason
    assert unlocated.value.location is None


def test_an_error_without_a_path_has_no_location() -> None:
    """The caller who knows the file adds it."""
    with pytest.raises(ManifestError) as caught:
        read_patterns(b"!")
    assert caught.value.location is None


@pytest.mark.parametrize(
    ("path", "clean"),
    [("a//b/", "a/b"), ("./a/../b", "b"), ("//a", "/a"), ("a/..", "."), ("/..", "/"), ("..", "..")],
)
def test_clean_path_is_gos(path: str, clean: str) -> None:
    """Unlike normpath it knows no special meaning of two slashes."""
    assert clean_path(path) == clean


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("foo", "foo foo/x foo/x/y", "food x/foo"),
        ("*.go", "a.go .go a.go/x", "x/a.go a.goo"),
        ("a?c", "abc aéc", "ac a/c abbc"),
        ("**", "a a/b", ""),
        ("**/foo", "foo a/foo a/b/foo foo/x", "xfoo a/xfoo"),
        ("**foo", "foo xfoo a/xfoo", "foox"),
        ("foo/**", "foo/x foo/x/y", "foo food"),
        ("foo**", "foo food foo/x", "xfoo"),
        ("a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb x/a/b"),
        ("a**b", "ab a/b ax/b", "axb"),
        ("**/*.py", "a.py x/a.py", "a.pyc"),
        ("**/a**/*.txt", "a/x.txt b/a/x.txt ax/x.txt", "x.txt b/x.txt"),
        ("[a-c]x", "ax cx", "dx"),
        ("[^a]x", "bx /x", "ax"),
        ("[!a]x", "!x ax", "bx"),
        ("a\\*b", "a*b", "axb"),
        ("[\\]]", "]", "a"),
        ("[x\\-]", "x -", "y"),
        ("a.b", "a.b", "axb"),
        ("a.*", "a.b", "axb"),
        ("(a|b)", "(a|b)", "a"),
        ("a+$*", "a+$ a+$x", "aa"),
        ("{a,b}*", "{a,b} {a,b}x", "a"),
        ("a{2}*", "aa aab", "a{2}"),
        ("a|b*", "a ax xb bz", "x"),
        ("x*|b", "x xy ab", "a"),
        ("a^b*", "", "a^b"),
        ("^a", "^a", "a"),
        ("[*]", "[] ^] ]", "* a x/]"),
        ("\\d+*", "1+", "d+"),
        ("[\\w]*z", "_z", "!z"),
        ("[(-\\.]*", "( .", "a"),
        ("a]*", "a]", "a"),
        ("é*", "é éa", "e"),
        ("/foo", "/foo", "foo"),
        (" foo ", "foo", " foo "),
    ],
)
def test_pattern_names_paths_as_moby_has_it(pattern: str, names: str, others: str) -> None:
    """Forms of ``**``, classes, escapes, and moby's oddities with them."""
    matcher = Matcher([pattern])
    assert [n for n in names.split(" ") if n and not matcher.matches(n)] == []
    wrong = others.split(" ") if pattern.strip() == pattern else [others]
    assert [n for n in wrong if n and matcher.matches(n)] == []


def test_bytes_that_are_not_utf8_are_one_character_to_wildcards() -> None:
    """Go decodes each to U+FFFD, which only a literal comparison tells apart."""
    assert Matcher(["a?"]).matches("a\udcff")
    assert Matcher(["\udcfe*"]).matches("\udcff")
    assert not Matcher(["\udcfe"]).matches("\udcff")


def test_a_dot_of_a_double_star_does_not_match_a_line_end() -> None:
    """Names with line ends exist, and Go's ``.`` passes them over."""
    assert not Matcher(["a/**/b"]).matches("a/x\ny/b")
    assert Matcher(["a/*/b"]).matches("a/x\ny/b")
    assert not Matcher(["*.py"]).matches("a.py\n")


def test_the_last_decisive_pattern_wins() -> None:
    """An exception counts after what it excepts from, and may be excepted from in turn."""
    matcher = Matcher(["*", "!src", "src/*.log", "!src/keep.log"])
    verdicts = {path: matcher.matches(path) for path in ("a", "src", "src/a.log", "src/keep.log")}
    assert verdicts == {"a": True, "src": False, "src/a.log": True, "src/keep.log": False}


def test_the_form_for_walks_differs_from_the_form_for_paths() -> None:
    """Moby skips an exception where nothing is left out yet, and then a folder does not pass it on.

    BuildKit walks, so this is how ``docker build`` behaves.
    """
    matcher = Matcher(["a/b", "!a"])
    assert not matcher.matches("a/b")
    assert walked(matcher, "a/b")
    assert not walked(matcher, "a")


def test_folders_are_skipped_unless_an_exception_may_match_below() -> None:
    """A walk may pass by what is left out for good."""
    assert Matcher(["vendor"]).can_skip_directory("vendor")
    matcher = Matcher(["vendor", "docs", "!vendor/keep/*.go", "!docs/a"])
    assert not matcher.can_skip_directory("vendor")
    assert not matcher.can_skip_directory("vendor/keep")
    assert not matcher.can_skip_directory("vendor/keep/x")
    assert matcher.can_skip_directory("vendor/other")
    assert matcher.can_skip_directory("lib")
    assert not matcher.can_skip_directory("docs")
    assert matcher.can_skip_directory("docs/a")
    assert not Matcher(["a", "!**/x"]).can_skip_directory("a/b/c")
    assert not Matcher(["a", "!b|a/*"]).can_skip_directory("a")


def test_a_matcher_knows_where_something_may_match() -> None:
    """A walk that looks for what matches may pass by the rest."""
    matcher = Matcher([" a/b ", "c/*.go", "!d/e"])
    assert matcher.may_match_below("a")
    assert not matcher.may_match_below("a/b")
    assert not matcher.may_match_below("a/x")
    assert matcher.may_match_below("c")
    assert not matcher.may_match_below("d")
    assert Matcher(["**/x"]).may_match_below("any/where")
    assert not Matcher(()).may_match_below("a")


def test_a_pattern_knows_its_literal_beginning() -> None:
    """It bounds where a walk has to look."""
    assert Pattern.parse("a/b/*.c").prefix == ("a", "b")
    assert Pattern.parse("!a/b").prefix == ("a", "b")
    assert Pattern.parse("a/{0}b*").prefix == ()
    assert Pattern.parse("a/b").is_literal


def walked(matcher: Matcher, path: str) -> bool:
    """Return what a walk finds out about *path*, folder by folder."""
    components = path.split("/")
    matched = False
    results: Results = ()
    for length in range(1, len(components) + 1):
        relpath = "/".join(components[:length])
        assert matcher.leaves_out(relpath, results) == matcher.enter(relpath, results)[0]
        matched, results = matcher.enter(relpath, results)
    return matched


# A slow reference: the rules of moby's patternmatcher read aloud, one character at a time.


def names(pattern: str, path: str) -> bool:
    if not set(pattern) & set("*?[]\\"):
        return path == pattern
    if pattern.startswith("**") and not set(pattern[2:]) & set("*?[]\\"):
        rest = pattern[2:]
        return path.endswith(rest) or (rest.startswith("/") and path == rest[1:])
    return matches_here(pattern, path)


def matches_here(pattern: str, path: str) -> bool:  # noqa: PLR0911 - one return per rule
    if not pattern:
        return not path
    if pattern.startswith("**"):
        rest = pattern[2:].removeprefix("/")
        if not rest:
            return True
        ends = [0, *(at + 1 for at, char in enumerate(path) if char == "/")]
        return any(matches_here(rest, path[end:]) for end in ends)
    if pattern.startswith("*"):
        run = path.partition("/")[0]
        return any(matches_here(pattern[1:], path[end:]) for end in range(len(run) + 1))
    if not path:
        return False
    if pattern.startswith("["):
        body, _, rest = pattern[1:].partition("]")
        members = body.removeprefix("^")
        is_member = path[0] in members or (members == "a-c" and path[0] == "b")
        return is_member != (members != body) and matches_here(rest, path[1:])
    if pattern.startswith("?"):
        return path[0] != "/" and matches_here(pattern[1:], path[1:])
    literal = pattern[1] if pattern.startswith("\\") else pattern[0]
    rest = pattern[2:] if pattern.startswith("\\") else pattern[1:]
    return path[0] == literal and matches_here(rest, path[1:])


def above(path: str) -> list[str]:
    components = path.split("/")
    return ["/".join(components[:length]) for length in range(1, len(components))]


def matches_slowly(patterns: list[str], path: str) -> bool:
    matched = False
    for pattern in patterns:
        body = pattern.removeprefix("!")
        is_exception = body != pattern
        if is_exception != matched:
            continue
        if any(names(body, p) for p in (path, *above(path))):
            matched = not is_exception
    return matched


def walk_slowly(patterns: list[str], path: str) -> tuple[bool, list[bool]]:
    parent = path.rpartition("/")[0]
    inherited = walk_slowly(patterns, parent)[1] if parent else [False] * len(patterns)
    matched = False
    said = []
    for pattern, known in zip(patterns, inherited, strict=True):
        body = pattern.removeprefix("!")
        is_exception = body != pattern
        hit = known or (is_exception == matched and names(body, path))
        matched = (not is_exception) if hit else matched
        said.append(hit)
    return matched, said


COMPONENTS = st.sampled_from(["a", "b", "ab", ".a", "a.b", "abc", "b.a"])
PATHS = st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join)
GLOBS = st.sampled_from(
    ["a", "b", "*", "**", "?", "a*", "*.b", "[ab]", "[^a]b", "[a-c]", "a\\.b", "**b"]
)
PATTERNS = st.builds(
    lambda negate, parts: "!" * negate + "/".join(parts),
    st.booleans(),
    st.lists(GLOBS, min_size=1, max_size=3),
)


@settings(max_examples=1500)
@given(st.lists(PATTERNS, min_size=1, max_size=4), st.lists(PATHS, min_size=1, max_size=3))
def test_matcher_agrees_with_the_rules_read_aloud(patterns: list[str], paths: list[str]) -> None:
    """Both forms, for any patterns and paths."""
    matcher = Matcher(patterns)
    for path in paths:
        assert matcher.matches(path) == matches_slowly(patterns, path)
        assert walked(matcher, path) == walk_slowly(patterns, path)[0]


@settings(max_examples=1000)
@given(st.lists(PATTERNS, min_size=1, max_size=4), PATHS)
def test_nothing_is_missed_by_skipping_a_folder(patterns: list[str], path: str) -> None:
    """Whatever lies below a folder that may be skipped is left out."""
    matcher = Matcher(patterns)
    for folder in above(path):
        if walked(matcher, folder) and matcher.can_skip_directory(folder):
            assert walked(matcher, path)


def test_results_of_a_matcher_without_exceptions_are_passed_down() -> None:
    """What lies below a folder that is left out is left out, even if it is not skipped."""
    matcher = Matcher(["a", "*.log"])
    matched, results = matcher.enter("a")
    assert (matched, matcher.leaves_out("a/x", results)) == (True, True)
    empty: Results = ()
    assert matcher.enter("b") == (False, empty)
