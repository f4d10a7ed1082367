"""``okplug gc``: what it keeps, what it tells, and what is left."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, RegistryError
from okplug.storedimages import CREATED
from tests.unit.test_gitrefs import git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.backends import Artifact, BuildControl, BuildRequest, Registry
    from okplug.config import Config
    from okplug.manifest.model import Image
    from okplug.reference import Reference
    from tests.functional.conftest import Shop

NAMES = ("api", "base", "lib", "web")
ALL = ("--keep-last", "0", "--keep-days", "0", "--force")


@pytest.fixture
def commits(shop: Shop) -> Shop:
    """Commits with a key of base each: release/1, release/2 and, checked out, main."""
    root = shop.workspace.root
    git(root, "init", "-q", "-b", "main")
    for branch in ("release/1", "release/2", ""):
        shop.edit("base/data", f"base of {branch}\n")
        git(root, "add", "base", "lib", "api", "web", "okplug.toml")
        git(root, "commit", "-q", "-m", "change")
        if branch:
            git(root, "branch", branch)
        shop.run("build").assert_ok()
    return shop


def number_of_keys(shop: Shop) -> dict[str, int]:
    """Return how many images are shared, by name."""
    return {name: len(shop.shared(name)) for name in NAMES}


def present(shop: Shop) -> set[str]:
    """Return the branches whose images are all there."""
    found = set()
    for branch in ("release/1", "release/2", "main"):
        git(shop.workspace.root, "checkout", "-q", "-f", branch)
        plan = shop.run("plan").assert_ok().stdout
        if "build" not in plan.replace("nothing to build", ""):
            found.add(branch)
    return found


def test_what_no_kept_commit_computes_goes(commits: Shop) -> None:
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 3)
    commits.run("gc", "--keep-refs", "release/2", *ALL).assert_ok()
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 2)
    assert {list(commits.personal(name)) == ["okteto"] for name in NAMES} == {True}
    assert present(commits) == {"release/2", "main"}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ((), {"main"}),
        (("--keep-refs", "release/1"), {"main", "release/1"}),
        (("--keep-refs", "release/*"), {"main", "release/1", "release/2"}),
        (("--keep-refs", "release/1,release/2"), {"main", "release/1", "release/2"}),
        (("--keep-refs", "main~1", "--keep-refs", "main"), {"main", "release/2"}),
        (("--keep-last", "3"), {"main", "release/1", "release/2"}),
        (("--keep-days", "1"), {"main", "release/1", "release/2"}),
    ],
)
def test_what_is_kept(commits: Shop, arguments: tuple[str, ...], left: set[str]) -> None:
    commits.run("gc", *ALL, *arguments).assert_ok()
    assert present(commits) == left


def test_by_default_nothing_young_goes_nor_what_is_of_unknown_age(commits: Shop) -> None:
    commits.run("gc", "--force", "--keep-last", "0").assert_ok()
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 3)


def test_what_is_not_committed_is_kept(commits: Shop) -> None:
    commits.edit("web/data", "not yet committed\n")
    commits.run("build").assert_ok()
    commits.run("gc", *ALL).assert_ok()
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 1)
    assert "build" not in commits.run("plan").stdout


def test_what_would_go(commits: Shop, masked: Callable[[str], str]) -> None:
    outcome = commits.run("gc", "--keep-refs", "release/2", "--dry-run", *ALL[:4]).assert_ok()
    assert (
        re.sub(r"\d+ B  (?:no date   |\d{4}-\d\d-\d\d)", "SIZE  DATE", masked(outcome.stdout))
        == """\
keys are kept of the checkout, release/2
    SIZE  DATE  registry.test/okteto/api:KEY
    SIZE  DATE  registry.test/okteto/base:KEY
    SIZE  DATE  registry.test/okteto/lib:KEY
    SIZE  DATE  registry.test/okteto/web:KEY
would remove 4 of 12 tags, which frees 3.7 kB
"""
    )
    assert outcome.stderr == ""
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 3)


def test_what_went(commits: Shop, masked: Callable[[str], str]) -> None:
    outcome = commits.run("gc", "--keep-refs", "release/*", *ALL).assert_ok()
    assert masked(outcome.stdout) == (
        "keys are kept of the checkout, release/1, release/2\nnothing to remove: 12 tags kept\n"
    )
    outcome = commits.run("gc", *ALL).assert_ok()
    assert masked(outcome.stdout).splitlines()[-1] == ("removed 8 of 12 tags, which frees 7.5 kB")


def test_the_user_s_checkout_stays_as_it_is(commits: Shop) -> None:
    root = commits.workspace.root
    (root / "base/data").write_text("edited\n")
    git(root, "add", "base/data")
    (root / "base/data").write_text("edited again\n")
    before = git(root, "status", "--porcelain"), git(root, "worktree", "list")
    commits.run("gc", "--keep-refs", "release/*", *ALL).assert_ok()
    assert (git(root, "status", "--porcelain"), git(root, "worktree", "list")) == before


def test_all_images_count_wherever_the_user_is(commits: Shop) -> None:
    commits.workspace.run("gc", *ALL, plugins=[commits], cwd="web").assert_ok()
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 1)
    assert present(commits) == {"main"}


# --------------------------------------------------------------------------------- other workspaces


def test_images_that_are_gone_by_now_are_kept_while_a_commit_has_them(commits: Shop) -> None:
    root = commits.workspace.root
    git(root, "rm", "-q", "-r", "web")
    git(root, "commit", "-q", "-m", "web is gone")
    commits.run("gc", "--keep-refs", "release/1", *ALL).assert_ok()
    assert number_of_keys(commits) == {"api": 2, "base": 2, "lib": 2, "web": 1}
    assert present(commits) >= {"release/1"}


def test_settings_are_those_of_each_commit(commits: Shop) -> None:
    root = commits.workspace.root
    (root / "okplug.toml").write_text('platform = "linux/arm64"\nexclude = ["web"]\n')
    del commits.workspace.environ["OKPLUG_PLATFORM"]
    git(root, "commit", "-q", "-a", "-m", "for other machines")
    git(root, "branch", "arm")
    commits.run("build").assert_ok()
    before = number_of_keys(commits)
    git(root, "checkout", "-q", "main~1")
    commits.run("gc", "--keep-refs", "arm", *ALL, "-o", "exclude=api").assert_ok()
    git(root, "checkout", "-q", "arm")
    plan = commits.run("plan", "base", "lib").stdout
    assert "build" not in plan
    assert number_of_keys(commits)["lib"] < before["lib"]


def test_variables_of_folders_count_for_each_commit(commits: Shop) -> None:
    """Nobody commits ``.env``; keys of a commit are those that this checkout would compute."""
    root = commits.workspace.root
    commits.workspace.write(
        {
            "web/okteto.yaml": "build: {web: {context: ., args: {X: '${X}'}}}\n",
            "web/Dockerfile": "FROM scratch\nARG X\nCOPY data /web\n",
            "web/.env": "X=of the folder\n",
        }
    )
    git(root, "add", "web/okteto.yaml", "web/Dockerfile")
    git(root, "commit", "-q", "-m", "an argument")
    git(root, "branch", "release/3")
    commits.run("build").assert_ok()
    git(root, "checkout", "-q", "release/1")
    (root / "web/data").write_text("of another commit\n")
    commits.run("gc", "--keep-refs", "release/3", *ALL).assert_ok()
    git(root, "checkout", "-q", "-f", "release/3")
    assert "build" not in commits.run("plan").assert_ok().stdout


def test_tables_of_images_are_those_of_each_commit(commits: Shop) -> None:
    root = commits.workspace.root
    for number in (1, 2):
        (root / "okplug.toml").write_text(f'[images."*:*"]\nlabels = {{ number = "{number}" }}\n')
        git(root, "commit", "-q", "-a", "-m", "label")
        git(root, "branch", f"label/{number}")
        commits.run("build").assert_ok()
    git(root, "checkout", "-q", "release/1")
    commits.run("gc", "--keep-refs", "label/1", *ALL).assert_ok()
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 2)
    git(root, "checkout", "-q", "label/1")
    assert "build" not in commits.run("plan").stdout


def test_a_lone_dockerfile_has_the_name_of_the_checkout_in_each_commit(empty_shop: Shop) -> None:
    root = empty_shop.workspace.root
    empty_shop.workspace.write({"Dockerfile": "FROM scratch\nCOPY data /\n"})
    git(root, "init", "-q", "-b", "main")
    for branch in ("release/1", "release/2"):
        empty_shop.workspace.write({"data": branch})
        git(root, "add", "Dockerfile", "data", "okplug.toml")
        git(root, "commit", "-q", "-m", "change")
        git(root, "branch", branch)
        empty_shop.run("build").assert_ok()
    empty_shop.run("gc", "--keep-refs", "release/1", *ALL).assert_ok()
    assert len(empty_shop.shared("shop")) == 2


def test_plugins_are_those_of_each_commit(commits: Shop) -> None:
    root = commits.workspace.root
    for number in (1, 2):
        plugin = (
            "from okplug import hookimpl\n"
            "@hookimpl\ndef okplug_configure(config):\n"
            "    global ROOT\n    ROOT = config.root\n"
            "@hookimpl\ndef okplug_key_inputs(image, config):\n"
            "    assert ROOT == config.root\n"
            f"    return {{'salt': '{number}'}}\n"
        )
        (root / "okplugfile.py").write_text(plugin)
        git(root, "add", "okplugfile.py")
        git(root, "commit", "-q", "-m", "salt")
        git(root, "branch", f"salt/{number}")
        commits.run("build").assert_ok()
    assert number_of_keys(commits)["base"] == 5
    commits.run("gc", "--keep-refs", "salt/1", *ALL).assert_ok()
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 2)
    git(root, "checkout", "-q", "salt/1")
    assert "build" not in commits.run("plan").stdout


def test_a_plugin_that_adds_to_keys_is_asked_for_each_commit(commits: Shop) -> None:
    class Salt:
        """Adds to the keys of all commits."""

        asked: set[Path] = set()  # noqa: RUF012  # one test's own class

        @hookimpl
        def okplug_key_inputs(self, image: Image, config: Config) -> dict[str, str]:
            self.asked.add(config.root)
            return {"salt": image.name}

    outcome = commits.run("gc", "--keep-refs", "release/*", *ALL, plugins=[Salt()]).assert_ok()
    assert "removed 12 of 12 tags" in outcome.stdout
    assert [root.name for root in Salt.asked] == ["shop", "shop"]


# ------------------------------------------------------------------------------------------ refusals


def test_a_commit_that_cannot_be_read_stops_it(commits: Shop) -> None:
    root = commits.workspace.root
    commits.edit("web/okteto.yaml", "build: [\n")
    git(root, "commit", "-q", "-a", "-m", "broken")
    git(root, "branch", "broken")
    git(root, "revert", "--no-edit", "HEAD")
    outcome = commits.run("gc", "--keep-refs", "broken,main", *ALL)
    outcome.assert_exit(ExitCode.USAGE_ERROR)
    first, *_ = outcome.stderr.splitlines()
    assert first.startswith("error: the keys of broken are unknown: web/okteto.yaml:2:1: ")
    assert "hint: leave it out of --keep-refs; nothing was removed" in outcome.stderr
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 3)


def test_a_name_that_fits_nothing_stops_it(commits: Shop) -> None:
    outcome = commits.run("gc", "--keep-refs", "mian", *ALL).assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        "error: no branch, tag or commit fits 'mian'\n"
        "  hint: git branch -a and git tag list them; a shallow clone has few of them\n"
    )
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 3)


def test_a_workspace_without_git(shop: Shop) -> None:
    shop.run("build").assert_ok()
    shop.run("gc", *ALL).assert_ok()
    outcome = shop.run("gc", "--keep-refs", "main", *ALL).assert_exit(ExitCode.USAGE_ERROR)
    assert "error: git rev-parse: fatal: not a git repository" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--keep-last", "-1"), "expected a whole number from 0, not '-1'"),
        (("--keep-days", "x"), "expected a whole number from 0, not 'x'"),
        (("--keep-refs", ","), "expected names or patterns, with commas between"),
    ],
)
def test_wrong_arguments(shop: Shop, arguments: tuple[str, ...], message: str) -> None:
    outcome = shop.run("gc", *arguments).assert_exit(ExitCode.USAGE_ERROR)
    assert message in outcome.stderr


def test_a_registry_that_deletes_nothing(commits: Shop, masked: Callable[[str], str]) -> None:
    commits.registry.failures["delete"] = RegistryError("registry.test deletes nothing", hint="do")
    outcome = commits.run("gc", *ALL).assert_exit(ExitCode.FAILED)
    assert outcome.stderr == "error: registry.test deletes nothing\n  hint: do\n"
    assert masked(outcome.stdout).splitlines()[-1] == "removed 0 of 12 tags, which frees 0 B"


# ----------------------------------------------------------------------------------------- consent


class Terminal(io.StringIO):
    """Somebody to ask."""

    def isatty(self) -> bool:
        """Say that it is a terminal."""
        return True


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 3), ("", 1, 3)])
def test_somebody_is_asked(
    commits: Shop, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    outcome = commits.run("gc", *ALL[:4]).assert_exit(code)
    assert outcome.stderr.startswith("Remove them? [y/N] ")
    assert ("nothing was removed\n" in outcome.stderr) is bool(code)
    assert number_of_keys(commits) == dict.fromkeys(NAMES, left)


def test_nobody_is_there_to_be_asked(commits: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    outcome = commits.run("gc", *ALL[:4]).assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        "error: okplug gc asks before it removes anything, and here is nobody to ask\n"
        "  hint: --dry-run shows what it would be; --force removes it\n"
    )
    assert number_of_keys(commits) == dict.fromkeys(NAMES, 3)


# --------------------------------------------------------------------------------------------- ages


def test_ages_are_told_and_count(commits: Shop, masked: Callable[[str], str]) -> None:
    commits.registry.referrers = lambda *_: ()  # type: ignore[method-assign]  # nobody else tells
    build = commits.build
    times = iter(("2001-01-01T00:00:00Z", "2002-02-02T00:00:00Z"))

    def with_time(request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        annotations = {**request.annotations, CREATED: next(times)}
        import dataclasses

        return build(dataclasses.replace(request, annotations=annotations), registry, control)

    commits.build = with_time  # type: ignore[method-assign]  # one instance builds otherwise
    for text in ("old\n", "older\n"):
        commits.edit("base/data", text)
        commits.run("build", "base").assert_ok()
    commits.edit("base/data", "base of \n")
    outcome = commits.run("gc", "--dry-run", "--keep-last", "0").assert_ok()
    first, *images, last = masked(outcome.stdout).splitlines()
    assert first == "keys are kept of the checkout"
    assert sorted(line.split(None, 2)[2] for line in images) == [
        "2001-01-01  registry.test/okteto/base:KEY",
        "2002-02-02  registry.test/okteto/base:KEY",
    ]
    assert last == "would remove 2 of 14 tags, which frees 1.8 kB"
    outcome = commits.run("gc", "--force", "--keep-last", "1").assert_ok()
    assert outcome.stdout.count("2001-01-01") == 1
    assert "2002-02-02" not in outcome.stdout


def test_what_went_before_a_refusal_is_told(commits: Shop, masked: Callable[[str], str]) -> None:
    delete, left = commits.registry.delete, iter([True, True])

    def twice(reference: Reference) -> bool:
        if not next(left, False):
            raise RegistryError("that is enough")
        return delete(reference)

    commits.registry.delete = twice  # type: ignore[method-assign]  # one instance tires
    outcome = commits.run("gc", *ALL).assert_exit(ExitCode.FAILED)
    assert outcome.stderr == "error: that is enough\n"
    assert masked(outcome.stdout).splitlines()[-1].startswith("removed 2 of 12 tags, which frees ")
    assert sum(number_of_keys(commits).values()) == 10
