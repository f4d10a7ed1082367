"""Programs that keep credentials for Docker: ``docker-credential-NAME get``.

The protocol is that of docker-credential-helpers: the server's name on standard input, a JSON
object with ``Username`` and ``Secret`` on standard output; a helper that does not know the server
exits 1 and says so on standard output.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from okplug.errors import RegistryError
from okplug.login import Login

if TYPE_CHECKING:
    from collections.abc import Mapping

#: seconds that a helper may take; some ask a cloud's servers
TIMEOUT = 30.0
#: the user name that says that the secret is an identity token
_TOKEN_USER = "<token>"  # noqa: S105  # no password, but a word of the protocol
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNKNOWN = ("credentials not found", "no credentials", "not found in")
_LONGEST_SHOWN = 200


class HelperError(RegistryError):
    """A helper that fails for one server."""


class UnusableHelperError(HelperError):
    """A helper that would fail for every server: it is not there, or hangs."""


def ask_helper(
    name: str, server: str, environ: Mapping[str, str], timeout: float = TIMEOUT
) -> Login | None:
    """Ask the helper *name* for a server's credentials, None if it has none.

    :param timeout: in seconds.
    :raises UnusableHelperError: if it is not there, cannot be run, or takes too long.
    :raises HelperError: if it fails, or answers otherwise; the message shows nothing secret.
    """
    import shutil
    import subprocess

    program = f"docker-credential-{name}"
    found = shutil.which(program, path=environ.get("PATH", "")) if _NAME.fullmatch(name) else None
    if found is None:
        raise _failure(f"{program!r:.100} is not installed", UnusableHelperError)
    try:
        done = subprocess.run(  # noqa: S603  # which the user's own configuration names
            [found, "get"],
            input=server.encode(),
            capture_output=True,
            env=dict(environ),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:  # not chained: it holds what was printed
        raise _failure(
            f"{program} did not answer within {timeout:g} seconds", UnusableHelperError
        ) from None
    except OSError as error:
        raise _failure(f"{program} cannot be run: {error.strerror}", UnusableHelperError) from error
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()
        if any(text in said.lower() for text in _UNKNOWN):
            return None
        complaint = said or done.stderr.decode(errors="replace").strip()
        raise _failure(f"{program} failed for {server}: {_shown(complaint, done.returncode)}")
    return _read(program, done.stdout)


def _read(program: str, answer: bytes) -> Login | None:
    try:
        document = json.loads(answer)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, TypeError, KeyError, RecursionError):  # not chained: the answer is secret
        username = secret = None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise _failure(f"{program} answered without Username and Secret") from None
    if not secret:
        return None
    return Login(identity_token=secret) if username == _TOKEN_USER else Login(username, secret)


def _shown(complaint: str, code: int) -> str:
    """Return the first line of a complaint, if it cannot be an answer with a secret in it."""
    if not complaint or "{" in complaint:
        return f"exit code {code}"
    return complaint.splitlines()[0][:_LONGEST_SHOWN]


def _failure(problem: str, kind: type[HelperError] = HelperError) -> HelperError:
    return kind(
        problem,
        hint="credHelpers and credsStore in Docker's config.json say which helper is asked",
    )
