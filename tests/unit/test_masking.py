"""What nobody may read in what is printed."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import BuildError, Location, UsageError
from okplug.masking import LARGEST, Masks
from tests.processortime import processor_time


def masks(*values: str, secret: bytes = b"", shown: tuple[str, ...] = ()) -> Masks:
    made = Masks()
    made.add(values)
    made.show(shown)
    if secret:
        made.add_secret(secret)
    return made


def test_nothing_is_masked_at_first() -> None:
    made = Masks()
    assert not made
    assert (made.output("a b"), made.sentence("a b"), made.hides("a b")) == ("a b", "a b", False)


@pytest.mark.parametrize(
    ("value", "text", "masked"),
    [
        ("hunter2", "the password is hunter2!", "the password is ***!"),
        ("hunter2", "xhunter2x", "x***x"),
        ("pa.s*", "pa.s* paxsx", "*** paxsx"),
        ("dev", "dev: develop for dev", "***: develop for ***"),
        ("x", "x xx x-y _x", "*** xx ***-y _x"),
        ("", "text", "text"),
        ("a b c d", "a b c d e", "*** e"),
    ],
)
def test_a_value(value: str, text: str, masked: str) -> None:
    assert masks(value).output(text) == masked
    assert masks(value).sentence(text) == masked


def test_the_longest_counts() -> None:
    assert masks("secret", "secretive", "secr").output("secretive secret secrets") == "*** *** ***s"


@pytest.mark.parametrize("value", ["true", "False", "yes", "no", "ON", "off", "0", "1", "----"])
def test_what_gives_nothing_away_is_left(value: str) -> None:
    made = masks(value, secret=value.encode())
    assert made.output(f"it is {value}") == f"it is {value}"


def test_short_numbers_are_left_in_sentences_of_okplug() -> None:
    made = masks("42", "8080")
    assert made.output("got 42 of 8080") == "got *** of ***"
    assert made.sentence("42 of 100 keys at 8080") == "42 of 100 keys at ***"


def test_the_count_of_an_instruction_is_left() -> None:
    assert masks("2", "build").instruction("[build 2/3] RUN make build 2") == (
        "[build 2/3] RUN make *** ***"
    )
    assert masks("load").instruction("load context") == "*** context"


def test_what_is_shown_anyhow_is_left_unless_a_secret_holds_it() -> None:
    assert masks("services", shown=("services",)).output("services/api") == "services/api"
    made = masks("services", secret=b"services", shown=("services",))
    assert made.output("services/api") == "***/api"


def test_each_line_of_a_value_counts() -> None:
    made = masks("first line\n  second line\r\n\n}\nab")
    assert made.output("say: second line") == "say: ***"
    assert made.output("first line") == "***"
    assert made.output("ab abc { } ") == "*** abc { } "


def test_a_secret_of_settings_gives_its_values_away() -> None:
    made = masks(secret=b'[npm]\ntoken = "abcd1234"\nn=12\n')
    assert made.output("abcd1234 12") == "*** 12"


@pytest.mark.parametrize("content", [b"top secret", b"top secret\n"])
def test_a_secret_as_base64(content: bytes) -> None:
    made = masks(secret=content)
    for each in (b"top secret", b"top secret\n"):
        assert made.output(f"<{base64.b64encode(each).decode()}>") == "<***>"


def test_a_value_in_json() -> None:
    assert masks('say "hi" \\o').output('{"text": "say \\"hi\\" \\\\o"}') == '{"text": "***"}'


def test_a_binary_secret() -> None:
    made = masks(secret=b"\x00\xff\xfekeyword\x00\x01\x80")
    assert made.output("keyword") == "***"


def test_of_a_large_secret_the_beginning_counts() -> None:
    made = masks(secret=b"beginning\n" + b"line\n" * LARGEST + b"the end\n")
    assert made.output("beginning, the end") == "***, the end"


def test_many_lines_cost_little() -> None:
    made = masks(
        secret="".join(f"{number * 7919:x} key {number}\n" for number in range(3000)).encode()
    )
    lines = [f"#12 {number} compiling module {number} of the program" for number in range(2000)]
    made.output("")
    assert processor_time(lambda: [made.output(line) for line in lines]) < 2


def test_an_error_is_masked_but_for_its_place() -> None:
    from pathlib import Path

    place = Location(Path("/shop/hunter2/Dockerfile"), 3)
    error = BuildError(
        "cannot reach hunter2",
        location=place,
        hint="is hunter2 right?",
        source=["RUN hunter2"],
        log=["hunter2 said no"],
    )
    masks("hunter2").error(error)
    assert str(error) == f"{place}: cannot reach ***\n  hint: is *** right?"
    assert (error.source, error.log) == (("RUN ***",), ("*** said no",))
    assert "cannot reach hunter2" not in repr(error)


def test_errors_of_any_kind() -> None:
    fault = RuntimeError("hunter2", 5)
    masks("hunter2").error(fault)
    assert fault.args == ("***", 5)
    masks("hunter2").error(None)
    other = UsageError("hunter2")
    Masks().error(other)
    assert other.message == "hunter2"


@given(st.sets(st.text(min_size=4)), st.text())
def test_no_long_value_is_left(values: set[str], text: str) -> None:
    made = masks(*values)
    masked = made.output(text + " ".join(sorted(values)))
    for value in values:
        for line in value.splitlines():
            known = line.strip()
            if len(known) > 4 and made.hides(known) and "*" not in known:
                assert known not in masked.replace("***", "\n")
