"""Workspaces whose runs keep what they know, and tell what they did nevertheless."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from okplug import collect, folderstats, keyring, keys, linking, notes

if TYPE_CHECKING:
    import pytest

    from okplug.testing import Workspace


class Kept:
    """A workspace whose runs keep what they know.

    :ivar read: what the last run did: ``manifests`` if it read all of them, ``again`` if some,
        ``key`` for each key that it made.
    """

    def __init__(self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (folderstats, notes):
            # what a test has written a moment ago counts as old
            monkeypatch.setattr(module, "GRANULARITY", -(10**12))
        self.workspace = workspace
        self.root = workspace.root
        self.read: list[str] = []
        read, relink, make = collect._read, linking.relink, keys.key_record

        def counted_read(*args: object) -> object:
            self.read.append("manifests")
            return read(*args)  # type: ignore[arg-type]  # passed on as they are

        def counted_relink(*args: object) -> object:
            self.read.append("again")
            return relink(*args)  # type: ignore[arg-type]  # likewise

        def counted_key(*args: object) -> object:
            self.read.append("key")
            return make(*args)  # type: ignore[arg-type]  # likewise

        monkeypatch.setattr(collect, "_read", counted_read)
        monkeypatch.setattr(linking, "relink", counted_relink)
        monkeypatch.setattr(keyring, "key_record", counted_key)

    def run(self, *words: str, **environ: str) -> list[str]:
        """Run, and return what is printed."""
        self.read.clear()
        outcome = self.workspace.run(*(words or ("hash", "--json")), environ=environ)
        return [str(outcome.exit_code), outcome.stdout, outcome.stderr]

    def fresh(self, *words: str, **environ: str) -> list[str]:
        """Return what a first run prints."""
        kept = self.root / ".okplug"
        kept.rename(self.root.parent / "kept")
        try:
            return self.run(*words, **environ)
        finally:
            shutil.rmtree(kept, ignore_errors=True)  # what fails at once makes none
            (self.root.parent / "kept").rename(kept)
