"""Smart Builds across a team, with a real registry: what one has built, all others reuse."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import okplug_registry
from okplug.reference import Reference
from okplug.testing import push_image
from tests.integration.fronts import Answer, Front, Request
from tests.integration.team import Store, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit
    from tests.integration.fronts import Forward

FILES = {
    "okplug.toml": "",
    "okteto.yaml": """\
build:
  api:
    context: api
    dockerfile: Dockerfile
    args:
      GO_VERSION: 1.20
""",
    "api/Dockerfile": "FROM scratch\nARG GO_VERSION\nLABEL go=$GO_VERSION\nCOPY main /main\n",
    "api/main": "hello\n",
}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the monorepo."""
    write(tmp_path / "monorepo", FILES)
    return tmp_path / "monorepo"


@pytest.fixture
def user(folder: Path, tmp_path: Path, store: Front) -> Callable[[str], User]:
    """Return what makes a user of the registry."""
    environ = {"OKPLUG_REGISTRY": store.host, "OKPLUG_BUILDER": "embedded"}
    return lambda name: User(name, folder, tmp_path / f"home-{name}", environ)


@pytest.fixture
def screen(folder: Path, store: Front) -> Callable[..., str]:
    """Return what builds as a user and returns the screen, what is never the same masked."""

    def build(user: User, *arguments: str) -> str:
        done = user.run("build", *arguments)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        text = done.stderr.replace(str(folder), "SHOP").replace(store.host, "REGISTRY")
        return re.sub(r", \d+ at once", "", re.sub(r"\d+\.\d\ds", "0.00s", text))

    return build


# ------------------------------------------------------------------------------ Cindy and David


CINDY = """\
================================= okplug build =================================
Using cindy @ REGISTRY
root: SHOP
collected 1 image from 1 manifest
Checking if the images are already built from cache...
builder: embedded (no daemon; images without RUN)

Building 'api/Dockerfile'...
:api  BUILT     [100%]  0.00s  new
Image 'REGISTRY/cindy/api:okteto' successfully pushed
=============================== 1 built in 0.00s ===============================
"""

SKIPPED = 'Okteto Smart Builds is skipping build of "api" because it\'s already built from cache.'
DAVID = f"""\
================================= okplug build =================================
Using david @ REGISTRY
root: SHOP
collected 1 image from 1 manifest
Checking if the images are already built from cache...

:api  REUSED    [100%]         {SKIPPED}
============================== 1 reused in 0.00s ===============================
"""


def key_of(user: User, *arguments: str, **environ: str) -> str:
    """Return the key of the one image."""
    return user.run("hash", *arguments, **environ).stdout.split()[0]


def test_cindy_builds_and_david_reuses(
    user: Callable[[str], User], store: Front, registry: Store, screen: Callable[..., str]
) -> None:
    cindy, david = user("cindy"), user("david")
    key = key_of(cindy)

    assert screen(cindy) == CINDY
    digest = registry.digest("okteto/api", key)
    assert digest
    assert registry.digest("cindy/api", "okteto") == digest
    assert registry.digest("david/api", "okteto") == ""

    store.asked.clear()
    assert screen(david) == DAVID
    assert registry.digest("david/api", "okteto") == digest
    assert registry.tags("okteto/api") == [key]
    assert registry.missing("david/api", "okteto") == []
    assert store.uploaded() == 0

    store.asked.clear()
    assert screen(david) == DAVID
    assert store.writes() == []


def test_without_the_cache_it_is_built_again(
    user: Callable[[str], User], registry: Store, screen: Callable[..., str]
) -> None:
    cindy, david = user("cindy"), user("david")
    cindy.build()
    assert ":api  BUILT     [100%]  0.00s  --no-cache\n" in screen(david, "--no-cache")
    key = key_of(cindy)
    assert registry.tags("okteto/api") == [key]
    assert registry.digest("okteto/api", key) == registry.digest("david/api", "okteto")


@pytest.mark.parametrize("variable", ["OKTETO_SMART_BUILDS_ENABLED", "OKPLUG_SMART_BUILDS"])
def test_smart_builds_can_be_turned_off(
    user: Callable[[str], User], store: Front, registry: Store, variable: str
) -> None:
    cindy, david = user("cindy"), user("david")
    (first,) = cindy.build(**{variable: "false"}).values()
    assert registry.tags("okteto/api") == []
    assert registry.digest("cindy/api", "okteto") == first["digest"]
    cindy.build()
    store.asked.clear()
    (second,) = david.build(**{variable: "false"}).values()
    assert (second["verdict"], second["digest"]) == ("build", first["digest"])
    assert [each.path for each in store.asked if "okteto/api/" in each.path] == []
    assert registry.digest("david/api", "okteto") == second["digest"]


def test_a_user_may_choose_other_tags_for_what_is_built_and_for_what_is_reused(
    user: Callable[[str], User], registry: Store
) -> None:
    cindy, david = user("cindy"), user("david")
    (built,) = cindy.build("api", "-t", "okteto.dev/api:pr-7").values()
    tags = "okteto.dev/api:1.0,okteto.global/release:1"
    (reused,) = david.build("api", "--tag", tags, "--tag", "okteto.dev/latest").values()
    assert (built["verdict"], reused["verdict"]) == ("build", "reuse")
    assert registry.tags("cindy/api") == ["pr-7"]
    assert registry.tags("david/api") == ["1.0"]
    for repository, tag in (
        ("david/api", "1.0"),
        ("okteto/release", "1"),
        ("david/latest", "latest"),
    ):
        assert registry.digest(repository, tag) == built["digest"]


def test_two_who_build_the_same_at_once(
    user: Callable[[str], User], store: Front, registry: Store
) -> None:
    both = threading.Barrier(2)
    met: list[bool] = []

    def rule(request: Request, forward: Forward) -> Answer | None:
        if request.method == "GET" and "okteto/api/manifests/" in request.path and len(met) < 2:
            met.append(True)
            answer = forward()  # that it is not there is told when both have asked
            both.wait(30)
            return answer
        return forward()

    store.rule = rule
    users = [user("cindy"), user("david")]
    runs = [each.start("build") for each in users]
    for run in runs:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
        assert "BUILT" in err
    digests = {registry.digest(f"{each.name}/api", "okteto") for each in users}
    assert len(digests) == 1
    assert registry.missing("okteto/api", key_of(users[0])) == []


# ------------------------------------------------------------------------- where one may not write


def read_only(namespace: str, status: int) -> Callable[[Request, Forward], Answer | None]:
    """Refuse whatever would change a namespace."""

    def rule(request: Request, forward: Forward) -> Answer | None:
        if request.is_write and request.path.startswith(f"/v2/{namespace}/"):
            return Answer(status, {}, b'{"errors": [{"code": "DENIED", "message": "no"}]}')
        return forward()

    return rule


@pytest.mark.parametrize("status", [401, 403, 405])
def test_who_may_not_share_builds_and_is_told_so_once(
    user: Callable[[str], User], store: Front, registry: Store, folder: Path, status: int
) -> None:
    write(folder, {"web/okteto.yaml": "build: {web: .}\n", "web/Dockerfile": "FROM scratch\n"})
    store.rule = read_only("okteto", status)
    david = user("david")
    done = david.run("build")
    assert done.returncode == 0, done.stderr
    told = (
        f"you may not write to {store.host}/okteto: what you build is not shared, but kept in "
        f"{store.host}/david"
    )
    assert done.stderr.count(told) == 1
    assert "2 built" in done.stderr
    for name in ("api", "web"):
        assert registry.tags(f"okteto/{name}") == []
        assert registry.missing(f"david/{name}", "okteto") == []
    again = david.run("build")  # it is found though nobody shares it
    assert (again.returncode, told in again.stderr) == (0, False)
    assert "2 reused" in again.stderr


def test_who_may_not_share_reuses_what_others_shared(
    user: Callable[[str], User], store: Front, registry: Store
) -> None:
    (built,) = user("cindy").build().values()
    store.rule = read_only("okteto", 403)
    store.asked.clear()
    (reused,) = user("david").build().values()
    assert (reused["verdict"], reused["digest"]) == ("reuse", built["digest"])
    assert registry.digest("david/api", "okteto") == built["digest"]
    assert store.uploaded() == 0


def test_whether_one_may_share_is_asked_once(
    user: Callable[[str], User], store: Front, folder: Path
) -> None:
    write(folder, {"web/okteto.yaml": "build: {web: .}\n", "web/Dockerfile": "FROM scratch\n"})
    store.rule = read_only("okteto", 403)
    user("david").build()
    assert len([each for each in store.writes() if "/okteto/" in each.path]) == 1


# ---------------------------------------------------------------------------------- base images


@pytest.fixture
def based(folder: Path) -> Path:
    """Return the monorepo with an image that starts from one from elsewhere."""
    write(folder, {"api/Dockerfile": "FROM okteto.global/base:1\nCOPY main /main\n"})
    return folder


@pytest.fixture
def push(store: Front, workspace: Workspace) -> Iterator[Callable[[str, Mapping[str, str]], str]]:
    """Return what stores an image with some files under a tag, and returns its digest."""
    config = workspace.config(plugins=[okplug_registry], settings={"registry": store.host})
    opened = config.plugins.registry(store.host, config)
    assert opened is not None

    def push(name: str, files: Mapping[str, str]) -> str:
        return push_image(opened, Reference.parse(f"{store.host}/{name}"), files=files).digest

    yield push
    config.plugins.unconfigure(config)


def test_a_base_of_the_shared_namespace_is_part_of_the_key(
    user: Callable[[str], User], registry: Store, based: Path, push: Callable[..., str]
) -> None:
    cindy, david = user("cindy"), user("david")
    push("okteto/base:1", {"base": "old"})
    (first,) = cindy.build().values()
    assert len(registry.document("cindy/api", "okteto")["layers"]) == 2
    push("okteto/base:1", {"base": "new"})
    (second,) = david.build().values()
    assert second["verdict"] == "build"
    assert second["reasons"][0].startswith("base okteto.global/base:1 changed: sha256:")
    assert first["key"] != second["key"]
    push("okteto/base:1", {"base": "old"})
    (third,) = david.build().values()
    assert (third["verdict"], third["digest"]) == ("reuse", first["digest"])
    assert based.is_dir()


def test_bases_of_the_users_own_that_are_equal_give_one_key(
    user: Callable[[str], User], folder: Path, push: Callable[..., str]
) -> None:
    write(folder, {"api/Dockerfile": "FROM okteto.dev/base\nCOPY main /main\n"})
    for name in ("cindy", "david"):
        push(f"{name}/base:latest", {"base": "the same"})
    push("erin/base:latest", {"base": "another"})
    (cindys,), (davids,), (erins,) = (
        user(name).build().values() for name in ("cindy", "david", "erin")
    )
    assert (davids["verdict"], davids["digest"]) == ("reuse", cindys["digest"])
    assert (erins["verdict"], erins["key"] != cindys["key"]) == ("build", True)


@pytest.mark.parametrize("option", [(), ("--pull",)])
def test_with_pull_what_a_base_is_now_counts(
    user: Callable[[str], User],
    store: Front,
    folder: Path,
    push: Callable[..., str],
    option: tuple[str, ...],
) -> None:
    write(folder, {"api/Dockerfile": f"FROM {store.host}/team/base:1\nCOPY main /main\n"})
    cindy = user("cindy")
    push("team/base:1", {"base": "old"})
    (first,) = cindy.build(*option).values()
    digest = push("team/base:1", {"base": "new"})
    (second,) = cindy.build(*option).values()
    if option:
        assert second["verdict"] == "build"
        assert second["reasons"][0].startswith(f"base {store.host}/team/base:1 changed: ")
        assert digest in cindy.run("hash", "--record", *option).stdout
    else:
        assert (second["verdict"], second["key"]) == ("reuse", first["key"])


def test_a_base_is_asked_for_once(
    user: Callable[[str], User], store: Front, folder: Path, push: Callable[..., str]
) -> None:
    for name in ("a", "b", "c"):
        text = f"FROM {store.host}/team/base:1\nLABEL name={name}\n"
        write(folder, {f"{name}/okteto.yaml": f"build: {{{name}: .}}", f"{name}/Dockerfile": text})
    push("team/base:1", {"base": "old"})
    store.asked.clear()
    user("cindy").run("hash", "--pull")
    assert len([each for each in store.asked if "/team/base/" in each.path]) == 1


def test_a_base_that_is_not_there_is_named_with_its_place(
    user: Callable[[str], User], store: Front, based: Path
) -> None:
    done = user("cindy").run("build")
    assert (based.is_dir(), done.returncode) == (True, 4)
    assert (
        f"error: api/Dockerfile:1:1: there is no image {store.host}/okteto/base:1\n"
        "  hint: look at its name and its tag\n"
    ) in done.stderr


def test_a_base_whose_registry_is_down_is_named(user: Callable[[str], User], folder: Path) -> None:
    write(folder, {"api/Dockerfile": "FROM 127.0.0.1:1/base:1\nCOPY main /main\n"})
    text = user("cindy").refused("--pull")
    assert (
        "api/Dockerfile:1:1: it cannot be told what 127.0.0.1:1/base:1 is now: cannot connect to "
        "127.0.0.1:1: Connection refused\n  hint: is the registry up, and this its port?\n"
    ) in text


# ------------------------------------------------------------------------------------- on BuildKit


@pytest.fixture
def buildkit_user(
    user: Callable[[str], User], buildkit: BuildKit, folder: Path
) -> Callable[[str], User]:
    """Return what makes a user who builds for two platforms on a BuildKit, with attestations."""
    write(
        folder,
        {
            "okplug.toml": 'provenance = "mode=max"\n',
            "okplugfile.py": """\
import dataclasses
from okplug import hookimpl

@hookimpl
def okplug_graph_modify(graph):
    for image in graph.images():
        graph.replace_image(dataclasses.replace(image, platforms=("linux/amd64", "linux/arm64")))
""",
        },
    )
    environ = {"OKPLUG_BUILDER": buildkit.address}
    return lambda name: replace(user(name), environ={**user(name).environ, **environ})


def test_every_platform_and_attestation_survives_a_hit_and_no_byte_moves(
    buildkit_user: Callable[[str], User], store: Front, registry: Store
) -> None:
    (built,) = buildkit_user("cindy").build().values()
    store.asked.clear()
    (reused,) = buildkit_user("david").build().values()
    assert (built["verdict"], reused["verdict"]) == ("build", "reuse")
    assert store.uploaded() == 0
    assert registry.digest("david/api", "okteto") == built["digest"] == reused["digest"]
    assert registry.missing("david/api", "okteto") == []
    parts = registry.document("david/api", "okteto")["manifests"]
    assert [part["platform"]["architecture"] for part in parts] == [
        *("amd64", "arm64"),
        *("unknown", "unknown"),
    ]
    for part in parts[2:]:
        attestation = registry.document("david/api", part["digest"])
        (layer,) = attestation["layers"]
        assert b"https://slsa.dev/provenance/" in registry.blob("david/api", layer["digest"])


@pytest.mark.parametrize("status", [401, 403])
def test_on_buildkit_too_who_may_not_share_builds(
    buildkit_user: Callable[[str], User], store: Front, registry: Store, status: int
) -> None:
    store.rule = read_only("okteto", status)
    done = buildkit_user("david").run("build")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"you may not write to {store.host}/okteto: ") == 1
    assert registry.missing("david/api", "okteto") == []
    assert registry.tags("okteto/api") == []


def test_a_base_by_alias_on_buildkit(
    buildkit_user: Callable[[str], User], registry: Store, folder: Path, push: Callable[..., str]
) -> None:
    write(
        folder,
        {
            "okplugfile.py": "",
            "okplug.toml": "",
            "api/Dockerfile": "FROM okteto.dev/base:1\nCOPY --from=okteto.global/tools /tool /tool\n",
        },
    )
    push("cindy/base:1", {"base": "cindy's"})
    push("okteto/tools:latest", {"tool": "shared"})
    (built,) = buildkit_user("cindy").build().values()
    assert len(registry.document("okteto/api", built["key"])["layers"]) == 2
    assert registry.digest("cindy/api", "okteto") == built["digest"]
