"""Build arguments: which a Dockerfile declares, and the values that they get.

An ARG before the first FROM counts in FROM lines only, unless a stage takes it over with an ARG
without default. Values that are given beat defaults. Platforms and proxies are there undeclared;
a proxy counts once it is declared, for then the image's history tells it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.dockerfile.environment import Expanded
from okplug.dockerfile.variables import evaluate, is_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from okplug.dockerfile.environment import Environment
    from okplug.dockerfile.model import Instruction

#: stands for the stage in what is recorded of FROM lines and of the frontend's own arguments
_FROM = "from"


def _platform_args(platform: str, target: str) -> dict[str, str]:
    """Return the arguments that BuildKit sets itself; it builds on *platform*, too."""
    system, _, machine = platform.partition("/")
    architecture, _, variant = machine.partition("/")
    parts = {"PLATFORM": platform, "OS": system, "ARCH": architecture, "VARIANT": variant}
    return {
        "TARGETSTAGE": target or "default",
        **{f"{side}{part}": value for side in ("BUILD", "TARGET") for part, value in parts.items()},
    }


def is_proxy(name: str) -> bool:
    """Tell whether an argument says how to reach a network; undeclared, it changes no image."""
    return name.upper().endswith("_PROXY")


def _is_frontend_arg(name: str) -> bool:
    """Tell whether *name* changes what is built without being declared."""
    return name == "SOURCE_DATE_EPOCH" or name.startswith("BUILDKIT_")


class BuildArguments:
    """The values of build arguments, and a record of all that count.

    :param given: the values that the build is called with.
    :param target: the name of the stage that is built.
    """

    def __init__(
        self, given: Mapping[str, str], *, platform: str, target: str, escape: str
    ) -> None:
        self._given = given
        self._escape = escape
        self._predefined = _platform_args(platform, target)
        self._global = {**self._predefined}
        for name in self._predefined.keys() & given.keys():
            self._global[name] = given[name]
        self._declared: set[str] = set()
        #: argument -> place -> its values there in order, None for an argument without value
        self._record: dict[str, dict[str, list[str | None]]] = {}
        for name, value in given.items():
            if _is_frontend_arg(name):
                self._note(name, _FROM, value)

    def declare_global(self, instruction: Instruction) -> None:
        """Carry out an ARG that stands before the first FROM.

        :raises BadSubstitutionError: if a default cannot be expanded.
        """
        for name, default in instruction.pairs:
            self._declared.add(name)
            value = self._given.get(name)
            if value is None and default is not None:
                value = evaluate(default, self._global.get, self._escape).text
            if value is not None:
                self._global[name] = value
                if _is_frontend_arg(name):
                    self._note(name, _FROM, value)

    def expand(self, text: str) -> tuple[str, frozenset[str]]:
        """Return a word of a FROM line with its variables replaced, and the variables in it.

        :raises BadSubstitutionError: if it cannot be expanded.
        """
        if is_plain(text, self._escape):
            return text, frozenset()
        expansion = evaluate(text, self._global.get, self._escape)
        return expansion.text, expansion.found | expansion.missing

    def note_given(self) -> None:
        """Record all that is given: nobody here knows what counts."""
        for name, value in self._given.items():
            if not is_proxy(name):
                self._note(name, _FROM, value)

    def note_used(self, names: Iterable[str]) -> None:
        """Record the variables of the FROM line of a reached stage."""
        for name in names:
            if name in self._declared or name in self._given:
                self._note(name, _FROM, self._global.get(name))

    def declare(self, instruction: Instruction, environment: Environment, stage: int) -> None:
        """Carry out an ARG of a stage.

        :param stage: the position of the stage among those that are reached.
        :raises BadSubstitutionError: if a default cannot be expanded.
        """
        for name, default in instruction.pairs:
            value: Expanded | None = None
            if name in self._given:
                value = Expanded(self._given[name])
            elif default is not None:
                value = environment.expand(default)
            elif name in self._global:
                value = Expanded(self._global[name])
            if value is not None:
                environment.set_arg(name, value)
            self._note(name, str(stage), value and value.text)

    def _note(self, name: str, place: str, value: str | None) -> None:
        if name in self._predefined and name not in self._given:
            return
        values = self._record.setdefault(name, {}).setdefault(place, [])
        if value not in values:
            values.append(value)

    def values(self) -> tuple[tuple[str, str], ...]:
        """Return the arguments that count with their values, sorted by name.

        An argument that has different values is there once for each: ``NAME@0`` in the first
        reached stage, ``NAME@from`` in FROM lines, ``NAME@0.2`` for its second value in a stage.
        """
        return tuple(sorted((name, value) for name, value in self._items() if value is not None))

    def _items(self) -> Iterator[tuple[str, str | None]]:
        for name, places in self._record.items():
            if len({value for values in places.values() for value in values}) == 1:
                yield name, next(iter(places.values()))[0]
                continue
            for place, values in places.items():
                for number, value in enumerate(values, 1):
                    suffix = f".{number}" if len(values) > 1 else ""
                    yield f"{name}@{place}{suffix}", value

    def is_declared(self, name: str) -> bool:
        """Tell whether an ARG before the first FROM names *name*."""
        return name in self._declared
