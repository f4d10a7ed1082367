"""Addresses of images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.address import is_address, join_address, split_address
from okplug.errors import UsageError


@pytest.mark.parametrize(
    ("text", "folder", "name"),
    [
        ("services/api:api", "services/api", "api"),
        ("//services/api:api", "services/api", "api"),
        (":api", "", "api"),
        ("//:api", "", "api"),
        ("a:b:c", "a:b", "c"),
        ("größe/漢字:x-y.z", "größe/漢字", "x-y.z"),
        ("..a/.b:x", "..a/.b", "x"),
    ],
)
def test_folder_and_name(text: str, folder: str, name: str) -> None:
    assert split_address(text) == (folder, name)
    assert join_address(folder, name) == text.removeprefix("//")
    assert is_address(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("api", "it has no colon"),
        ("", "it has no colon"),
        ("services/api", "it has no colon"),
        ("services/api:", "there is no name behind the colon"),
        ("services:api/x", "the name 'api/x' has a slash"),
        ("/services:api", "the folder '/services' is absolute"),
        ("///services:api", "the folder '/services' is absolute"),
        ("services/:api", "the folder 'services/' is no plain path below the root"),
        ("a//b:api", "the folder 'a//b' is no plain path below the root"),
        (".:api", "the folder '.' is no plain path below the root"),
        ("../x:api", "the folder '../x' is no plain path below the root"),
        ("a/./b:api", "the folder 'a/./b' is no plain path below the root"),
    ],
)
def test_what_is_no_address(text: str, problem: str) -> None:
    assert not is_address(text)
    with pytest.raises(UsageError) as caught:
        split_address(text)
    assert caught.value.message == f"{text!r} is no address: {problem}"
    assert caught.value.hint == (
        "an address is FOLDER:NAME with the folder as seen from the root: services/api:api, or :api"
    )


parts = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)
folders = st.lists(parts.filter(lambda part: part not in {".", ".."}), max_size=4).map("/".join)
names = parts.filter(lambda part: ":" not in part)


@given(folders, names)
def test_joined_addresses_split_again(folder: str, name: str) -> None:
    assert split_address(join_address(folder, name)) == (folder, name)


@given(st.text() | st.text("a:/.", max_size=8))
def test_any_text_is_an_address_or_an_error_that_users_see(text: str) -> None:
    try:
        folder, name = split_address(text)
    except UsageError:
        assert not is_address(text)
    else:
        assert is_address(text)
        assert split_address(join_address(folder, name)) == (folder, name)
