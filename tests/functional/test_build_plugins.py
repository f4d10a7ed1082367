"""What plugins may do to ``okplug build``, and what they hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, RegistryError
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from okplug.backends import Artifact
    from okplug.graph import ImageGraph
    from okplug.plan import Plan, Step
    from tests.functional.conftest import Shop


# -------------------------------------------------------------------------------------- plugins


def test_a_publish_hook_that_fails_fails_the_step_and_leaves_its_tags(shop: Shop) -> None:
    class Signer:
        """Cannot sign."""

        @hookimpl
        def okplug_publish(self, step: Step) -> None:
            """Fail for one image."""
            if step.address == "lib:lib":
                raise RegistryError("cannot sign", hint="renew the certificate")

    found = shop.results(plugins=(Signer(),))
    assert found["lib:lib"]["verdict"] == "failed"
    assert found["lib:lib"]["message"] == "cannot sign\n  hint: renew the certificate"
    assert found["api:api"]["verdict"] == "blocked"
    assert list(shop.personal("lib")) == ["okteto"]


def test_publish_sees_an_image_that_is_tagged(shop: Shop) -> None:
    seen: dict[str, tuple[dict[str, str], str]] = {}

    class Scanner:
        """Looks at each image."""

        @hookimpl
        def okplug_publish(self, step: Step, artifact: Artifact) -> None:
            """Note the tags and the digest."""
            name = step.image.name
            seen[name] = (shop.personal(name), artifact.descriptor.digest)

    shop.run("build", "lib", plugins=(Scanner(),)).assert_ok()
    assert list(seen) == ["base", "lib"]
    assert all(tags == {"okteto": digest} for tags, digest in seen.values())
    seen.clear()
    shop.run("build", "lib", plugins=(Scanner(),)).assert_ok()
    assert seen == {}, "nothing is published that was there already"


def test_a_folder_s_plugin_wraps_the_builds_of_its_folder(shop: Shop) -> None:
    shop.workspace.write(
        {
            "lib/okplugfile.py": """
                from pathlib import Path
                from okplug import hookimpl

                @hookimpl(wrapper=True)
                def okplug_build(step, config):
                    artifact = yield
                    with (config.root / "wrapped").open("a") as notes:
                        notes.write(f"{step.address} {artifact.reference.repository}\\n")
                    return artifact
                """
        }
    )
    shop.run("build").assert_ok()
    assert (shop.workspace.root / "wrapped").read_text() == "lib:lib okteto/lib\n"


def test_a_plugin_builds_instead_of_the_builder(shop: Shop) -> None:
    from okplug.testing import push_image

    class Own:
        """Builds one image by its own means."""

        @hookimpl
        def okplug_build(self, step: Step) -> Artifact | None:
            """Store an image with one file."""
            from okplug.backends import Artifact

            if step.address != "base:base":
                return None
            assert step.task is not None
            request = step.task.request
            descriptor = push_image(
                step.task.registry,
                request.repository,
                files={"own": "own"},
                annotations=request.annotations,
            )
            return Artifact(request.repository.with_digest(descriptor.digest), descriptor)

    shop.run("build", "web", plugins=(Own(),)).assert_ok()
    assert shop.built() == ["web:web"]
    assert list(shop.view("base").tree()) == ["own"]


def test_a_builder_that_returns_nothing(shop: Shop) -> None:
    shop.build = lambda *_: None  # type: ignore[assignment,method-assign]  # the fault
    found = shop.results("base")
    assert found["base:base"]["message"] == (
        "nothing came of building base:base\n"
        "  hint: a builder, or a plugin's okplug_build, returns the image that it stored"
    )


class Weekday:
    """Deselects what nobody needs, and prefers an image."""

    @hookimpl
    def okplug_plan_modify(self, plan: Plan) -> None:
        """Drop api, and build web as soon as that can be."""
        if "api:api" in plan.steps:
            plan.deselect("api:api", "not today")
        plan.prefer("web:web", 1000.0)


def test_a_plugin_deselects_and_prefers(shop: Shop) -> None:
    assert shop.verdicts(plugins=(Weekday(),)) == {
        "base:base": "build",
        "lib:lib": "build",
        "web:web": "build",
    }
    assert shop.built() == ["base:base", "web:web", "lib:lib"]


def test_a_plugin_deselects_all_that_there_is(shop: Shop) -> None:
    class Sunday:
        """Deselects everything, dependants first."""

        @hookimpl
        def okplug_plan_modify(self, plan: Plan) -> None:
            """Drop all."""
            for address in reversed(list(plan.steps)):
                plan.deselect(address, "it is Sunday")

    shop.run("build", plugins=(Sunday(),)).assert_exit(ExitCode.NOTHING_SELECTED)
    assert shop.built() == []


def test_a_plugin_changes_the_graph(shop: Shop) -> None:
    class Without:
        """Takes an image out and lets another wait."""

        @hookimpl
        def okplug_graph_modify(self, graph: ImageGraph) -> None:
            """Drop api; build web after lib."""
            from okplug.graph import Cause

            graph.remove_image("api:api")
            graph.add_edge("lib:lib", "web:web", Cause("rule", graph.image("web:web").location))

    shop.run("build", plugins=(Without(),)).assert_ok()
    assert shop.built() == ["base:base", "lib:lib", "web:web"]


def test_a_plugin_adds_an_image(shop: Shop) -> None:
    class More:
        """Adds a second image of a folder."""

        @hookimpl
        def okplug_graph_modify(self, graph: ImageGraph) -> None:
            """Add debug."""
            import dataclasses

            base = graph.image("base:base")
            graph.add_image(dataclasses.replace(base, name="debug"))

    shop.run("build", "base", plugins=(More(),)).assert_ok()
    assert shop.built() == ["base:base", "base:debug"]
    assert list(shop.personal("debug")) == ["okteto"]


def test_a_plugin_adds_an_image_whose_name_is_taken(shop: Shop) -> None:
    class Clash:
        """Gives an image the name of another."""

        @hookimpl
        def okplug_graph_modify(self, graph: ImageGraph) -> None:
            """Add a second base."""
            import dataclasses

            base = graph.image("base:base")
            graph.add_image(dataclasses.replace(base, folder="copy"))

    outcome = shop.run("build", plugins=(Clash(),)).assert_exit(ExitCode.USAGE_ERROR)
    assert "base:base would both be named registry.test/cindy/base:okteto" in outcome.stderr


# --------------------------------------------------------------------------------------- events


def test_the_events_of_a_run_come_in_order(shop: Shop) -> None:
    recorder = HookRecorder()
    shop.run("build", "lib", plugins=(recorder,)).assert_ok()
    names = [type(event).__name__ for event in recorder.events()]
    assert names == [
        "RunStarted",
        "Collected",
        "LookUpStarted",
        *["StepPlanned"] * 2,
        "Planned",
        *["StepStarted", "StepLog", "StepFinished", "Pushed"] * 2,
        "RunFinished",
    ]
    times = [event.time for event in recorder.events()]
    assert times == sorted(times)


def test_the_hooks_of_a_run_come_in_order(shop: Shop) -> None:
    recorder = HookRecorder()
    shop.run("build", "lib", plugins=(recorder,)).assert_ok()
    names = [name for name in recorder.names() if name != "okplug_event"]
    assert names == [
        "okplug_addoption",
        "okplug_registry",
        "okplug_configure",
        *["okplug_collect_manifest"] * 4,
        "okplug_graph_modify",
        *["okplug_key_inputs"] * 2,
        "okplug_plan_modify",
        "okplug_builder",
        *["okplug_build", "okplug_publish"] * 2,
        "okplug_deliver",
        "okplug_finish",
        "okplug_unconfigure",
    ]


def test_the_report_that_finish_gets(shop: Shop) -> None:
    recorder = HookRecorder()
    shop.break_down("lib:lib")
    shop.run("build", plugins=(recorder,)).assert_exit(ExitCode.FAILED)
    ((arguments),) = recorder.of("okplug_finish")
    report = arguments["report"]
    assert (report.command, report.exit_code, report.builder) == ("build", 1, "memory")
    assert {result.step.address: result.verdict for result in report.results} == {
        "api:api": "blocked",
        "base:base": "build",
        "lib:lib": "failed",
        "web:web": "build",
    }


def test_finish_is_called_after_a_manifest_error_too(shop: Shop) -> None:
    shop.edit("api/okteto.yaml", "build: [\n")
    recorder = HookRecorder()
    outcome = shop.run("build", plugins=(recorder,)).assert_exit(ExitCode.USAGE_ERROR)
    (arguments,) = recorder.of("okplug_finish")
    assert (arguments["report"].exit_code, arguments["report"].results) == (4, ())
    assert [type(event).__name__ for event in recorder.events()] == ["RunFinished"]
    assert recorder.names()[-2:] == ("okplug_finish", "okplug_unconfigure")
    assert outcome.stderr.startswith("error: api/okteto.yaml:2:1: ")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (KeyError("x"), ExitCode.INTERNAL_ERROR)],
)
def test_finish_hears_how_a_run_ended(
    shop: Shop, error: BaseException, exit_code: ExitCode
) -> None:
    class Bomb:
        """Ends a run early."""

        @hookimpl
        def okplug_plan_modify(self) -> None:
            """Raise."""
            raise error

    recorder = HookRecorder()
    shop.run("build", plugins=(recorder, Bomb())).assert_exit(exit_code)
    (arguments,) = recorder.of("okplug_finish")
    assert arguments["report"].exit_code == exit_code


def test_a_listener_that_fails_does_not_keep_images_from_being_built(shop: Shop) -> None:
    class Deaf:
        """Cannot hear."""

        @hookimpl
        def okplug_event(self) -> None:
            """Raise."""
            raise ValueError("deaf")

    recorder = HookRecorder()
    outcome = shop.run("build", "lib", plugins=(recorder, Deaf()))
    assert outcome.exit_code == ExitCode.INTERNAL_ERROR
    assert "ValueError: deaf" in outcome.stderr
    assert list(shop.personal("lib")) == ["okteto"]
    assert len(recorder.of("okplug_finish")) == 1
