"""What ``okplug build`` tells those who come after it, and what dependants are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode
from okplug.testing import FakeRegistry
from tests.functional.conftest import Shop
from tests.unit.test_resultfiles import read_output

if TYPE_CHECKING:
    from collections.abc import Callable

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "github"}
API = """\
OKTETO_BUILD_API_IMAGE=registry.test/okteto/api@sha256:DIGEST
OKTETO_BUILD_API_REGISTRY=registry.test
OKTETO_BUILD_API_REPOSITORY=okteto/api
OKTETO_BUILD_API_TAG=sha256:DIGEST
OKTETO_BUILD_API_SHA=okteto@sha256:DIGEST
"""


def read(shop: Shop, name: str) -> str:
    """Return a file of the workspace."""
    return (shop.workspace.root / name).read_text()


def lines(text: str) -> dict[str, str]:
    """Read NAME=VALUE."""
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize("verdict", ["build", "reuse"])
def test_variables_of_an_image_built_or_reused(
    shop: Shop, masked: Callable[[str], str], verdict: str
) -> None:
    if verdict == "reuse":
        shop.run("build").assert_ok()
    outcome = shop.run("build", "api", "--env-file", "-").assert_ok()
    assert masked(outcome.stdout) == API
    (digest,) = shop.shared("api").values()
    assert lines(outcome.stdout)["OKTETO_BUILD_API_TAG"] == digest


def test_a_file_of_variables_is_replaced_as_a_whole(
    shop: Shop, masked: Callable[[str], str]
) -> None:
    shop.workspace.write({"out/.env": "OLD=1\n"})
    shop.workspace.run("build", "::", "--env-file", ".env", plugins=[shop], cwd="out").assert_ok()
    text = read(shop, "out/.env")
    assert {name.split("_")[2] for name in lines(text)} == {"API", "BASE", "LIB", "WEB"}
    assert masked(text).startswith(API)
    assert [path.name for path in (shop.workspace.root / "out").iterdir()] == [".env"]


def test_after_a_failure_there_are_variables_of_what_succeeded(shop: Shop) -> None:
    shop.break_down("lib:lib")
    outcome = shop.run("build", "--env-file", "-").assert_exit(ExitCode.FAILED)
    assert {name.split("_")[2] for name in lines(outcome.stdout)} == {"BASE", "WEB"}


def test_variables_that_may_be_two_images_are_refused_before_anything_is_built(shop: Shop) -> None:
    shop.workspace.write(
        {
            "old/okteto.yaml": "build: {api: {context: ., image: okteto.dev/old}}\n",
            "old/Dockerfile": "FROM scratch\n",
            "okplug.toml": 'names = "{folder}/{name}"\n',
        }
    )
    outcome = shop.run("build", "--env-file", "-").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.endswith(
        "error: OKTETO_BUILD_API_IMAGE may be any of api:api, old:api\n"
        "  hint: select one of them, or rename the others\n"
    )
    assert shop.requests == []
    shop.run("build", "api", "--env-file", "-").assert_ok()


def test_metadata(shop: Shop, masked: Callable[[str], str]) -> None:
    outcome = shop.run("build", "base", "--metadata-file", "-").assert_ok()
    assert (
        masked(outcome.stdout)
        == """\
{
  "base": {
    "containerimage.descriptor": {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "sha256:DIGEST",
      "size": 521
    },
    "containerimage.digest": "sha256:DIGEST",
    "image.name": "registry.test/cindy/base:okteto"
  }
}
"""
    )


def test_a_file_that_cannot_be_written(shop: Shop) -> None:
    outcome = shop.run("build", "base", "--metadata-file", "nowhere/x")
    outcome.assert_exit(ExitCode.USAGE_ERROR)
    assert "error: cannot write nowhere/x: No such file or directory\n" in outcome.stderr


# ------------------------------------------------------------------------------------------ GitHub


def test_a_step_of_github_actions_gets_outputs(shop: Shop) -> None:
    shop.workspace.environ.update(GITHUB)
    shop.workspace.write({"github": "before=1\n"})
    outcome = shop.run("build", "api", "--env-file", "-").assert_ok()
    found = read_output(read(shop, "github"))
    assert found.pop("before") == "1"
    metadata = json.loads(found.pop("metadata"))
    assert found == lines(outcome.stdout)
    assert metadata["api"]["containerimage.digest"] == found["OKTETO_BUILD_API_TAG"]


@pytest.mark.parametrize(
    ("arguments", "environ", "files"),
    [
        ((), GITHUB, 1),
        (("--no-github-output",), GITHUB, 0),
        ((), GITHUB | {"GITHUB_ACTIONS": "false"}, 0),
        ((), {"GITHUB_OUTPUT": "github"}, 0),
        (("--github-output",), {"GITHUB_OUTPUT": "github"}, 1),
        ((), {"GITHUB_ACTIONS": "true"}, 0),
    ],
)
def test_when_github_s_output_is_written(
    shop: Shop, arguments: tuple[str, ...], environ: dict[str, str], files: int
) -> None:
    shop.workspace.environ.update(environ)
    shop.run("build", "base", *arguments).assert_ok()
    assert len(list(shop.workspace.root.glob("github"))) == files


def test_other_commands_have_no_outputs(shop: Shop) -> None:
    shop.workspace.environ.update(GITHUB)
    shop.run("plan").assert_ok()
    assert not (shop.workspace.root / "github").exists()


def test_outputs_without_a_place_are_refused_at_once(shop: Shop) -> None:
    outcome = shop.run("build", "--github-output").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        "error: --github-output: the variable GITHUB_OUTPUT is not set\n"
        "  hint: it is in steps of GitHub Actions; --env-file FILE writes the same elsewhere\n"
    )
    assert shop.requests == []


def test_outputs_that_nobody_asked_for_fail_nothing(shop: Shop) -> None:
    shop.workspace.environ.update(GITHUB)
    shop.workspace.write(
        {
            "old/okteto.yaml": "build: {api: {context: ., image: okteto.dev/old}}\n",
            "old/Dockerfile": "FROM scratch\n",
            "okplug.toml": 'names = "{folder}/{name}"\n',
        }
    )
    outcome = shop.run("build").assert_ok()
    warning = "OKTETO_BUILD_API_IMAGE may be any of api:api, old:api; it is not written to GITHUB"
    assert warning in outcome.stderr
    found = read_output(read(shop, "github"))
    assert "OKTETO_BUILD_WEB_IMAGE" in found
    assert "OKTETO_BUILD_API_IMAGE" not in found
    assert {"api:api", "old:api"} <= set(json.loads(found["metadata"]))


# --------------------------------------------------------------------------------------- two users


def test_two_users_in_two_namespaces_ask_for_the_same_builds(shop: Shop) -> None:
    fields = [
        f"ARG OKTETO_BUILD_BASE_{field}\n" for field in ("REGISTRY", "REPOSITORY", "TAG", "SHA")
    ]
    dockerfile = shop.workspace.root / "lib/Dockerfile"
    dockerfile.write_text(
        dockerfile.read_text() + "".join(fields) + "LABEL b=$OKTETO_BUILD_BASE_SHA\n"
    )
    users = {}
    for user in ("cindy", "david"):
        theirs = Shop(shop.workspace, FakeRegistry())
        shop.workspace.environ["USER"] = user
        results = theirs.results()
        keys = {address: image["key"] for address, image in results.items()}
        digests = {address: image["digest"] for address, image in results.items()}
        assert all(f"/{user}/" in image["references"]["personal"] for image in results.values())
        requests = [
            (
                request.image.address,
                request.key,
                dict(request.args),
                {name: str(image) for name, image in request.images.items()},
                str(request.repository),
                dict(request.annotations),
            )
            for request in sorted(theirs.requests, key=lambda request: request.image.address)
        ]
        users[user] = keys, digests, requests
    assert users["cindy"] == users["david"]
    assert "cindy" not in repr(users["cindy"][2])
    (arguments,) = (request[2] for request in users["cindy"][2] if request[0] == "lib:lib")
    digest = users["cindy"][1]["base:base"]
    assert arguments == {
        "OKTETO_BUILD_BASE_IMAGE": f"registry.test/okteto/base@{digest}",
        "OKTETO_BUILD_BASE_REGISTRY": "registry.test",
        "OKTETO_BUILD_BASE_REPOSITORY": "okteto/base",
        "OKTETO_BUILD_BASE_TAG": digest,
        "OKTETO_BUILD_BASE_SHA": f"okteto@{digest}",
    }


def test_what_one_user_built_is_what_another_one_s_dependants_get(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    shop.built()
    shop.workspace.environ["USER"] = "david"
    shop.run("build", "lib").assert_ok()
    (digest,) = shop.shared("base").values()
    (request,) = shop.requests
    assert request.args["OKTETO_BUILD_BASE_IMAGE"] == f"registry.test/okteto/base@{digest}"
