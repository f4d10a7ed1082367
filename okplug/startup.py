"""From a command line to a command at work: plugins, settings, options, in that order.

Plugins add commands, options and settings, so that they must be loaded before the command line can
be read; what decides which plugins there are is found before that by a scan of its words.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.commandline import FLAGS, VALUED, Parser
from okplug.config import Config
from okplug.coresettings import core_settings
from okplug.environment import EnvFiles
from okplug.errors import OkplugError, UsageError
from okplug.optionscan import scan
from okplug.pluginloading import Wanted, load_plugins
from okplug.settings import from_command_line, from_environment, resolve
from okplug.settingsfile import find_workspace
from okplug.sources import Sources
from okplug.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from okplug.commandline import Parsed
    from okplug.masking import Masks
    from okplug.pluginmanager import PluginManager
    from okplug.rounds import Rounds
    from okplug.settings import Setting
    from okplug.settingsfile import Workspace

#: variables that are no settings
DEBUG = "OKPLUG_DEBUG"
NO_AUTOLOAD = "OKPLUG_DISABLE_PLUGIN_AUTOLOAD"


@dataclass(frozen=True, slots=True)
class Start:
    """What a command line says before plugins are loaded.

    :param argv: the words of the command line, without the program's name.
    :param cwd: where the user is, moved by ``-C``.
    :param plugins: the values of ``-p``.
    :param overrides: the values of ``-o``.
    """

    argv: tuple[str, ...]
    cwd: Path
    plugins: tuple[str, ...]
    overrides: tuple[str, ...]
    traces_config: bool


def read_start(argv: Sequence[str], cwd: Path) -> Start:
    """Find the options that count before plugins are loaded.

    :raises UsageError: if ``-C`` names no folder.
    """
    tokens = tuple(scan(argv, VALUED, FLAGS))

    def values(option: str) -> tuple[str, ...]:
        return tuple(token.value for token in tokens if token.option == option)

    for directory in values("-C"):
        cwd = cwd / directory
        if not cwd.is_dir():
            raise UsageError(f"-C {directory}: there is no such folder")
    traces_config = any(token.option == "--trace-config" for token in tokens)
    return Start(tuple(argv), cwd.resolve(), values("-p"), values("-o"), traces_config)


def run(
    start: Start,
    plugins: Sequence[object],
    environ: Mapping[str, str],
    masks: Masks,
    rounds: Rounds,
) -> int:
    """Load plugins, read the command line, run the command and return its exit code.

    An exception that comes out of a plugin gets a note that says which.

    :param masks: is told what nobody may read in what is printed.
    :param rounds: is begun if the command is watched.
    :raises OkplugError: if the command line, a setting, a plugin or the workspace is wrong.
    """
    workspace = find_workspace(start.cwd)
    files = EnvFiles(workspace.root, environ, masks)
    traces_calls, environ = bool(environ.get(DEBUG)), files.at_root()
    settings = {setting.name: setting for setting in core_settings(environ)}
    wanted = Wanted(
        names=(
            *_plugins_setting(settings["plugins"], start, workspace, files),
            *start.plugins,
        ),
        objects=tuple(plugins),
        autoload=not environ.get(NO_AUTOLOAD),
    )
    manager = load_plugins(workspace.root, wanted)
    if start.traces_config:
        sys.stderr.writelines(f"{plugin}\n" for plugin in manager.plugins())
    if traces_calls:
        manager.trace_calls(lambda text: sys.stderr.write(masks.output(text)))
    try:
        parser = Parser(settings.values())
        return _run_command(start, parser, workspace, manager, files, rounds)
    except OkplugError:
        raise
    except Exception as error:
        culprit = manager.blame(error)
        if culprit:
            error.add_note(f"in plugin {culprit}")
        raise


def _plugins_setting(
    setting: Setting, start: Start, workspace: Workspace, files: EnvFiles
) -> tuple[str, ...]:
    """Return the one setting that counts before all others can be known."""
    given = (
        *workspace.assignments,
        *files.assignments([setting]),
        *from_environment([setting], files.process),
        *from_command_line(start.overrides),
    )
    value = resolve({setting.name: setting}, (a for a in given if a.name == setting.name))
    words = value[setting.name].value
    return words if isinstance(words, tuple) else ()


def _run_command(
    start: Start,
    parser: Parser,
    workspace: Workspace,
    manager: PluginManager,
    files: EnvFiles,
    rounds: Rounds,
) -> int:
    manager.addoption(parser)
    parsed = parser.parse(start.argv)
    if parsed is None:
        sys.stdout.write(parser.format_help())
        return 0
    _check_plugin_options(start, parsed)
    sources = Sources(parser, parsed, workspace, files)
    config = Config(
        root=workspace.root,
        cwd=start.cwd,
        environ=files.at_root(),
        options=parsed.options,
        plugins=manager,
        settings=sources.settings(),
        command=parsed.command.name,
        image_table=workspace.images,
        masks=files.masks,
        env_files=files,
        rounds=rounds if getattr(parsed.options, "watch", False) else None,
    )
    for warning in files.take_warnings():
        config.warn(warning)
    _warn_of_unknown_variables(config)
    try:
        sources.complete(config)
        if config.rounds:
            config.rounds.begin(str(config.root), config.environ)
        _mask_settings(config)
        manager.configure(config)
        return int(parsed.command.handler(config))
    finally:
        config.on_warning(lambda warned: _print_warning(str(warned), config.cwd))
        manager.unconfigure(config)


def _mask_settings(config: Config) -> None:
    """Mask the settings that are secret, and leave those that everybody can see."""
    values = config.values()
    config.masks.add_secrets(str(value.value) for value in values if value.secret)
    if config.masks:
        config.masks.show(
            word
            for value in values
            if not value.secret
            for word in (value.text, *value.text.split(","))
        )


def _print_warning(text: str, cwd: Path) -> None:
    from okplug.messages import shorten_paths

    sys.stderr.write(f"warning: {shorten_paths(text, cwd)}\n")


def _check_plugin_options(start: Start, parsed: Parsed) -> None:
    if tuple(parsed.options.plugin) != start.plugins:
        raise UsageError(
            "-p stands behind the letter of an option that takes effect later",
            hint="write it as a word of its own: -x -p NAME, not -xp NAME",
        )


def _warn_of_unknown_variables(config: Config) -> None:
    """Tell of a variable that is one letter away from counting."""
    known = {f"OKPLUG_{name.upper()}" for name in config.settings} | {DEBUG, NO_AUTOLOAD}
    for name in sorted(config.environ):
        if name.startswith("OKPLUG_") and name not in known:
            guess = closest(name, known)
            if guess:
                config.warn(f"the environment variable {name} means nothing; {guess} would")
