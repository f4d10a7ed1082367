"""``okplug validate`` and ``okplug schema``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from okplug import hookimpl
from okplug.errors import ExitCode, ManifestError
from okplug.manifest.model import Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Workspace


def test_a_workspace_without_faults_is_told_to_be_right(workspace: Workspace) -> None:
    workspace.write(
        {
            "api/okteto.yml": "build: {api: .}\n",
            "api/Dockerfile": "FROM scratch\n",
            "web/okteto.yml": "build: {web: ., tools: .}\n",
            "web/Dockerfile": "FROM scratch\n",
        }
    )
    outcome = workspace.run("validate").assert_ok()
    assert (outcome.stdout, outcome.stderr) == ("3 images of 2 manifests: nothing is wrong\n", "")


def test_all_that_is_wrong_is_printed_with_its_place(workspace: Workspace) -> None:
    workspace.write(
        {
            "api/okteto.yml": """
                build:
                  api:
                    context: .
                    contest: .
                    push: maybe
                """,
            "web/okteto.yml": "build: {web: nowhere}\n",
            "ok/okteto.yml": "build: {ok: .}\n",
            "ok/Dockerfile": "FROM scratch\n",
            "docs/okteto.yml": "build: {\n",
        }
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    lines = [line for line in outcome.stderr.splitlines() if not line.startswith("  hint: ")]
    assert lines == [
        "error: api/okteto.yml:2:3: the Dockerfile Dockerfile does not exist",
        "error: api/okteto.yml:4:5: unknown key 'contest' in build.api",
        "error: api/okteto.yml:5:11: build.api.push: expected true or false, found 'maybe'",
        lines[3],
        "error: web/okteto.yml:1:14: the context nowhere does not exist",
    ]
    assert lines[3].startswith("error: docs/okteto.yml:2:1: this is not YAML: ")
    assert outcome.stdout == ""


def test_what_no_manifest_has_alone_is_of_the_graph(workspace: Workspace) -> None:
    workspace.write(
        {
            "okteto.yml": "build: {api: {context: ., depends_on: bas}}\n",
            "Dockerfile": "FROM scratch\n",
        }
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith("error: okteto.yml:1:39: no image of the workspace is called")
    # alone, it is right
    assert workspace.run("validate", "okteto.yml").assert_ok().stdout == (
        "1 file: nothing is wrong\n"
    )


def test_only_the_files_that_are_named_are_judged(workspace: Workspace) -> None:
    workspace.write(
        {
            "a/okteto.yml": "build: {a: nowhere}\n",
            "b/other.yaml": "build: {b: .}\n",
            "b/Dockerfile": "FROM scratch\n",
            "compose.yml": "services: {c: {build: {contest: b}}}\n",
        }
    )
    assert workspace.run("validate", "other.yaml", cwd="b").assert_ok().stdout == (
        "1 file: nothing is wrong\n"
    )
    outcome = workspace.run(
        "validate", "b/other.yaml", "compose.yml", "a/okteto.yml", "compose.yml"
    )
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert [line.split(":")[1] for line in outcome.stderr.splitlines() if "error" in line] == [
        " compose.yml",
        " a/okteto.yml",
    ]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("nowhere.yml", "nowhere.yml: there is no such file"),
        ("api", "api: there is no such file"),
        ("/etc/passwd", "/etc/passwd: the file is not in the workspace ROOT"),
    ],
)
def test_a_file_that_is_no_manifest_of_the_workspace_is_an_error(
    workspace: Workspace, file: str, message: str
) -> None:
    workspace.write({"api/okteto.yml": ""})
    outcome = workspace.run("validate", file).assert_exit(ExitCode.USAGE_ERROR)
    assert message in outcome.stderr.replace(str(workspace.root), "ROOT")


def test_a_file_that_no_plugin_reads_is_an_error(workspace: Workspace) -> None:
    workspace.write({"build.toml": ""})
    outcome = workspace.run("validate", "build.toml").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == "error: build.toml: no plugin reads this file\n"


def test_plugins_judge_their_own_files(workspace: Workspace) -> None:
    class Plugin:
        @hookimpl
        def okplug_collect_manifest(self, path: Path) -> Manifest | None:
            if path.name != "bake.hcl":
                return None
            if path.read_text():
                raise ManifestError("this is not empty")
            return Manifest(path, (), ("it is empty",))

    workspace.write({"bake.hcl": ""})
    outcome = workspace.run("validate", "bake.hcl", plugins=[Plugin()]).assert_ok()
    assert outcome.stderr == "warning: it is empty\n"
    workspace.write({"bake.hcl": "x"})
    outcome = workspace.run("validate", "bake.hcl", plugins=[Plugin()])
    assert outcome.assert_exit(ExitCode.USAGE_ERROR).stderr == "error: this is not empty\n"


def test_a_manifest_in_a_folder_of_its_own_is_judged_from_the_one_around(
    workspace: Workspace,
) -> None:
    workspace.write(
        {
            "api/.okteto/okteto.yml": "build: {api: {context: ., contest: 1, push: 2}}\n",
            "api/Dockerfile": "FROM scratch\n",
        }
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    assert [line.split(" ")[1] for line in outcome.stderr.splitlines() if "error: " in line] == [
        "api/.okteto/okteto.yml:1:27:",
        "api/.okteto/okteto.yml:1:45:",
    ]


def test_warnings_are_no_errors(workspace: Workspace) -> None:
    workspace.write({"okteto.yml": "build: {My_Api: .}\n", "Dockerfile": "FROM scratch\n"})
    for argv in (["validate"], ["validate", "okteto.yml"]):
        outcome = workspace.run(*argv).assert_ok()
        assert "warning: " in outcome.stderr
        assert "the image 'My_Api' is called 'my-api'" in outcome.stderr


def test_what_the_settings_file_says_of_images_is_judged_as_well(workspace: Workspace) -> None:
    workspace.write(
        {
            "okplug.toml": '[images."api"]\nnetwork = "bridge"\n',
            "okteto.yml": "build: {api: .}\n",
            "Dockerfile": "FROM scratch\n",
        }
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    assert "there is no network 'bridge' for builds" in outcome.stderr
    assert outcome.stderr.count("error: ") == 1


def test_a_dockerfile_that_is_wrong_is_an_error_of_the_workspace(workspace: Workspace) -> None:
    workspace.write({"okteto.yml": "build: {api: .}\n", "Dockerfile": "FRM scratch\n"})
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith("error: Dockerfile:1:1: ")
    workspace.run("validate", "okteto.yml").assert_ok()


def test_the_values_of_env_files_are_not_shown(workspace: Workspace) -> None:
    workspace.write(
        {
            ".env": "PLACE=hidden-place\n",
            "okteto.yml": "build: {api: {context: $PLACE, push: $PLACE}}\n",
        }
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.count("error: ") == 2
    assert "hidden-place" not in outcome.stderr


def test_variables_of_the_environment_count(workspace: Workspace) -> None:
    workspace.write(
        {"okteto.yml": "build: {api: {context: $WHERE}}\n", "api/Dockerfile": "FROM scratch\n"}
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    assert "okteto.yml:1:24: the variable WHERE is not set" in outcome.stderr
    workspace.run("validate", environ={"WHERE": "api"}).assert_ok()


def test_the_schema_is_printed_without_a_workspace(workspace: Workspace) -> None:
    workspace.write({"okteto.yml": "build: [\n"})
    schema = json.loads(workspace.run("schema").assert_ok().stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"build": {"api": {"context": ".", "args": ["A=1"]}}})
    assert not validator.is_valid({"build": {"api": {"contest": "."}}})


def test_the_line_for_editors_means_nothing_to_the_reader(workspace: Workspace) -> None:
    workspace.write(
        {
            "okteto.yml": """
                # yaml-language-server: $schema=okteto.schema.json
                build:
                  api: .
                """,
            "Dockerfile": "FROM scratch\n",
        }
    )
    outcome = workspace.run("validate").assert_ok()
    assert (outcome.stdout, outcome.stderr) == ("1 image of 1 manifest: nothing is wrong\n", "")


def test_warnings_are_told_once_with_a_place_that_can_be_opened(workspace: Workspace) -> None:
    workspace.write(
        {
            "okteto.yaml": "build:\n  My_Api:\n    context: .\n    depends_on: nothing\n",
            "Dockerfile": "FROM scratch\n",
        }
    )
    outcome = workspace.run("validate").assert_exit(ExitCode.USAGE_ERROR)
    warnings = [line for line in outcome.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings == ["warning: okteto.yaml:2:3: the image 'My_Api' is called 'my-api'"]
