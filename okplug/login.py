"""What a registry is told to know who asks."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """The credentials for one registry, of which only the user name is ever shown.

    :param username: ``""`` with an identity token.
    :param secret: the password, or an access token in its place.
    :param identity_token: a refresh token, to be exchanged for access tokens.
    :param registry_token: a bearer token to be sent as it is.
    """

    username: str = ""
    secret: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
