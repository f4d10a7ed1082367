"""``okplug list``, and selections as a user writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from okplug.testing import Workspace

SHOP = {
    "okteto.yaml": """
        build:
          site: site
        """,
    "site/Dockerfile": "FROM scratch\n",
    "base/okteto.yaml": """
        build:
          base: .
        """,
    "base/Dockerfile": "FROM scratch\n",
    "services/api/okteto.yaml": """
        build:
          api:
            context: src
            dockerfile: ../docker/api.Dockerfile
            target: final
            depends_on: base
            image: okteto.global/shop-api:1.0
          worker:
            context: src
            dockerfile: ../docker/api.Dockerfile
        """,
    "services/api/docker/api.Dockerfile": "FROM scratch AS final\nFROM final\n",
    "services/api/src/main.py": "",
    "services/old/okteto.yml": """
        build:
          old: .
        """,
    "services/old/Dockerfile": "FROM scratch\n",
}
ALL = [":site", "base:base", "services/api:api", "services/api:worker", "services/old:old"]


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """A workspace of five images."""
    workspace.write(SHOP)
    return workspace


def listed(shop: Workspace, *argv: str, cwd: str = "") -> list[str]:
    outcome = shop.run("list", *argv, cwd=cwd).assert_ok()
    assert outcome.stderr == ""
    return outcome.stdout.splitlines()


def test_all_images_one_to_a_line_and_sorted(shop: Workspace) -> None:
    assert listed(shop) == ALL


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("services/api:api", ["services/api:api"]),
        ("services::", ALL[2:]),
        ("services:: --exclude services/old", ALL[2:4]),
        ("services:: -services/old", ALL[2:4]),
        ("services:: -services/old::", ALL[2:4]),
        ("-services/old:: services::", ALL[2:4]),
        ("-- services:: -services/old::", ALL[2:4]),
        ("--exclude :site --exclude base", ALL[2:]),
        ("-:site -base:", ALL[2:]),
        ("-k api", ALL[2:4]),
        ("services/*:*", ALL[2:]),
        ("worker base", ["base:base", "services/api:worker"]),
    ],
)
def test_selections(shop: Workspace, line: str, expected: list[str]) -> None:
    assert listed(shop, *line.split()) == expected


def test_keywords_are_an_expression(shop: Workspace) -> None:
    assert listed(shop, "-k", "services and not (old or worker)") == ["services/api:api"]


def test_in_a_folder_only_what_is_there_and_below(shop: Workspace) -> None:
    assert listed(shop, cwd="services") == ALL[2:]
    assert listed(shop, "-C", "services/old") == ["services/old:old"]
    assert listed(shop, "./api:worker", "../base", cwd="services") == [
        "base:base",
        "services/api:worker",
    ]
    assert listed(shop, "::", cwd="services/old") == ALL


def test_in_a_folder_without_images_nothing_is_selected(shop: Workspace) -> None:
    outcome = shop.run("list", cwd="site").assert_exit(ExitCode.NOTHING_SELECTED)
    assert outcome.stdout == ""


@pytest.mark.parametrize("argv", [("base", "--exclude", "base"), ("-k", "nothing")])
def test_nothing_is_selected(shop: Workspace, argv: tuple[str, ...]) -> None:
    outcome = shop.run("list", *argv).assert_exit(ExitCode.NOTHING_SELECTED)
    assert outcome.stdout == ""


def test_as_json(shop: Workspace) -> None:
    outcome = shop.run("list", "--json", "services/api:api", ":site").assert_ok()
    assert json.loads(outcome.stdout) == {
        "images": [
            {
                "address": ":site",
                "manifest": "okteto.yaml",
                "context": "site",
                "dockerfile": "site/Dockerfile",
                "target": "",
                "reference": "localhost/cindy/site:okteto",
                "dependencies": [],
            },
            {
                "address": "services/api:api",
                "manifest": "services/api/okteto.yaml",
                "context": "services/api/src",
                "dockerfile": "services/api/docker/api.Dockerfile",
                "target": "final",
                "reference": "localhost/okteto/shop-api:1.0",
                "dependencies": ["base:base"],
            },
        ]
    }


def test_json_of_nothing(shop: Workspace) -> None:
    outcome = shop.run("list", "--json", "-k", "nothing")
    outcome.assert_exit(ExitCode.NOTHING_SELECTED)
    assert json.loads(outcome.stdout) == {"images": []}


@pytest.mark.parametrize(
    ("argv", "stderr"),
    [
        pytest.param(
            ("services/apu:api",),
            "error: 'services/apu:api' selects no image, did you mean 'services/api:api'?\n"
            "  hint: okplug list shows all addresses\n",
        ),
        pytest.param(
            ("::", "-services/apu/"),
            "error: 'services/apu/' selects no image, did you mean 'services/api'?\n"
            "  hint: okplug list shows all addresses\n",
        ),
        pytest.param(
            ("-k", "api and"),
            "error: -k 'api and': a word is missing\n"
            "  hint: words, and, or, not and parentheses, such as 'api and not (test or old)'\n",
        ),
        pytest.param(
            ("../../x:x",),
            "error: '../../x:x' is outside of the workspace\n"
            "  hint: okplug -C DIR works on the workspace of another folder\n",
        ),
        pytest.param(
            ("-zzz",),
            "error: unrecognized arguments: -zzz\n  hint: okplug list --help tells more\n",
        ),
        pytest.param(
            ("---api:x",),
            "error: unrecognized arguments: ---api:x\n  hint: okplug list --help tells more\n",
        ),
    ],
)
def test_wrong_words(shop: Workspace, argv: tuple[str, ...], stderr: str) -> None:
    outcome = shop.run("list", *argv).assert_exit(ExitCode.USAGE_ERROR)
    assert (outcome.stdout, outcome.stderr) == ("", stderr)


def test_a_command_without_selection_takes_no_words_to_leave_out(shop: Workspace) -> None:
    outcome = shop.run("config", "-services/old::").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith("error: unrecognized arguments: -services/old::\n")


def test_a_build_argument_can_say_what_a_dockerfile_needs_to_be_read(shop: Workspace) -> None:
    shop.write({"site/Dockerfile": "ARG PARENT\nFROM $PARENT\n"})
    assert "PARENT" in shop.run("list").assert_exit(ExitCode.USAGE_ERROR).stderr
    assert listed(shop, "--build-arg", "PARENT=busybox") == ALL
