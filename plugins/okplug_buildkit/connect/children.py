"""Connections that a child process joins to a daemon."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

from okplug_buildkit.connect.relay import DialError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence
    from typing import IO

#: bytes of a child's last words that are read
_LAST_WORDS = 4096
#: seconds for a child to end by itself when its connection is gone, before it is killed
_PATIENCE = 1.0


class ChildDialer:
    """Starts a program whose standard input and output are the connection.

    :param environ: the child's whole environment; its ``PATH`` says where the program is.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command = tuple(command)
        self._environ = dict(environ)

    def __call__(self, connection: socket.socket) -> Child:
        """Start the program.

        :raises DialError: if there is none.
        """
        words = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the child
        try:
            with connection:
                process = subprocess.Popen(  # noqa: S603  # no shell, and no word of it is an option
                    self._command,
                    stdin=connection.fileno(),
                    stdout=connection.fileno(),
                    stderr=words,
                    env=self._environ,
                    # Ctrl-C is for us, who still have to tell the daemon through this child
                    start_new_session=True,
                )
        except OSError as error:
            words.close()
            program = self._command[0]
            raise DialError(
                f"cannot start {program}: {error.strerror}",
                f"install {program}, or name a builder that is reached without it",
            ) from error
        return Child(process, words, self._command[0])


class Child:
    """A running program, a ``Link``.

    :param program: its name.
    """

    def __init__(self, process: subprocess.Popen[bytes], words: IO[bytes], program: str) -> None:
        self._program = program
        self._process = process
        self._words = words
        self._last_words = ""

    def is_over(self) -> bool:
        """Tell whether the program has ended."""
        if self._process.poll() is None:
            return False
        self.close()
        return True

    def complaint(self) -> str:
        """Return the last line that the program wrote to its standard error, else how it failed."""
        if not self._words.closed:
            descriptor = self._words.fileno()
            start = max(0, os.fstat(descriptor).st_size - _LAST_WORDS)
            text = os.pread(descriptor, _LAST_WORDS, start).decode("utf-8", "replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            self._last_words = lines[-1] if lines else self._failure()
        return self._last_words

    def _failure(self) -> str:
        """Return how the program failed, ``""`` if it did not; to be killed is no fault of its."""
        code = self._process.poll() or 0
        return f"{self._program} ended with exit code {code}" if code > 0 else ""

    def close(self) -> None:
        """End the program, which ends by itself once its connection is gone."""
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.complaint()
        self._words.close()
