"""The expressions of ``-k``."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import UsageError
from okplug.keyword import compile_keyword

HINT = "words, and, or, not and parentheses, such as 'api and not (test or old)'"


@pytest.mark.parametrize(
    ("expression", "value", "holds"),
    [
        ("api", "services/api:api", True),
        ("api", "web:web", False),
        ("API", "services/api:api", True),
        ("api", "services/API:x", True),
        ("services/api:", "services/api:api", True),
        ("a and b", "ab", True),
        ("a and b", "a", False),
        ("a or b", "b", True),
        ("a or b", "c", False),
        ("not a", "b", True),
        ("not not a", "a", True),
        ("not a and b", "b", True),
        ("not a and b", "c", False),
        ("not (a and b)", "a", True),
        ("a or b and c", "a", True),
        ("(a or b) and c", "a", False),
        ("a and b or c", "c", True),
        ("a AND NOT b", "a", True),
        ("((a))", "a", True),
        ("(a)and(b)", "ab", True),
        (" \t a \n ", "a", True),
        ("android", "android", True),
        ("nothing or orange", "an orange", True),
    ],
)
def test_what_holds(expression: str, value: str, holds: bool) -> None:  # noqa: FBT001  # a table
    assert compile_keyword(expression)(value) is holds


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (" ", "a word is missing"),
        ("and", "a word is missing"),
        ("a and", "a word is missing"),
        ("a or or b", "a word is missing"),
        ("not", "a word is missing"),
        ("()", "a word is missing"),
        (")", "a word is missing"),
        ("(a", "a parenthesis is not closed"),
        ("(a b)", "a parenthesis is not closed"),
        ("a b", "'b' does not belong there"),
        ("a)", "')' does not belong there"),
        ("a not b", "'not' does not belong there"),
        ("not " * 51 + "a", "more than 50 parts lie in one another"),
        ("(" * 5000, "more than 50 parts lie in one another"),
    ],
)
def test_what_is_no_expression(expression: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_keyword(expression)
    assert caught.value.message == f"-k {expression!r}: {problem}"
    assert caught.value.hint == HINT


def test_as_deep_as_is_allowed() -> None:
    assert compile_keyword("not " * 50 + "a")("a")
    assert compile_keyword("(" * 50 + "a" + ")" * 50)("a")
    assert compile_keyword(" and ".join(["(a)"] * 200))("a"), "what is beside does not count"


def texts() -> st.SearchStrategy[str]:
    """Expressions that Python reads as it reads its own, once words are calls."""
    return st.recursive(
        st.sampled_from(["x", "y", "z"]),
        lambda inner: st.one_of(
            inner.map("not {}".format),
            inner.map("({})".format),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        ),
        max_leaves=8,
    )


@given(texts(), st.sets(st.sampled_from("xyz")))
def test_it_reads_as_python_does(text: str, present: set[str]) -> None:
    names = {name: name in present for name in "xyz"}
    assert compile_keyword(text)("".join(present)) == eval(text, {}, names)


@given(st.text("ab() ndortx", max_size=20))
def test_any_text_is_an_expression_or_a_clean_error(text: str) -> None:
    with suppress(UsageError):
        assert compile_keyword(text)("abc") in {True, False}
