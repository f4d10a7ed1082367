"""Flags of instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.flags import FLAGS, check_flags, take_flags
from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.model import Flag


@pytest.mark.parametrize(
    ("text", "flags", "rest"),
    [
        ("a b", (), "a b"),
        ("--link a b", ("--link",), " a b"),
        ("--from=x --link a", ("--from=x", "--link"), " a"),
        ("  --from=x\ta", ("--from=x",), "\ta"),
        ('--chown="a b":c d', ("--chown=a b:c",), " d"),
        ("--chown='a \"b' d", ('--chown=a "b',), " d"),
        ("--a=\\ b c", ("--a= b",), " c"),
        ("--a=b\\", ("--a=b",), ""),
        ('--a="b', ("--a=b",), ""),
        ('--a="b\\', ("--a=b",), ""),
        ("--a=''", ("--a=",), ""),
        ("-- --link a", (), " --link a"),
        ("--link -- --x", ("--link",), " --x"),
        ("--", (), ""),
        ("-a b", (), "-a b"),
        ("--link", ("--link",), ""),
        ("", (), ""),
    ],
)
def test_take_flags(text: str, flags: tuple[str, ...], rest: str) -> None:
    """Flags come first; quotes and escapes in them go away."""
    assert take_flags(text, "\\") == (flags, rest)


def test_take_flags_with_another_escape_character() -> None:
    """The backslash is plain then."""
    assert take_flags("--a=C:\\x` y z", "`") == (("--a=C:\\x y",), " z")


@pytest.mark.parametrize(
    ("instruction", "words", "flags"),
    [
        ("COPY", ("--from=x", "--link"), (Flag("from", "x"), Flag("link"))),
        (
            "COPY",
            ("--link=true", "--parents=False"),
            (Flag("link", "true"), Flag("parents", "False")),
        ),
        ("COPY", ("--exclude=a", "--exclude=b"), (Flag("exclude", "a"), Flag("exclude", "b"))),
        ("COPY", ("--from=",), (Flag("from", ""),)),
        ("ADD", ("--checksum=sha256:a=b",), (Flag("checksum", "sha256:a=b"),)),
        ("ADD", ("--keep-git-dir", "--unpack"), (Flag("keep-git-dir"), Flag("unpack"))),
        (
            "RUN",
            ("--mount=a", "--mount=b", "--network=none"),
            (Flag("mount", "a"), Flag("mount", "b"), Flag("network", "none")),
        ),
        ("FROM", ("--platform=linux/arm64",), (Flag("platform", "linux/arm64"),)),
        ("HEALTHCHECK", ("--start-interval=1s",), (Flag("start-interval", "1s"),)),
        ("ARG", ("--anything",), (Flag("anything"),)),
        ("ENV", (), ()),
    ],
)
def test_check_flags(instruction: str, words: tuple[str, ...], flags: tuple[Flag, ...]) -> None:
    """Those that the instruction takes are returned in order."""
    assert check_flags(instruction, words) == flags


@pytest.mark.parametrize(
    ("instruction", "words", "message", "hint"),
    [
        (
            "COPY",
            ("--form=x",),
            "COPY has no flag '--form', did you mean '--from'?",
            "the flags of COPY are --chmod, --chown, --exclude, --from, --link, --parents",
        ),
        (
            "ADD",
            ("--from=x",),
            "ADD has no flag '--from'",
            "the flags of ADD are --checksum, --chmod, --chown, --exclude, --keep-git-dir, --link, --unpack",
        ),
        (
            "ENV",
            ("--x=1",),
            "ENV has no flag '--x'",
            "ENV takes no flags; write '--' before an argument that begins with '--'",
        ),
        ("COPY", ("--from=a", "--from=b"), "flag '--from' stands here again", ""),
        ("COPY", ("--link", "--link=true"), "flag '--link' stands here again", ""),
        ("COPY", ("--from",), "flag '--from' has no value", "write --from=VALUE"),
        ("RUN", ("--mount",), "flag '--mount' has no value", "write --mount=VALUE"),
        (
            "COPY",
            ("--link=yes",),
            "flag '--link' is true or false, not 'yes'",
            "--link alone means --link=true",
        ),
        (
            "ADD",
            ("--unpack=",),
            "flag '--unpack' is true or false, not ''",
            "--unpack alone means --unpack=true",
        ),
    ],
)
def test_flags_that_are_wrong(
    instruction: str, words: tuple[str, ...], message: str, hint: str
) -> None:
    """The message names the flag, the hint says what may be written."""
    with pytest.raises(MalformedError) as caught:
        check_flags(instruction, words)
    assert (str(caught.value), caught.value.hint) == (message, hint)
    assert caught.value.near == words[-1].partition("=")[0]


@given(st.text(st.sampled_from("-='\"\\` ax\t"), max_size=24), st.sampled_from("\\`"))
def test_what_follows_the_flags_is_an_end_of_the_text(text: str, escape: str) -> None:
    """Nothing behind the flags is changed, and no flag is left there but behind ``--``."""
    flags, rest = take_flags(text, escape)
    assert text.endswith(rest)
    assert "--" not in flags
    if not rest.lstrip().startswith("--"):
        assert take_flags(rest, escape) == ((), rest)


_values = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=8)


@given(st.lists(st.tuples(st.sampled_from(sorted(FLAGS["COPY"])), _values), max_size=4))
def test_quoted_flags_come_back(pairs: list[tuple[str, str]]) -> None:
    """A value may hold anything if it is quoted and escaped."""
    written = " ".join(
        f'--{name}="{value.translate({34: chr(92) + chr(34), 92: chr(92) * 2})}"'
        for name, value in pairs
    )
    expected = tuple(f"--{name}={value}" for name, value in pairs)
    assert take_flags(f"{written} a b", "\\")[0] == expected


@pytest.mark.parametrize(
    ("flag", "message", "hint"),
    [
        (
            "--network=nine",
            "flag '--network' cannot be 'nine', did you mean 'none'?",
            "default, host, none",
        ),
        ("--network=", "flag '--network' cannot be ''", "default, host, none"),
        ("--security=SANDBOX", "flag '--security' cannot be 'SANDBOX'", "insecure, sandbox"),
    ],
)
def test_values_that_buildkit_refuses(flag: str, message: str, hint: str) -> None:
    with pytest.raises(MalformedError) as caught:
        check_flags("RUN", (flag,))
    assert str(caught.value).startswith(message)
    assert caught.value.hint == f"it is one of {hint}"
    assert caught.value.near == flag
