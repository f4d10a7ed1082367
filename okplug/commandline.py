"""The command line: one argparse parser per command, with the global options in each."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from okplug.coresettings import RAWJSON
from okplug.errors import PluginError, UsageError
from okplug.optionscan import scan
from okplug.settings import Assignment, from_command_line
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from okplug.config import Config
    from okplug.settings import Setting

DEFAULT_COMMAND = "build"

Scope: TypeAlias = Literal["run", "registry", "user"]

#: the levels of ``--log-level``: how much is printed, as ``-v`` and ``-q`` count it
LOG_LEVELS = {"debug": 2, "info": 1, "warn": 0, "error": -1}
#: the forms of ``--log-output`` that ``--progress`` has another name for
_PROGRESS_OF_LOG = {"json": RAWJSON}

#: global options with a value, and those without
VALUED = ("-C", "-p", "-o", "--color", "-l", "--log-level", "--log-output")
FLAGS = (
    "-h",
    "--help",
    "--version",
    "--trace-config",
    "--debug",
    "-q",
    "--quiet",
    "-v",
    "--verbose",
)

DESCRIPTION = """\
okplug builds the container images of a monorepo, and only those that changed.

It reads the okteto.yaml manifests of the workspace, gives every image a key made of all that goes
into it, reuses the images whose key the registry has, and builds the others in the order in which
they depend on each other.
"""

EPILOG = """\
A SELECTION is an address such as services/api:api, a folder, or an image's name; without a command,
okplug builds it. Settings come from okplug.toml or [tool.okplug] in pyproject.toml, from a context,
from the environment (OKPLUG_<NAME>) and from the command line, where the later ones override the
earlier.

examples:
  okplug                     build all images of the workspace that changed
  okplug services/api        build the images in a folder, and what they need
  okplug plan                tell what would be built, and why
  okplug -C ../shop graph    show the graph of another workspace
  okplug build --help        all about one command

exit codes:
  0  everything is built or reused       3  internal error
  1  an image failed                     4  usage or manifest error
  2  interrupted                         5  nothing was selected
"""


class ArgumentParser(argparse.ArgumentParser):
    """An argparse parser whose errors are ``UsageError`` and that guesses no abbreviations."""

    def __init__(self, prog: str, description: str = "", epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.color = False  # Python 3.14 would write escape sequences into the usage

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say.

        :raises UsageError: always.
        """
        raise UsageError(message, hint=f"{self.prog} --help tells more")

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Raise that no option is written like these words, of which others may be values.

        :raises UsageError: always.
        """
        name = words[0].partition("=")[0]
        guess = did_you_mean(name, self._option_string_actions) if name.startswith("--") else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{guess}")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was registered.

    :param help: the line in the list of commands.
    :param handler: does the work and returns the exit code.
    :param scope: whose settings count, see ``add_command``.
    """

    name: str
    help: str
    handler: Callable[[Config], int]
    parser: ArgumentParser
    scope: Scope = "run"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the command line says.

    :param assignments: values of settings, from ``-o`` and from options of their own.
    """

    command: Command
    options: argparse.Namespace
    assignments: tuple[Assignment, ...]


class Parser:
    """What ``okplug_addoption`` adds commands, options and settings to."""

    def __init__(self, settings: Iterable[Setting] = ()) -> None:
        self.settings: dict[str, Setting] = {}
        self.commands: dict[str, Command] = {}
        self.defaults: list[Assignment] = []
        for setting in settings:
            self.add_setting(setting)

    def add_setting(self, setting: Setting) -> None:
        """Add a setting; its options become options of every command.

        :raises ValueError: if there is one of that name.
        """
        if setting.name in self.settings:
            raise ValueError(f"there is a setting {setting.name} already")
        self.settings[setting.name] = setting

    def add_defaults(self, values: Mapping[str, str], origin: str) -> None:
        """Give settings the values of an administrator, which every other source overrides.

        :param origin: how people know the source.
        """
        self.defaults.extend(Assignment(name, raw, origin) for name, raw in values.items())

    def add_command(
        self,
        name: str,
        *,
        help: str,  # noqa: A002  # what argparse calls it
        description: str = "",
        handler: Callable[[Config], int],
        scope: Scope = "run",
    ) -> ArgumentParser:
        """Add a command and return its parser, for its options and its ``epilog``.

        :param help: its line in the list of commands.
        :param description: what ``okplug NAME --help`` begins with; printed as it is written.
        :param scope: whose settings count: ``run`` has all of them, ``registry`` does without the
            administrator's variables, ``user`` also without those of a context.
        :raises ValueError: if there is one of that name.
        """
        if name in self.commands:
            raise ValueError(f"there is a command {name} already")
        parser = ArgumentParser(f"okplug {name}", description or help)
        self.commands[name] = Command(name, help, handler, parser, scope)
        return parser

    def command(self, name: str) -> ArgumentParser:
        """Return a command's parser, to add options to it.

        :raises KeyError: if there is none of that name.
        """
        return self.commands[name].parser

    def parse(self, argv: Sequence[str]) -> Parsed | None:
        """Read the command line; None if it asks for help of no command in particular.

        Global options may stand before the command's name. Where no name is, all is meant for
        ``build``.

        :raises UsageError: if it is wrong.
        """
        index, asks_for_help = self._find_command(argv)
        if index is None and asks_for_help:
            return None
        name = DEFAULT_COMMAND if index is None else argv[index]
        if name not in self.commands:
            raise UsageError(f"there is no command {name}", hint="okplug --help lists the commands")
        rest = [word for position, word in enumerate(argv) if position != index]
        command = self.commands[name]
        usage = command.parser.format_usage().removeprefix("usage: ").rstrip()
        command.parser.usage = f"{usage} [GLOBAL OPTIONS]"
        self._add_global_options(command.parser)
        options, unknown = command.parser.parse_known_intermixed_args(rest)
        unknown = _take_exclusions(options, unknown)
        if unknown:
            command.parser.refuse(unknown)
        options.verbose += LOG_LEVELS.get(options.log_level, 0)
        options.may_be_command = tuple(self.commands) if index is None else ()
        return Parsed(command, options, self._assignments(options))

    def format_help(self) -> str:
        """Return the help of okplug as a whole."""
        parser = ArgumentParser("okplug", DESCRIPTION, EPILOG)
        parser.usage = "okplug [OPTIONS] [COMMAND] [OPTIONS] [SELECTION ...]"
        commands = parser.add_argument_group("commands")
        for name, command in sorted(self.commands.items()):
            commands.add_argument(name, help=command.help, nargs="?")
        self._add_global_options(parser)
        return parser.format_help()

    def _find_command(self, argv: Sequence[str]) -> tuple[int | None, bool]:
        """Return where the command's name is, and whether the options before ask for help."""
        valued = {*VALUED}
        flags = {*FLAGS}
        for setting in self.settings.values():
            (flags if setting.kind == "flag" else valued).update(_option_names(setting))
        asks_for_help = False
        for token in scan(argv, valued, flags):
            if not token.is_known:
                break
            if not token.option:
                return (token.index if token.value in self.commands else None), asks_for_help
            asks_for_help = asks_for_help or token.option in {"-h", "--help"}
        return None, asks_for_help

    def _add_global_options(self, parser: argparse.ArgumentParser) -> None:
        try:
            _add_core_options(parser.add_argument_group("global options"))
            settings = parser.add_argument_group("settings")
            for setting in self.settings.values():
                if setting.options:
                    _add_setting_option(settings, setting)
        except argparse.ArgumentError as error:
            raise PluginError(
                f"{parser.prog}: an option is given twice: {error}",
                hint="global options and those of settings belong to every command",
            ) from error

    def _assignments(self, options: argparse.Namespace) -> tuple[Assignment, ...]:
        """Return what the options say about settings; ``-o`` comes before the dedicated ones."""
        found = list(from_command_line(options.override))
        if options.log_output:
            progress = _PROGRESS_OF_LOG.get(options.log_output, options.log_output)
            found.append(Assignment("progress", progress, "command line"))
        for name in self.settings:
            raw = vars(options).pop(_dest(name), None)
            if raw is not None:
                found.append(Assignment(name, raw, "command line"))
        return tuple(found)


def _add_core_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-C", dest="directory", metavar="DIR", action="append", help="run as if started in DIR"
    )
    group.add_argument(
        "-p",
        dest="plugin",
        metavar="NAME",
        action="append",
        default=[],
        help="load a plugin, by the name of its entry point or module; no:NAME leaves one out",
    )
    group.add_argument(
        "-o",
        dest="override",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="give a setting a value",
    )
    group.add_argument("-q", "--quiet", action="count", default=0, help="print less")
    group.add_argument("-v", "--verbose", action="count", default=0, help="print more")
    group.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colours (auto)"
    )
    group.add_argument(
        "-l",
        "--log-level",
        choices=LOG_LEVELS,
        help="what -v (info), -v -v --debug (debug) and -q (error) do; warn is the default",
    )
    group.add_argument(
        "--log-output",
        choices=("tty", "plain", "json"),
        help="what --progress does, which calls json rawjson",
    )
    group.add_argument("--debug", action="store_true", help="show tracebacks")
    group.add_argument("--trace-config", action="store_true", help="show which plugins are loaded")
    group.add_argument("--version", action="store_true", help="print the version")


def _add_setting_option(group: argparse._ArgumentGroup, setting: Setting) -> None:
    match setting.kind:
        case "flag":
            group.add_argument(
                *setting.options,
                dest=_dest(setting.name),
                action=argparse.BooleanOptionalAction,
                default=None,
                help=setting.help,
            )
        case "words":
            group.add_argument(
                *setting.options,
                dest=_dest(setting.name),
                metavar="WORD",
                type=lambda text: list(setting.split(text)),
                action="extend",
                help=setting.help,
            )
        case "number":
            group.add_argument(
                *setting.options, dest=_dest(setting.name), metavar="N", help=setting.help
            )
        case "text":
            group.add_argument(
                *setting.options, dest=_dest(setting.name), metavar="TEXT", help=setting.help
            )


def _take_exclusions(options: argparse.Namespace, words: Iterable[str]) -> list[str]:
    """Take words such as ``-services/old::`` for selections to leave out; return the others.

    argparse takes them for options that it does not know, even after ``--`` on some Pythons.
    """
    left = []
    for word in words:
        is_option = word.startswith("--") or not word.startswith("-")
        if is_option or ":" not in word.replace("/", ":") or not hasattr(options, "exclude"):
            left.append(word)
        else:
            options.exclude = [*options.exclude, word[1:]]
    return left


def _dest(name: str) -> str:
    return f"setting_{name}"


def _option_names(setting: Setting) -> tuple[str, ...]:
    """Return the options as argparse knows them: a flag has a second one, ``--no-NAME``."""
    if setting.kind != "flag":
        return setting.options
    longs = (option for option in setting.options if option.startswith("--"))
    return (*setting.options, *(f"--no-{option[2:]}" for option in longs))
