"""The files in which ``docker login`` and ``podman login`` keep credentials.

    {
      "auths": {"registry.example.com": {"auth": "base64 of user:password"},
                "registry.example.com/team": {"identitytoken": "..."}},
      "credHelpers": {"registry.example.com": "ecr-login"},
      "credsStore": "secretservice"
    }

A key of ``auths`` is a host, Docker's older ``https://HOST/v1/``, or podman's ``HOST/NAMESPACE``.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from okplug.errors import Location, UsageError
from okplug.login import Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: what Docker calls its Hub in files and towards helpers
DOCKER_HUB = "https://index.docker.io/v1/"
_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")
_TABLES = ("auths", "credHelpers")
_WHOLE_HOST = re.compile(r"(?:https?://([^/]+)(?:/.*)?|([^/]+)/(?:v[12]/?)?)")
_REMEDY = "log in again, which writes the file anew, or repair it"


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """A file's content; its entries are looked at when they are asked for.

    :param text: the file as it stands, for places in it.
    """

    path: Path
    text: str = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    def helper(self, host: str) -> tuple[str, str]:
        """Return the helper that knows the host, and the name that it knows the host by.

        :return: both ``""`` if the file names no helper for the host.
        :raises UsageError: if what stands there is no name.
        """
        helpers = self._table("credHelpers")
        for name in host_names(host):
            if name in helpers:
                return self._text(helpers[name], name, "credHelpers"), name
        store = self._text(self.document.get("credsStore", ""), "credsStore")
        return (store, host_names(host)[0]) if store else ("", "")

    def login(self, host: str, repository: str = "") -> Login | None:
        """Return the credentials that stand in the file itself, the most specific ones.

        :param repository: to find credentials for a namespace of the host, too.
        :raises UsageError: if they cannot be read; the message never shows them.
        """
        auths = self._table("auths")
        hosts = {_host_of(key): key for key in reversed(auths) if _host_of(key)}
        for key in _candidates(host, repository):
            key = key if key in auths else hosts.get(key, "")  # noqa: PLW2901  # the file's spelling
            found = self._read(key, auths[key]) if key else None
            if found is not None:
                return found
        return None

    def _read(self, key: str, entry: object) -> Login | None:
        """Return an entry's credentials, None if a helper has them or somebody has logged out."""
        if not isinstance(entry, dict):
            self._fail("expected an object", key, "auths")
        texts = {
            name: self._text(entry.get(name) or "", key, "auths", name)
            for name in ("username", "password", "identitytoken", "registrytoken", "auth")
        }
        username, secret = texts["username"], texts["password"]
        if texts["auth"]:
            username, secret = self._decode(texts["auth"], key)
        if texts["identitytoken"]:
            username = secret = ""
        found = Login(username, secret, texts["identitytoken"], texts["registrytoken"])
        return None if found == Login() else found

    def _decode(self, auth: str, key: str) -> tuple[str, str]:
        try:
            decoded = base64.b64decode(auth, validate=True).decode("utf-8")
        except ValueError:  # not chained: what was wrong is secret
            decoded = ""
        username, colon, secret = decoded.partition(":")
        if not colon or not username:
            self._fail("expected the base64 form of USER:PASSWORD", key, "auths", "auth")
        return username, secret.rstrip("\0")  # which some versions of Docker pad it with

    def _table(self, name: str) -> dict[str, Any]:
        table = self.document.get(name) or {}
        if not isinstance(table, dict):
            self._fail("expected an object", name)
        return table

    def _text(self, value: object, key: str, *names: str) -> str:
        if not isinstance(value, str):
            self._fail("expected a string", key, *names)
        return value

    def _fail(self, problem: str, key: str, table: str = "", name: str = "") -> NoReturn:
        """Raise the error about a place in the file, found by the names that lead to it."""
        position = 0
        for text in filter(None, (table, key, name)):
            position = max(position, self.text.find(json.dumps(text), position))
        where = " of ".join(filter(None, (name, key, table)))
        raise UsageError(
            f"{where}: {problem}", location=_location(self.path, self.text, position), hint=_REMEDY
        )


def read_credential_file(path: Path) -> CredentialFile | None:
    """Read a file, None if it is not there.

    :raises UsageError: if it cannot be read or is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise UsageError("expected UTF-8", location=Location(path), hint=_REMEDY) from None
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", location=Location(path)) from error
    if not text.strip():  # as a mount over a file that is not there leaves it
        return CredentialFile(path, text, {})
    return CredentialFile(path, text, _parse(path, text))


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:  # not chained: it holds the whole text
        place = Location(path, error.lineno, error.colno)
        raise UsageError(f"no JSON: {error.msg}", location=place, hint=_REMEDY) from None
    except (ValueError, RecursionError):
        raise UsageError("no usable JSON", location=Location(path), hint=_REMEDY) from None
    if not isinstance(document, dict):
        raise UsageError("expected an object", location=Location(path, 1, 1), hint=_REMEDY)
    return document


def find_credential_files(environ: Mapping[str, str]) -> tuple[CredentialFile, ...]:
    """Read the user's files; of two that know a host, the first counts.

    :raises UsageError: if one cannot be read, or the one that a variable names is not there.
    """
    found = map(read_credential_file, credential_paths(environ))
    files = tuple(file for file in found if file)
    named = environ.get("REGISTRY_AUTH_FILE")
    if named and not files:
        raise UsageError(
            f"REGISTRY_AUTH_FILE names {named}, which is not there",
            hint="unset it, or log in: podman login --authfile FILE HOST",
        )
    return files


def credential_paths(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield where credentials may be: what a variable names, else podman's and Docker's places."""
    if named := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
        return
    if folder := environ.get("DOCKER_CONFIG"):
        yield Path(folder, "config.json")
        return
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers", "auth.json")
    if home := environ.get("HOME"):
        yield Path(home, ".docker", "config.json")


def host_names(host: str) -> tuple[str, ...]:
    """Return the names that a host has in files, the one that Docker gives it first."""
    return (DOCKER_HUB, *_HUB_HOSTS) if host in {DOCKER_HUB, *_HUB_HOSTS} else (host,)


def _candidates(host: str, repository: str) -> Iterator[str]:
    """Yield what to look up: ``HOST/A/B``, ``HOST/A``, ``HOST``, in all names of the host."""
    names = host_names(host)
    while repository:
        yield from (f"{name}/{repository}" for name in names if name != DOCKER_HUB)
        repository = repository.rpartition("/")[0]
    yield from names


def _host_of(key: str) -> str:
    """Return the host of a key that is about a whole host in an older form, else ``""``."""
    match = _WHOLE_HOST.fullmatch(key)
    return (match[1] or match[2]) if match else ""


def _location(path: Path, text: str, position: int) -> Location:
    line = text.count("\n", 0, position) + 1
    return Location(path, line, position - text.rfind("\n", 0, position))
