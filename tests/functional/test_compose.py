"""Whole runs on compose files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from okplug.testing import Workspace
    from tests.functional.conftest import Shop

FILES = {
    "compose.yaml": """
        services:
          web:
            build: {context: web, args: {MODE: "${MODE:-prod}"}}
            depends_on: [api, db]
          Api_1:
            build: api
          api: {build: api}
          base: {build: base, image: acme/base}
          db: {image: postgres}
        """,
    "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
    "base/data": "base\n",
    "api/Dockerfile": "FROM acme/base\nCOPY data /api\n",
    "api/data": "api\n",
    "web/Dockerfile": "FROM scratch\nARG MODE\nENV MODE=$MODE\nCOPY data /web\n",
    "web/data": "web\n",
}


@pytest.fixture
def files(workspace: Workspace) -> Workspace:
    """Base <- api, and web that runs after api."""
    workspace.write(FILES)
    return workspace


def built(workspace: Workspace, *argv: str) -> set[str]:
    outcome = workspace.run("plan", *argv).assert_ok().stdout
    found = {line.split()[1] for line in outcome.splitlines() if line.startswith("build")}
    workspace.run("build", *argv).assert_ok()
    return found


def test_the_services_are_built_and_reused(files: Workspace) -> None:
    assert built(files) == {":base", ":api", ":api-1", ":web"}
    assert built(files) == set()


def test_what_starts_from_a_service_is_built_anew_with_it(files: Workspace) -> None:
    built(files)
    files.write({"base/data": "new\n"})
    assert built(files) == {":base", ":api", ":api-1"}


def test_what_only_runs_after_a_service_is_not_built_anew_with_it(files: Workspace) -> None:
    built(files)
    files.write({"api/data": "new\n"})
    assert built(files) == {":api", ":api-1"}


def test_a_service_does_not_bring_along_what_it_runs_after(files: Workspace) -> None:
    assert built(files, "web") == {":web"}
    assert built(files, "API_1") == {":base", ":api-1"}


@pytest.fixture
def services(empty_shop: Shop) -> Shop:
    """The same with a builder that builds one after the other."""
    empty_shop.workspace.write(FILES)
    return empty_shop


def test_services_are_built_in_order(services: Shop) -> None:
    services.results()
    order = services.built()
    assert order.index(":api") < order.index(":web")
    services.edit("web/data", "new")
    services.edit("api/data", "new")
    services.results()
    order = services.built()
    assert sorted(order) == [":api", ":api-1", ":web"]
    assert order.index(":api") < order.index(":web")


def test_what_only_runs_after_a_service_is_built_without_it(services: Shop) -> None:
    services.break_down(":api")
    verdicts = services.verdicts()
    assert (verdicts[":api"], verdicts[":web"]) == ("failed", "build")


def test_the_name_of_a_service_in_another_registry_is_not_written(services: Shop) -> None:
    results = services.results("base")
    assert set(results) == {":base"}
    assert services.personal("base").keys() == {"okteto"}


def test_a_variable_that_counts_changes_the_key(files: Workspace) -> None:
    plain = files.run("hash", "web").assert_ok().stdout
    other = files.run("hash", "web", environ={"MODE": "dev"}).assert_ok().stdout
    assert plain != other
    files.write({".env": "MODE=dev\n"})
    assert files.run("hash", "web").assert_ok().stdout == other


def test_a_compose_file_beside_a_manifest_is_asked_for_by_name(files: Workspace) -> None:
    files.write({"okteto.yml": "build: {web: web}\n"})
    assert files.run("list").assert_ok().stdout == ":web\n"
    found = files.run("list", "-f", "compose.yaml").assert_ok().stdout.split()
    assert found == [":api", ":api-1", ":base", ":web"]


def test_the_images_of_a_manifest_and_its_compose_file_are_one_graph(files: Workspace) -> None:
    files.write(
        {
            "okteto.yml": """
                build:
                  job: {context: job, depends_on: Api_1}
                deploy: {compose: compose.yaml}
                """,
            "job/Dockerfile": "ARG OKTETO_BUILD_API_1_IMAGE\nFROM $OKTETO_BUILD_API_1_IMAGE\n",
        }
    )
    assert built(files, "job") == {":base", ":api-1", ":job"}


def test_a_claimed_file_is_read_once(files: Workspace) -> None:
    files.write(
        {
            "okteto.yml": "deploy: {compose: dev/compose.yml}\n",
            "dev/compose.yml": "services: {tools: {build: ../base}}\n",
        }
    )
    assert files.run("list").assert_ok().stdout == ":tools\n"
    assert files.run("list", "-f", "dev/compose.yml").assert_ok().stdout == ":tools\n"


def test_an_included_file_is_selected_with_the_one_that_includes_it(files: Workspace) -> None:
    files.write(
        {
            "team/compose.yml": "services: {tools: {build: ../base}}\n",
            "all/compose.yml": "include: [../team/compose.yml]\nservices: {x: {build: ../web}}\n",
        }
    )
    found = files.run("list", "-f", "all/compose.yml").assert_ok().stdout.split()
    assert found == ["all:x", "team:tools"]
    assert files.run("list", "team").assert_ok().stdout == "team:tools\n"


def test_errors_have_the_place_in_the_compose_file(files: Workspace) -> None:
    files.write({"compose.yaml": "services:\n  web:\n    build: webb\n"})
    outcome = files.run("plan").assert_exit(4)
    assert outcome.stderr == (
        "error: compose.yaml:3:12: the context webb does not exist\n  hint: did you mean web?\n"
    )


def test_what_a_service_runs_after_is_no_dependency_of_its_image(files: Workspace) -> None:
    listed = json.loads(files.run("list", "--json").assert_ok().stdout)["images"]
    assert {image["address"]: image["dependencies"] for image in listed} == {
        ":api": [":base"],
        ":api-1": [":base"],
        ":base": [],
        ":web": [],
    }
