"""Settings: what they are called, what they may be, and where a value comes from.

Sources override each other in this order: the default, an administrator's value, the settings file,
the context, the environment, the command line. Every value keeps its origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from okplug.errors import UsageError
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from okplug.errors import Location

Kind: TypeAlias = Literal["text", "flag", "number", "words"]
SettingValue: TypeAlias = str | bool | int | tuple[str, ...]

#: how the origin of a value from the environment begins
ENVIRONMENT = "environment "

_FLAGS = {
    **dict.fromkeys(("1", "t", "true", "y", "yes", "on"), True),
    **dict.fromkeys(("0", "f", "false", "n", "no", "off"), False),
}


def split_words(text: str) -> tuple[str, ...]:
    """Return the words between the commas of a text; blanks around them do not count."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the core or of a plugin.

    :param name: as settings files have it; ``OKPLUG_<NAME>`` in capitals is its variable.
    :param kind: ``text``, ``flag``, ``number`` (a whole one, not below 0) or ``words`` (a list).
    :param help: one sentence without a full stop.
    :param environ: further variables, for what other tools call the same thing.
    :param options: of the command line, such as ``-j`` and ``--jobs``; ``-o NAME=VALUE`` works for
        every setting.
    :param convert: brings a text, or each word, to the form that is used; it raises ``ValueError``
        that says what was expected.
    :param split: returns the words of one text that has several; those of a list are what they are.
    :param secret: its value is shown to nobody, and is in no message.
    """

    name: str
    kind: Kind
    default: SettingValue
    help: str
    environ: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    convert: Callable[[str], str] = str
    secret: bool = False
    split: Callable[[str], tuple[str, ...]] = split_words

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that give a value, the first that is set counts."""
        return (f"OKPLUG_{self.name.upper()}", *self.environ)

    def parse(self, raw: object) -> SettingValue:
        """Check a value: a text from the command line or environment, or what TOML decodes to.

        :raises ValueError: if it is not of the kind; the message says what was expected.
        """
        if self.kind == "words" and isinstance(raw, str):
            raw = list(self.split(raw))
        parsed = _PARSERS[self.kind](raw)
        if parsed is None:
            given = "" if self.secret else f", not {raw!r}"
            raise ValueError(f"expected {_EXPECTED[self.kind]}{given}")
        if isinstance(parsed, str):
            return self.convert(parsed)
        if isinstance(parsed, tuple):
            return tuple(self.convert(word) for word in parsed)
        return parsed


def _text(raw: object) -> str | None:
    return raw if isinstance(raw, str) else None


def _flag(raw: object) -> bool | None:
    if isinstance(raw, str):
        return _FLAGS.get(raw.strip().lower())
    return raw if isinstance(raw, bool) else None


def _number(raw: object) -> int | None:
    if isinstance(raw, str) and raw.strip().isdecimal():
        return int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        return raw
    return None


def _words(raw: object) -> tuple[str, ...] | None:
    if isinstance(raw, list) and all(isinstance(word, str) for word in raw):
        return tuple(raw)
    return None


_PARSERS: Mapping[Kind, Callable[[object], SettingValue | None]] = {
    "text": _text,
    "flag": _flag,
    "number": _number,
    "words": _words,
}
_EXPECTED: Mapping[Kind, str] = {
    "text": "a text",
    "flag": "true or false",
    "number": "a whole number, 0 or more",
    "words": "a text or a list of texts",
}


@dataclass(frozen=True, slots=True)
class Assignment:
    """A value that a source gives to a setting, not yet checked.

    :param origin: how people know the source, such as ``okplug.toml:3``.
    :param location: of the value, if it is in a file.
    """

    name: str
    raw: object
    origin: str
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it comes from.

    :param origin: ``default``, ``administrator OKPLUG_JOBS``, ``okplug.toml:3``, ``context prod``,
        ``environment OKPLUG_JOBS``, ``command line`` and so on.
    :param secret: the value must not be shown.
    """

    name: str
    value: SettingValue = field(repr=False)
    origin: str
    secret: bool = False

    @property
    def shown(self) -> SettingValue:
        """The value, or asterisks in place of a secret one."""
        return "***" if self.secret and self.value else self.value

    @property
    def text(self) -> str:
        """The value that may be shown, as ``-o`` takes it."""
        value = self.shown
        if isinstance(value, tuple):
            return ",".join(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)


def resolve(settings: Mapping[str, Setting], assignments: Iterable[Assignment]) -> dict[str, Value]:
    """Return the value of every setting, in the order of *settings*.

    :param assignments: of all sources; a later one overrides an earlier one.
    :raises UsageError: if one names no setting or has a wrong value, also if it is overridden.
    """
    values = {
        name: Value(name, setting.default, "default", setting.secret)
        for name, setting in settings.items()
    }
    for given in assignments:
        setting = settings.get(given.name)
        if setting is None:
            raise UsageError(
                f"{_prefix(given)}there is no setting {given.name!r}"
                f"{did_you_mean(given.name, settings)}",
                location=given.location,
                hint="okplug config lists the settings",
            )
        values[given.name] = Value(
            given.name, _checked(setting, given), given.origin, setting.secret
        )
    return values


def _checked(setting: Setting, given: Assignment) -> SettingValue:
    try:
        return setting.parse(given.raw)
    except ValueError as error:
        variable = given.origin.removeprefix(ENVIRONMENT)
        raise UsageError(
            f"{_prefix(given)}setting {setting.name}: {error}",
            location=given.location,
            hint=f"correct {variable}, or unset it" if variable != given.origin else "",
        ) from error


def _prefix(given: Assignment) -> str:
    return "" if given.location else f"{given.origin}: "


def from_environment(
    settings: Iterable[Setting], environ: Mapping[str, str]
) -> Iterator[Assignment]:
    """Yield what the environment says; a variable that is empty says nothing."""
    for setting in settings:
        name = next((name for name in setting.variables if environ.get(name)), None)
        if name is not None:
            yield Assignment(setting.name, environ[name], f"{ENVIRONMENT}{name}")


def from_command_line(overrides: Iterable[str]) -> Iterator[Assignment]:
    """Yield what the ``-o NAME=VALUE`` options say.

    :raises UsageError: if one has no ``=``.
    """
    for text in overrides:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f"-o {text}: expected NAME=VALUE", hint="such as -o jobs=4 or -o smart_builds=false"
            )
        yield Assignment(name.strip(), value, "command line")
