"""Mounts of RUN."""

from __future__ import annotations

import pytest

from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.mounts import Mount, read_mount


@pytest.mark.parametrize(
    ("value", "mount"),
    [
        ("target=/x", Mount()),
        ("type=bind,target=/x", Mount("bind")),
        ("type=cache,target=/root/.cache", Mount("cache")),
        ("type=bind,source=src,target=/x", Mount("bind", "", "src")),
        ("src=src,dst=/x", Mount("bind", "", "src")),
        ("source=a,src=b", Mount("bind", "", "b")),
        ("from=build,source=/out,target=/x,rw", Mount("bind", "build", "/out")),
        ("TYPE=bind,From=Build", Mount("bind", "Build")),
        ("type=$KIND,source=${DIR}/x", Mount("$KIND", "", "${DIR}/x")),
        ('type=bind,"source=a,b"', Mount("bind", "", "a,b")),
        ('type=bind,"source=a""b"', Mount("bind", "", 'a"b')),
        ("source=a=b", Mount("bind", "", "a=b")),
        ("from=a$", Mount("bind", "a$")),
        ("", Mount()),
        ("type=secret,id=npm,target=/x", Mount("secret", id="npm")),
        ("type=secret,target=/run/npm", Mount("secret", id="npm")),
        ("type=secret,dst=npm", Mount("secret", id="npm")),
        ("type=secret", Mount("secret")),
        ("type=ssh,id=git", Mount("ssh", id="git")),
        ("type=ssh,target=/run/agent", Mount("ssh")),
    ],
)
def test_read_mount(value: str, mount: Mount) -> None:
    """A mount is a bind mount of the context unless it says something else."""
    assert read_mount(value) == mount


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("from=$STAGE,target=/x", "'from' of a mount cannot hold a variable"),
        ('type=bind,"source=a', "cannot be read: unexpected end of data"),
        ('"a"b', "cannot be read: ',' expected after '\"'"),
    ],
)
def test_mounts_that_are_wrong(value: str, message: str) -> None:
    """BuildKit refuses these when it parses the file."""
    with pytest.raises(MalformedError) as caught:
        read_mount(value)
    assert message in str(caught.value)
    assert caught.value.near.startswith("--mount")
