"""``--chmod``: octal, or the clauses that chmod takes, with nothing masked.

    mode    = octal digits up to 7777, or clause *["," clause]
    clause  = *who 1*(how *what)      who: u g o a, all without; how: + - =; what: r w x X s t u g o

``X`` is ``x`` for directories and for files that anybody may execute. ``u``, ``g`` and ``o`` behind
the operator copy what a user, group or others have at that point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import PLAIN_DIRECTORY

_OCTAL = re.compile(r"0*[0-7]{1,4}")
_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<actions>(?:[-+=][rwxXstugo]*)+)")
_ACTION = re.compile(r"(?P<how>[-+=])(?P<what>[rwxXstugo]*)")
_CLASSES = {"u": 0o4700, "g": 0o2070, "o": 0o0007}
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_LETTERS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000}
_STICKY = 0o1000
_EXECUTE = 0o111


@dataclass(frozen=True, slots=True)
class _Action:
    """One operator with what follows it, for those that the clause names."""

    how: str
    what: str
    who: int

    def apply(self, mode: int, *, runs: bool) -> int:
        """Return the mode after the action.

        :param runs: what ``X`` asks for.
        """
        bits = 0
        for letter in self.what:
            bits |= self._bits(letter, mode, runs=runs)
        if self.how == "+":
            return mode | bits
        if self.how == "-":
            return mode & ~bits
        return mode & ~self.who | bits

    def _bits(self, letter: str, mode: int, *, runs: bool) -> int:
        if letter == "t":
            return _STICKY if self.who & ~_CLASSES["o"] else 0
        if letter == "X":
            letter = "x" if runs or self.how == "-" else ""
        if letter in _SHIFTS:
            return (mode >> _SHIFTS[letter] & 7) * _EXECUTE & self.who
        return _LETTERS.get(letter, 0) & self.who


@dataclass(frozen=True, slots=True)
class Mode:
    """What ``--chmod`` says.

    :param octal: None for clauses.
    """

    octal: int | None
    actions: tuple[_Action, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Mode:
        """Read the value of the flag.

        :raises InstructionError: if it is no mode.
        """
        if _OCTAL.fullmatch(text):
            return cls(int(text, 8))
        clauses = [_CLAUSE.fullmatch(clause) for clause in text.split(",")]
        if not all(clauses):
            raise InstructionError(
                f"--chmod={text} is no mode: expected up to 7777, or such as u=rwX,go=rX",
                near="--chmod",
            )
        return cls(None, tuple(action for clause in clauses if clause for action in _read(clause)))

    @property
    def of_new_directories(self) -> int:
        """The mode of directories that are made above what is copied."""
        return PLAIN_DIRECTORY.mode if self.octal is None else self.octal & 0o777

    def apply(self, mode: int, *, is_directory: bool) -> int:
        """Return what becomes of a file's mode."""
        if self.octal is not None:
            return self.octal
        runs = is_directory or bool(mode & _EXECUTE)
        for action in self.actions:
            mode = action.apply(mode, runs=runs)
        return mode


def _read(clause: re.Match[str]) -> list[_Action]:
    letters = clause["who"].replace("a", "ugo") or "ugo"
    who = 0
    for letter in letters:
        who |= _CLASSES[letter]
    return [
        _Action(match["how"], match["what"], who) for match in _ACTION.finditer(clause["actions"])
    ]
