"""Whole builds with a real registry: built once, reused by everybody, readable by other tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from tests.integration.registries import SEARCHED, serve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.registries import Certificate, RegistryServer

SOURCE = Path(__file__).parents[2] / "example-monorepo"
SERVICES = {
    "okteto.yaml": "build: {front: {context: .}}\n",
    "Dockerfile": "FROM scratch\nCOPY text /text\n",
    "text": "hello\n",
}


def okplug(
    folder: Path, user: str, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run okplug as a user with a home of their own."""
    home = folder.parent / f"home-{user}"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "okplug", "-C", str(folder), *arguments],
        env={**kept, "HOME": str(home), "USER": user, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def build(folder: Path, user: str, host: str, *arguments: str) -> dict[str, Any]:
    """Build with the embedded builder and return the images of the result document."""
    done = okplug(
        folder,
        user,
        "build",
        *("--registry", host, "--builder", "embedded", "--json", "-", *arguments),
    )
    assert done.returncode in {0, 1}, done.stderr
    return {image["address"]: image for image in json.loads(done.stdout)["images"]}


def skopeo(*arguments: str) -> str:
    """Run skopeo and return what it prints."""
    program = shutil.which("skopeo", path=SEARCHED)
    if program is None:
        pytest.fail("skopeo is not installed; tests/run installs it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a copy of the example."""
    folder = tmp_path / "example-monorepo"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".okplug"))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a workspace with one image."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "okplug.toml").touch()
    for name, text in SERVICES.items():
        (folder / name).write_text(text)
    return folder


def writes(server: RegistryServer) -> list[str]:
    """Return the requests that changed the registry."""
    lines = server.log().splitlines()
    wanted = ('"PUT ', '"POST ', '"PATCH ', '"DELETE ')
    return [line.split('"')[1] for line in lines if any(method in line for method in wanted)]


def uploaded(lines: list[str]) -> list[str]:
    """Return the requests that brought the bytes of blobs."""
    return [line for line in lines if line.startswith(("PUT ", "PATCH ")) and "/uploads/" in line]


def test_one_user_builds_and_another_reuses(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder) as server:
        built = build(shop, "cindy", server.host)
        assert {image["verdict"] for image in built.values()} == {"build"}
        assert len(built) == 10
        before = writes(server)
        reused = build(shop, "david", server.host)
        assert {image["verdict"] for image in reused.values()} == {"reuse"}
        since = writes(server)[len(before) :]
        again = writes(server)
        assert {i["verdict"] for i in build(shop, "david", server.host).values()} == {"reuse"}
        assert writes(server) == again
    assert uploaded(before)
    assert uploaded(since) == []  # blobs are mounted
    for address, image in reused.items():
        assert image["digest"] == built[address]["digest"]


def test_the_names_are_those_of_the_manual(small: Path, registry_server: RegistryServer) -> None:
    host = registry_server.host
    (image,) = build(small, "cindy", host).values()
    assert image["references"]["global"] == f"{host}/okteto/front:{image['key']}"
    assert image["references"]["personal"] == f"{host}/cindy/front:okteto"
    for reference in image["references"]["global"], image["references"]["personal"]:
        found = skopeo("inspect", "--tls-verify=false", f"docker://{reference}")
        assert json.loads(found)["Digest"] == image["digest"]


def test_other_tools_read_what_was_built(
    small: Path, registry_server: RegistryServer, tmp_path: Path
) -> None:
    build(small, "cindy", registry_server.host)
    source = f"docker://{registry_server.host}/cindy/front:okteto"
    target = tmp_path / "copy"
    skopeo("copy", "--src-tls-verify=false", source, f"dir:{target}")
    manifest = json.loads((target / "manifest.json").read_text())
    assert len(manifest["layers"]) == 1


def test_an_image_for_another_registry_is_copied_there(small: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with serve(folders[0]) as one, serve(folders[1]) as two:
        name = f"{two.host}/team/front:1.0"
        (small / "okteto.yaml").write_text(f"build: {{front: {{context: ., image: '{name}'}}}}\n")
        (image,) = build(small, "cindy", one.host).values()
        assert image["verdict"] == "build"
        inspected = skopeo("inspect", "--tls-verify=false", f"docker://{name}")
    assert json.loads(inspected)["Digest"] == image["digest"]


def test_an_image_that_is_removed_is_built_again(
    small: Path, registry_server: RegistryServer
) -> None:
    host = registry_server.host
    (small / "text").write_text("removed\n")
    (first,) = build(small, "cindy", host).values()
    skopeo("delete", "--tls-verify=false", f"docker://{host}/okteto/front:{first['key']}")
    (second,) = build(small, "cindy", host).values()
    assert (first["verdict"], second["verdict"]) == ("build", "build")
    assert first["digest"] == second["digest"]


# ------------------------------------------------------------------------------------------ faults


def failure(folder: Path, host: str, **environ: str) -> str:
    """Build what cannot be built, and return what is said of it."""
    arguments = ("build", "--registry", host, "--builder", "embedded")
    done = okplug(folder, "cindy", *arguments, environ=environ)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_registry_that_is_down(small: Path) -> None:
    text = failure(small, "127.0.0.1:1")
    assert "cannot connect to 127.0.0.1:1: Connection refused" in text
    assert "hint: is the registry up, and this its port?" in text


def test_a_registry_whose_authority_is_not_trusted(
    small: Path, tls_registry_server: RegistryServer
) -> None:
    text = failure(small, tls_registry_server.host)
    assert f"no TLS connection to {tls_registry_server.host}: self-signed certificate" in text
    assert "hint: name the authority's certificate in the setting registry_ca" in text


def test_a_registry_that_wants_a_certificate(
    small: Path, tls_registry_server: RegistryServer, certificate: Certificate
) -> None:
    text = failure(small, tls_registry_server.host, OKPLUG_REGISTRY_CA=str(certificate.certificate))
    assert f"no TLS connection to {tls_registry_server.host}: it wants a certificate of" in text


def test_the_systems_authorities_can_be_replaced(
    small: Path, tls_registry_server: RegistryServer, certificate: Certificate
) -> None:
    environ = {
        "SSL_CERT_FILE": str(certificate.certificate),
        "OKPLUG_REGISTRY_CERT": str(certificate.certificate),
        "OKPLUG_REGISTRY_KEY": str(certificate.key),
    }
    host = tls_registry_server.host
    arguments = ("build", "--registry", host, "--builder", "embedded")
    done = okplug(small, "cindy", *arguments, environ=environ)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["htpasswd", "token"])
def test_a_registry_that_asks_who_one_is(
    small: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    server: RegistryServer = request.getfixturevalue(f"{kind}_registry_server")
    text = failure(small, server.host)
    assert f"hint: log in with docker login {server.host}" in text


def test_wrong_credentials(small: Path, htpasswd_registry_server: RegistryServer) -> None:
    host = htpasswd_registry_server.host
    folder = small.parent / "home-cindy/.docker"
    folder.mkdir(parents=True)
    entry = {"auths": {host: {"auth": "Y2luZHk6aHVudGVyMg=="}}}
    (folder / "config.json").write_text(json.dumps(entry))
    text = failure(small, host)
    assert f"{host} does not take your credentials" in text
    assert "hunter2" not in text
    assert "Y2luZHk6aHVudGVyMg==" not in text


def test_a_plan_does_not_need_the_registry(small: Path) -> None:
    done = okplug(small, "cindy", "plan", "--registry", "127.0.0.1:1", "--builder", "embedded")
    assert done.returncode == 0, done.stderr
    assert "the registry cannot be asked: cannot connect to 127.0.0.1:1" in done.stdout


def test_references_of_the_registry_can_be_read_back(registry_server: RegistryServer) -> None:
    name = f"{registry_server.host}/okteto/front:1"
    assert str(Reference.parse(name)) == name
