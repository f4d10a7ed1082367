from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.manifest.expand import (
    MAX_DEPTH,
    BuildVariable,
    ExpansionError,
    build_variables,
    expand,
    substitute_build_variables,
    variable_part,
)

ENVIRON = {"BAR": "bar", "FOO": "foo", "EMPTY": "", "DOLLAR": "$BAR", "1": "one", "ÄÖ": "umlaut"}

FIELDS = ("IMAGE", "REGISTRY", "REPOSITORY", "TAG", "SHA")

names = st.text(string.ascii_uppercase, min_size=1, max_size=6)
values = st.text(max_size=12)
#: text that is made of what the syntax is made of
PIECES = [
    "$",
    "$$",
    "{",
    "}",
    "${",
    "BAR",
    "EMPTY",
    "UNSET",
    "_",
    ":-",
    "-",
    ":=",
    "=",
    ":+",
    "+",
    ":?",
    "?",
    "#",
    "x",
    "OKTETO_BUILD_A_TAG",
    "ä",
    "1",
    ":",
]
soup = st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$BAR", "bar"),
        ("${BAR}", "bar"),
        ("$BAR baz", "bar baz"),
        ("$BAR$FOO", "barfoo"),
        ("$BAR.$FOO", "bar.foo"),
        ("${BAR}baz", "barbaz"),
        ("a-${BAR}-z", "a-bar-z"),
        ("$EMPTY", ""),
        ("${EMPTY}", ""),
        ("$1 ${1}", "one one"),
        ("$ÄÖ", "umlaut"),
        ("one\n${BAR}\ntwo", "one\nbar\ntwo"),
    ],
)
def test_a_variable_is_replaced_by_its_value(text: str, expected: str) -> None:
    assert expand(text, ENVIRON) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${UNSET-x}", "x"),
        ("${UNSET=x}", "x"),
        ("${UNSET:-x}", "x"),
        ("${UNSET:=x}", "x"),
        ("${UNSET:-}", ""),
        ("${EMPTY-x}", ""),
        ("${EMPTY=x}", ""),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY:=x}", "x"),
        ("${BAR-x}", "bar"),
        ("${BAR:-x}", "bar"),
        ("${BAR:=x}", "bar"),
        ("${UNSET+x}", ""),
        ("${UNSET:+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${EMPTY:+x}", "x"),
        ("${BAR+x}", "x"),
        ("${BAR:+x}", "x"),
        ("${BAR?needed}", "bar"),
        ("${EMPTY?needed}", ""),
        ("${BAR:?needed}", "bar"),
        ("${#BAR}", "3"),
        ("${#EMPTY}", "0"),
    ],
)
def test_operators_say_what_counts_in_place_of_the_value(text: str, expected: str) -> None:
    assert expand(text, ENVIRON) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${UNSET-$BAR}", "bar"),
        ("${UNSET:-${BAR}}", "bar"),
        ("${UNSET:-a${BAR}z}", "abarz"),
        ("${A:-${B:-${C:-deep}}}", "deep"),
        ("${A:-${BAR}}${B:-2}", "bar2"),
        ("${A:-x-y:=z+?}", "x-y:=z+?"),
        ("${A:-http://host:80/p?q#f}", "http://host:80/p?q#f"),
        ("${A:-{b}", "{b"),
        ("${A:-b}}", "b}"),
        ("${A:-two\nlines}", "two\nlines"),
        ("${A:-$$}", "$"),
        ("${BAR:-${UNSET}}", "bar"),
        ("${UNSET:+${UNSET}}", ""),
        ("${BAR:+$UNSET_TOO_BUT_NOT${FOO}}", None),
    ],
)
def test_a_default_may_hold_variables_that_need_be_set_only_if_it_counts(
    text: str, expected: str | None
) -> None:
    if expected is None:
        with pytest.raises(ExpansionError, match="UNSET_TOO_BUT_NOT is not set"):
            expand(text, ENVIRON)
    else:
        assert expand(text, ENVIRON) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$$", "$"),
        ("$$BAR", "$BAR"),
        ("$${BAR}", "${BAR}"),
        ("$$$BAR", "$bar"),
        ("$$${UNSET:-baz}", "$baz"),
        ("$$$$", "$$"),
        ("cost: 5$", "cost: 5$"),
        ("$ {BAR}", "$ {BAR}"),
        ("$.$-$/", "$.$-$/"),
        ("$_ ${_}", "$_ ${_}"),
        ("}{", "}{"),
        ("${BAR}}", "bar}"),
    ],
)
def test_two_dollars_are_one_and_lone_ones_stay(text: str, expected: str) -> None:
    assert expand(text, ENVIRON) == expected


def test_a_value_is_not_expanded_again() -> None:
    assert expand("$DOLLAR ${UNSET:-$DOLLAR}", ENVIRON) == "$BAR $BAR"


def test_the_environment_is_only_read() -> None:
    environ = dict(ENVIRON)
    expand("${UNSET:=x}", environ)
    assert environ == ENVIRON


@pytest.mark.parametrize("field", FIELDS)
def test_variables_of_images_stay_even_if_the_environment_has_them(field: str) -> None:
    name = f"OKTETO_BUILD_MY_API_{field}"
    text = f"${{{name}}} ${name}"
    assert expand(f"$BAR {text}", ENVIRON | {name: "never"}) == f"bar {text}"


def test_variables_of_images_stay_in_a_default() -> None:
    assert expand("${UNSET:-${OKTETO_BUILD_A_IMAGE}}", {}) == "${OKTETO_BUILD_A_IMAGE}"


@pytest.mark.parametrize(
    "name", ["OKTETO_BUILD_A", "OKTETO_BUILD_IMAGE", "OKTETO_BUILD_A_IMAGES", "OKTETO_BUILD_a_TAG"]
)
def test_what_only_looks_like_a_variable_of_an_image_is_an_ordinary_one(name: str) -> None:
    assert expand(f"${{{name}}}", {name: "value"}) == "value"
    assert expand(f"${name}", {name: "value"}) == "value"


@pytest.mark.parametrize(
    ("text", "message", "offset", "hint"),
    [
        ("a $UNSET", "the variable UNSET is not set", 2, "set it, or write ${UNSET:-default}"),
        ("${UNSET}", "the variable UNSET is not set", 0, "set it, or write ${UNSET:-default}"),
        ("${#UNSET}", "the variable UNSET is not set", 0, "set it"),
        ("${A:-${UNSET}}", "the variable UNSET is not set", 5, "set it"),
        ("${UNSET?}", "the variable UNSET is required: it is not set", 0, "set UNSET"),
        ("${EMPTY:?say $BAR}", "the variable EMPTY is required: say $BAR", 0, "set EMPTY"),
        ("x${BAR", "the closing brace of ${ is missing", 1, "write ${NAME}"),
        ("${BAR:-x", "the closing brace of ${ is missing", 0, "write ${NAME}"),
        ("${A:-${B:-x}", "the closing brace of ${ is missing", 0, "write ${NAME}"),
        ("${A:-x}${B:-x", "the closing brace of ${ is missing", 7, "write ${NAME}"),
        ("${", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${ BAR}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${BAR BAZ}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${BAR%x}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${#BAR:-x}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${_:-x}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        ("${!BAR}", "what follows ${ is not a variable", 0, "$$ is a plain dollar sign"),
        (
            "${OKTETO_BUILD_A_TAG:-x}",
            "OKTETO_BUILD_A_TAG takes no default: its value comes from the image that it names",
            0,
            "write ${OKTETO_BUILD_A_TAG}",
        ),
    ],
)
def test_errors_say_what_is_wrong_where_and_what_to_do(
    text: str, message: str, offset: int, hint: str
) -> None:
    with pytest.raises(ExpansionError) as caught:
        expand(text, ENVIRON)
    assert (caught.value.message, caught.value.offset) == (message, offset)
    assert hint in caught.value.hint


def test_no_message_shows_a_value() -> None:
    with pytest.raises(ExpansionError) as caught:
        expand("${UNSET:?$TOKEN}", {"TOKEN": "hunter2"})
    assert "hunter2" not in f"{caught.value} {caught.value.message} {caught.value.hint}"


def test_defaults_in_one_another_are_bounded() -> None:
    def nested(depth: int) -> str:
        return "${A:-" * depth + "x" + "}" * depth

    assert expand(nested(MAX_DEPTH), {}) == "x"
    with pytest.raises(ExpansionError, match="more than 50 defaults lie in one another"):
        expand(nested(MAX_DEPTH + 1), {})


@given(st.text().filter(lambda text: "$" not in text))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert expand(text, ENVIRON) == text


@given(soup | st.text())
def test_any_text_expands_or_is_an_error_at_a_dollar_of_it(text: str) -> None:
    failure = None
    try:
        expand(text, ENVIRON)
    except ExpansionError as error:
        failure = error
    assert failure is None or (text[failure.offset] == "$" and failure.message and failure.hint)


@given(st.text())
def test_a_text_whose_dollars_are_doubled_comes_out_as_it_was(text: str) -> None:
    assert expand(text.replace("$", "$$"), {}) == text


@given(names, values)
def test_a_value_comes_out_as_it_is_whatever_it_holds(name: str, value: str) -> None:
    environ = {name: value}
    assert expand(f"<${{{name}}}>", environ) == f"<{value}>"
    assert expand(f"${{#{name}}}", environ) == str(len(value))


@given(names, st.none() | values, values.filter(lambda text: not set(text) & set("${}")))
def test_the_laws_of_the_operators(name: str, value: str | None, word: str) -> None:
    environ = {} if value is None else {name: value}
    assert expand(f"${{{name}:-{word}}}", environ) == (value or word)
    assert expand(f"${{{name}:={word}}}", environ) == (value or word)
    assert expand(f"${{{name}-{word}}}", environ) == (word if value is None else value)
    assert expand(f"${{{name}={word}}}", environ) == (word if value is None else value)
    assert expand(f"${{{name}+{word}}}", environ) == ("" if value is None else word)
    assert expand(f"${{{name}:+{word}}}", environ) == ("" if value is None else word)


@given(st.lists(names, unique=True, min_size=1, max_size=5), values)
def test_a_chain_of_defaults_ends_at_the_one_that_is_set(chain: list[str], value: str) -> None:
    text = "".join(f"${{{name}-" for name in chain[:-1]) + f"${chain[-1]}" + "}" * (len(chain) - 1)
    assert expand(text, {chain[-1]: value}) == value


def test_build_variables_are_found_in_their_order_with_repetitions() -> None:
    text = "${OKTETO_BUILD_API_IMAGE}/$OKTETO_BUILD_MY_DB_TAG-x $OKTETO_BUILD_API_IMAGE"
    assert build_variables(text) == (
        BuildVariable("${OKTETO_BUILD_API_IMAGE}", "API", "IMAGE"),
        BuildVariable("$OKTETO_BUILD_MY_DB_TAG", "MY_DB", "TAG"),
        BuildVariable("$OKTETO_BUILD_API_IMAGE", "API", "IMAGE"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OKTETO_BUILD_API_IMAGE",
        "${OKTETO_BUILD_API_IMAGE",
        "$OKTETO_BUILD_API_IMAGES",
        "$OKTETO_BUILD_API_TAGä",
        "${OKTETO_BUILD_API_IMAGE:-x}",
        "${OKTETO_BUILD__IMAGE",
        "${OKTETO_BUILD_api_IMAGE}",
    ],
)
def test_what_is_no_build_variable_is_not_found(text: str) -> None:
    assert build_variables(text) == ()
    assert substitute_build_variables(text, lambda name, field: f"{name}{field}") == text


def test_a_field_in_the_name_of_an_image_belongs_to_the_name() -> None:
    assert build_variables("$OKTETO_BUILD_MY_IMAGE_TAG") == (
        BuildVariable("$OKTETO_BUILD_MY_IMAGE_TAG", "MY_IMAGE", "TAG"),
    )


def test_build_variables_are_replaced_by_what_is_looked_up() -> None:
    known = {("API", "IMAGE"): "reg/api:1", ("DB", "SHA"): "sha256:0\\1"}
    text = "${OKTETO_BUILD_API_IMAGE} $OKTETO_BUILD_DB_SHA ${OKTETO_BUILD_X_TAG} $BAR"
    replaced = substitute_build_variables(text, lambda name, field: known.get((name, field)))
    assert replaced == "reg/api:1 sha256:0\\1 ${OKTETO_BUILD_X_TAG} $BAR"


def test_an_empty_value_counts_as_a_value() -> None:
    assert substitute_build_variables("<${OKTETO_BUILD_A_REGISTRY}>", lambda *_: "") == "<>"


@given(soup | st.text())
def test_what_expansion_leaves_is_what_is_found(text: str) -> None:
    try:
        expanded = expand(text.replace("$$", ""), {})
    except ExpansionError:
        return
    found = build_variables(expanded)
    assert substitute_build_variables(expanded, lambda *_: None) == expanded
    assert len(found) == len(re.findall(r"\$\{?OKTETO_BUILD_A_TAG(?!\w)", expanded))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("api", "API"), ("my-api", "MY_API"), ("my.api-2", "MY_API_2"), ("straße", "STRASSE")],
)
def test_the_name_of_an_image_in_its_variables(name: str, expected: str) -> None:
    assert variable_part(name) == expected
    text = f"${{OKTETO_BUILD_{expected}_SHA}}"
    assert build_variables(text) == (BuildVariable(text, expected, "SHA"),)
