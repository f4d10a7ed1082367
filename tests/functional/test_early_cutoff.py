"""Early cutoff: what is built from an image that comes out as it was is reused."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from okplug.backends import RESULT_ANNOTATION, ROOT_ANNOTATION
from okplug.errors import RegistryError
from okplug.naming import RESULT_PREFIX
from okplug.reference import Reference
from okplug.testing import FakeRegistry, HookRecorder, ImageView

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug import Descriptor
    from okplug.backends import Registry
    from okplug.testing import Outcome, Workspace

from okplug import hookimpl

FROM_BASE = "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n"
#: base <- mid <- leaf and base <- web; of base's files one is in the image
FILES = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": """
        FROM scratch AS sources
        COPY . /
        FROM scratch
        COPY --from=sources /program /program
        """,
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


@dataclass
class Team:
    """People who share a registry in memory and build with the embedded builder."""

    workspace: Workspace
    registry: FakeRegistry = field(default_factory=FakeRegistry)

    @hookimpl(tryfirst=True)
    def okplug_registry(self, host: str) -> Registry | None:
        """Serve the configured registry."""
        return self.registry if host == "registry.test" else None

    def run(self, *argv: str, plugins: tuple[object, ...] = (), user: str = "cindy") -> Outcome:
        """Run a command as somebody."""
        environ = {"USER": user, "OKPLUG_REGISTRY": "registry.test"}
        return self.workspace.run(*argv, plugins=[self, *plugins], environ=environ)

    def build(self, *argv: str, user: str = "cindy") -> dict[str, dict[str, Any]]:
        """Build, and return the images of the result document; ``built`` has what was built."""
        recorder = HookRecorder()
        outcome = self.run("build", "--json", "-", *argv, plugins=(recorder,), user=user)
        images = json.loads(outcome.assert_ok().stdout)["images"]
        self.built = sorted(call["step"].address for call in recorder.of("okplug_build"))
        self.published = sorted(call["step"].address for call in recorder.of("okplug_publish"))
        return {image["address"]: image for image in images}

    def edit(self, path: str, text: str) -> None:
        """Change a file."""
        (self.workspace.root / path).write_text(text)

    def forget(self) -> None:
        """Remove the history of the runs here, as a new checkout has none."""
        shutil.rmtree(self.workspace.root / ".okplug")

    def plan(self, *argv: str) -> str:
        """Return what a plan says."""
        return self.run("plan", *argv).assert_ok().stdout

    def tags(self, repository: str) -> dict[str, str]:
        """Return tag -> digest."""
        return dict(self.registry.repository(Reference("registry.test", repository)).tags)

    def results(self, repository: str) -> dict[str, str]:
        """Return tag -> digest of the result keys."""
        tags = self.tags(repository)
        return {tag: digest for tag, digest in tags.items() if tag.startswith(RESULT_PREFIX)}

    def view(self, reference: str) -> ImageView:
        """Read an image."""
        repository, _, tag = reference.partition(":")
        return ImageView.read(self.registry, Reference("registry.test", repository, tag))


@pytest.fixture
def team(workspace: Workspace) -> Team:
    """Return a team whose images are built."""
    workspace.write(FILES)
    team = Team(workspace)
    team.build()
    assert team.built == ["base:base", *DEPENDANTS]
    return team


def verdicts(images: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {address: image["verdict"] for address, image in images.items()}


# -------------------------------------------------------------------------------- what is reused


def test_all_that_is_built_from_an_image_that_comes_out_equal_is_reused(team: Team) -> None:
    team.edit("base/notes", "two\n")
    images = team.build()
    assert team.built == ["base:base"]
    assert verdicts(images) == {"base:base": "build"} | dict.fromkeys(DEPENDANTS, "reuse")
    assert images["mid:mid"]["reasons"] == ["base:base came out equal"]
    assert images["leaf:leaf"]["reasons"] == ["mid:mid came out equal"]


def test_then_nothing_is_left_to_do(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.build()
    writes = team.registry.writes
    assert set(verdicts(team.build()).values()) == {"reuse"}
    assert team.built == team.published == []
    assert team.registry.writes == writes
    assert team.plan().count("reuse") == 4


def test_a_run_that_builds_nothing_asks_for_no_result(team: Team) -> None:
    team.registry.calls.clear()
    team.build()
    calls = team.registry.calls
    assert (calls["read_manifest"], calls["open_blob"]) == (1, 0), "for administrator's variables"


def test_an_image_that_comes_out_otherwise_has_its_dependants_built(team: Team) -> None:
    team.edit("base/program", "another\n")
    images = team.build()
    assert team.built == ["base:base", *DEPENDANTS]
    assert images["mid:mid"]["reasons"] == ["dependency base:base changed"]
    assert team.view("cindy/leaf:okteto").tree()["program"].content == b"another\n"


def test_an_image_that_changed_itself_is_built(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.edit("mid/data", "changed\n")
    images = team.build()
    assert team.built == ["base:base", "leaf:leaf", "mid:mid"]
    assert images["mid:mid"]["reasons"] == ["data changed", "dependency base:base changed"]
    assert images["web:web"]["verdict"] == "reuse"


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM scratch\nARG OKTETO_BUILD_BASE_SHA\nCOPY data /\nLABEL base=$OKTETO_BUILD_BASE_SHA\n",
        f"{FROM_BASE}ARG OKTETO_BUILD_BASE_IMAGE\nENV BASE=$OKTETO_BUILD_BASE_IMAGE\nCOPY data /\n",
        "ARG OKTETO_BUILD_BASE_TAG\nARG X=$OKTETO_BUILD_BASE_TAG\nFROM scratch\nARG X\nCOPY data /\nLABEL base=$X\n",
    ],
)
def test_an_image_that_knows_the_digest_is_built(team: Team, dockerfile: str) -> None:
    team.edit("web/Dockerfile", dockerfile)
    before = team.build()
    assert team.built == ["web:web"]
    team.edit("base/notes", "two\n")
    assert "build  web:web    dependency base:base changed\n" in team.plan()
    images = team.build()
    assert team.built == ["base:base", "web:web"]
    assert images["web:web"]["digest"] != before["web:web"]["digest"]
    told = json.dumps(team.view("cindy/web:okteto").config["config"])
    assert images["base:base"]["digest"] in told


def test_names_without_a_digest_are_no_reason(team: Team) -> None:
    named = (
        "FROM scratch\nARG OKTETO_BUILD_BASE_REPOSITORY\nLABEL r=$OKTETO_BUILD_BASE_REPOSITORY\n"
    )
    team.edit("web/Dockerfile", f"{named}COPY data /\n")
    team.build()
    team.edit("base/notes", "two\n")
    team.build()
    assert team.built == ["base:base"]


def test_without_the_cache_all_is_built_and_found_later(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.build("--no-cache")
    assert team.built == ["base:base", *DEPENDANTS]
    team.edit("base/notes", "three\n")
    team.build()
    assert team.built == ["base:base"]


def test_without_smart_builds_all_is_built(team: Team) -> None:
    team.edit("base/notes", "two\n")
    before = {name: team.tags(f"okteto/{name}") for name in ("base", "mid")}
    team.build("-o", "smart_builds=false")
    assert team.built == ["base:base", *DEPENDANTS]
    assert {name: team.tags(f"okteto/{name}") for name in ("base", "mid")} == before


# ------------------------------------------------------------------------------ what is kept of it


def test_the_image_is_the_same_but_for_what_proves_its_key(team: Team) -> None:
    before = team.view("cindy/mid:okteto")
    team.edit("base/notes", "two\n")
    images = team.build()
    after = team.view("cindy/mid:okteto")
    assert after.config == before.config
    assert after.layers == before.layers
    assert after.descriptor.digest == images["mid:mid"]["digest"] != before.descriptor.digest
    old, new = before.manifest["annotations"], after.manifest["annotations"]
    assert old.keys() == new.keys() == {ROOT_ANNOTATION, RESULT_ANNOTATION}
    assert old[RESULT_ANNOTATION] == new[RESULT_ANNOTATION]
    assert old[ROOT_ANNOTATION] != new[ROOT_ANNOTATION]


def test_one_result_and_two_keys(team: Team) -> None:
    (old,) = team.tags("okteto/mid").keys() - team.results("okteto/mid").keys()
    team.edit("base/notes", "two\n")
    images = team.build()
    key, digest = images["mid:mid"]["key"], images["mid:mid"]["digest"]
    tags = team.tags("okteto/mid")
    assert tags.keys() - team.results("okteto/mid").keys() == {old, key}
    assert list(team.results("okteto/mid").values()) == [digest] == [tags[key]]
    assert team.tags("cindy/mid")["okteto"] == digest


def test_an_image_without_dependencies_has_no_result_key(team: Team) -> None:
    assert team.results("okteto/base") == {}


def test_plugins_see_what_is_stored(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.build()
    assert team.published == ["base:base", *DEPENDANTS]


def test_why_compares_with_what_was_reused(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.build()
    team.forget()
    team.edit("mid/data", "changed\n")
    said = team.run("why", "mid").assert_ok().stdout
    assert said.splitlines()[1:] == ["  data changed"]


def test_garbage_is_removed_with_its_result_key(team: Team) -> None:
    team.edit("base/program", "another\n")
    team.build()
    before = len(team.results("okteto/mid"))
    team.run("gc", "--keep-last", "0", "--keep-days", "0", "--force").assert_ok()
    assert (before, len(team.results("okteto/mid"))) == (2, 1)
    assert len(team.tags("okteto/mid")) == 2
    team.edit("base/notes", "two\n")
    team.build()
    assert team.built == ["base:base"]


def test_what_was_reused_outlives_the_image_that_it_was(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.build()
    team.run("gc", "--keep-last", "0", "--keep-days", "0", "--force").assert_ok()
    assert set(verdicts(team.build()).values()) == {"reuse"}
    team.edit("base/notes", "three\n")
    team.build()
    assert team.built == ["base:base"]


# --------------------------------------------------------------------------------------- the team


def test_what_another_user_built_is_reused(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.forget()
    images = team.build(user="david")
    assert team.built == ["base:base"]
    digest = images["leaf:leaf"]["digest"]
    assert team.tags("david/leaf") == {"okteto": digest}
    team.build(user="cindy")
    assert team.built == []
    assert team.tags("cindy/leaf")["okteto"] == digest


def test_a_dependency_that_somebody_else_built_again(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.build("base", user="david")
    images = team.build("leaf", user="cindy")
    assert team.built == []
    assert verdicts(images) == dict.fromkeys(("base:base", "mid:mid", "leaf:leaf"), "reuse")


def test_who_may_not_share_reuses_into_a_repository_of_their_own(team: Team) -> None:
    team.registry.read_only.add("okteto")
    before = team.tags("okteto/mid")
    team.edit("base/notes", "two\n")
    images = team.build(user="david")
    assert team.built == ["base:base"]
    assert team.tags("okteto/mid") == before
    digest, key = images["mid:mid"]["digest"], images["mid:mid"]["key"]
    assert team.tags("david/mid") == {
        "okteto": digest,
        key: digest,
        **dict.fromkeys(team.results("okteto/mid"), digest),
    }
    assert team.view("david/leaf:okteto").tree()["leaf"].content == b"leaf\n"
    team.edit("base/notes", "three\n")
    team.build(user="david")
    assert team.built == ["base:base"]


def test_with_all_or_nothing_own_tags_move_at_the_end(team: Team) -> None:
    team.edit("base/notes", "two\n")
    images = team.build("--all-or-nothing")
    assert team.built == ["base:base"]
    assert team.tags("cindy/leaf") == {"okteto": images["leaf:leaf"]["digest"]}


# ------------------------------------------------------------------------------------ what is wrong


class Fixed(FakeRegistry):
    """A registry whose tags of keys stay."""

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Refuse to move what is there."""
        present = self.repository(target).tags.get(target.tag)
        if present not in (None, source.digest) and target.tag != "okteto":
            raise RegistryError(f"{target} stays")
        return super().tag(source, target)


def test_tags_that_stay(workspace: Workspace) -> None:
    workspace.write(FILES)
    team = Team(workspace, Fixed())
    team.build()
    before = team.results("okteto/mid")
    for notes in ("two\n", "three\n"):
        team.edit("base/notes", notes)
        team.build()
        assert team.built == ["base:base"]
    assert team.results("okteto/mid") == before
    assert len(team.tags("okteto/mid")) == 4


def spoil(team: Team, name: str) -> None:
    """Have the result key of an image find another image."""
    repository = team.registry.repository(Reference("registry.test", f"okteto/{name}"))
    other = team.registry.repository(Reference("registry.test", "okteto/web"))
    (digest,) = team.results("okteto/web").values()
    repository.blobs |= other.blobs
    repository.manifests |= other.manifests
    repository.tags |= dict.fromkeys(team.results(f"okteto/{name}"), digest)


@pytest.mark.parametrize(
    ("options", "built"),
    [((), ["base:base", "mid:mid"]), (("-o", "verify_hits=false"), ["base:base", "leaf:leaf"])],
)
def test_an_image_that_says_another_result_is_not_taken(
    team: Team, options: tuple[str, ...], built: list[str]
) -> None:
    spoil(team, "mid")
    team.edit("base/notes", "two\n")
    team.build(*options)
    assert team.built == built


class Failing(FakeRegistry):
    """A registry that fails to read what belongs to result keys, when it is told to."""

    is_down = False

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Fail."""
        if self.is_down and reference.tag.startswith(RESULT_PREFIX):
            raise RegistryError("connection refused")
        return super().read_manifest(reference)


def test_a_registry_that_cannot_be_asked_has_it_built(workspace: Workspace) -> None:
    workspace.write(FILES)
    registry = Failing()
    team = Team(workspace, registry)
    team.build()
    registry.is_down = True
    team.edit("base/notes", "two\n")
    outcome = team.run("build", "mid").assert_ok()
    assert "what equal dependencies gave is not looked for: connection refused" in outcome.stderr
    assert "mid:mid    BUILT" in outcome.stderr


# ------------------------------------------------------------------------------------ what is said


def test_a_plan_says_what_depends_on_a_result(team: Team) -> None:
    team.edit("base/notes", "two\n")
    assert team.plan() == (
        "build  base:base  notes changed\n"
        "build  mid:mid    depends on the result of base:base\n"
        "build  leaf:leaf  depends on the result of mid:mid\n"
        "build  web:web    depends on the result of base:base\n"
    )
    assert team.run("plan", "--detailed-exitcode").exit_code == 2


def test_a_plan_says_it_of_what_others_built(team: Team) -> None:
    team.forget()
    team.edit("base/notes", "two\n")
    assert "build  mid:mid    depends on the result of base:base\n" in team.plan()


def test_programs_are_told_what_is_awaited(team: Team) -> None:
    team.edit("base/notes", "two\n")
    team.edit("web/data", "changed\n")
    images = json.loads(team.plan("--json"))["images"]
    assert {image["address"]: image["awaits"] for image in images} == {
        "base:base": [],
        "mid:mid": ["base:base"],
        "leaf:leaf": ["mid:mid"],
        "web:web": [],
    }


def test_why_says_what_it_depends_on(team: Team) -> None:
    team.edit("base/notes", "two\n")
    assert team.run("why", "leaf").assert_ok().stdout == (
        "leaf:leaf: changed since it was last built or reused\n"
        "  dependency mid:mid changed\n"
        "    dependency base:base changed\n"
        "      notes changed\n"
        "  to build: depends on the result of mid:mid\n"
    )


def test_the_screen(team: Team, masked: Callable[[str], str]) -> None:
    team.edit("base/notes", "two\n")
    outcome = team.run("build", "leaf", "-j1").assert_ok()
    assert (
        masked(outcome.stderr)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
The following build images need to be built because of dependencies: [base:base, mid:mid]
builder: embedded (no daemon; images without RUN)

Building 'base/Dockerfile'...
base:base  BUILT     [ 33%]  0.00s  notes changed
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
mid:mid    REUSED    [ 66%]         base:base came out equal
leaf:leaf  REUSED    [100%]         mid:mid came out equal
========================== 1 built, 2 reused in 0.00s ==========================
"""
    )


# -------------------------------------------------------------------------------- other registries


@pytest.fixture
def layout(workspace: Workspace) -> Workspace:
    """Return a workspace whose images are in a folder."""
    workspace.write({**FILES, "okplug.toml": 'registry = "layout:images"\n'})
    return workspace


def test_layouts_in_a_folder(layout: Workspace) -> None:
    layout.run("build").assert_ok()
    layout.write({"base/notes": "two\n"})
    recorder = HookRecorder()
    layout.run("build", plugins=[recorder]).assert_ok()
    assert [call["step"].address for call in recorder.of("okplug_build")] == ["base:base"]
    layout.run("gc", "--keep-last", "0", "--keep-days", "0", "--force").assert_ok()
    assert layout.run("plan").assert_ok().stdout.count("reuse") == 4
