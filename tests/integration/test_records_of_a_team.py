"""Records of keys in real registries: kept with the images, by list or by tag, and compared with."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import urllib3  # noqa: TID253  # these tests speak to registries

from okplug.reference import Reference
from okplug_layout.registry import LayoutRegistry
from tests.integration.team import Store, User

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.registries import RegistryServer


@pytest.fixture(params=["registry_server", "other_registry_server", "layout"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a registry without lists of referrers, one with them, and layouts."""
    if request.param == "layout":
        return f"layout:{tmp_path}/images"
    server: RegistryServer = request.getfixturevalue(request.param)
    return server.host


@pytest.fixture
def user(tmp_path: Path, host: str) -> Callable[[str], User]:
    """Return what makes a user with a checkout of their own, in namespaces of this test."""
    source = tmp_path / "source"
    for name, text in {
        "okplug.toml": f'global_namespace = "team-{secrets.token_hex(6)}"\n',
        "base/okteto.yaml": "build: {base: .}\n",
        "base/Dockerfile": "FROM scratch\nARG VERSION=1\nCOPY . /\n",
        "base/one": "one\n",
        "base/two": "two\n",
        "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
        "api/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY . /\n",
        "api/main": "main\n",
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)

    def make(name: str) -> User:
        folder = tmp_path / name
        shutil.copytree(source, folder)
        environ = {"OKPLUG_REGISTRY": host, "OKPLUG_BUILDER": "embedded"}
        return User(name, folder, tmp_path / f"home-{name}", environ)

    return make


def why(user: User, *arguments: str) -> str:
    """Return what is said of why, with keys and namespaces masked."""
    done = user.run("why", *arguments)
    assert done.returncode == 0, done.stderr
    return re.sub(r"\S+/team-[0-9a-f]+/(\w+):[0-9a-f]{32}", r"TEAM/\1:KEY", done.stdout)


def answer(user: User, *arguments: str) -> dict[str, Any]:
    """Return what is said of why one image, as a program gets it."""
    done = user.run("why", "--json", *arguments)
    (image,) = json.loads(done.stdout)["images"]
    found: dict[str, Any] = image
    return found


def test_down_to_the_file_that_a_colleague_had_otherwise(user: Callable[[str], User]) -> None:
    cindy, david = user("cindy"), user("david")
    cindy.build()
    (david.folder / "base/one").write_text("another\n")
    assert (
        why(david, "api")
        == """\
api:api: compared with TEAM/api:KEY, the only one in the registry
  dependency base:base changed
    one changed
  to build: depends on the result of base:base
"""
    )
    plan = david.run("plan").stdout
    assert plan == (
        "build  base:base  one changed\nbuild  api:api    depends on the result of base:base\n"
    )


def test_the_nearest_of_what_colleagues_built(user: Callable[[str], User]) -> None:
    cindy, david = user("cindy"), user("david")
    cindy.build()
    (david.folder / "base/one").write_text("another\n")
    (david.folder / "base/two").write_text("another\n")
    david.build()
    erin = user("erin")
    (erin.folder / "base/one").write_text("another\n")
    (erin.folder / "base/two").write_text("another\n")
    (erin.folder / "base/three").write_text("three\n")
    found = answer(erin, "base")
    assert found["against"]["compared"] == found["against"]["known"] == 2
    assert found["against"]["key"] == answer(david, "base")["key"]
    assert [change["text"] for change in found["changes"]] == ["three added"]


def test_a_value_that_differs(user: Callable[[str], User]) -> None:
    user("cindy").build("base")
    assert "  build argument VERSION changed: 1 -> 2\n" in why(
        user("david"), "base", "--build-arg", "VERSION=2"
    )


def test_who_builds_the_same_at_once_leaves_it_readable(user: Callable[[str], User]) -> None:
    users = [user(name) for name in ("cindy", "david", "erin")]
    processes = [each.start("build", "--no-cache") for each in users]
    for process in processes:
        assert "Traceback" not in process.communicate(timeout=120)[1]
        assert process.returncode == 0
    frank = user("frank")
    (frank.folder / "base/one").write_text("another\n")
    assert "  one changed\n" in why(frank, "base")


def test_of_thousands_of_files_one_is_named(user: Callable[[str], User]) -> None:
    cindy, david = user("cindy"), user("david")
    for each in (cindy, david):
        for number in range(3000):
            (each.folder / f"base/file{number}").write_text(f"{number}\n")
    cindy.build("base")
    (david.folder / "base/file1234").write_text("changed\n")
    assert why(david, "base") == (
        "base:base: compared with TEAM/base:KEY, the only one in the registry\n  file1234 changed\n"
    )


def test_an_image_that_was_made_from_something_else_is_refused(
    user: Callable[[str], User], host: str
) -> None:
    """A key's tag points at another image, as after an attack or a mistake."""
    cindy, david = user("cindy"), user("david")
    good = cindy.build("base")["base:base"]
    (cindy.folder / "base/one").write_text("forged\n")
    forged = cindy.build("base")["base:base"]
    assert good["digest"] != forged["digest"]
    move_tag(cindy, host, forged["references"]["global"], good["references"]["global"])
    trusting = david.build("base", OKPLUG_VERIFY_HITS="false")["base:base"]
    assert (trusting["verdict"], trusting["digest"]) == ("reuse", forged["digest"])
    careful = david.build("base")["base:base"]
    assert (careful["verdict"], careful["digest"]) == ("build", good["digest"])
    assert careful["reasons"] == [
        f"{good['references']['global']} was made from other content than its key says"
    ]
    assert david.build("base")["base:base"]["verdict"] == "reuse"


def move_tag(user: User, host: str, source: str, target: str) -> None:
    """Point a tag at what another one of the repository finds."""
    one, two = Reference.parse(source), Reference.parse(target)
    if host.startswith("layout:"):
        LayoutRegistry(user.folder.parent / "images").tag(one, two)
        return
    store = Store(host)
    found = store.get(f"{one.repository}/manifests/{one.tag}")
    written = urllib3.request(
        "PUT",
        f"http://{host}/v2/{two.repository}/manifests/{two.tag}",
        headers={"Content-Type": found.headers["Content-Type"]},
        body=found.data,
    )
    assert written.status == 201
