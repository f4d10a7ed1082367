"""Administrator's variables and contexts with real registries, several users and a slow network."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.registries import PASSWORD, USER, serve
from tests.integration.test_registry_builds import SERVICES, okplug, skopeo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.registries import RegistryServer

TAG = "okteto/okplug-admin:variables"
REQUEST = '"GET /v2/okteto/okplug-admin/manifests/variables'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry of one's own, so that its log tells who asked."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder) as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a workspace with one image."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "okplug.toml").write_text("builder = 'embedded'\n")
    for name, text in SERVICES.items():
        (folder / name).write_text(text)
    return folder


def say(folder: Path, user: str, host: str, *argv: str) -> str:
    """Run a command that must succeed, and return all that it prints."""
    done = okplug(folder, user, "--registry", host, *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def verdict(folder: Path, user: str, host: str, *argv: str) -> str:
    """Build, and return what became of the image."""
    done = okplug(folder, user, "--registry", host, "build", "--json", "-", *argv)
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    return str(image["verdict"])


def asked(server: RegistryServer) -> int:
    """Return how often somebody asked for the variables; the log has a line or two per request."""
    lines = (line for line in server.log().splitlines() if REQUEST in line)
    return len([line for line in lines if "HTTP/1.1" in line])


def test_smart_builds_are_off_for_all_users(shop: Path, server: RegistryServer) -> None:
    host = server.host
    assert verdict(shop, "cindy", host) == "build"
    assert verdict(shop, "david", host) == "reuse"
    set_ = say(shop, "cindy", host, "admin", "set", "OKTETO_SMART_BUILDS_ENABLED=false")
    assert set_ == f"set OKTETO_SMART_BUILDS_ENABLED=false in {host}/{TAG}\n"
    assert verdict(shop, "cindy", host) == "build", "whoever sets it knows it at once"
    assert verdict(shop, "david", host) == "reuse", "others when their time is over"
    assert verdict(shop, "david", host, "-o", "admin_ttl=0") == "build"
    assert verdict(shop, "erin", host) == "build", "and new ones at once"
    assert "administrator OKTETO_SMART_BUILDS_ENABLED" in say(shop, "erin", host, "config")
    say(shop, "david", host, "admin", "unset", "OKTETO_SMART_BUILDS_ENABLED")
    assert verdict(shop, "david", host) == "reuse"


def test_a_user_asks_once_in_a_while(shop: Path, server: RegistryServer) -> None:
    say(shop, "cindy", server.host, "admin", "set", "GO_VERSION=1.20")
    before = asked(server)
    for _ in range(3):
        say(shop, "david", server.host, "hash")
    assert asked(server) == before + 1
    assert say(shop, "david", server.host, "admin", "ls") == "GO_VERSION=1.20\n"


def test_other_tools_read_the_artifact(shop: Path, server: RegistryServer) -> None:
    say(shop, "cindy", server.host, "admin", "set", "A=1")
    found = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{server.host}/{TAG}")
    document: dict[str, Any] = json.loads(found)
    assert document["artifactType"] == "application/vnd.okplug.admin.v1"
    digest = document["layers"][0]["digest"]
    blobs = server.folder / "data/docker/registry/v2/blobs/sha256"
    data = (blobs / digest[7:9] / digest[7:] / "data").read_bytes()
    assert json.loads(data) == {"variables": {"A": "1"}}


def test_administrators_at_the_same_time(shop: Path, server: RegistryServer) -> None:
    """What one of them wrote can be lost only if two tags move within the same moment."""
    names = [f"NAME_{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda n: say(shop, n, server.host, "admin", "set", f"{n}=1"), names))
    for name in names:  # what that may have cost is set again, which loses nothing
        say(shop, "cindy", server.host, "admin", "set", f"{name}=1")
    assert say(shop, "cindy", server.host, "admin", "ls") == "".join(f"{n}=1\n" for n in names)


def test_what_was_read_last_counts_when_the_registry_is_down(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder) as server:
        say(shop, "cindy", server.host, "admin", "set", "OKPLUG_JOBS=3")
    said = say(shop, "cindy", server.host, "config", "-o", "admin_ttl=0")
    assert "(administrator OKPLUG_JOBS)" in said
    assert (
        f"warning: the administrator's variables of {server.host} cannot be read, those of" in said
    )
    assert "warning" not in say(shop, "cindy", server.host, "config"), "nobody asks again so soon"


def test_a_registry_that_does_not_answer_is_not_waited_for(shop: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        said = say(shop, "cindy", host, "config")
        assert time.monotonic() - began < 30, "that is not the timeout of registries"
        assert "and count as none: no answer within 2 seconds" in said
        assert "warning" not in say(shop, "cindy", host, "config")


def test_a_registry_that_keeps_strangers_out(
    shop: Path, htpasswd_registry_server: RegistryServer
) -> None:
    host = htpasswd_registry_server.host
    said = say(shop, "cindy", host, "config")
    assert "(401 " in said
    assert "-o admin_variables=false" in said
    assert "warning" not in say(shop, "cindy", host, "config", "-o", "admin_variables=false")


def test_a_context_brings_registry_namespace_and_credentials(
    shop: Path, htpasswd_registry_server: RegistryServer, tmp_path: Path
) -> None:
    host = htpasswd_registry_server.host
    login = json.dumps({"auths": {host: {"username": USER, "password": PASSWORD}}})
    home = tmp_path / "home-cindy"
    (home / "team").mkdir(parents=True)
    (home / "team/config.json").write_text(login)
    path = home / ".config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        f'[contexts."okteto.test"]\nregistry = "{host}"\nnamespace = "crew"\n'
        'docker_config = "~/team"\n'
    )
    (shop / "okplug.toml").write_text("builder = 'embedded'\nregistry = 'layout:elsewhere'\n")
    assert okplug(shop, "cindy", "context", "use", "okteto.test").returncode == 0
    done = okplug(shop, "cindy", "build", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[1] == "Using crew @ okteto.test as context"
    (image,) = json.loads(done.stdout)["images"]
    assert image["references"]["personal"] == f"{host}/crew/front:okteto"
    assert not (shop / "elsewhere").exists()
    shutil.rmtree(home / "team")
    done = okplug(shop, "cindy", "build", "--no-cache")
    assert done.returncode == 1
    assert "401" in done.stderr
    assert PASSWORD not in done.stderr


def test_users_who_choose_contexts_at_once_lose_nothing(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "home-cindy/.config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    tables = "".join(f"[contexts.c{number}]\njobs = {number}\n" for number in range(4))
    path.write_text(tables)
    threads = [
        threading.Thread(target=okplug, args=(shop, "cindy", "context", "use", f"c{number}"))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, rest = path.read_text().split("\n", 1)
    assert first in {f'current = "c{number}"' for number in range(4)}
    assert rest == tables
