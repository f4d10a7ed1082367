"""Secrets for the daemon, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import BuildError, Location
from okplug.manifest.model import Secret
from okplug_buildkit.attach import secrets
from okplug_buildkit.attach.secrets import LARGEST, read_secret
from okplug_buildkit.proto import secrets_pb2
from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLACE = Location(Path("/w/okteto.yaml"), 7, 5)
METHOD = "/moby.buildkit.secrets.v1.Secrets/GetSecret"


def from_file(path: Path, key: str = "npmrc") -> Secret:
    return Secret(key, "file", str(path), PLACE)


def from_variable(name: str, key: str = "token") -> Secret:
    return Secret(key, "env", name, PLACE)


@pytest.fixture
def get(ask: Callable[..., bytes]) -> Callable[..., bytes]:
    """Return what asks for a secret by its id."""

    def get(key: str, *known: Secret, environ: Mapping[str, str] | None = None) -> bytes:
        handler = secrets.handlers(known, environ or {})[METHOD]
        request = secrets_pb2.GetSecretRequest(id=key).SerializeToString()
        return secrets_pb2.GetSecretResponse.FromString(ask(handler, request)).data

    return get


def test_a_file_byte_for_byte(tmp_path: Path, get: Callable[..., bytes]) -> None:
    data = bytes(range(256)) + b"\r\n\0\n"
    (tmp_path / "f").write_bytes(data)
    assert get("npmrc", from_file(tmp_path / "f")) == data


def test_an_empty_file_is_a_secret(tmp_path: Path, get: Callable[..., bytes]) -> None:
    (tmp_path / "f").touch()
    assert get("npmrc", from_file(tmp_path / "f")) == b""


def test_a_variable(get: Callable[..., bytes]) -> None:
    assert get("token", from_variable("T"), environ={"T": "s3cret\n"}) == b"s3cret\n"
    assert get("token", from_variable("T"), environ={"T": ""}) == b""


@given(st.binary(max_size=64).filter(lambda data: b"\0" not in data))
def test_a_variable_is_the_bytes_that_the_environment_has(data: bytes) -> None:
    assert read_secret(from_variable("T"), {"T": os.fsdecode(data)}) == data


def test_ids_are_any_text(get: Callable[..., bytes]) -> None:
    known = (
        from_variable("T", "GIT_AUTH_TOKEN.git.example.com"),
        from_variable("U", "GIT_AUTH_TOKEN"),
    )
    environ = {"T": "one", "U": "all"}
    assert get("GIT_AUTH_TOKEN.git.example.com", *known, environ=environ) == b"one"
    assert get("GIT_AUTH_TOKEN", *known, environ=environ) == b"all"


@pytest.mark.parametrize("known", [(), (from_variable("UNSET", "x"),)])
def test_what_is_not_there_may_be_left_out(
    get: Callable[..., bytes], known: tuple[Secret, ...]
) -> None:
    with pytest.raises(RpcError, match=r"^secret x not found$") as caught:
        get("x", *known)
    assert caught.value.code == Code.NOT_FOUND


def test_a_file_that_is_not_there_is_an_error_of_the_manifest(
    tmp_path: Path, get: Callable[..., bytes]
) -> None:
    with pytest.raises(BuildError) as caught:
        get("npmrc", from_file(tmp_path / "gone"))
    assert str(caught.value) == (
        f"/w/okteto.yaml:7:5: the secret npmrc cannot be read: {tmp_path}/gone: "
        "No such file or directory\n"
        "  hint: the file is to be there when the image is built"
    )


def test_the_largest_secret(tmp_path: Path, get: Callable[..., bytes]) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * LARGEST)
    assert len(get("npmrc", from_file(path))) == 512_000
    path.write_bytes(b"x" * (LARGEST + 1))
    with pytest.raises(BuildError, match=r"7:5: the secret npmrc has more than 500 KiB"):
        get("npmrc", from_file(path))
    with pytest.raises(BuildError, match=r"the secret token has more than 500 KiB"):
        get("token", from_variable("T"), environ={"T": "x" * (LARGEST + 1)})


def test_a_file_is_read_when_it_is_asked_for(tmp_path: Path, get: Callable[..., bytes]) -> None:
    path = tmp_path / "f"
    handler = secrets.handlers([from_file(path)], {})[METHOD]
    path.write_bytes(b"late")
    assert handler is not None
    assert get("npmrc", from_file(path)) == b"late"
