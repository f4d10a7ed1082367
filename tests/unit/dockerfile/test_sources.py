"""What single instructions read from the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile import ContextRead, Inherited
from okplug.dockerfile.environment import Environment
from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.mounts import read_mount
from okplug.dockerfile.sources import (
    UnknownSourceError,
    context_path,
    copied,
    is_remote,
    mounted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Instruction

ENVIRONMENT = Environment("\\", Inherited(env=(("DIR", "src"), ("BLANKS", "a b"), ("EMPTY", ""))))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("COPY a b", ContextRead(("a",), 7)),
        ("COPY a b/ /x/", ContextRead(("a", "b"), 7)),
        ("COPY . .", ContextRead((".",), 7)),
        ("COPY / /x", ContextRead((".",), 7)),
        ("COPY ./a//b/../c /x", ContextRead(("a/c",), 7)),
        ("COPY ../a ../../b /x/", ContextRead(("a", "b"), 7)),
        ("COPY a/../.. /x", ContextRead((".",), 7)),
        ("COPY *.txt d[0-9]/? /x/", ContextRead(("*.txt", "d[0-9]/?"), 7)),
        ("COPY $DIR/a ${DIR}.c /x/", ContextRead(("src/a", "src.c"), 7)),
        ("COPY '$DIR' \\$DIR /x/", ContextRead(("$DIR", "$DIR"), 7)),
        ("COPY $BLANKS /x/", ContextRead(("a b",), 7)),
        ("COPY $EMPTY /x/", ContextRead((".",), 7)),
        ("COPY ${UNSET:-a} /x/", ContextRead(("a",), 7)),
        ('COPY ["a b", "$DIR/c", "/x/"]', ContextRead(("a b", "src/c"), 7)),
        ("COPY a /x/$UNSET", ContextRead(("a",), 7)),
        ("COPY <<E /x\nbody\nE", None),
        ("COPY <<-'E' a /x/\nbody\nE", ContextRead(("a",), 7)),
        ("COPY --exclude=*.md --exclude=$DIR a b", ContextRead(("a",), 7, ("*.md", "$DIR"))),
        ("COPY --parents a/b c/./d/../e /x/", ContextRead(("a/b", "c/./e"), 7, parents=True)),
        ("COPY --parents ./a ././b /./c /x/", ContextRead(("a", "b", "c"), 7, parents=True)),
        ("COPY --parents=false a/./b /x/", ContextRead(("a/b",), 7)),
        ("COPY --parents=TRUE a/./b/./c /x/", ContextRead(("a/./b/c",), 7, parents=True)),
        ("ADD a.tgz /x", ContextRead(("a.tgz",), 7)),
        ("ADD https://example.org/a.tgz /x", None),
        ("ADD https://example.org/a.git#main:sub /x", None),
        ("ADD git@example.org:a/b.git git://h/a ssh://h/b a /x/", ContextRead(("a",), 7)),
        ("ADD a.git github.com/a/b /x/", ContextRead(("a.git", "github.com/a/b"), 7)),
        ("ADD --exclude=b --unpack a /x/", ContextRead(("a",), 7, ("b",))),
    ],
)
def test_copied(
    instruction: Callable[[str], Instruction], text: str, read: ContextRead | None
) -> None:
    """Sources are relative to the context, which they cannot leave."""
    assert copied(instruction(text), ENVIRONMENT, 7) == read


@pytest.mark.parametrize("source", ["https://example.org/a", "git@example.org:a.git"])
def test_copy_fetches_nothing(instruction: Callable[[str], Instruction], source: str) -> None:
    """BuildKit refuses it, too."""
    with pytest.raises(MalformedError) as caught:
        copied(instruction(f"COPY {source} /x"), ENVIRONMENT, 7)
    assert str(caught.value) == f"COPY cannot fetch '{source}'"
    assert (caught.value.hint, caught.value.near) == ("ADD fetches URLs", source)


def test_a_source_that_is_unknown(instruction: Callable[[str], Instruction]) -> None:
    """The variable is told."""
    environment = Environment("\\", Inherited(is_complete=False))
    with pytest.raises(UnknownSourceError, match="DIR"):
        copied(instruction("COPY a $DIR/b /x/"), environment, 7)
    with pytest.raises(UnknownSourceError, match="DIR"):
        mounted(read_mount("source=$DIR"), environment, 7)
    with pytest.raises(UnknownSourceError, match="KIND"):
        mounted(read_mount("type=$KIND"), environment, 7)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("target=/x", ContextRead((".",), 7, is_mount=True)),
        ("type=bind,source=a,target=/x", ContextRead(("a",), 7, is_mount=True)),
        ("type=BIND,source=/a/../$DIR", ContextRead(("src",), 7, is_mount=True)),
        ("type=$UNSET${A:-bind},source=*", ContextRead(("*",), 7, is_mount=True)),
        ("type=bind,from=x,source=a", None),
        ("type=cache,source=a", None),
        ("type=tmpfs", None),
        ("type=secret,id=a", None),
        ("type=ssh", None),
    ],
)
def test_mounted(value: str, read: ContextRead | None) -> None:
    """Only a bind mount that comes from nowhere else reads the context."""
    assert mounted(read_mount(value), ENVIRONMENT, 7) == read


def test_a_mount_of_no_kind() -> None:
    """The message guesses which was meant."""
    with pytest.raises(MalformedError) as caught:
        mounted(read_mount("type=chache"), ENVIRONMENT, 7)
    assert str(caught.value) == "no kind of mount 'chache', did you mean 'cache'?"
    assert caught.value.hint == "the kinds are bind, cache, secret, ssh, tmpfs"


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("http://example.org", True),
        ("HTTPS://example.org", True),
        ("git://example.org/a", True),
        ("ssh://git@example.org/a", True),
        ("git@github.com:a/b.git", True),
        ("a.git", False),
        ("github.com/a/b.git", False),
        ("ftp://example.org", False),
        ("http:/a", False),
        ("a@b", False),
        ("./git@github.com:a", False),
        ("a:b", False),
    ],
)
def test_is_remote(source: str, *, remote: bool) -> None:
    """What BuildKit fetches, and what it takes for a path."""
    assert is_remote(source) is remote


_PARTS = st.lists(st.sampled_from(["a", "b", ".", "..", "", "*"]), max_size=8)


@given(_PARTS)
def test_paths_stay_in_the_context(parts: list[str]) -> None:
    """However a path climbs, the result is below the context, clean, and stays what it is."""
    path = context_path("/".join(parts))
    assert not path.startswith("/")
    assert path == "." or not {"", ".", ".."} & set(path.split("/"))
    assert context_path(path) == path
    assert context_path(f"/{path}/") == path
    assert context_path(f"../{path}") == path
