"""The variables of a stage, as far as they are known without asking a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from okplug.dockerfile.model import Inherited
from okplug.dockerfile.variables import UnsetVariableError, evaluate, is_plain

if TYPE_CHECKING:
    from okplug.dockerfile.model import Instruction

#: what PATH is in an image whose base does not set it
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Expanded(NamedTuple):
    """A text with its variables replaced.

    :param unknown: a variable in it whose value the base image may determine, ``""`` if there is
        none; *text* is then a guess.
    """

    text: str
    unknown: str = ""


class Environment:
    """What ARG and ENV have set so far in a stage.

    As in BuildKit the later of the two wins; the image keeps what ENV set.
    """

    def __init__(self, escape: str, inherited: Inherited) -> None:
        self._escape = escape
        self._is_complete = inherited.is_complete
        self._image: dict[str, str] = dict(inherited.env)
        if inherited.is_complete:
            self._image.setdefault("PATH", DEFAULT_PATH)
        self._values = dict(self._image)
        self._unknown: set[str] = set()

    def copy(self) -> Environment:
        """Return the environment that a stage FROM this one begins with."""
        twin = Environment(self._escape, Inherited(is_complete=self._is_complete))
        twin._image = dict(self._image)
        twin._values = dict(self._values)
        twin._unknown = set(self._unknown)
        return twin

    def expand(self, text: str) -> Expanded:
        """Replace the variables in *text*.

        :raises BadSubstitutionError: if it cannot be expanded, whatever the base image sets.
        """
        if is_plain(text, self._escape):
            return Expanded(text)
        try:
            expansion = evaluate(text, self._values.get, self._escape)
        except UnsetVariableError as error:
            if self._is_complete and error.name not in self._unknown:
                raise
            return Expanded("", error.name)
        doubtful = expansion.found & self._unknown
        if not self._is_complete:
            doubtful |= expansion.missing
        return Expanded(expansion.text, min(doubtful, default=""))

    def get(self, name: str) -> str | None:
        """Return the value of a variable, None if it is not set."""
        return self._values.get(name)

    def set_arg(self, name: str, value: Expanded) -> None:
        """Give a build argument its value."""
        self._values[name] = value.text
        self._remember(name, value)

    def set_env(self, instruction: Instruction) -> None:
        """Carry out an ENV; none of its values sees another.

        :raises BadSubstitutionError: if a name or value cannot be expanded.
        """
        pairs = [(self.expand(name), self.expand(value or "")) for name, value in instruction.pairs]
        for name, value in pairs:
            self._values[name.text] = self._image[name.text] = value.text
            self._remember(name.text, value)

    def _remember(self, name: str, value: Expanded) -> None:
        if value.unknown:
            self._unknown.add(name)
        else:
            self._unknown.discard(name)

    def passed_on(self, triggers: tuple[Instruction, ...]) -> Inherited:
        """Return what an image with this environment passes on."""
        known = {name: value for name, value in self._image.items() if name not in self._unknown}
        return Inherited(
            env=tuple(known.items()),
            triggers=triggers,
            is_complete=self._is_complete and len(known) == len(self._image),
        )
