"""``docs/okteto.md`` says of each key, flag and variable of Okteto's build what the code has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from okplug.coresettings import core_settings
from okplug.manifest.entrykeys import ALIASES, KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.meta.conftest import Source

#: the keys of an entry below ``build`` that Okteto reads
OKTETO_KEYS = {
    *("args", "cache_from", "context", "depends_on", "dockerfile"),
    *("export_cache", "image", "secrets", "target"),
}
#: the options of ``okteto build``, those of all its commands included
OKTETO_FLAGS = {
    *("-c", "--context", "-n", "--namespace", "-f", "--file", "-t", "--tag", "--target"),
    *("--no-cache", "--cache-from", "--export-cache", "--progress", "--build-arg", "--secret"),
    *("--platform", "-l", "--log-level", "--log-output", "--server-name"),
}
#: the environment variables that ``okteto build`` or its BuildKit client reads
OKTETO_VARIABLES = {
    "BUILDKIT_HOST",
    "BUILDKIT_PROGRESS",
    "OKTETO_ALPHA_BUILD_COMPRESSION",
    "OKTETO_ALPHA_BUILD_COMPRESSION_LEVEL",
    "OKTETO_ALPHA_BUILD_FORCE_COMPRESSION",
    "OKTETO_BUILDKIT_FRONTEND_IMAGE",
    "OKTETO_BUILDKIT_INTERNAL_MODE",
    "OKTETO_BUILDKIT_MAX_RETRIES_FOR_TRANSIENT_ERRORS",
    "OKTETO_BUILDKIT_QUEUE_WAIT_TIMEOUT",
    "OKTETO_BUILDKIT_READINESS_TIMEOUT",
    "OKTETO_BUILDKIT_RETRY_INTERVAL",
    "OKTETO_BUILDKIT_WAIT_TIMEOUT",
    "OKTETO_BUILD_CHECK_STRATEGY_PARALLEL",
    "OKTETO_BUILD_OCI_MEDIATYPES",
    "OKTETO_BUILD_QUEUE_ENABLED",
    "OKTETO_CONTEXT",
    "OKTETO_DEPLOY_REMOTE",
    "OKTETO_DISABLE_SPINNER",
    "OKTETO_FOLDER",
    "OKTETO_HOME",
    "OKTETO_IN_INSTALLER",
    "OKTETO_KEEPALIVE_CLIENT_PERMIT_WITHOUT_STREAM",
    "OKTETO_KEEPALIVE_CLIENT_TIMEOUT_MS",
    "OKTETO_KEEPALIVE_CLIENT_TIME_MS",
    "OKTETO_LOCAL_REGISTRY_STORE_PRIORITY_ENABLED",
    "OKTETO_MANAGED_POD",
    "OKTETO_NAME",
    "OKTETO_NAMESPACE",
    "OKTETO_SMART_BUILDS_ENABLED",
    "OKTETO_SMART_BUILDS_IGNORE_FILES_ENABLED",
    "OKTETO_TOKEN",
    "OKTETO_URL",
}
#: how many things a build must do, at least, of those that teams know from Okteto
OKTETO_MUSTS = 37
LINES = (
    "Using ",
    " as context",
    "Checking if the images are already built from cache...",
    "Okteto Smart Builds is skipping build of ",
    " already built from cache.",
    "Building '",
    "' successfully pushed",
    "The following build images need to be built because of dependencies: [",
    "Build succeeded",
    "Your image won't be pushed. To push your image specify the flag '-t'.",
    "BuildKit service connection failure. Retrying...",
)
ANSWERS = ("same", "better", "new", "renamed", "none")
_CODE = re.compile(r"`([^`]+)`")


class Page:
    """The tables of the page by their headings."""

    def __init__(self, text: str) -> None:
        self.text = text

    def cells(self, heading: str) -> list[tuple[str, str]]:
        """Return the rows of the table below a heading, without those that make it one."""
        _, _, section = self.text.partition(f"\n## {heading}\n")
        table = re.findall(r"^\| (.+?) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
        return table[1:]

    def rows(self, heading: str) -> dict[str, str]:
        """Return what stands in code in each first cell -> the second cell."""
        cells = self.cells(heading)
        return {name: answer for first, answer in cells for name in _CODE.findall(first)}


@pytest.fixture(scope="module")
def page(top: Path) -> Page:
    """The page."""
    return Page((top / "docs/okteto.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def code(core: list[Source], plugins: list[Source]) -> str:
    """All of the code."""
    return "".join(source.text for source in [*core, *plugins])


TABLES = ("Keys of a manifest", "Flags of the command", "Environment variables")


@pytest.mark.parametrize("heading", TABLES)
def test_every_answer_is_one_of_few(page: Page, heading: str) -> None:
    rows = page.rows(heading)
    assert rows
    wrong = {name: answer for name, answer in rows.items() if answer.split(":")[0] not in ANSWERS}
    assert wrong == {}


@pytest.mark.parametrize("heading", TABLES)
def test_what_is_not_there_has_a_reason(page: Page, heading: str) -> None:
    unexplained = [
        name
        for name, answer in page.rows(heading).items()
        if answer.startswith(("none", "renamed", "better", "new"))
        and len(answer.partition(":")[2]) < len(" of it")
    ]
    assert unexplained == []


# ----------------------------------------------------------------------------------------- keys


def test_every_key_has_its_row_and_every_row_its_key(page: Page) -> None:
    rows = page.rows("Keys of a manifest")
    there = {name for name, answer in rows.items() if not answer.startswith("none")}
    assert there == set(KEYS)
    assert rows.keys() >= OKTETO_KEYS
    assert all(f"`{alias}`" in rows[key] for alias, key in ALIASES.items())


def test_new_keys_are_those_that_okteto_lacks(page: Page) -> None:
    rows = page.rows("Keys of a manifest")
    new = {name for name, answer in rows.items() if answer.startswith("new")}
    assert new == set(KEYS) - OKTETO_KEYS


# ---------------------------------------------------------------------------------------- flags


@pytest.fixture(scope="module")
def options(top: Path) -> frozenset[str]:
    """The options of ``okplug build``, as a whole command line knows them."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "okplug", "build", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=top)
    return frozenset(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", done.stdout))


def test_every_flag_has_its_row(page: Page) -> None:
    assert page.rows("Flags of the command").keys() >= OKTETO_FLAGS


def test_a_flag_that_is_said_to_be_there_is_there(page: Page, options: frozenset[str]) -> None:
    rows = page.rows("Flags of the command")
    there = {
        name
        for name, answer in rows.items()
        if name.startswith("-") and answer.startswith(("same", "better", "new"))
    }
    assert there - options == set()
    absent = {name for name, answer in rows.items() if answer.startswith(("none", "renamed"))}
    assert absent & options == set()


# ------------------------------------------------------------------------------------ variables


def test_every_variable_has_its_row(page: Page) -> None:
    assert OKTETO_VARIABLES - page.rows("Environment variables").keys() == set()


def test_a_variable_that_is_said_to_count_is_read(page: Page, code: str) -> None:
    rows = page.rows("Environment variables")
    unread = {
        name
        for name, answer in rows.items()
        if answer.startswith(("same", "better", "new")) and f'"{name}"' not in code
    }
    assert unread == set()
    read = {name for name, answer in rows.items() if answer.startswith("none")}
    assert {name for name in read if f'"{name}"' in code} == set()


def test_every_variable_of_okteto_that_is_read_has_its_row(page: Page, code: str) -> None:
    read = set(re.findall(r'"(OKTETO_[A-Z_]+[A-Z])"', code)) - {"OKTETO_BUILD"}
    assert read - page.rows("Environment variables").keys() == set()


@pytest.mark.parametrize("heading", TABLES)
def test_settings_that_are_named_are_there(page: Page, code: str, heading: str) -> None:
    known = {setting.name for setting in core_settings({"HOME": "/"})}
    known |= set(re.findall(r'Setting\(\s*"(\w+)"', code))
    named = {
        name
        for answer in page.rows(heading).values()
        for name in re.findall(r"settings? `(\w+)`", answer)
    }
    assert named - known == set()


# ------------------------------------------------------------------------------------ checklist


def test_what_is_said_to_be_shown_is_shown_there(page: Page, top: Path) -> None:
    shown = page.cells("Where it is shown")
    assert len(shown) >= OKTETO_MUSTS
    for _, places in shown:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", places)
        assert named, places
        for path, test in named:
            text = (top / path).read_text(encoding="utf-8")
            assert not test or f"def {test}(" in text, (path, test)


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_said_to_be_the_same_is_printed(page: Page, code: str, line: str) -> None:
    """The page has it with an example's names; the code has what is in between."""
    _, _, section = page.text.partition("\n## Lines and exit codes\n")
    assert line in section.partition("\n## ")[0]
    assert line in code
