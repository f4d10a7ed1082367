"""``okplug admin``: variables that count for everybody who uses the registry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug.errors import ExitCode, UsageError
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from okplug.adminartifact import Published
    from okplug.backends import Registry
    from okplug.config import Config, Parser
    from okplug.reference import Reference
    from okplug.settings import Setting

ACTIONS = ("ls", "set", "unset")

DESCRIPTION = """\
Show or change the variables that an administrator defines for everybody who uses the registry.

They count as if they were in everybody's environment, where a variable that is really there counts
more. Whoever may write to the global namespace can change them, and everybody can read them.

  ls      print them
  set     define each NAME=VALUE
  unset   remove each NAME
"""

EPILOG = """\
examples:
  okplug admin ls
  okplug admin set OKTETO_SMART_BUILDS_ENABLED=false     Smart Builds are off for everybody
  okplug admin unset OKTETO_SMART_BUILDS_ENABLED
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "admin",
        help="show and change the variables that count for everybody",
        description=DESCRIPTION,
        handler=lambda config: run(config, tuple(parser.settings.values())),
        scope="registry",
    )
    command.epilog = EPILOG
    command.add_argument("action", choices=ACTIONS, metavar="ACTION", help="ls, set or unset")
    command.add_argument(
        "words", nargs="*", metavar="NAME[=VALUE]", help="what to set, or to unset"
    )
    command.add_argument("--json", action="store_true", help="ls: print as JSON")
    command.add_argument(
        "--force", action="store_true", help="set: also what looks like a secret, by its name"
    )


def run(config: Config, settings: Sequence[Setting]) -> int:
    """Do what the action says.

    :raises UsageError: if a name or a value is wrong, or no plugin serves the registry.
    :raises RegistryError: if the variables cannot be read or written.
    """
    from okplug.adminartifact import Published, read_published, variables_reference
    from okplug.registries import main_registry

    action, words = config.options.action, config.options.words
    if bool(words) == (action == "ls"):
        raise UsageError(
            f"okplug admin {action} takes {'no names' if words else 'at least one name'}",
            hint="okplug admin --help has examples",
        )
    changes = _assigned(config, settings, words) if action == "set" else {}
    registry = main_registry(config)
    reference = variables_reference(registry, config.text("global_namespace"))
    found = read_published(registry, reference, Published())
    if action == "ls":
        _list(config, reference, _masked(found.variables, settings))
        return ExitCode.OK
    if action == "unset":
        changes = _removed(reference, words, found.variables)
    _change(config, registry, reference, changes)
    _tell(reference, changes, _masked({**found.variables, **changes}, settings))
    return ExitCode.OK


def _change(
    config: Config, registry: Registry, reference: Reference, changes: Mapping[str, str | None]
) -> None:
    from okplug.adminartifact import publish
    from okplug.adminvariables import Cache

    published: Published = publish(registry, reference, changes)
    if registry.is_remote:  # the next run is to know it
        Cache(config).write(published)


# ------------------------------------------------------------------------------------- what is said


def _assigned(
    config: Config, settings: Sequence[Setting], words: Sequence[str]
) -> dict[str, str | None]:
    from okplug.adminnames import check_name, check_value, looks_secret

    changes: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word}: expected NAME=VALUE", hint="such as OKPLUG_JOBS=4")
        check_name(name)
        if looks_secret(name, settings) and not config.options.force:
            raise UsageError(
                f"{name} looks like a secret, and everybody can read these variables",
                hint="--force stores it nevertheless",
            )
        for setting in settings:
            if name in setting.variables and value:
                check_value(setting, name, value)
        changes[name] = value
    _warn_of_unknown(config, settings, changes)
    return changes


def _warn_of_unknown(config: Config, settings: Sequence[Setting], names: Collection[str]) -> None:
    """Tell of a variable that looks like a setting's and is none's."""
    from okplug.suggestions import did_you_mean

    known = {variable for setting in settings for variable in setting.variables}
    for name in names:
        if name.startswith("OKPLUG_") and name not in known:
            config.warn(f"no setting here has the variable {name}{did_you_mean(name, known)}")


def _removed(
    reference: Reference, names: Sequence[str], variables: Mapping[str, str]
) -> dict[str, str | None]:
    from okplug.suggestions import did_you_mean

    for name in names:
        if name not in variables:
            raise UsageError(
                f"{reference} has no variable {name}{did_you_mean(name, variables)}",
                hint="okplug admin ls lists them",
            )
    return dict.fromkeys(names)


# --------------------------------------------------------------------------------- what is printed


def _masked(variables: Mapping[str, str | None], settings: Sequence[Setting]) -> dict[str, str]:
    """Return the variables in their order, with asterisks for what looks like a secret."""
    from okplug.adminnames import looks_secret

    return {
        name: "***" if looks_secret(name, settings) else value or ""
        for name, value in sorted(variables.items())
    }


def _list(config: Config, reference: Reference, variables: Mapping[str, str]) -> None:
    if config.options.json:
        import json

        document = {"reference": str(reference), "variables": dict(variables)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    if not variables:
        sys.stderr.write(f"{reference} has no variables\n")
    sys.stdout.writelines(f"{name}={_line(value)}\n" for name, value in variables.items())


def _tell(
    reference: Reference, changes: Mapping[str, str | None], variables: Mapping[str, str]
) -> None:
    for name, value in sorted(changes.items()):
        done = "unset" if value is None else "set"
        text = "" if value is None else f"={_line(variables[name])}"
        sys.stdout.write(f"{done} {name}{text} in {reference}\n")


def _line(value: str) -> str:
    """Return a value as one line."""
    return value if value.isprintable() else ascii(value)
