"""Verdicts: what the registry says about keys, and which steps a run keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from okplug.backends import Artifact, Descriptor
from okplug.errors import BuildError, ExitCode, Location
from okplug.keys import KeyRecord
from okplug.manifest.model import Image
from okplug.plan import BUILD, REUSE, Plan, Report, Result, Step, make_plan
from okplug.reference import Reference

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


# ------------------------------------------------------------------ once the dependencies are there

ARTIFACT = Artifact(SHARED.with_digest("sha256:1"), Descriptor("x", "sha256:1", 1))
AWAITING = replace(
    step("api"), reasons=("depends on the result of a:a, b:b",), awaits=("a:a", "b:b")
)


def test_what_equal_dependencies_gave_is_reused() -> None:
    decided = AWAITING.decided(ARTIFACT)
    assert (decided.verdict, decided.artifact) == (REUSE, ARTIFACT)
    assert (decided.reasons, decided.awaits) == (("a:a, b:b came out equal",), ())


def test_a_step_that_awaited_nothing_may_be_reused_as_well() -> None:
    decided = replace(step("api"), reasons=("data changed",)).decided(ARTIFACT)
    assert (decided.verdict, decided.artifact) == (REUSE, ARTIFACT)
    assert decided.reasons == ("what it is built from came out equal",)


def test_what_other_dependencies_need_is_built() -> None:
    decided = AWAITING.decided(None)
    assert (decided.verdict, decided.artifact, decided.awaits) == (BUILD, None, ())
    assert decided.reasons == ("dependency a:a changed", "dependency b:b changed")


def test_a_step_that_awaited_nothing_keeps_its_reasons() -> None:
    before = replace(step("api"), reasons=("data changed",))
    assert before.decided(None) == before
