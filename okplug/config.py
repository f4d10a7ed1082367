"""What a run knows before it begins: where it is, its settings, its plugins.

A ``Config`` belongs to one run. Nothing in okplug reads the process's environment but through it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.commandline import Parser
from okplug.coresettings import user_cache
from okplug.masking import Masks
from okplug.notes import note_setting, note_warning
from okplug.settings import Setting, SettingValue, Value
from okplug.stash import Stash, StashKey
from okplug.statedir import make_state_dir

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping

    from okplug.environment import EnvFiles
    from okplug.pluginmanager import PluginManager
    from okplug.rounds import Rounds
    from okplug.tomlfile import Table

__all__ = ["Config", "Parser", "Setting", "Stash", "StashKey", "Value"]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the user should know and that stops nothing.

    :param address: the image it is about, ``""`` for the run.
    """

    message: str
    address: str = ""

    def __str__(self) -> str:
        return f"{self.address}: {self.message}" if self.address else self.message


@dataclass(eq=False)
class Config:
    """One run's surroundings.

    :param root: the workspace.
    :param cwd: where the user is, with ``-C`` taken into account.
    :param environ: the environment, below it the variables of the root's ``.env``, and below
        those the administrator's; never read another.
    :param options: what the command's own options say.
    :param plugins: the hooks, one typed method each.
    :param settings: every setting's value, by name.
    :param command: the name of the command.
    :param stash: where plugins keep what belongs to this run.
    :param image_table: what the settings file says of images, None if nothing.
    :param masks: what nobody may read in what is printed.
    :param env_files: the ``.env`` files, None if none are read.
    :param links: absolute paths of links to folders that count as folders of the workspace.
    :param rounds: what is kept from run to run with ``--watch``, None without.
    """

    root: Path
    cwd: Path
    environ: Mapping[str, str]
    options: argparse.Namespace
    plugins: PluginManager
    settings: Mapping[str, Value]
    command: str = ""
    stash: Stash = field(default_factory=Stash)
    image_table: Table | None = None
    masks: Masks = field(default_factory=Masks, repr=False)
    env_files: EnvFiles | None = field(default=None, repr=False)
    links: Collection[str] = field(default=frozenset(), repr=False)
    rounds: Rounds | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _unheard: list[Warned] = field(default_factory=list, repr=False)
    _warned: set[Warned] = field(default_factory=set, repr=False)
    _listener: Callable[[Warned], None] | None = field(default=None, repr=False)

    def text(self, name: str) -> str:
        """Return the value of a ``text`` setting."""
        value = self._value(name)
        if not isinstance(value, str):
            raise TypeError(f"setting {name} is no text")
        return value

    def flag(self, name: str) -> bool:
        """Return the value of a ``flag`` setting."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise TypeError(f"setting {name} is no flag")
        return value

    def number(self, name: str) -> int:
        """Return the value of a ``number`` setting."""
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"setting {name} is no number")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """Return the value of a ``words`` setting."""
        value = self._value(name)
        if not isinstance(value, tuple):
            raise TypeError(f"setting {name} is no list of words")
        return value

    def path(self, name: str) -> Path | None:
        """Return the file or folder that a ``text`` setting names, None if it names none.

        ``~/`` stands for the user's home, and another relative path is below the root.
        """
        text = self.text(name)
        if not text:
            return None
        home = self.environ.get("HOME")
        if home and text.startswith("~/"):
            return Path(home, text[2:])
        return self.root / text

    def environ_of(self, folder: Path) -> Mapping[str, str]:
        """Return the variables that count for manifests in a folder: those of its ``.env``, too.

        :param folder: an absolute path.
        :raises UsageError: if that file cannot be read or understood.
        """
        if self.env_files is None:
            return self.environ
        found = self.env_files.below(str(folder), self.environ)
        for warning in self.env_files.take_warnings():
            self.warn(warning)
        return found

    def values(self) -> tuple[Value, ...]:
        """Return every setting with its value and origin, the core's first."""
        return tuple(self.settings.values())

    def _value(self, name: str) -> SettingValue:
        value = self.settings[name].value
        note_setting(name, value)
        return value

    @property
    def verbosity(self) -> int:
        """How much to print: ``-v`` adds one, ``-q`` takes one away."""
        options = vars(self.options)
        return int(options.get("verbose") or 0) - int(options.get("quiet") or 0)

    @property
    def is_again(self) -> bool:
        """A watch has run the command before."""
        return self.rounds is not None and self.rounds.number > 0

    @property
    def user_cache(self) -> Path:
        """Okplug's folder in the user's cache; it may not exist yet."""
        return user_cache(self.environ)

    def state_dir(self) -> Path | None:
        """Return ``.okplug`` in the root, made if need be; None if it cannot be written."""
        return make_state_dir(self.root)

    def announce_output(self, path: Path) -> None:
        """Tell that this run writes a file or a folder, by which no watch may be woken."""
        if self.rounds is not None:
            self.rounds.outputs.add(str(path.resolve()))

    def warn(self, message: str, address: str = "") -> None:
        """Tell the user something that stops nothing, once; callable from any thread.

        :param address: the image it is about, ``""`` for the run.
        """
        note_warning(message, address)
        warned = Warned(message, address)
        heard = self._warned if self.rounds is None else self.rounds.warned
        with self._lock:
            if warned in heard:
                return
            heard.add(warned)
            if self._listener is None:
                self._unheard.append(warned)
            else:
                self._listener(self._masked(warned))

    def on_warning(self, listener: Callable[[Warned], None]) -> None:
        """Have *listener* called with every warning, first with those that nobody has heard."""
        with self._lock:
            self._listener = listener
            for warned in self._unheard:
                listener(self._masked(warned))
            self._unheard.clear()

    def _masked(self, warned: Warned) -> Warned:
        return Warned(self.masks.sentence(warned.message), warned.address)
