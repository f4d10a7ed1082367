"""Result keys: who has one, what it finds and what is kept under it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.backends import RESULT_ANNOTATION, ROOT_ANNOTATION, Artifact
from okplug.collect import collect
from okplug.cutoff import Cutoff, bakes_digest, result_tag
from okplug.errors import RegistryError
from okplug.fingerprint import ContextIndex
from okplug.keyring import Keyring
from okplug.manifest import plugin as okteto_plugin
from okplug.plan import BUILD, Step
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image, push_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.backends import Registry
    from okplug.testing import Workspace

SHARED, OWN = Reference("registry.test", "okteto/api"), Reference("registry.test", "cindy/api")
FILES = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\n",
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
    "api/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n",
}


class Bench:
    """What a cutoff needs, with a registry that has the base."""

    def __init__(self, workspace: Workspace, *, verify: bool = True) -> None:
        self.registry = FakeRegistry()
        config = workspace.config(
            plugins=[okteto_plugin, self],
            settings={"registry": "registry.test", "verify_hits": verify},
        )
        self.keyring = Keyring(config, collect(config).graph, ContextIndex(workspace.root, None))
        self.artifacts: dict[str, Artifact] = {}
        self.base("one")
        self.cutoff = Cutoff(config, self.keyring, self.registry, self.artifacts)

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Serve every host."""
        return self.registry

    def base(self, text: str, **annotations: str) -> None:
        """Have the base be an image of one file."""
        place = Reference("registry.test", "okteto/base")
        stored = push_image(self.registry, place, files={"a": text}, annotations=annotations)
        self.artifacts["base:base"] = Artifact(place.with_digest(stored.digest), stored)

    def step(self, address: str = "api:api", key: str = "0a" * 16) -> Step:
        """Return a step that is to be built, under a key."""
        record = replace(self.keyring.record(address), key=key, root="0b" * 32)
        image = self.keyring.graph.image(address)
        return Step(image, record, BUILD, (), (), SHARED.with_tag(key), OWN)

    def result(self) -> Step:
        """Return the step of the dependant with its result key."""
        step = self.cutoff.with_result(self.step())
        assert step.result is not None
        return step

    def store(
        self, step: Step, place: Reference = SHARED, *, root: str = "0c" * 32, note: str = ""
    ) -> Artifact:
        """Store an image that says of what it was built."""
        assert step.result is not None
        annotations = {ROOT_ANNOTATION: root, RESULT_ANNOTATION: step.result.root, "note": note}
        stored = push_image(self.registry, place, files={"x": "x"}, annotations=annotations)
        return Artifact(place.with_digest(stored.digest), stored)

    def tags(self, place: Reference) -> dict[str, str]:
        """Return tag -> digest of a repository."""
        return self.registry.repository(place).tags


@pytest.fixture
def bench(workspace: Workspace) -> Bench:
    """An image and its base."""
    workspace.write(FILES)
    return Bench(workspace)


# ------------------------------------------------------------------------------------- result keys


def test_an_equal_dependency_gives_an_equal_result_key(bench: Bench) -> None:
    before = bench.result().result
    first = bench.artifacts["base:base"]
    bench.base("one", made="again")
    assert bench.artifacts["base:base"] != first
    assert bench.result().result == before


def test_another_dependency_gives_another_result_key(bench: Bench) -> None:
    before = bench.result().result
    bench.base("two")
    after = bench.result().result
    assert before is not None
    assert after is not None
    assert before.key != after.key
    assert before.root != after.root


def test_without_dependencies_there_is_none(bench: Bench) -> None:
    assert bench.cutoff.with_result(bench.step("base:base")).result is None


def test_of_what_is_no_image_there_is_none(bench: Bench) -> None:
    reference = bench.artifacts["base:base"].reference
    bench.registry.repository(reference).manifests.clear()
    assert bench.cutoff.with_result(bench.step()).result is None


def test_one_that_was_known_is_forgotten(bench: Bench) -> None:
    known = bench.result()
    reference = bench.artifacts["base:base"].reference
    bench.artifacts["base:base"] = replace(
        bench.artifacts["base:base"], reference=reference.with_digest("sha256:" + "0" * 64)
    )
    assert bench.cutoff.with_result(known).result is None


def test_a_dependency_is_read_once(bench: Bench) -> None:
    bench.registry.calls.clear()
    for _ in range(3):
        bench.result()
    assert bench.registry.calls == {"read_manifest": 1, "open_blob": 1}


# -------------------------------------------------------------------------------------- what finds


def test_nothing_is_found_by_one_request(bench: Bench) -> None:
    step = bench.result()
    bench.registry.calls.clear()
    assert bench.cutoff.find(step, step.shared) is None
    assert bench.registry.calls == {"read_manifest": 1}


def test_without_a_result_key_nobody_is_asked(bench: Bench) -> None:
    step = bench.step()
    bench.registry.calls.clear()
    assert bench.cutoff.find(step, step.shared) is None
    bench.cutoff.keep(step, bench.artifacts["base:base"], step.shared)
    assert bench.registry.calls == {}


def test_what_is_kept_is_found_with_another_root(bench: Bench) -> None:
    step = bench.result()
    image = bench.store(step, note="kept")
    bench.cutoff.keep(step, image, step.shared)
    found = bench.cutoff.find(step, step.shared)
    assert found is not None
    assert found.reference == SHARED.with_digest(found.descriptor.digest) != image.reference
    manifests = [
        json.loads(bench.registry.repository(SHARED).blobs[each.descriptor.digest])
        for each in (image, found)
    ]
    annotations = [manifest.pop("annotations") for manifest in manifests]
    assert manifests[0] == manifests[1]
    assert annotations[1] == annotations[0] | {ROOT_ANNOTATION: step.record.root}
    assert annotations[1]["note"] == "kept"


def test_it_is_stored_alike_by_everybody(bench: Bench) -> None:
    step = bench.result()
    bench.cutoff.keep(step, bench.store(step), step.shared)
    first = bench.cutoff.find(step, step.shared)
    assert first is not None
    bench.cutoff.keep(step, first, step.shared)
    assert bench.cutoff.find(step, step.shared) == first


def test_an_index_keeps_its_images(bench: Bench) -> None:
    step = bench.result()
    assert step.result is not None
    images = {
        platform: push_image(bench.registry, SHARED, files={"x": platform}, platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    annotations = {RESULT_ANNOTATION: step.result.root, ROOT_ANNOTATION: "0c" * 32}
    stored = push_index(bench.registry, SHARED, images, annotations=annotations)
    index = Artifact(SHARED.with_digest(stored.digest), stored)
    bench.cutoff.keep(step, index, step.shared)
    found = bench.cutoff.find(step, step.shared)
    assert found is not None
    assert found.descriptor.media_type == stored.media_type
    document = json.loads(bench.registry.repository(SHARED).blobs[found.descriptor.digest])
    assert [entry["digest"] for entry in document["manifests"]] == [
        image.digest for image in images.values()
    ]


@pytest.mark.parametrize("told", [None, "0" * 64])
@pytest.mark.parametrize("verify", [True, False])
def test_an_image_that_does_not_prove_it_is_not_taken(
    workspace: Workspace, told: str | None, *, verify: bool
) -> None:
    workspace.write(FILES)
    bench = Bench(workspace, verify=verify)
    step = bench.result()
    annotations = {ROOT_ANNOTATION: "0c" * 32}
    annotations |= {} if told is None else {RESULT_ANNOTATION: told}
    stored = push_image(bench.registry, SHARED, files={"x": "x"}, annotations=annotations)
    image = Artifact(SHARED.with_digest(stored.digest), stored)
    bench.cutoff.keep(step, image, step.shared)
    assert (bench.cutoff.find(step, step.shared) is None) == verify


@pytest.mark.parametrize("root", ["", "0", "0c" * 31, "0c" * 33])
def test_an_image_without_a_root_is_not_taken(bench: Bench, root: str) -> None:
    step = bench.result()
    bench.cutoff.keep(step, bench.store(step, root=root), step.shared)
    assert bench.cutoff.find(step, step.shared) is None


def test_a_root_that_stands_elsewhere_as_well_is_not_put_in_place(bench: Bench) -> None:
    step = bench.result()
    bench.cutoff.keep(step, bench.store(step, note="0c" * 32), step.shared)
    assert bench.cutoff.find(step, step.shared) is None


def test_it_is_what_a_build_would_give(bench: Bench) -> None:
    step = bench.result()
    bench.cutoff.keep(step, bench.store(step), step.shared)
    built = bench.store(step, root=step.record.root)
    assert bench.cutoff.find(step, step.shared) == built


def test_what_is_shared_is_brought_into_one_s_own_repository(bench: Bench) -> None:
    step = bench.result()
    bench.cutoff.keep(step, bench.store(step), step.shared)
    found = bench.cutoff.find(step, OWN.with_tag(step.key))
    assert found is not None
    assert found.reference == OWN.with_digest(found.descriptor.digest)
    assert bench.registry.resolve(found.reference) == found.descriptor


def test_what_is_one_s_own_is_found_after_what_is_shared(bench: Bench) -> None:
    step = bench.result()
    bench.cutoff.keep(step, bench.store(step, OWN), OWN.with_tag(step.key))
    bench.registry.calls.clear()
    assert bench.cutoff.find(step, OWN.with_tag(step.key)) is not None
    assert bench.registry.calls["read_manifest"] == 2
    assert bench.tags(SHARED) == {}


# ------------------------------------------------------------------------------------ what is kept


def test_the_tag(bench: Bench) -> None:
    step = bench.result()
    image = bench.store(step)
    bench.cutoff.keep(step, image, step.shared)
    assert step.result is not None
    assert bench.tags(SHARED) == {f"result-{step.result.key}": image.descriptor.digest}
    assert result_tag(step.shared, step).tag == f"result-{step.result.key}"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_tag_that_is_refused_matters_if_there_is_none(bench: Bench, *, is_there: bool) -> None:
    step = bench.result()
    if is_there:
        bench.cutoff.keep(step, bench.store(step), step.shared)
    before = dict(bench.tags(SHARED))
    bench.registry.failures["tag"] = RegistryError("it stays")
    other = bench.store(step, note="again")
    if is_there:
        bench.cutoff.keep(step, other, step.shared)
    else:
        with pytest.raises(RegistryError, match="it stays"):
            bench.cutoff.keep(step, other, step.shared)
    assert bench.tags(SHARED) == before


# ----------------------------------------------------------------------------------- whose digests


@pytest.fixture
def bakes(workspace: Workspace) -> Callable[..., bool]:
    """Return what tells whether an image of this Dockerfile may have a digest in it."""

    def tell(dockerfile: str, args: str = "{}", base: str = "FROM scratch\n") -> bool:
        workspace.write(FILES | {"base/Dockerfile": base, "api/Dockerfile": dockerfile})
        manifest = f"build: {{api: {{context: ., depends_on: 'base:base', args: {args}}}}}\n"
        workspace.write({"api/okteto.yaml": manifest})
        return bakes_digest(Bench(workspace).keyring.graph.node("api:api"))

    return tell


IMAGE, SHA = "OKTETO_BUILD_BASE_IMAGE", "OKTETO_BUILD_BASE_SHA"


@pytest.mark.parametrize(
    "dockerfile",
    [
        f"FROM scratch\nARG {IMAGE}\nLABEL a=${IMAGE}\n",
        f"ARG {IMAGE}\nFROM ${IMAGE}\nARG {IMAGE}\n",
        f"FROM scratch AS a\nARG {SHA}\nLABEL a=${SHA}\nFROM a\n",
        "FROM scratch\nARG OKTETO_BUILD_BASE_TAG\n",
        f"ARG {SHA}\nARG X=1-${SHA}\nFROM scratch\nARG X\n",
        f"FROM scratch\nARG {SHA}\nARG X=1-${SHA}\n",
        f"# syntax=example.com/frontend\nARG {IMAGE}\nFROM ${IMAGE}\n",
    ],
)
def test_a_digest_that_a_stage_knows_is_in_the_image(
    bakes: Callable[..., bool], dockerfile: str
) -> None:
    assert bakes(dockerfile)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM scratch\n",
        f"ARG {IMAGE}\nFROM ${IMAGE}\nCOPY okteto.yaml /\n",
        f"ARG {IMAGE}\nFROM ${IMAGE} AS a\nFROM scratch\nCOPY --from=a /a /\n",
        "FROM scratch\nCOPY --from=okteto.dev/base:okteto /a /\n",
        "FROM scratch\nARG OKTETO_BUILD_BASE_REPOSITORY\nARG OKTETO_BUILD_BASE_REGISTRY\n",
        f"ARG {SHA}\nFROM scratch\nARG X=1\n",
        f"FROM scratch AS a\nARG {SHA}\nLABEL a=${SHA}\nFROM scratch\n",
    ],
)
def test_a_digest_that_no_stage_knows_is_not(bakes: Callable[..., bool], dockerfile: str) -> None:
    assert not bakes(dockerfile)


def test_arguments_of_the_manifest_count_by_what_they_hold(bakes: Callable[..., bool]) -> None:
    assert bakes("FROM scratch\nARG X\n", "{X: '${OKTETO_BUILD_BASE_SHA}'}")
    assert not bakes("FROM scratch\nARG X\n", "{X: '${OKTETO_BUILD_BASE_REGISTRY}'}")
    assert not bakes("FROM scratch\nARG X\n", "{X: one, Y: '${OKTETO_BUILD_BASE_SHA}'}")


def test_a_trigger_of_the_base_is_part_of_the_stage(bakes: Callable[..., bool]) -> None:
    dockerfile = f"ARG {IMAGE}\nFROM ${IMAGE}\n"
    assert not bakes(dockerfile, base="FROM scratch\nONBUILD LABEL a=b\n")
    assert bakes(dockerfile, base=f"FROM scratch\nONBUILD ARG {IMAGE}\n")
