"""Verdicts: what the registry says about keys, and which steps a run keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from okplug.backends import ROOT_ANNOTATION, Descriptor
from okplug.errors import BuildError, ExitCode, Location, RegistryError
from okplug.keys import KeyRecord
from okplug.manifest.model import Image
from okplug.plan import BUILD, REUSE, Lookup, Plan, Report, Result, Step, look_up, make_plan
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image, push_index

KEY, ROOT = "0a" * 16, "0b" * 32
SHARED = Reference("registry.test", "okteto/api", KEY)
OWN = Reference("registry.test", "cindy/api")
RECORD = KeyRecord(KEY, ROOT, ())


def image(name: str) -> Image:
    folder = Path("/shop", name)
    return Image(name, name, Location(folder / "okteto.yaml", 2, 3), folder, folder / "Dockerfile")


def step(name: str, verdict: str = BUILD) -> Step:
    personal = Reference("registry.test", f"cindy/{name}", "okteto")
    return Step(image(name), RECORD, verdict, (), (personal,), SHARED, OWN)


def look_one_up(registry: FakeRegistry, *, verify: bool = True) -> Lookup:
    return look_up(registry, {"api:api": (SHARED, RECORD)}, verify=verify)["api:api"]


# ------------------------------------------------------------------------------------- the registry


def test_a_key_that_nobody_built_is_a_miss_without_a_reason() -> None:
    assert look_one_up(FakeRegistry()) == Lookup()


def test_a_key_with_the_right_root_is_a_hit_by_digest() -> None:
    registry = FakeRegistry()
    descriptor = push_image(registry, SHARED, files={"a": "a"}, annotations={ROOT_ANNOTATION: ROOT})
    artifact = look_one_up(registry).artifact
    assert artifact is not None
    assert str(artifact.reference) == f"registry.test/okteto/api@{descriptor.digest}"
    assert artifact.descriptor.digest == descriptor.digest


def test_an_index_of_two_platforms_is_a_hit_by_the_root_of_the_index() -> None:
    registry = FakeRegistry()
    untagged = SHARED.repository_only()
    images = {
        platform: push_image(registry, untagged, files={"a": platform}, platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    index = push_index(registry, SHARED, images, annotations={ROOT_ANNOTATION: ROOT})
    artifact = look_one_up(registry).artifact
    assert artifact is not None
    assert artifact.reference.digest == index.digest


@pytest.mark.parametrize("annotations", [{ROOT_ANNOTATION: "0c" * 32}, {ROOT_ANNOTATION: ""}, {}])
def test_an_image_of_another_root_or_of_none_is_refused(annotations: dict[str, str]) -> None:
    registry = FakeRegistry()
    push_image(registry, SHARED, annotations=annotations)
    assert look_one_up(registry) == Lookup(
        reason=f"registry.test/okteto/api:{KEY} was made from other content than its key says"
    )


def test_a_root_that_the_registry_does_not_tell_is_read_from_the_manifest() -> None:
    class Silent(FakeRegistry):
        """As most registries are: a HEAD tells no annotations."""

        def resolve(self, reference: Reference) -> Descriptor | None:
            found = super().resolve(reference)
            return found and Descriptor(found.media_type, found.digest, found.size)

    registry = Silent()
    push_image(registry, SHARED, annotations={ROOT_ANNOTATION: ROOT})
    assert look_one_up(registry).artifact
    assert registry.calls["read_manifest"] == 1


def test_a_manifest_that_goes_away_between_two_questions_is_refused() -> None:
    class Forgetful(FakeRegistry):
        """Loses a manifest once it has told of it."""

        def read_manifest(self, reference: Reference) -> None:
            self.calls[f"read {reference.tag}"] += 1

    registry = Forgetful()
    push_image(registry, SHARED)
    assert look_one_up(registry).artifact is None
    assert registry.calls[f"read {KEY}"] == 1


@pytest.mark.parametrize("annotations", [{ROOT_ANNOTATION: "0c" * 32}, {}])
def test_without_verification_the_key_alone_counts(annotations: dict[str, str]) -> None:
    registry = FakeRegistry()
    push_image(registry, SHARED, annotations=annotations)
    assert look_one_up(registry, verify=False).artifact
    assert registry.calls["read_manifest"] == 0


@pytest.mark.parametrize("method", ["resolve", "read_manifest"])
def test_a_registry_that_cannot_be_asked_is_a_miss_with_its_reason(method: str) -> None:
    registry = FakeRegistry()
    push_image(registry, SHARED)
    registry.failures[method] = RegistryError("connection refused", hint="start it")
    assert look_one_up(registry) == Lookup(
        reason="the registry cannot be asked: connection refused", failure="connection refused"
    )


def test_a_fault_of_the_registry_s_plugin_is_no_miss() -> None:
    registry = FakeRegistry()
    registry.failures["resolve"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        look_one_up(registry)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_many_keys_are_asked_once_each(concurrency: int) -> None:
    registry = FakeRegistry(concurrency=concurrency)
    shared = {
        f"i{n}:i{n}": (Reference("registry.test", f"okteto/i{n}", KEY), RECORD) for n in range(20)
    }
    for reference, _ in list(shared.values())[::2]:
        push_image(registry, reference, annotations={ROOT_ANNOTATION: ROOT})
    registry.calls.clear()
    found = look_up(registry, shared, verify=True)
    assert [bool(lookup.artifact) for lookup in found.values()] == [True, False] * 10
    assert list(found) == list(shared)
    assert registry.calls == {"resolve": 20}


# ---------------------------------------------------------------------------------- what is needed

#: base <- lib <- api, base <- web
NEEDS = {"base": [], "lib": ["base"], "api": ["lib"], "web": ["base"]}


def plan_of(asked: set[str], **verdicts: str) -> Plan:
    return make_plan({name: step(name, verdicts[name]) for name in NEEDS}, asked, NEEDS.__getitem__)


def test_all_is_kept_that_is_asked_for() -> None:
    plan = plan_of(set(NEEDS), base=REUSE, lib=REUSE, api=REUSE, web=REUSE)
    assert list(plan.steps) == ["base", "lib", "api", "web"]
    assert plan.dependencies == {}
    assert (plan.count(REUSE), plan.count(BUILD)) == (4, 0)


def test_what_is_built_needs_all_that_it_is_built_from() -> None:
    plan = plan_of({"api"}, base=BUILD, lib=BUILD, api=BUILD, web=BUILD)
    assert list(plan.steps) == ["base", "lib", "api"]
    assert plan.dependencies == {"base": (), "lib": ("base",), "api": ("lib",)}


def test_what_is_only_needed_by_what_is_reused_drops_out() -> None:
    plan = plan_of({"api"}, base=BUILD, lib=REUSE, api=BUILD, web=BUILD)
    assert list(plan.steps) == ["lib", "api"]
    assert plan.dependencies == {"api": ("lib",)}


def test_a_reused_image_keeps_nothing() -> None:
    plan = plan_of({"api"}, base=BUILD, lib=BUILD, api=REUSE, web=BUILD)
    assert list(plan.steps) == ["api"]


def test_a_plan_of_nothing() -> None:
    assert plan_of(set(), base=BUILD, lib=BUILD, api=BUILD, web=BUILD).steps == {}


# ------------------------------------------------------------------------- changes of okplug_plan_modify


def test_deselect() -> None:
    plan = plan_of({"api", "web"}, base=BUILD, lib=BUILD, api=BUILD, web=BUILD)
    plan.deselect("web", "not on Sundays")
    assert "web" not in plan.steps
    assert "web" not in plan.dependencies
    assert plan.deselected == {"web": "not on Sundays"}


def test_a_step_that_another_waits_for_cannot_be_deselected() -> None:
    plan = plan_of({"api"}, base=BUILD, lib=BUILD, api=BUILD, web=BUILD)
    with pytest.raises(ValueError, match=r"^lib cannot be deselected: api is built from it$"):
        plan.deselect("lib", "no reason")


def test_what_only_a_deselected_step_needs_goes_with_it() -> None:
    plan = plan_of({"api", "web"}, base=BUILD, lib=BUILD, api=BUILD, web=BUILD)
    plan.deselect("api", "no reason")
    assert set(plan.steps) == set(plan.dependencies) == {"base", "web"}
    assert plan.deselected == {"api": "no reason"}
    plan.deselect("web", "no reason")
    assert (plan.steps, plan.dependencies) == ({}, {})


def test_a_reused_step_has_no_dependencies_to_drop() -> None:
    plan = plan_of({"api"}, base=REUSE, lib=REUSE, api=REUSE, web=REUSE)
    plan.deselect("api", "no reason")
    assert plan.steps == {}


def test_prefer() -> None:
    plan = plan_of({"api"}, base=BUILD, lib=BUILD, api=BUILD, web=BUILD)
    plan.prefer("api", 100.0)
    assert plan.priorities == {"api": 100.0}


# ---------------------------------------------------------------------------------------- results


def test_a_step_says_what_it_is() -> None:
    assert (step("api").address, step("api").key) == ("api:api", KEY)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, ""),
        (
            BuildError("it is broken", location=Location(Path("/x/Dockerfile"), 3), hint="mend it"),
            "/x/Dockerfile:3: it is broken\n  hint: mend it",
        ),
        (KeyError("api"), "internal error: KeyError: 'api'"),
    ],
)
def test_the_message_of_a_result(error: Exception | None, message: str) -> None:
    assert Result(step("api"), "failed", 0.0, error=error).message == message


def test_a_report_of_a_run_that_planned_nothing() -> None:
    report = Report("build", ExitCode.USAGE_ERROR, 0.1)
    assert (report.results, report.builder) == ((), "")


def test_what_is_only_built_before_is_waited_for_and_not_built_for_that() -> None:
    steps = {name: step(name) for name in ("a", "b", "c")}
    before = {"a": (), "b": ("a",), "c": ("b", "a")}
    plan = make_plan(steps, {"b", "c"}, lambda _: (), before.__getitem__)
    assert plan.dependencies == {"b": (), "c": ("b",)}


def test_what_is_built_before_and_from_is_waited_for_once() -> None:
    steps = {name: step(name) for name in ("a", "b")}
    needs = {"a": (), "b": ("a",)}
    plan = make_plan(steps, {"b"}, needs.__getitem__, needs.__getitem__)
    assert plan.dependencies == {"a": (), "b": ("a",)}
