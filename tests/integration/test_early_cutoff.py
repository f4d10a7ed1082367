"""Early cutoff with real registries and a real BuildKit, for people who work at the same time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from okplug.naming import RESULT_PREFIX
from tests.integration.conftest import program
from tests.integration.team import Store, User

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import BuildKit
    from tests.integration.fronts import Front

FROM_BASE = "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n"
#: base <- mid <- leaf and base <- web; of base's files one is in the image
FILES = {
    "okplug.toml": 'provenance = "mode=max"\n',
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch AS sources\nCOPY . /\n"
    "FROM scratch\nCOPY --from=sources /program /program\n",
    "base/program": "program\n",
    "base/notes": "one\n",
    "mid/okteto.yaml": "build: {mid: {context: ., depends_on: 'base:base'}}\n",
    "mid/Dockerfile": f"{FROM_BASE}COPY data /mid\n",
    "mid/data": "mid\n",
    "leaf/okteto.yaml": "build: {leaf: {context: ., depends_on: 'mid:mid'}}\n",
    "leaf/Dockerfile": "ARG OKTETO_BUILD_MID_IMAGE\nFROM ${OKTETO_BUILD_MID_IMAGE}\nCOPY data /leaf\n",
    "leaf/data": "leaf\n",
    "web/okteto.yaml": "build: {web: {context: ., depends_on: 'base:base'}}\n",
    "web/Dockerfile": f"{FROM_BASE}COPY data /web\n",
    "web/data": "web\n",
}
DEPENDANTS = ("leaf:leaf", "mid:mid", "web:web")
CUT_OFF = {"base:base": "build"} | dict.fromkeys(DEPENDANTS, "reuse")
TWO_PLATFORMS = """\
import dataclasses
from okplug import hookimpl

@hookimpl
def okplug_graph_modify(graph):
    for image in graph.images():
        graph.replace_image(dataclasses.replace(image, platforms=("linux/amd64", "linux/arm64")))
"""
SHELL = """\
FROM scratch AS shell
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""


@pytest.fixture
def user(tmp_path: Path, store: Front) -> Callable[..., User]:
    """Return what makes a user with a checkout of their own."""
    source = tmp_path / "source"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)

    def make(name: str, builder: str = "embedded") -> User:
        folder = tmp_path / name
        shutil.copytree(source, folder)
        environ = {"OKPLUG_REGISTRY": store.host, "OKPLUG_BUILDER": builder}
        return User(name, folder, tmp_path / f"home-{name}", environ)

    return make


def edit(user: User, path: str, text: str) -> None:
    """Change a file of a user's checkout."""
    (user.folder / path).write_text(text)


def verdicts(user: User, *arguments: str, **environ: str) -> dict[str, str]:
    """Build, and return the verdict of each image."""
    images = user.build(*arguments, **environ)
    return {address: image["verdict"] for address, image in images.items()}


def result_tags(registry: Store, name: str) -> list[str]:
    """Return the tags of the result keys of an image."""
    return [tag for tag in registry.tags(f"okteto/{name}") if tag.startswith(RESULT_PREFIX)]


def test_nothing_is_built_and_no_blob_moves_for_what_is_reused(
    user: Callable[..., User], store: Front, registry: Store
) -> None:
    cindy, david = user("cindy"), user("david")
    cindy.build()
    before = {name: registry.document(f"cindy/{name}", "okteto") for name in ("mid", "leaf")}
    for each in (cindy, david):
        edit(each, "base/notes", "two\n")
    store.asked.clear()
    images = cindy.build(OKPLUG_PUBLISH_RECORDS="false")
    assert {address: image["verdict"] for address, image in images.items()} == CUT_OFF
    assert store.uploaded() == 0
    for name, old in before.items():
        new = registry.document(f"cindy/{name}", "okteto")
        assert (new["config"], new["layers"]) == (old["config"], old["layers"])
        assert registry.missing(f"cindy/{name}", "okteto") == []
        tags = (images[f"{name}:{name}"]["key"], *result_tags(registry, name))
        assert {registry.digest(f"okteto/{name}", tag) for tag in tags} == {
            registry.digest(f"cindy/{name}", "okteto")
        }
    store.asked.clear()
    assert set(verdicts(david).values()) == {"reuse"}
    assert store.uploaded() == 0
    assert not [each for each in store.asked if RESULT_PREFIX in each.path]
    assert registry.digest("david/leaf", "okteto") == images["leaf:leaf"]["digest"]


def test_people_who_build_the_same_at_once(user: Callable[..., User], registry: Store) -> None:
    people = [user(name) for name in ("cindy", "david", "erin")]
    people[0].build()
    for each in people:
        edit(each, "base/notes", "two\n")
    processes = [each.start("build", "--json", "-") for each in people]
    try:
        results = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    images = []
    for process, (out, err) in zip(processes, results, strict=True):
        assert process.returncode == 0, err
        images.append({image["address"]: image for image in json.loads(out)["images"]})
    for address in DEPENDANTS:
        assert {each[address]["verdict"] for each in images} == {"reuse"}
        assert len({each[address]["digest"] for each in images}) == 1
        name = address.partition(":")[0]
        assert len(result_tags(registry, name)) == 1
        assert len(registry.tags(f"okteto/{name}")) == 3
        for each in people:
            assert registry.missing(f"{each.name}/{name}", "okteto") == []


def test_garbage_goes_with_its_result_keys(user: Callable[..., User], registry: Store) -> None:
    cindy = user("cindy")
    cindy.build()
    edit(cindy, "base/program", "another\n")
    cindy.build()
    assert len(result_tags(registry, "mid")) == 2
    done = cindy.run("gc", "--keep-last", "0", "--keep-days", "0", "--force")
    assert done.returncode == 0, done.stderr
    assert len(result_tags(registry, "mid")) == 1
    edit(cindy, "base/notes", "two\n")
    assert verdicts(cindy) == CUT_OFF


# ------------------------------------------------------------------------------------- on BuildKit


def test_every_platform_and_attestation_is_kept(
    user: Callable[..., User], buildkit: BuildKit, registry: Store
) -> None:
    cindy = user("cindy", buildkit.address)
    edit(cindy, "okplugfile.py", TWO_PLATFORMS)
    cindy.build()
    before = registry.document("cindy/leaf", "okteto")
    edit(cindy, "base/notes", "two\n")
    assert verdicts(cindy) == CUT_OFF
    after = registry.document("cindy/leaf", "okteto")
    assert after["manifests"] == before["manifests"]
    assert len(after["manifests"]) == 4
    assert after["annotations"] != before["annotations"]
    assert registry.missing("cindy/leaf", "okteto") == []
    edit(cindy, "base/program", "another\n")
    assert set(verdicts(cindy).values()) == {"build"}


@pytest.fixture
def compiling(user: Callable[..., User], buildkit: BuildKit) -> User:
    """Return a user whose base is made by a command, of a source with a comment."""
    cindy = user("cindy", buildkit.address)
    shutil.copy(program("busybox"), cindy.folder / "base/busybox")
    edit(cindy, "base/notes", "# a comment\nprint\n")
    edit(
        cindy,
        "base/Dockerfile",
        f"{SHELL}FROM shell AS compiler\nCOPY notes /\nRUN grep -v '^#' /notes >/program\n"
        "FROM scratch\nCOPY --from=compiler /program /program\n",
    )
    return cindy


def test_a_comment_in_a_source_that_is_compiled_again(compiling: User, registry: Store) -> None:
    compiling.build()
    edit(compiling, "base/notes", "# another comment\nprint\n")
    assert verdicts(compiling) == CUT_OFF
    edit(compiling, "base/notes", "# another comment\nwrite\n")
    assert set(verdicts(compiling).values()) == {"build"}
    assert registry.missing("cindy/leaf", "okteto") == []


@pytest.mark.parametrize("epoch", ["", "1700000000"])
def test_times_of_a_command_that_is_carried_out_again(compiling: User, epoch: str) -> None:
    """Without SOURCE_DATE_EPOCH they make another layer of the same files."""
    user = replace(compiling, environ={**compiling.environ, "SOURCE_DATE_EPOCH": epoch})
    edit(
        compiling,
        "base/Dockerfile",
        f"{SHELL}FROM shell\nRUN --mount=type=bind,target=/src grep -v '^#' /src/notes >/program\n",
    )
    user.build("web")
    edit(user, "base/notes", "# another comment\nprint\n")
    assert verdicts(user, "web") == {
        "base:base": "build",
        "web:web": "reuse" if epoch else "build",
    }
