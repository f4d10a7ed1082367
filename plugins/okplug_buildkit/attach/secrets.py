"""Build secrets, moby.buildkit.secrets.v1.Secrets: read when they are asked for, kept nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.proto import secrets_pb2
from okplug_buildkit.rpc import Code, RpcError, unary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from okplug import Secret
    from okplug_buildkit.rpc import Handler

#: bytes of the largest secret, as for other clients of BuildKit
LARGEST = 500 * 1024


def handlers(secrets: Iterable[Secret], environ: Mapping[str, str]) -> dict[str, Handler]:
    """Return the handlers of the service.

    A secret whose variable is not set does not exist: a mount that does not require it is left out.

    :param environ: where secrets of kind ``env`` are.
    """
    known = {secret.id: secret for secret in secrets}

    def answer(request: secrets_pb2.GetSecretRequest) -> secrets_pb2.GetSecretResponse:
        secret = known.get(request.id)
        data = read_secret(secret, environ) if secret else None
        if data is None:
            raise RpcError(Code.NOT_FOUND, f"secret {request.id} not found")
        return secrets_pb2.GetSecretResponse(data=data)

    handler = unary(
        secrets_pb2.GetSecretRequest.FromString,
        answer,
        secrets_pb2.GetSecretResponse.SerializeToString,
    )
    return {"/moby.buildkit.secrets.v1.Secrets/GetSecret": handler}


def read_secret(secret: Secret, environ: Mapping[str, str]) -> bytes | None:
    """Return a secret's bytes, None if its variable is not set.

    :raises BuildError: if its file cannot be read, or it is too large.
    """
    data = _read_file(secret) if secret.kind == "file" else _read_variable(secret, environ)
    if data is not None and len(data) > LARGEST:
        raise BuildError(
            f"the secret {secret.id} has more than {LARGEST // 1024} KiB",
            location=secret.location,
            hint="BuildKit takes no larger secrets; large files belong into the context",
        )
    return data


def _read_file(secret: Secret) -> bytes:
    try:
        with Path(secret.source).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise BuildError(
            f"the secret {secret.id} cannot be read: {secret.source}: {error.strerror}",
            location=secret.location,
            hint="the file is to be there when the image is built",
        ) from error


def _read_variable(secret: Secret, environ: Mapping[str, str]) -> bytes | None:
    value = environ.get(secret.source)
    # what was not UTF-8 in the environment becomes the bytes that it was
    return None if value is None else value.encode("utf-8", "surrogateescape")
