"""How each instruction splits what follows its flags."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.arguments import Arguments, read_arguments
from okplug.dockerfile.malformed import MalformedError


@pytest.mark.parametrize(
    ("instruction", "text", "arguments"),
    [
        ("COPY", "a b", Arguments(("a", "b"))),
        ("COPY", "a \t b\vc", Arguments(("a", "b", "c"))),
        ("COPY", '"a b" c', Arguments(('"a', 'b"', "c"))),
        ("COPY", '["a b", "c"]', Arguments(("a b", "c"), is_json=True)),
        ("COPY", "['a', 'b']", Arguments(("['a',", "'b']"))),
        ("COPY", "[a b] c", Arguments(("[a", "b]", "c"))),
        ("ADD", "<<EOF a /x/", Arguments(("<<EOF", "a", "/x/"))),
        ("RUN", "make  all", Arguments(("make  all",))),
        ("RUN", '["make", "all"]', Arguments(("make", "all"), is_json=True)),
        ("RUN", '[ "a" ] && b', Arguments(('[ "a" ] && b',))),
        ("RUN", "[NaN]", Arguments(("[NaN]",))),
        ("RUN", '["\\u00e4\\ud800"]', Arguments(("ä\ufffd",), is_json=True)),
        ("RUN", '["\udcff"]', Arguments(("\ufffd",), is_json=True)),
        ("CMD", "", Arguments(())),
        ("CMD", "[]", Arguments((), is_json=True)),
        ("ENTRYPOINT", '["a"]', Arguments(("a",), is_json=True)),
        ("SHELL", '["bash", "-c"]', Arguments(("bash", "-c"), is_json=True)),
        ("VOLUME", "/a /b", Arguments(("/a", "/b"))),
        ("VOLUME", '["/a b"]', Arguments(("/a b",), is_json=True)),
        ("EXPOSE", "80 90/udp", Arguments(("80", "90/udp"))),
        ("EXPOSE", '["80"]', Arguments(('["80"]',))),
        ("USER", "a b", Arguments(("a b",))),
        ("WORKDIR", "/a b", Arguments(("/a b",))),
        ("STOPSIGNAL", "9", Arguments(("9",))),
        ("MAINTAINER", "A <a@b>", Arguments(("A <a@b>",))),
        ("FROM", "a", Arguments(("a",))),
        ("FROM", "a as Build.1", Arguments(("a", "AS", "build.1"))),
        ("ENV", "A=b", Arguments(("A=b",), pairs=(("A", "b"),))),
        (
            "ENV",
            'A="b c" D=e\\ f G=',
            Arguments(
                ('A="b c"', "D=e\\ f", "G="), pairs=(("A", '"b c"'), ("D", "e\\ f"), ("G", ""))
            ),
        ),
        ("ENV", "A='x y'z=1", Arguments(("A='x y'z=1",), pairs=(("A", "'x y'z=1"),))),
        ("ENV", "A b  c=d", Arguments(("A", "b  c=d"), pairs=(("A", "b  c=d"),))),
        ("ENV", 'A="open b', Arguments(('A="open b',), pairs=(("A", '"open b'),))),
        ("ENV", "A=b\\", Arguments(("A=b",), pairs=(("A", "b"),))),
        ("LABEL", '"a b"=c', Arguments(('"a b"=c',), pairs=(('"a b"', "c"),))),
        ("ARG", "A", Arguments(("A",), pairs=(("A", None),))),
        (
            "ARG",
            "A B=c D=",
            Arguments(("A", "B=c", "D="), pairs=(("A", None), ("B", "c"), ("D", ""))),
        ),
        ("HEALTHCHECK", "none", Arguments(("NONE",))),
        ("HEALTHCHECK", "CMD curl  x", Arguments(("CMD", "curl  x"))),
        ("HEALTHCHECK", 'cmd ["curl"]', Arguments(("CMD", "curl"), is_json=True)),
    ],
)
def test_read_arguments(instruction: str, text: str, arguments: Arguments) -> None:
    """As BuildKit splits them."""
    assert read_arguments(instruction, text, "\\") == arguments


def test_another_escape_character_in_pairs() -> None:
    """The backslash is plain then, and does not escape a quote."""
    assert read_arguments("ENV", 'A=C:\\ B="x`"y"', "`").pairs == (("A", "C:\\"), ("B", '"x`"y"'))


@pytest.mark.parametrize(
    ("instruction", "text", "message", "near"),
    [
        ("COPY", "a", "COPY needs at least one source and a destination", ""),
        ("COPY", "", "COPY needs at least one source and a destination", ""),
        ("ADD", '["a"]', "ADD needs at least one source and a destination", ""),
        ("COPY", "a <<EOF", "the destination of COPY cannot be a here-document", "<<EOF"),
        ("COPY", '["a", 1]', "a JSON array here holds strings only", "["),
        ("CMD", "[[]]", "a JSON array here holds strings only", "["),
        ("RUN", "", "RUN needs at least one argument", ""),
        ("RUN", "[]", "RUN needs at least one argument", ""),
        ("SHELL", "bash -c", "SHELL takes a JSON array", ""),
        ("SHELL", "[]", "SHELL needs at least one argument", ""),
        ("VOLUME", "", "VOLUME needs at least one argument", ""),
        ("VOLUME", '["/a", " "]', "a VOLUME cannot be empty", '"'),
        ("EXPOSE", "", "EXPOSE needs at least one argument", ""),
        ("USER", "", "USER needs exactly one argument", ""),
        ("FROM", "", "FROM takes one or three words, not 0", ""),
        ("FROM", "a b", "FROM takes one or three words, not 2", ""),
        ("FROM", "a AS b c", "FROM takes one or three words, not 4", ""),
        ("FROM", "a IS b", "'AS' is expected, not 'IS'", "IS"),
        ("FROM", "a AS 1b", "'1b' cannot be the name of a stage", "1b"),
        ("FROM", "a AS b/c", "'b/c' cannot be the name of a stage", "b/c"),
        ("ENV", "", "ENV needs at least one argument", ""),
        ("ENV", "A", "'A' has no value", "A"),
        ("ENV", "A=b c", "'c' is no NAME=VALUE", "c"),
        ("ENV", "=b", "'=b' of ENV has no name", "=b"),
        ("LABEL", "", "LABEL needs at least one argument", ""),
        ("ARG", "", "ARG needs at least one argument", ""),
        ("ARG", "A =b", "'=b' of ARG has no name", "=b"),
        ("HEALTHCHECK", "", "HEALTHCHECK needs at least one argument", ""),
        ("HEALTHCHECK", "CMD", "HEALTHCHECK CMD with no command", "CMD"),
        ("HEALTHCHECK", "NONE x", "HEALTHCHECK NONE with a command", "NONE"),
        ("HEALTHCHECK", "curl x", "'curl' is no kind of HEALTHCHECK", "curl"),
    ],
)
def test_arguments_that_are_wrong(instruction: str, text: str, message: str, near: str) -> None:
    """The message says what is expected."""
    with pytest.raises(MalformedError) as caught:
        read_arguments(instruction, text, "\\")
    assert (str(caught.value), caught.value.near) == (message, near)


def test_deep_json_is_no_crash() -> None:
    """What is too deep for a JSON reader is a command for a shell."""
    text = "[" * 50_000
    assert read_arguments("RUN", text, "\\") == Arguments((text,))


_words = st.lists(st.text(st.characters(codec="utf-8")), min_size=2)


@given(_words, st.booleans())
def test_json_comes_back(words: list[str], escaped: bool) -> None:  # noqa: FBT001  # hypothesis gives it by name
    """Any list of strings can be written as JSON."""
    text = json.dumps(words, ensure_ascii=escaped)
    assert read_arguments("CMD", text, "\\") == Arguments(tuple(words), is_json=True)


_values = st.text(st.characters(codec="utf-8", exclude_characters="'"))


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,4}", fullmatch=True), _values, min_size=1))
def test_quoted_pairs_come_back(pairs: dict[str, str]) -> None:
    """Within single quotes a value may hold anything else."""
    text = "  ".join(f"{name}='{value}'" for name, value in pairs.items())
    quoted = tuple((name, f"'{value}'") for name, value in pairs.items())
    for instruction in ("ARG", "ENV", "LABEL"):
        assert read_arguments(instruction, text, "\\").pairs == quoted
