from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import Location, UsageError
from okplug.settings import (
    Assignment,
    Kind,
    Setting,
    SettingValue,
    Value,
    from_command_line,
    from_environment,
    resolve,
)

DEFAULTS: dict[Kind, SettingValue] = {"text": "", "flag": False, "number": 0, "words": ()}


def setting(kind: Kind, name: str = "it") -> Setting:
    return Setting(name, kind, DEFAULTS[kind], "help")


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("text", "a, b", "a, b"),
        ("text", "", ""),
        ("words", "a, b,,c ", ("a", "b", "c")),
        ("words", "", ()),
        ("words", ["a,b", "c"], ("a,b", "c")),
        ("words", [], ()),
        ("flag", True, True),
        ("flag", False, False),
        ("flag", "TRUE", True),
        ("flag", " on ", True),
        ("flag", "f", False),
        ("flag", "0", False),
        ("number", 0, 0),
        ("number", 12, 12),
        ("number", " 12 ", 12),
    ],
)
def test_a_value_of_the_kind_is_taken(kind: Kind, raw: object, value: SettingValue) -> None:
    parsed = setting(kind).parse(raw)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        ("text", 3, "expected a text, not 3"),
        ("text", True, "expected a text, not True"),
        ("words", 3, "expected a text or a list of texts, not 3"),
        ("words", ["a", 3], "expected a text or a list of texts, not ['a', 3]"),
        ("flag", 1, "expected true or false, not 1"),
        ("flag", "maybe", "expected true or false, not 'maybe'"),
        ("number", -1, "expected a whole number, 0 or more, not -1"),
        ("number", True, "expected a whole number, 0 or more, not True"),
        ("number", 1.5, "expected a whole number, 0 or more, not 1.5"),
        ("number", "-1", "expected a whole number, 0 or more, not '-1'"),
        ("number", {}, "expected a whole number, 0 or more, not {}"),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: Kind, raw: object, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(message)}$"):
        setting(kind).parse(raw)


def test_texts_and_words_are_converted() -> None:
    def upper(text: str) -> str:
        if not text.isalpha():
            raise ValueError("expected letters")
        return text.upper()

    assert Setting("it", "text", "", "", convert=upper).parse("a") == "A"
    assert Setting("it", "words", (), "", convert=upper).parse("a,b") == ("A", "B")
    with pytest.raises(ValueError, match=r"^expected letters$"):
        Setting("it", "text", "", "", convert=upper).parse("1")


def test_one_text_is_split_as_the_setting_says_and_a_list_is_not() -> None:
    def split(text: str) -> tuple[str, ...]:
        return tuple(text.split(";"))

    setting = Setting("it", "words", (), "", split=split)
    assert setting.parse("a,b;c") == ("a,b", "c")
    assert setting.parse(["a;b", "c"]) == ("a;b", "c")


@given(st.sampled_from(list(DEFAULTS)), st.data())
def test_what_is_shown_can_be_given(kind: Kind, data: st.DataObject) -> None:
    """``okplug config`` prints values in the form that ``-o`` reads."""
    words = st.text("abc:/{}", min_size=1)
    values: dict[Kind, st.SearchStrategy[SettingValue]] = {
        "text": st.text(),
        "flag": st.booleans(),
        "number": st.integers(min_value=0),
        "words": st.lists(words).map(tuple),
    }
    value = data.draw(values[kind])
    assert setting(kind).parse(Value("it", value, "").text) == value


def test_the_last_source_wins_and_is_remembered() -> None:
    settings = {"jobs": setting("number", "jobs"), "names": setting("text", "names")}
    given = (
        Assignment("jobs", 2, "okplug.toml:1"),
        Assignment("jobs", "3", "environment OKPLUG_JOBS"),
    )
    assert resolve(settings, given) == {
        "jobs": Value("jobs", 3, "environment OKPLUG_JOBS"),
        "names": Value("names", "", "default"),
    }


def test_a_wrong_value_is_an_error_also_where_it_is_overridden() -> None:
    place = Location(Path("/shop/okplug.toml"), 4)
    given = (
        Assignment("jobs", "many", "okplug.toml:4", place),
        Assignment("jobs", "3", "command line"),
    )
    with pytest.raises(UsageError) as caught:
        resolve({"jobs": setting("number", "jobs")}, given)
    assert str(caught.value) == (
        "/shop/okplug.toml:4: setting jobs: expected a whole number, 0 or more, not 'many'"
    )


def test_an_error_outside_of_files_names_its_source() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(
            {"jobs": setting("number", "jobs")},
            [Assignment("jobs", "x", "environment OKPLUG_JOBS")],
        )
    assert caught.value.message == (
        "environment OKPLUG_JOBS: setting jobs: expected a whole number, 0 or more, not 'x'"
    )


def test_an_unknown_setting_is_an_error_with_a_guess() -> None:
    with pytest.raises(UsageError) as caught:
        resolve({"jobs": setting("number", "jobs")}, [Assignment("job", 1, "command line")])
    assert str(caught.value) == (
        "command line: there is no setting 'job', did you mean 'jobs'?\n"
        "  hint: okplug config lists the settings"
    )


def test_a_setting_has_its_own_variable_before_its_aliases() -> None:
    it = Setting("smart_builds", "flag", default=True, help="", environ=("ALIAS",))
    assert it.variables == ("OKPLUG_SMART_BUILDS", "ALIAS")
    both = {"ALIAS": "1", "OKPLUG_SMART_BUILDS": "0"}
    assert list(from_environment([it], both)) == [
        Assignment("smart_builds", "0", "environment OKPLUG_SMART_BUILDS")
    ]
    assert list(from_environment([it], {"ALIAS": "1"})) == [
        Assignment("smart_builds", "1", "environment ALIAS")
    ]


def test_an_empty_variable_says_nothing() -> None:
    assert list(from_environment([setting("text")], {"OKPLUG_IT": ""})) == []


def test_command_line_values_may_hold_equals_signs() -> None:
    assert list(from_command_line(["names=a=b", " jobs =3"])) == [
        Assignment("names", "a=b", "command line"),
        Assignment("jobs", "3", "command line"),
    ]


def test_a_command_line_value_needs_a_name() -> None:
    with pytest.raises(UsageError) as caught:
        list(from_command_line(["jobs"]))
    assert str(caught.value) == (
        "-o jobs: expected NAME=VALUE\n  hint: such as -o jobs=4 or -o smart_builds=false"
    )


def test_a_secret_is_not_shown_and_not_in_a_message() -> None:
    token = Setting("token", "text", "", "help", secret=True)
    given = Assignment("token", "opensesame", "environment OKPLUG_TOKEN")
    value = resolve({"token": token}, [given])["token"]
    assert value.value == "opensesame"
    assert (value.text, value.shown) == ("***", "***")
    assert "opensesame" not in repr(value)
    with pytest.raises(UsageError) as caught:
        resolve({"token": token}, [Assignment("token", 12345, "okplug.toml:1")])
    assert caught.value.message == "okplug.toml:1: setting token: expected a text"


def test_a_secret_that_is_not_set_is_seen_to_be_so() -> None:
    value = resolve({"token": Setting("token", "text", "", "help", secret=True)}, [])["token"]
    assert (value.text, value.shown) == ("", "")
