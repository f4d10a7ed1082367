"""Variables, quotes and escapes; the tables were checked on BuildKit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.shellreader import MAX_DEPTH
from okplug.dockerfile.variables import (
    WHITESPACE,
    BadSubstitutionError,
    Expansion,
    Quoting,
    UnsetVariableError,
    evaluate,
    expand,
    expand_body,
    is_plain,
    split_words,
)

ENVIRONMENT = {
    "NAME": "value",
    "EMPTY": "",
    "BLANKS": "a b  c",
    "FILE": "foo.bar.baz",
    "PATTERN": "*.",
    "BACK": "\\a\\b",
    "QUOTED": "\"x\" 'y' $NAME",
    "ünder": "letters",
    "_x1": "underscore",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$NAME", "value"),
        ("${NAME}", "value"),
        ("a${NAME}b$NAME-c", "avaluebvalue-c"),
        ("$NAMES", ""),
        ("${UNSET}", ""),
        ("$ünder", "letters"),
        ("$_x1", "underscore"),
        ("$", "$"),
        ("a$", "a$"),
        ("$ x", "$ x"),
        ("$.", "$."),
        ("$1abc", "abc"),
        ("$123", ""),
        ("$@$*$#$?$-$$$!", ""),
        ("$(NAME)", "$(NAME)"),
        ("${UNSET-word}", "word"),
        ("${UNSET:-word}", "word"),
        ("${EMPTY-word}", ""),
        ("${EMPTY:-word}", "word"),
        ("${NAME:-word}", "value"),
        ("${UNSET+word}", ""),
        ("${EMPTY+word}", "word"),
        ("${EMPTY:+word}", ""),
        ("${NAME:+word}", "word"),
        ("${NAME?gone}", "value"),
        ("${EMPTY?gone}", ""),
        ("${UNSET:-${NAME}}", "value"),
        ("${UNSET:-${ALSO:-${NAME}x}y}", "valuexy"),
        ("${UNSET:-a b}", "a b"),
        ("${UNSET:-'a}b'}", "a}b"),
        ('${UNSET:-"a}b"}', "a}b"),
        ("${UNSET:-a\\}b}", "a}b"),
        ("${UNSET:-}", ""),
        ("${FILE#*.}", "bar.baz"),
        ("${FILE##*.}", "baz"),
        ("${FILE%.*}", "foo.bar"),
        ("${FILE%%.*}", "foo"),
        ("${FILE#$PATTERN}", "bar.baz"),
        ("${FILE/bar/qux}", "foo.qux.baz"),
        ("${FILE/ba/X}", "foo.Xr.baz"),
        ("${FILE//ba/X}", "foo.Xr.Xz"),
        ("${FILE//./}", "foobarbaz"),
        ("${FILE/./$NAME}", "foovaluebar.baz"),
        ("${BACK#'\\'}", "a\\b"),
        ('${BACK#"\\\\"}', "a\\b"),
        ("${BACK##*'\\'}", "b"),
        ("${FILE#'*'.}", "bar.baz"),
        ("${UNSET#x}", ""),
        ("${UNSET/x/y}", ""),
    ],
)
def test_variables(text: str, expected: str) -> None:
    """Each form gives what BuildKit gives."""
    assert expand(text, ENVIRONMENT.get) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'single $NAME'", "single $NAME"),
        ("'a\\b'", "a\\b"),
        ('"double $NAME"', "double value"),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        ('"a\\"b"', 'a"b'),
        ('"a\\$NAME"', "a$NAME"),
        ('"a\\\\b"', "a\\b"),
        ('"a\\nb"', "a\\nb"),
        ("a\\nb", "anb"),
        ("\\$NAME", "$NAME"),
        ("\\\\$NAME", "\\value"),
        ("\\'a\\'", "'a'"),
        ("a\\", "a"),
        ("''", ""),
        ("$QUOTED", "\"x\" 'y' $NAME"),
        ("\"${NAME}\"'x'y", "valuexy"),
        ("a < b << c", "a < b << c"),
    ],
)
def test_quotes_and_escapes(text: str, expected: str) -> None:
    """Quotes and escapes go away; those in a value stay."""
    assert expand(text, ENVIRONMENT.get) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`$NAME", "$NAME"),
        ("a\\b", "a\\b"),
        ("C:\\$NAME", "C:\\value"),
        ('"`$NAME `x"', "$NAME `x"),
        ("``", "`"),
    ],
)
def test_a_backquote_as_escape_character(text: str, expected: str) -> None:
    """The backslash is plain then."""
    assert expand(text, ENVIRONMENT.get, "`") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NAME", "'}' is missing in '${NAME'"),
        ("${", "'}' is missing in '${'"),
        ("${NAME:", "'}' is missing in '${NAME:'"),
        ("${NAME:-x", "'}' is missing in '${NAME:-x'"),
        ("${NAME/x", "'/' is missing in '${NAME/x'"),
        ("${NAME/x/y", "'}' is missing in '${NAME/x/y'"),
        ("${}", "bad substitution in '${}'"),
        ("${{NAME}}", "bad substitution in '${{NAME}}'"),
        ("${:-x}", "bad substitution in '${:-x}'"),
        ("${NAME:0:3}", "':0' is no operator of ${...}, in '${NAME:0:3}'"),
        ("${NAME:#x}", "':#' is no operator of ${...}, in '${NAME:#x}'"),
        ("${NAME^^}", "'^' is no operator of ${...}, in '${NAME^^}'"),
        ("${NAME=x}", "'=' is no operator of ${...}, in '${NAME=x}'"),
        ("${ NAME}", "' ' is no operator of ${...}, in '${ NAME}'"),
        ("${NAME#\\a}", "'\\a' escapes what needs no escape, in '${NAME#\\\\a}'"),
        ("${NAME/\\a/b}", "'\\a' escapes what needs no escape, in '${NAME/\\\\a/b}'"),
        ("'open", "the quote ' is not closed in \"'open\""),
        ('"open', "the quote \" is not closed in '\"open'"),
        ('"open\\', "the quote \" is not closed in '\"open\\\\'"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    """The message says what is wrong, and where."""
    with pytest.raises(BadSubstitutionError) as caught:
        expand(text, ENVIRONMENT.get)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${UNSET?}", "UNSET: is not allowed to be unset"),
        ("${UNSET:?}", "UNSET: is not allowed to be unset"),
        ("${EMPTY:?}", "EMPTY: is not allowed to be empty"),
        ("${UNSET?give it}", "UNSET: give it"),
        ("${EMPTY:?set $NAME}", "EMPTY: set value"),
    ],
)
def test_a_required_variable(text: str, message: str) -> None:
    """The error holds the variable's name, so that a caller can tell where it might come from."""
    with pytest.raises(UnsetVariableError) as caught:
        expand(text, ENVIRONMENT.get)
    assert str(caught.value) == message
    assert caught.value.name == message.partition(":")[0]


def test_depth_is_limited() -> None:
    """Nesting without end is an error, not a crash."""
    depth = MAX_DEPTH
    assert expand("${U:-" * depth + "x" + "}" * depth, ENVIRONMENT.get) == "x"
    with pytest.raises(BadSubstitutionError, match="more than 50"):
        expand("${U:-" * (depth + 1) + "x" + "}" * (depth + 1), ENVIRONMENT.get)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ("a", "b", "c")),
        ("  a\tb\n", ("a", "b")),
        ("", ()),
        ("$BLANKS", ("a", "b", "c")),
        ("x$BLANKS", ("xa", "b", "c")),
        ('"$BLANKS"', ("a b  c",)),
        ("'a b' c", ("a b", "c")),
        ("a\\ b c", ("a b", "c")),
        ("$UNSET a", ("a",)),
        ("'' a", ("a",)),
        ("a''b", ("ab",)),
        ("80 $NAME/tcp", ("80", "value/tcp")),
        ("a\u2003b", ("a", "b")),
        ("cat << EOF", ("cat", "<< EOF")),
    ],
)
def test_split_words(text: str, words: tuple[str, ...]) -> None:
    """Blanks split, those of variables, too; quoted and escaped ones do not."""
    assert split_words(text, ENVIRONMENT.get) == words


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a=\"$NAME\"\nb='$NAME'\n", "a=\"value\"\nb='value'\n"),
        ("cost \\$5\n", "cost $5\n"),
        ("back\\slash\n", "backslash\n"),
        ("it's ${UNSET:-'x'}\n", "it's 'x'\n"),
        ('<a href="x">\n', '<a href="x">\n'),
    ],
)
def test_expand_body(body: str, expected: str) -> None:
    """In a here-document quotes are text."""
    assert expand_body(body, ENVIRONMENT.get) == expected


def test_evaluate_reports_what_was_read() -> None:
    """Variables in a default count, be it used or not."""
    assert evaluate("$NAME ${A:-$B} ${EMPTY:-$C}", ENVIRONMENT.get) == Expansion(
        "value  ", frozenset({"NAME", "EMPTY"}), frozenset({"A", "B", "C"})
    )
    assert evaluate("'$NAME'", ENVIRONMENT.get) == Expansion("$NAME")


@pytest.mark.parametrize(
    ("quoting", "expected"),
    [
        (Quoting(), "a b c $x "),
        (Quoting(keep_quotes=True), "'a b' \"c\" $x "),
        (Quoting(keep_escapes=True), "a b c \\$x "),
        (Quoting(ignore_quotes=True), "'a b' \"c\" $x "),
        (Quoting(keep_unset=True), "a b c $x ${UNSET:-y}"),
        (Quoting(keep_quotes=True, keep_escapes=True), "'a b' \"c\" \\$x "),
    ],
)
def test_quoting(quoting: Quoting, expected: str) -> None:
    """Quotes, escapes and variables without value stay where they are asked to."""
    text = "'a b' \"c\" \\$x ${UNSET}" if not quoting.keep_unset else ""
    text = text or "'a b' \"c\" \\$x ${UNSET:-y}"
    assert evaluate(text, ENVIRONMENT.get, "\\", quoting).text == expected


@pytest.mark.parametrize("text", ["$x", "${x:0:3}", "${x#a}", "${x#\\q}", "${x/a/b}", "${x/\\q/}"])
def test_unset_variables_can_stay(text: str) -> None:
    """Forms that only other shells know are no error then."""
    assert evaluate(text, ENVIRONMENT.get, "\\", Quoting(keep_unset=True)).text == text


def test_is_plain() -> None:
    """What holds no mark is returned as it is."""
    assert is_plain("a.b/c*[d]")
    assert is_plain("a\\b", "`")
    for text in ("$a", "'a'", '"a"', "a\\b", "<"):
        assert not is_plain(text)


_plain = st.text(st.characters(exclude_characters="$'\"\\`<", codec="utf-8"))


@given(_plain, st.sampled_from("\\`"))
def test_text_without_marks_is_itself(text: str, escape: str) -> None:
    """Nothing changes where there is nothing to do."""
    assert expand(text, ENVIRONMENT.get, escape) == text
    assert split_words(text, ENVIRONMENT.get, escape) == tuple(
        word for word in text.translate(dict.fromkeys(map(ord, WHITESPACE), " ")).split(" ") if word
    )


@given(st.text(st.characters(exclude_characters="'", codec="utf-8")))
def test_single_quotes_keep_everything(text: str) -> None:
    """Whatever stands between them."""
    assert expand(f"'{text}'", ENVIRONMENT.get) == text


@given(st.text(st.characters(codec="utf-8")))
def test_an_escaped_text_is_itself(text: str) -> None:
    """An escape character before each character makes all of them plain."""
    escaped = "".join(f"\\{char}" for char in text)
    assert expand(escaped, ENVIRONMENT.get) == text


@given(st.text(), st.text())
def test_values_are_not_expanded_again(value: str, other: str) -> None:
    """A value is taken as it is, whatever it holds."""
    values = {"A": value, "B": other}
    assert expand("$A${B}", values.get) == value + other
    assert expand('"${A}"', values.get) == value
    assert expand("${A-x}", values.get) == value


@given(st.text(st.sampled_from("${}:-+?#%/\\'\"`<A ")))
def test_only_the_documented_error_is_raised(text: str) -> None:
    """No text, however odd, fails in another way; one that works does so again."""
    try:
        first = evaluate(text, {"A": "a b"}.get)
    except BadSubstitutionError:
        return
    assert evaluate(text, {"A": "a b"}.get) == first
    assert expand(text, {"A": "a b"}.get) == first.text
