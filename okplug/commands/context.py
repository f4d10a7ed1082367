"""``okplug context``: the user's contexts, and which of them is in use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from okplug.errors import ExitCode, UsageError
from okplug.hookspecs import hookimpl
from okplug.settings import resolve
from okplug.usercontexts import SETTING, read_contexts, use_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from okplug.config import Config, Parser
    from okplug.settings import Assignment, Setting, Value
    from okplug.usercontexts import Contexts

ACTIONS = ("ls", "show", "unset", "use")

DESCRIPTION = """\
Show your contexts, or use another one.

A context is a named set of settings in contexts.toml of your configuration: a registry, a
namespace, builders, their certificates, and with docker_config the credentials. What the context
in use says counts more than okplug.toml, and less than the environment and the command line.

  ls      the names of all contexts, with namespace and registry
  show    the settings of the context in use, or of NAME
  use     use NAME from now on
  unset   use none from now on
"""

EPILOG = """\
examples:
  okplug context
  okplug context use okteto.example.com
  okplug build --context staging          for one run
  okplug build -o context=                for one run without
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "context",
        help="show and choose named sets of settings",
        description=DESCRIPTION,
        handler=lambda config: run(config, parser.settings),
        scope="user",
    )
    command.epilog = EPILOG
    command.add_argument(
        "action",
        nargs="?",
        default="show",
        choices=ACTIONS,
        metavar="ACTION",
        help="show, ls, use or unset",
    )
    command.add_argument("name", nargs="?", default="", metavar="NAME", help="of a context")
    command.add_argument("--json", action="store_true", help="ls, show: print as JSON")


def run(config: Config, settings: Mapping[str, Setting]) -> int:
    """Do what the action says.

    :raises UsageError: if there is no such context, or the file is wrong.
    """
    action, name = config.options.action, config.options.name
    if action in {"ls", "unset"} and name:
        raise UsageError(
            f"okplug context {action} takes no name: {name}",
            hint="okplug context --help tells more",
        )
    contexts = read_contexts(config.environ)
    if action == "ls":
        _list(config, contexts, settings)
    elif action == "show":
        _show(config, contexts, settings)
    else:
        _use(config, contexts, name, is_unset=action == "unset")
    return ExitCode.OK


# ---------------------------------------------------------------------------------------------- use


def _use(config: Config, contexts: Contexts, name: str, *, is_unset: bool) -> None:
    if not name and not is_unset:
        raise UsageError(
            "okplug context use: which one?", hint="okplug context ls lists the contexts"
        )
    use_context(contexts.path, name)
    sys.stdout.write(f"context: {name}\n" if name else "no context is in use\n")
    value = config.settings[SETTING]
    is_overridden = not value.origin.startswith(contexts.path.name) and value.origin != "default"
    if is_overridden and value.value != name:
        config.warn(f"here, {value.value or 'none'} stays in use: {value.origin} says so")


# -------------------------------------------------------------------------------------- ls and show


def _list(config: Config, contexts: Contexts, settings: Mapping[str, Setting]) -> None:
    used = config.text(SETTING)
    if config.options.json:
        _print_json(
            [
                {"name": name, "current": name == used, "settings": _shown(settings, table)}
                for name, table in contexts.tables.items()
            ]
        )
        return
    if not contexts.tables:
        config.warn(f"there are no contexts: {contexts.path} describes none")
    sys.stdout.writelines(f"{line}\n" for line in _rows(contexts, settings, used))


def _rows(contexts: Contexts, settings: Mapping[str, Setting], used: str) -> Iterator[str]:
    rows = []
    for name, table in contexts.tables.items():
        values = {value.name: value.text for value in _values(settings, table)}
        rows.append((name, values.get("namespace", "-"), values.get("registry", "-")))
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, namespace, registry in rows:
        mark = "*" if name == used else " "
        yield f"{mark} {name:<{wide[0]}}  {namespace:<{wide[1]}}  {registry}"


def _show(config: Config, contexts: Contexts, settings: Mapping[str, Setting]) -> None:
    asked, value = config.options.name, config.settings[SETTING]
    name = asked or config.text(SETTING)
    if name and name not in contexts.tables:
        prefix = "" if asked else f"{value.origin}: "
        error = contexts.unknown(name)
        raise UsageError(f"{prefix}{error.message}", hint=error.hint)
    table = contexts.tables.get(name, ())
    if config.options.json:
        _print_json({"name": name, "settings": _shown(settings, table)})
    elif not name:
        sys.stdout.write("no context is in use\n")
    else:
        origin = "" if asked else f"  ({value.origin})"
        sys.stdout.write(f"context: {name}{origin}\n")
        values = _values(settings, table)
        wide = max((len(value.name) for value in values), default=0)
        sys.stdout.writelines(f"{value.name:<{wide}}  {value.text}\n" for value in values)


def _values(settings: Mapping[str, Setting], table: Iterable[Assignment]) -> list[Value]:
    """Return what a context says, checked, in the order of the file."""
    table = tuple(table)
    values = resolve(settings, table)
    return [values[given.name] for given in table]


def _shown(settings: Mapping[str, Setting], table: Iterable[Assignment]) -> dict[str, object]:
    return {value.name: value.shown for value in _values(settings, table)}


def _print_json(document: Any) -> None:  # noqa: ANN401  # whatever JSON takes
    import json

    sys.stdout.write(json.dumps(document, indent=2) + "\n")
