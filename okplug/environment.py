"""The variables of a run: the process's count more than those of ``.env`` files.

The file in the workspace's root counts for everything, as if it were in everybody's environment;
one in a manifest's folder counts for that manifest, and more than the root's.
"""

from __future__ import annotations

import threading
from collections import ChainMap
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import Location, UsageError
from okplug.notes import note_file
from okplug.settings import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from okplug.dotenv import EnvFile
    from okplug.masking import Masks
    from okplug.settings import Setting

NAME = ".env"


class EnvFiles:
    """The files of one run, each read once; used from several threads.

    :param root: of the workspace.
    :param process: the process's environment.
    :param masks: is given their values.
    :raises UsageError: if the one in the root cannot be read or understood.
    """

    def __init__(self, root: Path, process: Mapping[str, str], masks: Masks) -> None:
        self.process = process
        self.masks = masks
        self._lock = threading.Lock()
        self._unheard: list[str] = []
        self._here = str(root)
        #: the root of the checkout whose manifests are read, which may be another one
        self.there = self._here
        self._folders: dict[str, dict[str, str]] = {self._here: {}}
        self._root = self._read(str(root), {})

    def at_root(self) -> Mapping[str, str]:
        """Return the process's environment with the root's variables below it."""
        return {**_values(self._root), **self.process} if self._root else self.process

    def below(self, folder: str, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return what counts for manifests in a folder.

        :param environ: what counts for the whole run.
        :raises UsageError: if the folder's file cannot be read or understood.
        """
        if f"{folder}/".startswith(f"{self.there}/"):
            folder = self._here + folder[len(self.there) :]
        with self._lock:
            if folder not in self._folders:
                self._folders[folder] = _values(self._read(folder, environ))
            own = self._folders[folder]
        if not own:
            return environ
        for name in own:
            environ.get(name)  # to have it noted: where the process has it, that counts
        above = {name: value for name, value in own.items() if name not in self.process}
        return ChainMap(above, environ)  # type: ignore[arg-type]  # nobody changes it

    def seen_from(self, root: Path) -> EnvFiles:
        """Return the same files for manifests of another checkout: nobody commits these files."""
        elsewhere = copy(self)
        elsewhere.there = str(root)
        return elsewhere

    def assignments(self, settings: Iterable[Setting]) -> Iterator[Assignment]:
        """Yield what the root's file says of settings."""
        if not self._root:
            return
        given = self._root.variables
        for setting in settings:
            name = next((name for name in setting.variables if name in given), None)
            if name is not None and given[name].value:
                place = given[name].location
                if not setting.secret:
                    self.masks.show([given[name].value])
                yield Assignment(setting.name, given[name].value, f"{NAME}:{place.line}", place)

    def place(self, name: str) -> Location | None:
        """Return where the root's file has a variable, None if it does not or does not count."""
        found = self._root.variables.get(name) if self._root else None
        return None if found is None or name in self.process else found.location

    def take_warnings(self) -> list[str]:
        """Return what nobody has heard yet."""
        with self._lock:
            unheard, self._unheard = self._unheard, []
        return unheard

    def _read(self, folder: str, environ: Mapping[str, str]) -> EnvFile | None:
        """Read a folder's file, None if it has none; folders are texts, for there may be many."""
        path = f"{folder}/{NAME}"
        note_file(path)
        try:
            with open(path, "rb") as stream:  # noqa: PTH123  # the same
                data = stream.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise UsageError(
                f"the file cannot be read: {error.strerror}",
                location=Location(Path(path)),
                hint="let everybody read it who builds, or remove it",
            ) from error
        from okplug.dotenv import parse_env  # most folders have no such file

        found = parse_env(data, Path(path), environ, self.process)
        self._unheard += found.warnings
        self.masks.add(variable.value for variable in found.variables.values())
        return found


def _values(file: EnvFile | None) -> dict[str, str]:
    found = file.variables if file else {}
    return {name: variable.value for name, variable in found.items()}
