"""Credentials for registries, moby.filesync.v1.Auth.

The daemon asks for a user and a secret and exchanges them for tokens by itself. The other way, in
which this side fetches the tokens, needs a signature scheme that Python does not bring along; its
methods are not served, which tells the daemon so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug_buildkit.proto import auth_pb2
from okplug_buildkit.rpc import Code, RpcError, unary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.credentials import Credentials, Login
    from okplug_buildkit.rpc import Handler


def handlers(
    credentials: Credentials, repositories: Mapping[str, str] | None = None
) -> dict[str, Handler]:
    """Return the handlers of the service.

    :param repositories: host -> the repository there that the build writes; credentials that hold
        for its namespace only are given too.
    """
    targets = dict(repositories or {})

    def answer(request: auth_pb2.CredentialsRequest) -> auth_pb2.CredentialsResponse:
        login = credentials.find(request.host, targets.get(request.host, ""))
        username, secret = _pair(request.host, login)
        return auth_pb2.CredentialsResponse(username=username, secret=secret)

    handler = unary(
        auth_pb2.CredentialsRequest.FromString,
        answer,
        auth_pb2.CredentialsResponse.SerializeToString,
    )
    return {"/moby.filesync.v1.Auth/Credentials": handler}


def _pair(host: str, login: Login | None) -> tuple[str, str]:
    """Return user and secret, both ``""`` for nobody; a token has no user."""
    if login is None:
        return "", ""
    if login.identity_token:
        return "", login.identity_token
    if login.registry_token and not login.secret:
        raise RpcError(
            Code.FAILED_PRECONDITION,
            f"the credentials for {host} are a registry token, which BuildKit does not take from a "
            "session; log in with a user and a password",
        )
    return login.username, login.secret
