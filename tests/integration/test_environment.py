"""Variables of the environment and of ``.env`` files, as a real BuildKit gets them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from okplug.reference import Reference
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import connect
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program

if TYPE_CHECKING:
    from okplug.testing import Outcome, Workspace
    from tests.integration.conftest import BuildKit
    from tests.integration.registries import RegistryServer

ARGUMENT, TOKEN, FILE = "correct horse", "t0k", "battery\nstaple gun\n"

DOCKERFILE = """\
FROM scratch
COPY --chmod=755 busybox /bin/busybox
ARG PHRASE
RUN --mount=type=secret,id=token --mount=type=secret,id=file ["/bin/busybox", "sh", "-c", \
"echo arg=$PHRASE; echo token=$(/bin/busybox cat /run/secrets/token); \
/bin/busybox cat /run/secrets/file; /bin/busybox base64 /run/secrets/file; STATUS"]
"""


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """An image that prints its argument and its secrets."""
    workspace.write(
        {
            "api/okteto.yaml": """
                build:
                  api:
                    context: .
                    args:
                      PHRASE: ${PHRASE}
                    secrets:
                      token: {env: TOKEN}
                      file: secret
                """,
            "api/secret": FILE,
            "api/.env": f"TOKEN={TOKEN}\n",
            ".env": f"PHRASE={ARGUMENT}\n",
            "api/Dockerfile": DOCKERFILE.replace("STATUS", "true"),
        }
    )
    shutil.copy(program("busybox"), workspace.root / "api/busybox")
    return workspace


def build(shop: Workspace, buildkit: BuildKit, *argv: str, **environ: str) -> Outcome:
    environ = {"OKPLUG_BUILDER": buildkit.address, **environ}
    return shop.run("build", "--no-cache", *argv, environ=environ)


def assert_nothing_leaks(text: str) -> None:
    for value in (ARGUMENT, f"token={TOKEN}", "battery", "staple gun", "YmF0dGVyeQ"):
        assert value not in text


@pytest.mark.parametrize("progress", ["plain", "rawjson", "tty", "quiet"])
def test_nobody_reads_what_a_build_prints_of_values_and_secrets(
    shop: Workspace, buildkit: BuildKit, progress: str
) -> None:
    log = shop.root / "log"
    done = build(shop, buildkit, "-v", "--progress", progress, "--report-log", str(log)).assert_ok()
    told = log.read_text()
    for text in (done.stdout, done.stderr, told):
        assert_nothing_leaks(text)
    texts = [json.loads(line).get("text") for line in told.splitlines()]
    assert [text for text in texts if text and "=***" in text] == ["arg=***", "token=***"]
    assert texts.count("***") == 3  # two lines of the file, and both as base64


def test_nobody_reads_them_when_the_build_fails(shop: Workspace, buildkit: BuildKit) -> None:
    shop.write({"api/Dockerfile": DOCKERFILE.replace("STATUS", "exit 3")})
    done = build(shop, buildkit, "--json", "-")
    assert done.exit_code == 1
    assert_nothing_leaks(done.stdout + done.stderr)
    assert "arg=***" in done.stderr
    assert "the command ended with exit code 3" in done.stdout


def test_another_frontend_is_asked_for(
    shop: Workspace, buildkit: BuildKit, registry_server: RegistryServer
) -> None:
    image = f"{registry_server.host}/frontend:1"
    done = build(shop, buildkit, OKTETO_BUILDKIT_FRONTEND_IMAGE=image)
    assert done.exit_code == 1
    assert f"cannot get the image {image}: not found" in done.stderr


def test_internal_builds_are_in_no_history(shop: Workspace, buildkit: BuildKit) -> None:
    def count() -> int:
        with connect(parse_address(buildkit.address), ChannelOptions()) as daemon:
            return len(daemon.builds(active_only=False))

    before = count()
    build(shop, buildkit, OKTETO_BUILDKIT_INTERNAL_MODE="true").assert_ok()
    assert count() == before
    build(shop, buildkit).assert_ok()
    assert count() == before + 1


def test_compression_by_oktetos_variables(shop: Workspace, buildkit: BuildKit) -> None:
    """Of layers that no other test has: what the daemon has compressed stays as it is."""
    shop.write({"api/Dockerfile": "FROM scratch\nCOPY Dockerfile /compressed\n"})
    variables = {
        "OKTETO_ALPHA_BUILD_COMPRESSION": "zstd",
        "OKTETO_ALPHA_BUILD_COMPRESSION_LEVEL": "3",
        "OKTETO_ALPHA_BUILD_FORCE_COMPRESSION": "true",
    }
    build(shop, buildkit, **variables).assert_ok()
    images = LayoutRegistry(shop.home / ".cache/okplug/registry")
    found = images.read_manifest(Reference.parse("localhost/cindy/api:okteto"))
    assert found is not None
    layers = json.loads(found[1])["layers"]
    assert {layer["mediaType"].rpartition("+")[2] for layer in layers} == {"zstd"}
