"""Where the settings of one command get their values, in the order in which sources count.

    default < administrator's variables < okplug.toml < context < .env < environment < command line

Administrator's variables come last in time: they are in the registry that the others say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.settings import Assignment, from_environment, resolve
from okplug.usercontexts import SETTING, read_contexts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from okplug.commandline import Parsed, Parser
    from okplug.config import Config
    from okplug.environment import EnvFiles
    from okplug.settings import Value
    from okplug.settingsfile import Workspace


class Sources:
    """The sources of one command's settings.

    :param files: the environment as it is, without administrator's variables, and ``.env``.
    :raises UsageError: if the file with the contexts is wrong, or the context in use is not there.
    """

    def __init__(
        self, parser: Parser, parsed: Parsed, workspace: Workspace, files: EnvFiles
    ) -> None:
        self._known = parser.settings
        self._scope = parsed.command.scope
        self._files = files
        self._environ = files.at_root()
        contexts = read_contexts(self._environ)
        self._below = tuple(parser.defaults)
        self._workspace = ((contexts.current,) if contexts.current else ()) + workspace.assignments
        self._above = (
            *files.assignments(self._known.values()),
            *from_environment(self._known.values(), files.process),
            *parsed.assignments,
        )
        wanted = self._context()
        uses_one = wanted and self._scope != "user"
        self._from_context = contexts.find(wanted) if wanted and uses_one else ()

    def settings(self, variables: Iterable[Assignment] = ()) -> dict[str, Value]:
        """Return every setting's value.

        :param variables: what administrator's variables say.
        :raises UsageError: if a source is wrong.
        """
        return resolve(
            self._known,
            (*self._below, *variables, *self._workspace, *self._from_context, *self._above),
        )

    def complete(self, config: Config) -> None:
        """Give a run what is only known when the registry is: variables and credentials.

        :raises UsageError: if an administrator's variable has a value that a setting refuses.
        """
        config.environ = self._with_credentials(config)
        if self._scope != "run":
            return
        from okplug.adminvariables import current_variables

        variables = current_variables(config)
        if variables:
            from okplug.adminnames import assignments, looks_secret

            registry = config.text("registry")
            self._warn_of_overridden(variables, config)
            config.masks.add(value for name, value in variables.items() if looks_secret(name))
            config.environ = {**variables, **config.environ}
            config.settings = self.settings(assignments(variables, self._known.values(), registry))

    def _warn_of_overridden(self, variables: Mapping[str, str], config: Config) -> None:
        """Tell which administrator's variables have another value here."""
        for name, value in sorted(variables.items()):
            if self._environ.get(name, value) == value:
                continue
            place = self._files.place(name)
            by = f"line {place.line} of {place.path}" if place else "your environment"
            config.warn(f"the administrator's variable {name} is overridden by {by}")

    def _context(self) -> Assignment | None:
        """Return what names the context, with its final form of the name; None if nothing does."""
        given = [value for value in (*self._workspace, *self._above) if value.name == SETTING]
        if not given:
            return None
        name = resolve({SETTING: self._known[SETTING]}, given)[SETTING].value
        return Assignment(SETTING, name, given[-1].origin, given[-1].location)

    def _with_credentials(self, config: Config) -> Mapping[str, str]:
        """Return the environment with the folder of credentials that the settings name."""
        folder = config.path("docker_config")
        if folder is None or config.text("docker_config") == self._environ.get("DOCKER_CONFIG"):
            return self._environ
        return {**self._environ, "DOCKER_CONFIG": str(folder)}
