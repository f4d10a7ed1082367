"""Values of options that say something of images."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.optionvalues import (
    Addressed,
    GivenArg,
    GivenSecret,
    read_build_arg,
    read_host,
    read_pair,
    read_platforms,
    read_secret,
    read_target,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", GivenArg("", "A", "1")),
        ("A=", GivenArg("", "A", "")),
        ("A", GivenArg("", "A", None)),
        ("A=b=c:d.e", GivenArg("", "A", "b=c:d.e")),
        ("a.b=1", GivenArg("", "a.b", "1")),
        ("services/api:api.A=1", GivenArg("services/api:api", "A", "1")),
        (":site.A", GivenArg(":site", "A", None)),
        ("team-1.0/api:api.A=1", GivenArg("team-1.0/api:api", "A", "1")),
        ("services::.A=1", GivenArg("services::", "A", "1")),
    ],
)
def test_build_arguments(text: str, expected: GivenArg) -> None:
    assert read_build_arg(text) == expected


@pytest.mark.parametrize("text", ["", "=1", "api:api=1", "a.b:api=1", "api:api.=1"])
def test_build_arguments_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=VALUE, not"):
        read_build_arg(text)


@given(
    st.sampled_from(["", "api:api", "a/b.c:x-y"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
    st.none() | st.text(max_size=12),
)
def test_what_is_written_is_what_is_read(where: str, name: str, value: str | None) -> None:
    text = f"{where}.{name}" if where else name
    text += "" if value is None else f"={value}"
    assert read_build_arg(text) == GivenArg(where, name, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", ("a", "1")),
        ("a", ("a", "")),
        (" a =x=y", ("a", "x=y")),
        ("org.x/y=", ("org.x/y", "")),
    ],
)
def test_labels(text: str, expected: tuple[str, str]) -> None:
    assert read_pair(text) == expected


def test_a_label_without_a_name() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=VALUE, not '=1'"):
        read_pair("=1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dev", Addressed("", "dev")),
        ("services/api:api=dev", Addressed("services/api:api", "dev")),
        ("web-*=test.1", Addressed("web-*", "test.1")),
    ],
)
def test_targets(text: str, expected: Addressed) -> None:
    assert read_target(text) == expected


@pytest.mark.parametrize("text", ["", "=dev", "api:api=", "a b"])
def test_targets_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected STAGE or ADDRESS=STAGE"):
        read_target(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", Addressed("", "linux/amd64")),
        ("linux/x86_64, linux/arm64,linux/amd64", Addressed("", "linux/amd64,linux/arm64")),
        ("api:api=linux/aarch64", Addressed("api:api", "linux/arm64")),
    ],
)
def test_platforms(text: str, expected: Addressed) -> None:
    assert read_platforms(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("arm64", "expected a platform such as linux/amd64, not 'arm64'"),
        ("linux/amd64,", "expected a platform"),
        ("=linux/amd64", "expected ADDRESS=PLATFORM"),
    ],
)
def test_platforms_that_are_none(text: str, problem: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=problem):
        read_platforms(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=npm,src=npmrc", GivenSecret("npm", "file", "npmrc")),
        ("id=npm,source=~/.npmrc", GivenSecret("npm", "file", "~/.npmrc")),
        ("type=file,id=npm,src=a", GivenSecret("npm", "file", "a")),
        ("ID=npm, env=TOKEN", GivenSecret("npm", "env", "TOKEN")),
        ("id=npm,type=env,src=TOKEN", GivenSecret("npm", "env", "TOKEN")),
        ("id=npm,type=env", GivenSecret("npm", "env", "npm")),
        ("id=npm", GivenSecret("npm", "", "npm")),
        ('id=npm,"src=a,b"', GivenSecret("npm", "file", "a,b")),
        ("id=npm,src=a=b", GivenSecret("npm", "file", "a=b")),
    ],
)
def test_secrets(text: str, expected: GivenSecret) -> None:
    assert read_secret(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' has no value"),
        ("npm", "'npm' has no value"),
        ("id=", "'id=' has no value"),
        ("src=a", "it has no id"),
        ("id=a,sorce=b", "there is no field 'sorce'"),
        ("id=a,id=b", "id is given twice"),
        ("id=a,src=b,source=c", "src is given twice"),
        ("id=a,src=b,env=C", "src and env cannot both be given"),
        ("id=a,type=vault", "type is file or env"),
        ('"id=a', "unexpected end of data"),
    ],
)
def test_secrets_that_are_none(text: str, problem: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        read_secret(text)
    message = str(caught.value)
    assert problem in message
    assert message.endswith("; write id=ID,src=FILE or id=ID,env=NAME")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db:10.0.0.2", ("db", "10.0.0.2")),
        ("db=10.0.0.2", ("db", "10.0.0.2")),
        ("db:::1", ("db", "::1")),
        ("db=[fe80::1]", ("db", "fe80::1")),
    ],
)
def test_hosts(text: str, expected: tuple[str, str]) -> None:
    assert read_host(text) == expected


@pytest.mark.parametrize("text", ["", "db", "db:", ":10.0.0.2", "db:host-gateway", "db:1.2.3"])
def test_hosts_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"such as db:10\.0\.0\.2, not"):
        read_host(text)
