"""What the command line says of images, in whole commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from okplug.testing import Workspace
    from tests.functional.conftest import Shop

#: options that change the image of one of the shop's images
CHANGES = [
    ["--build-arg", "VERSION=2"],
    ["--build-arg", "api:api.VERSION=2"],
    ["--target", "dev"],
    ["--target", "api:api=dev"],
    ["--platform", "linux/arm64"],
    ["--platform", "api:api=linux/arm64"],
    ["--platform", "linux/amd64,linux/arm64"],
    ["--label", "a=b"],
    ["--annotation", "a=b"],
    ["--network", "none"],
    ["--add-host", "db:10.0.0.1"],
    ["--secret", "id=npm,env=TOKEN"],
    ["--ssh", "default"],
]
#: those that change none
NO_CHANGES = [
    ["--cache-from", "registry.test/cache"],
    ["--export-cache", "registry.test/cache"],
    ["--cache-to", "inline"],
    ["--network", "default"],
    ["--platform", "linux/amd64"],
    ["--platform", "linux/x86_64"],
    ["--build-arg", "VERSION=1"],
    ["-c", ""],
    ["-n", "bob"],
    ["--log-level", "info"],
]


@pytest.fixture
def api(workspace: Workspace) -> Workspace:
    """An image that listens to all that can be said, and one that it starts from."""
    workspace.write(
        {
            "base/okteto.yaml": "build: {base: .}\n",
            "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
            "base/data": "base\n",
            "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
            "api/Dockerfile": """
                ARG OKTETO_BUILD_BASE_IMAGE
                FROM ${OKTETO_BUILD_BASE_IMAGE} AS dev
                ARG VERSION=1
                RUN --mount=type=secret,id=npm --mount=type=ssh echo $VERSION
                FROM dev
                ENV A=1
                """,
        }
    )
    return workspace


def keys(api: Workspace, *argv: str) -> dict[str, str]:
    done = api.run("hash", "--json", "::", *argv).assert_ok()
    return {image["address"]: image["key"] for image in json.loads(done.stdout)["images"]}


def key(api: Workspace, *argv: str) -> str:
    return api.run("hash", "api", *argv).assert_ok().stdout.split()[0]


@pytest.mark.parametrize("argv", CHANGES, ids=" ".join)
def test_what_changes_the_image_changes_its_key(api: Workspace, argv: list[str]) -> None:
    assert key(api, *argv) != key(api)


@pytest.mark.parametrize("argv", NO_CHANGES, ids=" ".join)
def test_what_does_not_change_the_image_does_not_change_its_key(
    api: Workspace, argv: list[str]
) -> None:
    assert key(api, *argv) == key(api)


@pytest.mark.parametrize("command", ["plan", "why", "graph", "list"])
@pytest.mark.parametrize("argv", CHANGES, ids=" ".join)
def test_every_command_takes_every_option(api: Workspace, command: str, argv: list[str]) -> None:
    assert "api:api" in api.run(command, "api", *argv).assert_ok().stdout


def test_where_an_agent_or_a_secret_lies_is_in_no_key(api: Workspace) -> None:
    api.write({"a": "1", "b": "2"})
    assert key(api, "--secret", "id=npm,src=a") == key(api, "--secret", "id=npm,src=b")
    assert key(api, "--ssh", "default=/run/a") == key(api, "--ssh", "default")


def test_a_platform_reaches_what_the_image_starts_from(api: Workspace) -> None:
    plain = keys(api)
    done = api.run("plan", "api", "--platform", "linux/arm64", "--json").assert_ok()
    found = {image["address"]: image["key"] for image in json.loads(done.stdout)["images"]}
    assert found.keys() == plain.keys()
    assert not set(found.values()) & set(plain.values())


def test_a_label_does_not_reach_it(api: Workspace) -> None:
    done = api.run("plan", "api", "--label", "a=b", "--json").assert_ok()
    found = {image["address"]: image["key"] for image in json.loads(done.stdout)["images"]}
    assert found["base:base"] == keys(api)["base:base"]
    assert found["api:api"] != keys(api)["api:api"]


def test_the_reasons_name_what_was_given(shop: Shop) -> None:
    shop.run("build").assert_ok()
    outcome = shop.run("plan", "web", "--label", "team=shop", "--add-host", "db:10.0.0.1")
    verdicts = [line.split(maxsplit=2) for line in outcome.assert_ok().stdout.splitlines()]
    assert ["build", "web:web", "extra host db added; label team added"] in verdicts


def test_a_build_gets_what_was_given(shop: Shop) -> None:
    argv = ["web", "--label", "a=1", "--network", "none", "--cache-from", "okteto.global/cache"]
    shop.run("build", *argv).assert_ok()
    image = {request.image.address: request.image for request in shop.requests}
    assert image["web:web"].labels == (("a", "1"),)
    assert image["web:web"].network == "none"
    assert image["web:web"].cache_from == ("registry.test/okteto/cache",)
    base = image["base:base"]
    assert (base.labels, base.cache_from) == ((), ())


def test_push_gives_a_tag_to_what_has_none(shop: Shop) -> None:
    shop.workspace.write({"web/okteto.yaml": "build: {web: {context: ., push: false}}\n"})
    shop.workspace.write({"web/Dockerfile": "FROM scratch\nCOPY data /web\n"})
    shop.run("build", "web").assert_ok()
    assert shop.personal("web") == {}
    shop.run("build", "web", "--push").assert_ok()
    assert shop.personal("web").keys() == {"okteto"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--target", "dev"], "--target names a stage of one image, and 4 are selected"),
        (["--export-cache", "x"], "--export-cache is for one image, and 4 are selected"),
        (["--iidfile", "x"], "--iidfile is for one image, and 4 are selected"),
        (["api", "--target", "nope"], "nope"),
        (["--target", "apu:api=x"], "--target: 'apu:api' selects no image, did you mean 'api:api'"),
        (["--build-arg", "apu:api.A=1"], "--build-arg: 'apu:api' selects no image"),
        (["--platform", "arm64"], "argument --platform: expected a platform such as linux/amd64"),
        (["--secret", "id=a"], "--secret id=a: there is no file a"),
        (["--secret", "src=a"], "argument --secret: 'src=a': it has no id"),
        (["--secret", "id=a,src="], "'src=' has no value"),
        (["--add-host", "db"], "argument --add-host: expected HOST:ADDRESS"),
        (["--network", "bridge"], "argument --network: invalid choice: 'bridge'"),
        (["--no-cache-filter", "x"], "unrecognized arguments: --no-cache-filter"),
        (["--lable", "a=b"], "did you mean '--label'?"),
        (["--log-level", "trace"], "argument -l/--log-level: invalid choice: 'trace'"),
    ],
)
def test_what_is_wrong(shop: Shop, argv: list[str], message: str) -> None:
    outcome = shop.run("build", *argv).assert_exit(4)
    assert message in outcome.stderr
    assert shop.requests == []


def test_the_digest_of_the_one_image(shop: Shop) -> None:
    shop.run("build", "api", "--iidfile", "id").assert_ok()
    (digest,) = shop.shared("api").values()
    assert (shop.workspace.root / "id").read_text() == digest


def test_a_failure_has_no_digest(shop: Shop) -> None:
    shop.break_down("api:api")
    shop.run("build", "api", "--iidfile", "id").assert_exit(1)
    assert not (shop.workspace.root / "id").exists()


@pytest.mark.parametrize(
    ("argv", "guess"),
    [(["pla"], "plan"), (["hsah", "api"], "hash"), (["-v", "grpah"], "graph")],
)
def test_a_mistyped_command(shop: Shop, argv: list[str], guess: str) -> None:
    outcome = shop.run(*argv).assert_exit(4)
    assert f"is no command and selects no image, did you mean okplug {guess}?" in outcome.stderr


@pytest.mark.parametrize("argv", [["build", "pla"], ["api", "pla"], ["apo"]])
def test_a_mistyped_selection(shop: Shop, argv: list[str]) -> None:
    outcome = shop.run(*argv).assert_exit(4)
    assert "is no command" not in outcome.stderr
    assert "selects no image" in outcome.stderr


@pytest.mark.parametrize(("level", "logs"), [("info", True), ("warn", False), ("error", False)])
def test_the_level_of_the_log(shop: Shop, level: str, logs: bool) -> None:  # noqa: FBT001  # a parameter
    outcome = shop.run("build", "base", "-l", level).assert_ok()
    assert ("building base" in outcome.stderr) == logs
    assert ("okplug build" in outcome.stderr) == (level != "error")


def test_a_log_of_json(shop: Shop) -> None:
    outcome = shop.run("build", "base", "--log-output", "json").assert_ok()
    assert {json.loads(line)["event"] for line in outcome.stderr.splitlines()} >= {"RunStarted"}


@pytest.mark.parametrize("argv", [["-f", "api/okteto.yaml"], ["--build-arg", "A=1"]])
def test_a_command_behind_an_option_of_another(shop: Shop, argv: list[str]) -> None:
    outcome = shop.run(*argv, "plan").assert_exit(4)
    assert "error: plan stands behind an option of okplug build" in outcome.stderr
    assert "hint: write the command first: okplug plan ..." in outcome.stderr
