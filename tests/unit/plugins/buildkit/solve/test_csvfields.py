"""Fields in one text, as RFC 4180 quotes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.solve.csvfields import join_fields, split_fields, split_texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=registry,ref=a/b:1", [("type", "registry"), ("ref", "a/b:1")]),
        ("inline", [("inline", None)]),
        ("Type=Local", [("type", "Local")]),
        ('type=s3,"name=a,b"', [("type", "s3"), ("name", "a,b")]),
        ('"x=say ""hi"""', [("x", 'say "hi"')]),
        ("a=b=c", [("a", "b=c")]),
        ("a=", [("a", "")]),
        ("", []),
    ],
)
def test_fields(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert split_fields(text) == expected


@pytest.mark.parametrize("text", ['"a=b', 'a="b"c",d'])
def test_a_quote_that_is_wrong(text: str) -> None:
    if text.startswith('"'):
        with pytest.raises(ValueError, match="end of data"):
            split_fields(text)
    else:
        assert split_fields(text) == [("a", '"b"c"'), ("d", None)]


def test_a_comma_is_quoted() -> None:
    assert join_fields(["a=1", "b=x,y"]) == 'a=1,"b=x,y"'


@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1),
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0")),
        min_size=1,
    )
)
def test_what_is_joined_is_split_again(pairs: dict[str, str]) -> None:
    text = join_fields(f"{name}={value}" for name, value in pairs.items())
    assert split_fields(text) == list(pairs.items())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("inline", ("inline",)),
        ("a/b,c/d", ("a/b", "c/d")),
        (" a/b , type=gha , scope=x,", ("a/b", "type=gha,scope=x")),
        ("type=local,dest=cache", ("type=local,dest=cache",)),
        ("ref=a/b,type=registry", ("ref=a/b,type=registry",)),
        ("a/b,type=local,dest=c,inline", ("a/b", "type=local,dest=c", "inline")),
        ("type=registry,ref=a,mode=max,type=gha", ("type=registry,ref=a,mode=max", "type=gha")),
        ('type=local,"dest=a,b",type=inline', ('type=local,"dest=a,b"', "type=inline")),
        ("TYPE=local,dest=c,type=inline", ("TYPE=local,dest=c", "type=inline")),
    ],
)
def test_texts_in_one_text(text: str, expected: tuple[str, ...]) -> None:
    assert split_texts(text) == expected
