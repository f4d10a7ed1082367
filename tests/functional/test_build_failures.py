"""``okplug build`` when something goes wrong: exit codes, messages, and no tag too many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from okplug import hookimpl
from okplug.errors import BuildError, ExitCode, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.backends import Artifact
    from okplug.plan import Step
    from tests.functional.conftest import Shop


# ------------------------------------------------------------------------------------- failures


def test_a_failure_blocks_the_dependants_and_nobody_else(shop: Shop) -> None:
    shop.break_down("lib:lib")
    outcome = shop.run("build", "--json", "-").assert_exit(ExitCode.FAILED)
    images = {image["address"]: image for image in json.loads(outcome.stdout)["images"]}
    assert {address: image["verdict"] for address, image in images.items()} == {
        "api:api": "blocked",
        "base:base": "build",
        "lib:lib": "failed",
        "web:web": "build",
    }
    assert images["lib:lib"]["message"] == "it is broken"
    assert images["api:api"]["blocked_by"] == "lib:lib"
    assert shop.shared("lib") == shop.personal("lib") == {}


def test_the_next_run_builds_what_failed_and_what_was_blocked(shop: Shop) -> None:
    shop.break_down("lib:lib")
    shop.run("build").assert_exit(ExitCode.FAILED)
    shop.before.clear()
    shop.built()
    shop.run("build").assert_ok()
    assert shop.built() == ["lib:lib", "api:api"]


def write_independent(shop: Shop, names: str) -> None:
    for name in names:
        shop.workspace.write(
            {
                f"{name}/okteto.yaml": f"build: {{{name}: .}}\n",
                f"{name}/Dockerfile": f"FROM scratch\nLABEL name={name}\n",
            }
        )
        shop.break_down(f"{name}:{name}")


@pytest.mark.parametrize(
    ("options", "failures"), [((), 4), (("-x",), 1), (("--maxfail", "1"), 1), (("--maxfail=3",), 3)]
)
def test_how_many_failures_end_a_run(
    empty_shop: Shop, options: tuple[str, ...], failures: int
) -> None:
    write_independent(empty_shop, "abcd")
    found = list(empty_shop.verdicts(*options).values())
    assert found.count("failed") == failures
    assert found.count("cancelled") == 4 - failures
    assert len(empty_shop.built()) == failures


@pytest.mark.parametrize("count", ["0", "-1", "x", ""])
def test_a_wrong_number_of_failures(shop: Shop, count: str) -> None:
    outcome = shop.run("build", f"--maxfail={count}").assert_exit(ExitCode.USAGE_ERROR)
    assert f"expected a number from 1, not {count!r}" in outcome.stderr


def test_a_builder_that_says_it_stored_what_is_not_there(shop: Shop) -> None:
    class Liar:
        """Builds nothing, and says that it did."""

        @hookimpl
        def okplug_build(self, step: Step) -> Artifact:
            """Return an image that nobody stored."""
            from okplug.backends import Artifact, Descriptor

            assert step.task is not None
            digest = "sha256:" + "1" * 64
            reference = step.task.request.repository.with_digest(digest)
            return Artifact(reference, Descriptor("x", digest, 1))

    found = shop.results("lib", plugins=(Liar(),))
    assert found["base:base"]["message"] == (
        "the builder says that it stored registry.test/okteto/base@sha256:" + "1" * 64 + ", "
        "and it is not there\n  hint: look at the builder's log; nothing was tagged"
    )
    assert found["lib:lib"]["verdict"] == "blocked"
    assert shop.shared("base") == shop.personal("base") == {}


def test_a_plugin_s_fault_while_building_is_an_internal_error_of_that_step(shop: Shop) -> None:
    def divide() -> None:
        raise ZeroDivisionError("division by zero")

    shop.before["lib:lib"] = divide
    found = shop.results()
    message = "internal error: ZeroDivisionError: division by zero"
    assert (found["lib:lib"]["verdict"], found["lib:lib"]["message"]) == ("failed", message)
    assert found["web:web"]["verdict"] == "build"


@pytest.mark.parametrize("method", ["write_blob", "write_manifest", "tag"])
def test_a_registry_that_cannot_be_written(shop: Shop, method: str) -> None:
    shop.registry.failures[method] = RegistryError("disk full", hint="make room")
    (image,) = shop.results("base").values()
    assert (image["verdict"], image["message"]) == ("failed", "disk full\n  hint: make room")
    assert shop.shared("base") == shop.personal("base") == {}


def test_a_reused_image_whose_tag_cannot_be_written_fails(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    shop.registry.failures["tag"] = RegistryError("read only")
    (image,) = shop.results("base", "--namespace", "david").values()
    assert (image["verdict"], image["message"], image["digest"]) == ("failed", "read only", "")


def test_tags_that_are_right_need_not_be_written(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    shop.registry.failures["tag"] = RegistryError("read only")
    (image,) = shop.results("base").values()
    assert (image["verdict"], image["message"]) == ("reuse", "")


def test_nothing_selected(shop: Shop) -> None:
    outcome = shop.run("build", "-k", "nothing").assert_exit(ExitCode.NOTHING_SELECTED)
    assert "nothing selected in " in outcome.stderr
    assert shop.built() == []


def test_a_workspace_without_images(empty_shop: Shop) -> None:
    empty_shop.run("build").assert_exit(ExitCode.NOTHING_SELECTED)


def test_without_a_builder_nothing_is_begun(shop: Shop) -> None:
    class Nobody:
        """Serves the registry alone."""

        okplug_registry = shop.okplug_registry

    outcome = shop.workspace.run(
        "build",
        *("-o", "builder=none.test", "-p", "no:embedded", "-p", "no:buildkit"),
        plugins=[Nobody()],
    )
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert outcome.stderr.endswith(
        "error: no plugin offers the builder 'none.test'\n"
        "  hint: okplug plugins lists those that are loaded; "
        'builder = "auto" takes the first\n'
    )
    assert shop.registry.writes == 0


def test_a_builder_refuses_before_anything_is_built(shop: Shop) -> None:
    seen: list[list[str]] = []

    def refuse(outlines: Any) -> None:
        seen.append([outline.image.address for outline in outlines])
        raise BuildError("RUN is too much")

    shop.run("build", "base").assert_ok()
    shop.built()
    shop.check = refuse  # type: ignore[method-assign]  # the fixture is this test's alone
    outcome = shop.run("build").assert_exit(ExitCode.FAILED)
    assert outcome.stderr.endswith("error: RUN is too much\n")
    assert sorted(seen[0]) == ["api:api", "lib:lib", "web:web"], "what is reused is not checked"
    assert shop.built() == []


# -------------------------------------------------------------------------- files that change


def changing(shop: Shop, path: str, *texts: str) -> Callable[[], None]:
    """Return what writes the next text to a file each time it is called."""
    left = iter(texts)

    def change() -> None:
        text = next(left, None)
        if text is not None:
            shop.edit(path, text)

    return change


def test_an_image_whose_files_change_once_is_keyed_and_built_again(shop: Shop) -> None:
    before = shop.run("hash", "lib").assert_ok().stdout.split()[0]
    shop.before["lib:lib"] = changing(shop, "lib/data", "longer than before\n")
    outcome = shop.run("build", "--json", "-").assert_ok()
    images = {image["address"]: image for image in json.loads(outcome.stdout)["images"]}
    after = shop.run("hash", "lib").assert_ok().stdout.split()[0]
    assert images["lib:lib"]["key"] == after != before
    assert shop.shared("lib") == {after: images["lib:lib"]["digest"]}
    assert images["lib:lib"]["references"]["global"] == f"registry.test/okteto/lib:{after}"
    assert shop.built().count("lib:lib") == 2
    warning = "lib/data: the file changed while it was in use: "
    assert warning in outcome.stderr
    assert "; it is hashed and built again\n" in outcome.stderr


def test_its_dependants_get_keys_of_what_was_built(shop: Shop) -> None:
    shop.before["lib:lib"] = changing(shop, "lib/data", "longer than before\n")
    built = shop.results()
    lines = shop.run("hash").assert_ok().stdout.splitlines()
    keys = {line.split()[1]: line.split()[0] for line in lines}
    assert {address: image["key"] for address, image in built.items()} == keys
    shop.before.clear()
    assert set(shop.verdicts().values()) == {"reuse"}


def test_an_image_whose_files_change_twice_fails_and_has_no_tag(shop: Shop) -> None:
    shop.before["lib:lib"] = changing(
        shop, "lib/data", "longer than before\n", "longer still now\n"
    )
    found = shop.results()
    assert found["lib:lib"]["verdict"] == "failed"
    assert "lib/data: the file changed while it was in use" in found["lib:lib"]["message"]
    assert found["api:api"]["verdict"] == "blocked"
    assert shop.shared("lib") == shop.personal("lib") == {}


def test_a_source_that_goes_away_while_it_is_built(shop: Shop) -> None:
    data = shop.workspace.root / "lib/data"
    shop.before["lib:lib"] = lambda: data.unlink(missing_ok=True)
    image = shop.results("lib")["lib:lib"]
    assert image["verdict"] == "failed"
    assert "Dockerfile:3:1: data is not in the context\n" in image["message"]


@pytest.mark.parametrize(
    ("ignored", "source", "message"),
    [
        (
            "",
            "nowhere",
            "nowhere is not in the context\n  hint: write it, or correct the instruction",
        ),
        (
            "",
            "../web/data",
            (
                "web/data is not in the context\n"
                "  hint: ../ does not lead out of the context; "
                "move the file, or let context name a folder above"
            ),
        ),
        (
            "d*\n",
            "data",
            (
                "data is left out of the context by .dockerignore\n"
                "  hint: change .dockerignore, or copy something else"
            ),
        ),
        (
            "",
            "[",
            "[ is a malformed pattern\n  hint: patterns are those of Go's path.Match",
        ),
        (
            "dist\n",
            "dist/*.whl",
            (
                "dist/*.whl matches nothing, in a folder that nothing is copied from\n"
                "  hint: write what it is to match, or see what .dockerignore leaves out; "
                "builders refuse wildcards in a folder that they do not get"
            ),
        ),
    ],
)
def test_a_missing_source_says_why_it_is_missing(
    shop: Shop, ignored: str, source: str, message: str
) -> None:
    shop.workspace.write(
        {
            "base/.dockerignore": ignored,
            "base/Dockerfile": f"FROM scratch\nLABEL a=b\nCOPY {source} /base/\n",
        }
    )
    (image,) = shop.results("base").values()
    path = shop.workspace.root / "base/Dockerfile"
    assert (image["verdict"], image["message"]) == ("failed", f"{path}:3:1: {message}")
    assert shop.built() == []


def test_a_wildcard_may_match_nothing(shop: Shop) -> None:
    shop.edit("base/Dockerfile", "FROM scratch\nCOPY data x* /base/\n")
    shop.run("build", "base").assert_ok()


def test_a_secret_whose_variable_is_not_set_is_warned_of_with_its_place(shop: Shop) -> None:
    """It stops nothing: a mount need not require it."""
    shop.edit(
        "base/okteto.yaml",
        "build: {base: {context: ., secrets: {token: {env: TOKEN}, key: {env: KEY}}}}\n",
    )
    environ = {"TOKEN": ""}
    outcome = shop.workspace.run("build", "base", plugins=[shop], environ=environ).assert_ok()
    warnings = [line for line in outcome.stderr.splitlines() if "the secret" in line]
    assert warnings == [
        (
            "base/okteto.yaml:1:59: the secret key is missing, as the variable KEY is not set; "
            "the build may fail"
        )
    ]
    again = shop.run("build", "base").assert_ok()
    assert "the secret" not in again.stderr  # nothing is built that could fail
