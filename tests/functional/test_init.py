"""``okplug init``: from a repository of Dockerfiles to manifests and their graph."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from okplug.testing import Workspace

#: base <- api <- worker, base <- web; what web copies from is another one's name
REPOSITORY = {
    "libs/base/Dockerfile": "FROM scratch\nCOPY data /\n",
    "libs/base/data": "base",
    "services/api/Dockerfile": """
        ARG BASE_IMAGE
        FROM ${BASE_IMAGE}
        COPY services/api/main.py /
        """,
    "services/api/main.py": "print()",
    "services/api/Dockerfile.dev": "FROM acme/api:latest\n",
    "web/Containerfile": "FROM scratch\nCOPY --from=acme/base / /\n",
    "docker/worker.Dockerfile": """
        ARG OKTETO_BUILD_API_IMAGE
        FROM ${OKTETO_BUILD_API_IMAGE}
        COPY . /src
        """,
}

MANIFESTS = {
    "docker/okteto.yaml": """\
build:
  worker:
    context: ..
    dockerfile: docker/worker.Dockerfile
    depends_on:
      - services/api:api
""",
    "libs/base/okteto.yaml": """\
build:
  base: .
""",
    "services/api/okteto.yaml": """\
build:
  api:
    context: ../..
    dockerfile: services/api/Dockerfile
    args:
      BASE_IMAGE: ${OKTETO_BUILD_BASE_IMAGE}
    depends_on:
      - libs/base:base
  api-dev:
    context: .
    dockerfile: Dockerfile.dev
    contexts:
      acme/api:latest: services/api:api
""",
    "web/okteto.yaml": """\
build:
  web:
    context: .
    dockerfile: Containerfile
    contexts:
      acme/base: libs/base:base
""",
}


def manifests(root: Path) -> dict[str, str]:
    """Return the manifests of a workspace by their paths."""
    return {
        path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("okteto.y*ml")
    }


def test_a_repository_gets_manifests_and_their_graph_is_shown(workspace: Workspace) -> None:
    workspace.write(REPOSITORY)
    outcome = workspace.run("init").assert_ok()
    assert manifests(workspace.root) == MANIFESTS
    assert outcome.stderr == ""
    assert outcome.stdout == (
        "wrote docker/okteto.yaml\n"
        "wrote libs/base/okteto.yaml\n"
        "wrote services/api/okteto.yaml\n"
        "wrote web/okteto.yaml\n"
        "\n"
        "docker:worker\n"
        "└── services/api:api  (FROM, docker/worker.Dockerfile:2; depends_on, docker/okteto.yaml:6)\n"
        "    └── libs/base:base  (FROM, services/api/Dockerfile:2; depends_on, services/api/okteto.yaml:8)\n"
        "services/api:api-dev\n"
        "└── services/api:api  (named context, services/api/okteto.yaml:12) (above)\n"
        "web:web\n"
        "└── libs/base:base  (named context, web/okteto.yaml:5)\n"
    )


def test_what_it_writes_is_read_without_a_warning_and_built(workspace: Workspace) -> None:
    workspace.write(REPOSITORY)
    workspace.run("init").assert_ok()
    outcome = workspace.run("build").assert_ok()
    assert "warning" not in outcome.stderr
    assert "5 built" in outcome.stderr
    assert workspace.run("plan", "--detailed-exitcode").exit_code == 0


def test_a_dry_run_prints_the_manifests_and_writes_none(workspace: Workspace) -> None:
    workspace.write(REPOSITORY)
    outcome = workspace.run("init", "--dry-run").assert_ok()
    expected = [f"# {path}\n{text}" for path, text in MANIFESTS.items()]
    assert outcome.stdout == "\n".join(expected)
    assert manifests(workspace.root) == {}


def test_a_second_run_has_nothing_to_write(workspace: Workspace) -> None:
    workspace.write(REPOSITORY)
    graph = workspace.run("init").stdout.partition("\n\n")[2]
    assert workspace.run("init").assert_ok().stdout == f"nothing to write\n\n{graph}"
    assert workspace.run("init", "--dry-run").assert_ok().stdout == "nothing to write\n"


def test_a_new_dockerfile_is_added_with_a_name_of_its_own(workspace: Workspace) -> None:
    workspace.write(REPOSITORY)
    workspace.run("init").assert_ok()
    workspace.write({"other/api/Dockerfile": "FROM acme/base\n"})
    workspace.run("init").assert_ok()
    assert manifests(workspace.root) == MANIFESTS | {
        "other/api/okteto.yaml": (
            "build:\n  other-api:\n    context: .\n    contexts:\n      acme/base: libs/base:base\n"
        )
    }


def test_a_manifest_that_is_there_is_not_touched(workspace: Workspace) -> None:
    present = {"api/okteto.yml": "build:\n  api: .\ndeploy:\n  - make\n"}
    workspace.write(
        {"api/Dockerfile": "FROM scratch\n", "api/Dockerfile.x": "FROM scratch\n", **present}
    )
    workspace.write({"web/Dockerfile": "FROM scratch\n"})
    outcome = workspace.run("init").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        "error: api/okteto.yml is there, and lacks what would be called api-x\n"
        "  hint: add the Dockerfile to it, leave it out with -o exclude=PATTERN, or have the "
        "manifest written anew with --force\n"
    )
    assert manifests(workspace.root) == present
    workspace.run("init", "-o", "exclude=**/*.x").assert_ok()
    assert manifests(workspace.root) == {**present, "web/okteto.yaml": "build:\n  web: .\n"}


def test_force_writes_it_anew_in_its_place(workspace: Workspace) -> None:
    workspace.write(
        {
            "api/Dockerfile": "FROM scratch\n",
            "api/Dockerfile.x": "FROM scratch\n",
            "api/okteto.yml": "build:\n  old:\n    context: .\ndeploy:\n  - make\n",
            "okteto.yml": "build:\n  web: web\n",
            "web/Dockerfile": "FROM scratch\n",
        }
    )
    workspace.run("init", "--force").assert_ok()
    assert manifests(workspace.root) == {
        "api/okteto.yml": "build:\n  api: .\n  api-x:\n    context: .\n    dockerfile: Dockerfile.x\n",
        "okteto.yml": "build:\n  web: web\n",
    }


def test_what_a_compose_file_builds_needs_no_manifest(workspace: Workspace) -> None:
    workspace.write(
        {
            "docker-compose.yml": """
                services:
                  api:
                    build: api
                  db:
                    image: postgres
                """,
            "api/Dockerfile": "FROM scratch\n",
            "web/Dockerfile": "FROM acme/api\n",
        }
    )
    workspace.run("init").assert_ok()
    assert manifests(workspace.root) == {
        "web/okteto.yaml": "build:\n  web:\n    context: .\n    contexts:\n      acme/api: :api\n".replace(
            ":api\n", '":api"\n'
        )
    }


def test_a_manifest_beside_a_compose_file_takes_its_images_in(workspace: Workspace) -> None:
    workspace.write(
        {
            "docker-compose.yml": """
                services:
                  api:
                    build: api
                """,
            "api/Dockerfile": "FROM scratch\n",
            "Dockerfile.tools": "FROM scratch\n",
        }
    )
    outcome = workspace.run("init").assert_ok()
    assert manifests(workspace.root) == {
        "okteto.yaml": (
            "build:\n"
            "  tools:\n"
            "    context: .\n"
            "    dockerfile: Dockerfile.tools\n"
            "deploy:\n"
            "  compose: docker-compose.yml\n"
        )
    }
    assert outcome.stdout.endswith("\n\n:api\n:tools\n")
    assert outcome.stderr == ""


def test_what_cannot_be_told_is_left_out_with_what_needs_it(workspace: Workspace) -> None:
    workspace.write(
        {
            "a/Dockerfile": "ARG FLAVOUR\nFROM $FLAVOUR\n",
            "b/Dockerfile": "ARG OKTETO_BUILD_A_IMAGE\nFROM $OKTETO_BUILD_A_IMAGE\n",
            "c/Dockerfile": "FROM acme/a\n",
            "d/Dockerfile": "FRM x\n",
            "e/Dockerfile": "FROM scratch\nCOPY dist /\n",
            "f/Dockerfile": "FROM acme/c:2.1\n",
        }
    )
    outcome = workspace.run("init").assert_ok()
    warnings = [line.removeprefix("warning: ") for line in outcome.stderr.splitlines()]
    assert len(warnings) == 5
    assert warnings[0].startswith("d/Dockerfile:1:1: the file is left out: ")
    assert warnings[1].startswith(
        "a/Dockerfile:2:6: the image is left out, write its entry by hand: "
    )
    assert warnings[2:] == [
        "f/Dockerfile:1: acme/c:2.1 is taken for a release, not for c:c of the workspace",
        "b/Dockerfile: the image is left out, as is what it is built from",
        "e/Dockerfile: no folder up to the root has dist, which it copies",
    ]
    assert manifests(workspace.root) == {
        f"{name}/okteto.yaml": f"build:\n  {name}: .\n" for name in "cef"
    }


def test_a_guess_makes_no_circle(workspace: Workspace) -> None:
    workspace.write({"a/Dockerfile": "FROM acme/b\n", "b/Dockerfile": "FROM acme/a\n"})
    outcome = workspace.run("init").assert_ok()
    assert outcome.stderr == (
        "warning: b/Dockerfile: acme/a is not taken for a:a, which is built from b:b\n"
    )
    assert outcome.stdout.endswith("\na:a\n└── b:b  (named context, a/okteto.yaml:4)\n")


def test_a_folder_without_dockerfiles_gets_nothing(workspace: Workspace) -> None:
    outcome = workspace.run("init").assert_exit(ExitCode.NOTHING_SELECTED)
    assert outcome.stdout == "no Dockerfile was found\n"


def test_where_nothing_marks_the_root_a_settings_file_is_suggested(workspace: Workspace) -> None:
    workspace.write({"Dockerfile": "FROM scratch\n"})
    (workspace.root / "okplug.toml").unlink()
    outcome = workspace.run("init").assert_ok()
    assert outcome.stderr == (
        f"warning: from a folder below, okplug will not find {workspace.root}: it is no checkout "
        "and has no okplug.toml; an empty one will do\n"
    )
    (workspace.root / ".git").mkdir()
    assert workspace.run("init").assert_ok().stderr == ""


@pytest.mark.parametrize("name", ["c#", "a b", "$x", "größe", "no", "1.20", "-"])
def test_folders_may_be_called_anything(workspace: Workspace, name: str) -> None:
    workspace.write({f"{name}/Dockerfile": "FROM scratch\nCOPY f /\n", f"{name}/f": ""})
    workspace.write({f"{name}/sub/Dockerfile.x": f'FROM scratch\nCOPY ["{name}/f", "/"]\n'})
    outcome = workspace.run("init").assert_ok()
    assert outcome.stderr == ""
    assert workspace.run("init").assert_ok().stdout.startswith("nothing to write\n")


def test_manifests_are_called_as_the_setting_has_them(workspace: Workspace) -> None:
    workspace.write(
        {
            "api/Dockerfile": "FROM scratch\n",
            "okplug.toml": 'manifests = [".build/images.yml", "images.yml", "other.yml"]\n',
        }
    )
    outcome = workspace.run("init").assert_ok()
    assert outcome.stdout == "wrote api/images.yml\n\napi:api\n"


def test_the_example_gets_its_edges_back(workspace: Workspace) -> None:
    example = Path(__file__).parent.parent.parent / "example-monorepo"
    for path in example.rglob("*"):
        relpath = path.relative_to(example).as_posix()
        if path.is_file() and not re.match(r"(.*/)?okteto\.ya?ml|okplugfile\.py|\.okplug", relpath):
            workspace.write({relpath: path.read_bytes()})
    assert workspace.run("init").assert_ok().stderr == ""
    graph = json.loads(workspace.run("graph", "--format", "json").stdout)
    edges = {
        image["address"].partition(":")[2]: {
            one["address"].partition(":")[2] for one in image["dependencies"]
        }
        for image in graph["images"]
    }
    assert edges == {
        "base": set(),
        "messages": set(),
        "show": set(),
        "settings": {"base"},
        "api": {"messages", "settings", "show"},
        "cart": {"api"},
        "mail": {"api", "messages"},
        "web": {"show"},
        # what its arguments hold is written in a manifest only
        "release": set(),
    }


def test_a_manifest_that_is_wrong_is_told_before_anything_is_written(workspace: Workspace) -> None:
    workspace.write(
        {"a/okteto.yml": "build: {a: {contest: .}}\n", "b/Dockerfile": "FROM scratch\n"}
    )
    outcome = workspace.run("init").assert_exit(ExitCode.USAGE_ERROR)
    assert "a/okteto.yml:1:13: unknown key 'contest'" in outcome.stderr
    assert not (workspace.root / "b/okteto.yaml").exists()


def test_a_manifest_that_cannot_be_written_is_an_error(workspace: Workspace) -> None:
    workspace.write({"a/Dockerfile": "FROM scratch\n", "a/okteto.yaml/file": ""})
    outcome = workspace.run("init").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == "error: a/okteto.yaml cannot be written: File exists\n"
