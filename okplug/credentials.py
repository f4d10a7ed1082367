"""Who the user is to registries: credentials as ``docker login`` and ``podman login`` keep them.

    credentials = Credentials(config.environ, config.warn)
    login = credentials.find("registry.example.com", "team/app")

Files are read when credentials are first asked for, and once. Nothing secret reaches a message, a
log or the arguments of a process.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from okplug.credentialfiles import DOCKER_HUB, find_credential_files
from okplug.credentialhelpers import TIMEOUT, HelperError, UnusableHelperError, ask_helper
from okplug.login import Login
from okplug.stash import StashKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from okplug.config import Config
    from okplug.credentialfiles import CredentialFile

__all__ = ["DOCKER_HUB", "Credentials", "Login", "credentials_of"]

#: seconds for which a helper's answer counts; some helpers hand out tokens that live for minutes
_LIFETIME = 240.0


class Credentials:
    """The credentials of one user, for one run; usable from several threads.

    :param environ: the environment, which says where files and helpers are.
    :param warn: is told once of each helper that cannot be used; its hosts are then asked without
        credentials, which is enough for public images.
    :param timeout: seconds that a helper may take.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        warn: Callable[[str], None] | None = None,
        *,
        timeout: float = TIMEOUT,
    ) -> None:
        self._environ = environ
        self._warn = warn
        self._timeout = timeout
        self._lock = threading.Lock()
        self._files: tuple[CredentialFile, ...] | None = None
        self._answers: dict[tuple[str, str], tuple[float, Login | None]] = {}
        self._broken: set[str] = set()

    def for_host(self, host: str) -> Login | None:
        """Return the credentials for a whole registry, None if the user has none.

        :param host: ``HOST[:PORT]``; all names of Docker Hub are one.
        :raises UsageError: if a file with credentials is wrong.
        """
        return self.find(host)

    def find(self, host: str, repository: str = "") -> Login | None:
        """Return the credentials for a repository, the most specific ones.

        :param repository: such as ``team/app``; ``""`` for the whole registry.
        :raises UsageError: if a file with credentials is wrong.
        """
        with self._lock:  # held while a helper runs: whoever asks meanwhile wants the same answer
            if self._files is None:
                self._files = find_credential_files(self._environ)
            for file in self._files:
                found = self._find_in(file, host, repository)
                if found is not None:
                    return found
        return None

    def _find_in(self, file: CredentialFile, host: str, repository: str) -> Login | None:
        name, server = file.helper(host)
        found = self._ask(name, server) if name else None
        return found or file.login(host, repository)

    def _ask(self, name: str, server: str) -> Login | None:
        """Return what a helper says, or said not long ago; None of one that cannot be used."""
        if name in self._broken:
            return None
        now = time.monotonic()
        asked, answer = self._answers.get((name, server), (-_LIFETIME, None))
        if now - asked < _LIFETIME:
            return answer
        answer = self._run(name, server)
        self._answers[name, server] = (now, answer)
        return answer

    def _run(self, name: str, server: str) -> Login | None:
        try:
            return ask_helper(name, server, self._environ, self._timeout)
        except HelperError as error:
            if isinstance(error, UnusableHelperError):
                self._broken.add(name)
            if self._warn:
                self._warn(f"{error.message}; going on without it ({error.hint})")
            return None


_CREDENTIALS: StashKey[Credentials] = StashKey()


def credentials_of(config: Config) -> Credentials:
    """Return the run's credentials, which all its plugins share."""
    return config.stash.setdefault(_CREDENTIALS, Credentials(config.environ, config.warn))
