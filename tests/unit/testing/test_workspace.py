from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.testing import HookRecorder, Outcome

if TYPE_CHECKING:
    from okplug import Config, Parser
    from okplug.testing import Workspace


class Greeter:
    """A plugin with a command."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the command."""
        parser.add_command("greet", help="say hello", handler=self.greet)

    def greet(self, config: Config) -> int:
        """Say hello and warn."""
        print(f"hello from {config.cwd.name}, {config.environ['WHO']}")  # noqa: T201  # a command
        config.warn("it is late", "services/api:api")
        return 1


def test_texts_are_dedented_and_bytes_are_not(workspace: Workspace) -> None:
    workspace.write(
        {
            "services/api/okteto.yaml": """
            build:
              api: .
            """,
            "data": b"  \x00",
        }
    )
    assert (workspace.root / "services/api/okteto.yaml").read_text() == "build:\n  api: .\n"
    assert (workspace.root / "data").read_bytes() == b"  \x00"


def test_files_can_be_executable(workspace: Workspace) -> None:
    workspace.write({"run": "#!/bin/sh\n"}, mode=0o755)
    assert (workspace.root / "run").stat().st_mode & 0o777 == 0o755


def test_a_command_runs_in_a_folder_with_plugins_and_variables(workspace: Workspace) -> None:
    workspace.write({"services/file": ""})
    outcome = workspace.run("greet", plugins=[Greeter()], environ={"WHO": "cindy"}, cwd="services")
    assert outcome == Outcome(
        1, "hello from services, cindy\n", "warning: services/api:api: it is late\n"
    )


def test_the_environment_of_the_process_is_not_seen(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OKPLUG_NAMESPACE", "somebody")
    stdout = workspace.run("config").assert_ok().stdout
    assert re.search(r"^namespace +cindy ", stdout, re.MULTILINE)


def test_an_unexpected_exit_code_shows_what_was_printed() -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        Outcome(4, "out\n", "err\n").assert_ok()
    assert str(caught.value) == "exit code 4, not 0\n--- stdout\nout\n--- stderr\nerr\n"


def test_an_expected_exit_code_gives_the_outcome_back() -> None:
    outcome = Outcome(4, "", "")
    assert outcome.assert_exit(4) is outcome


def test_a_config_for_tests_below_the_command_line(workspace: Workspace) -> None:
    recorder = HookRecorder()
    config = workspace.config(plugins=[recorder], settings={"jobs": 3}, options={"max_failures": 1})
    assert config.number("jobs") == 3
    assert config.text("namespace") == "cindy"
    assert config.options.max_failures == 1
    assert recorder.names() == ("okplug_addoption",)
