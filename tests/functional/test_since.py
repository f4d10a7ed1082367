"""``why --since`` and ``plan --diff``: a branch against where it left another one, in real git."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, RegistryError
from tests.functional.test_interrupt import start, wait_for
from tests.unit.test_gitrefs import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug.testing import Outcome
    from tests.functional.conftest import Shop


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, in which nothing is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def branch(shop: Shop, temporary: Path) -> Shop:
    """The branch topic is checked out, which has just left main."""
    assert temporary
    root = shop.workspace.root
    git(root, "init", "-q", "-b", "main")
    commit(shop, "all")
    git(root, "checkout", "-q", "-b", "topic")
    return shop


def commit(shop: Shop, message: str = "change") -> None:
    git(shop.workspace.root, "add", "-A")
    git(shop.workspace.root, "commit", "-q", "-m", message)


def shown(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{12}\b", "COMMIT", text)


def diff(shop: Shop, *argv: str) -> str:
    return shop.run("plan", "--diff", "main", *argv).assert_ok().stdout


def why(shop: Shop, *argv: str) -> str:
    """Return what is told of why, without the lines that the registry has a part in."""
    text = shop.run("why", "--since", "main", *argv).assert_ok().stdout
    lines = text.splitlines(keepends=True)
    return shown("".join(line for line in lines if not line.startswith("  to build: ")))


def document(shop: Shop, *argv: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(diff(shop, "--json", *argv))
    return found


def refused(outcome: Outcome) -> str:
    return shown(outcome.assert_exit(ExitCode.USAGE_ERROR).stderr)


# --------------------------------------------------------------------------------------- what differs


def test_nothing_differs(branch: Shop) -> None:
    outcome = branch.run("plan", "--diff", "main", "--detailed-exitcode").assert_ok()
    assert outcome.stdout == ""
    assert shown(outcome.stderr) == "compared with main (COMMIT): 4 unchanged\n"
    assert why(branch, "base", "api") == (
        "base:base: nothing changed since main (COMMIT)\n"
        "api:api: nothing changed since main (COMMIT)\n"
    )


@pytest.mark.parametrize("state", ["dirty", "staged", "committed"])
def test_what_differs_with_the_root_cause_of_each(branch: Shop, state: str) -> None:
    branch.edit("base/data", "changed\n")
    branch.edit("api/data", "changed\n")
    if state == "staged":
        git(branch.workspace.root, "add", "-A")
    if state == "committed":
        commit(branch)
    outcome = branch.run("plan", "--diff", "main", "--detailed-exitcode").assert_exit(2)
    assert (
        outcome.stdout
        == """\
rebuild  base:base  data changed
rebuild  lib:lib    because base:base changed
rebuild  api:api    data changed; because base:base changed
rebuild  web:web    because base:base changed
"""
    )
    assert shown(outcome.stderr) == "compared with main (COMMIT): 4 to rebuild, 0 unchanged\n"
    assert (
        why(branch, "api")
        == """\
api:api: changed since main (COMMIT)
  data changed
  dependency lib:lib changed
    dependency base:base changed
      data changed
"""
    )


def test_what_others_did_since_is_none_of_the_branch_s_business(branch: Shop) -> None:
    root = branch.workspace.root
    branch.edit("web/data", "of the branch\n")
    commit(branch)
    git(root, "checkout", "-q", "main")
    branch.edit("base/data", "of main\n")
    commit(branch)
    git(root, "checkout", "-q", "topic")
    outcome = branch.run("plan", "--diff", "main").assert_ok()
    assert outcome.stdout == "rebuild  web:web  data changed\n"
    assert shown(outcome.stderr) == (
        "compared with main (merge base COMMIT): 1 to rebuild, 3 unchanged\n"
    )
    assert why(branch, "web").startswith("web:web: changed since main (merge base COMMIT)\n")
    outcome = branch.run("plan", "--diff", "main..").assert_ok()
    assert outcome.stdout.splitlines()[0] == "rebuild  base:base  data changed"
    assert shown(outcome.stderr) == "compared with main (COMMIT): 4 to rebuild, 0 unchanged\n"
    assert branch.run("plan", "--diff", "main...").assert_ok().stdout == (
        "rebuild  web:web  data changed\n"
    )


def test_an_older_commit(branch: Shop) -> None:
    for text in ("one\n", "two\n"):
        branch.edit("web/data", text)
        commit(branch)
    branch.edit("web/data", "one\n")
    assert branch.run("plan", "--diff", "HEAD~1").assert_ok().stdout == ""
    assert branch.run("plan", "--diff", "HEAD").assert_ok().stdout.count("rebuild") == 1


def test_a_change_that_was_undone_is_none(branch: Shop) -> None:
    branch.edit("base/data", "changed\n")
    commit(branch)
    branch.edit("base/data", "base\n")
    assert diff(branch) == ""


def test_what_no_image_reads_is_no_change(branch: Shop) -> None:
    branch.workspace.write({"base/README.md": "new\n", "docs/page.md": "new\n"})
    branch.edit("base/Dockerfile", "# a comment\nFROM scratch\nCOPY data /base\n")
    assert diff(branch) == ""


def test_a_new_and_a_removed_image(branch: Shop) -> None:
    root = branch.workspace.root
    git(root, "rm", "-q", "-r", "web")
    branch.workspace.write(
        {
            "site/okteto.yaml": "build: {site: {context: ., depends_on: 'base:base'}}\n",
            "site/Dockerfile": "FROM scratch\nCOPY data /\n",
            "site/data": "site\n",
        }
    )
    outcome = branch.run("plan", "--diff", "main", "--detailed-exitcode").assert_exit(2)
    assert outcome.stdout == "new      site:site\nremoved  web:web\n"
    assert shown(outcome.stderr) == ("compared with main (COMMIT): 1 new, 1 removed, 3 unchanged\n")
    assert why(branch, "site") == "site:site: new since main (COMMIT)\n"
    git(root, "rm", "-q", "-r", "--cached", "api")
    for name in ("site/okteto.yaml", "site/Dockerfile", "site/data"):
        (root / name).unlink()
    branch.run("plan", "--diff", "main", "--detailed-exitcode").assert_ok()


def test_an_image_that_moved_is_the_same(branch: Shop) -> None:
    root = branch.workspace.root
    (root / "apps").mkdir()
    git(root, "mv", "web", "apps/web")
    outcome = branch.run("plan", "--diff", "main", "--detailed-exitcode").assert_ok()
    assert outcome.stdout == "moved    apps/web:web  was web:web\n"
    assert shown(outcome.stderr) == "compared with main (COMMIT): 1 moved, 3 unchanged\n"
    branch.edit("apps/web/data", "changed\n")
    assert diff(branch) == "new      apps/web:web\nremoved  web:web\n"


def test_a_dependency_that_was_put_in_is_a_change_of_its_own(branch: Shop) -> None:
    branch.edit(
        "web/okteto.yaml", "build: {web: {context: ., depends_on: ['base:base', 'lib:lib']}}\n"
    )
    branch.edit("base/data", "changed\n")
    assert diff(branch, "web").splitlines()[-1] == (
        "rebuild  web:web    dependency lib:lib added; because base:base changed"
    )


def test_a_workspace_that_was_not_there(branch: Shop) -> None:
    root = branch.workspace.root
    git(root, "checkout", "-q", "--orphan", "empty")
    git(root, "rm", "-q", "-r", "--cached", ".")
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing yet")
    git(root, "branch", "-q", "-f", "main", "empty")
    commit(branch)
    assert diff(branch).count("new ") == 4


# ----------------------------------------------------------------------------------- kinds of changes


def kinds(shop: Shop, name: str, *argv: str) -> list[str]:
    return why(shop, name, *argv).splitlines()[1:]


def test_every_kind_of_change_of_a_file(branch: Shop) -> None:
    root = branch.workspace.root
    branch.edit("base/Dockerfile", "FROM scratch\nCOPY . /base\n")
    for name in ("content", "mode", "both", "type", "gone", "target"):
        (root / "base" / name).write_text(name)
    (root / "base/target").unlink()
    (root / "base/target").symlink_to("content")
    commit(branch)
    git(root, "branch", "-q", "-f", "main", "topic")
    branch.edit("base/content", "changed")
    branch.edit("base/both", "changed")
    for name in ("mode", "both"):
        (root / "base" / name).chmod(0o755)
    for name in ("type", "gone", "target"):
        (root / "base" / name).unlink()
    (root / "base/type").symlink_to("content")
    (root / "base/target").symlink_to("mode")
    (root / "base/come").write_text("come")
    assert kinds(branch, "base") == [
        "  both changed: content, now executable",
        "  come added",
        "  content changed",
        "  gone removed",
        "  mode changed: now executable",
        "  target changed: content -> mode",
        "  type changed: file -> link",
    ]


DOCKERFILE = """\
FROM scratch AS one
FROM scratch
ARG VERSION
LABEL made=%s
COPY data /base
"""
BEFORE = """\
build:
  base:
    context: .
    args: {VERSION: '1'}
    labels: {team: red}
    annotations: {note: old}
    extra_hosts: ['db:10.0.0.1']
    secrets: {token: data}
    platforms: [linux/amd64]
    network: none
"""
AFTER = """\
build:
  base:
    context: .
    args: {VERSION: '2'}
    labels: {team: blue}
    annotations: {note: new}
    extra_hosts: ['db:10.0.0.2']
    secrets: {key: data}
    ssh: [default]
    platforms: [linux/arm64]
"""


def test_every_other_kind_of_change(branch: Shop) -> None:
    branch.edit("base/Dockerfile", DOCKERFILE % "yesterday")
    branch.edit("base/okteto.yaml", BEFORE)
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    branch.edit("base/Dockerfile", "# one more line\n" + DOCKERFILE % "today")
    branch.edit("base/okteto.yaml", AFTER)
    assert kinds(branch, "base") == [
        "  annotation note changed: old -> new",
        "  build argument VERSION changed: 1 -> 2",
        "  extra host db changed: 10.0.0.1 -> 10.0.0.2",
        "  instruction Dockerfile:5 changed: LABEL made=yesterday -> LABEL made=today",
        "  label team changed: red -> blue",
        "  network removed",
        "  platform changed: linux/amd64 -> linux/arm64",
        "  secret key added",
        "  secret token removed",
        "  ssh id default added",
    ]


def test_what_a_plugin_adds_is_that_of_each_commit(branch: Shop) -> None:
    plugin = (
        "from okplug import hookimpl\n"
        "@hookimpl\ndef okplug_key_inputs(image, config):\n"
        "    return {'gcc': (config.root / 'gcc').read_text()}\n"
    )
    branch.workspace.write({"okplugfile.py": plugin, "gcc": "12"})
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    assert diff(branch) == ""
    branch.edit("gcc", "13")
    assert kinds(branch, "base") == ["  plugin input gcc changed: 12 -> 13"]


def test_secrets_are_masked(branch: Shop) -> None:
    branch.workspace.write(
        {
            ".gitignore": ".env\n",
            ".env": "OLD=hunter2secret\nNEW=other3secret\n",
            "base/Dockerfile": "FROM scratch\nARG TOKEN\nCOPY data /\n",
            "base/okteto.yaml": "build: {base: {context: ., args: {TOKEN: '${OLD}'}}}\n",
        }
    )
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    branch.edit("base/okteto.yaml", "build: {base: {context: ., args: {TOKEN: '${NEW}'}}}\n")
    printed = why(branch, "base") + diff(branch) + diff(branch, "--json")
    printed += diff(branch, "--format", "markdown")
    assert "build argument TOKEN changed: *** -> ***" in printed
    assert "secret" not in printed


# ------------------------------------------------------------------------------------ what counts where


def test_the_settings_of_the_commit_count_and_the_command_line_s_do_for_both(branch: Shop) -> None:
    del branch.workspace.environ["OKPLUG_PLATFORM"]
    branch.edit("okplug.toml", 'platform = "linux/arm64"\nexclude = ["web"]\n')
    found = document(branch)
    assert [image["verdict"] for image in found["images"]] == ["rebuild"] * 3 + ["removed"]
    assert found["images"][0]["reasons"] == ["platform changed: linux/amd64 -> linux/arm64"]
    text = diff(branch, "-o", "platform=linux/s390x")
    assert text == "removed  web:web\n"


def test_tables_of_images_are_those_of_the_commit(branch: Shop) -> None:
    branch.edit("okplug.toml", '[images."base"]\nlabels = { team = "red" }\n')
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    assert diff(branch) == ""
    branch.edit("okplug.toml", '[images."base"]\nlabels = { team = "blue" }\n')
    assert kinds(branch, "base") == ["  label team changed: red -> blue"]


def test_the_environment_is_the_same_on_both_sides(branch: Shop) -> None:
    branch.edit("base/Dockerfile", "FROM scratch\nARG X\nCOPY data /\n")
    branch.edit("base/okteto.yaml", "build: {base: {context: ., args: {X: '${X}'}}}\n")
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    branch.workspace.environ["X"] = "of the environment"
    assert diff(branch) == ""


@pytest.mark.parametrize("folder", ["", "base/"])
def test_variables_of_files_that_nobody_commits_are_the_same_on_both_sides(
    branch: Shop, folder: str
) -> None:
    branch.edit("base/Dockerfile", "FROM scratch\nARG X\nCOPY . /\n")
    branch.edit("base/okteto.yaml", "build: {base: {context: ., args: {X: '${X}'}}}\n")
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    branch.workspace.write({f"{folder}.env": "X=mine alone\n"})
    assert diff(branch) == ""


@pytest.mark.parametrize("folder", ["", "base/"])
def test_variables_of_files_that_are_committed_are_those_of_the_commit(
    branch: Shop, folder: str
) -> None:
    branch.edit("base/Dockerfile", "FROM scratch\nARG X\nCOPY data /\n")
    branch.edit("base/okteto.yaml", "build: {base: {context: ., args: {X: '${X}', Y: '${Y:-}'}}}\n")
    branch.workspace.write({f"{folder}.env": "X=one fish\n"})
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    assert diff(branch) == ""
    branch.edit(f"{folder}.env", "X=two fish\n")
    assert diff(branch, "base").startswith("rebuild  base:base  build argument X changed")


def test_what_git_ignores_counts_on_both_sides(branch: Shop) -> None:
    root = branch.workspace.root
    branch.edit("base/Dockerfile", "FROM scratch\nCOPY . /base\n")
    branch.workspace.write({".gitignore": "__pycache__/\n*.log\n"})
    commit(branch)
    git(root, "branch", "-q", "-f", "main", "topic")
    branch.workspace.write(
        {"base/__pycache__/x.pyc": "x", "base/a.log": "a", "base/sub/b.log": "b"}
    )
    assert diff(branch) == ""
    branch.edit("base/data", "changed\n")
    assert kinds(branch, "base") == ["  data changed"]
    branch.workspace.write({"base/new": "not ignored\n"})
    assert kinds(branch, "base") == ["  data changed", "  new added"]


def test_a_dockerfile_that_is_a_link_is_the_commit_s(branch: Shop) -> None:
    root = branch.workspace.root
    branch.workspace.write({"common/Dockerfile": "FROM scratch\nCOPY data /one\n"})
    (root / "base/Dockerfile").unlink()
    (root / "base/Dockerfile").symlink_to("../common/Dockerfile")
    commit(branch)
    git(root, "branch", "-q", "-f", "main", "topic")
    branch.edit("common/Dockerfile", "FROM scratch\nCOPY data /two\n")
    assert kinds(branch, "base") == [
        "  instruction Dockerfile:2 changed: COPY data /one -> COPY data /two"
    ]


def test_a_context_that_spans_folders(branch: Shop) -> None:
    branch.edit("base/okteto.yaml", "build: {base: {context: .., dockerfile: base/Dockerfile}}\n")
    branch.edit("base/Dockerfile", "FROM scratch\nCOPY . /\n")
    branch.workspace.write({".dockerignore": "*.md\n.git\n"})
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    assert diff(branch) == ""
    branch.workspace.write({"README.md": "new\n", "deep/down/here": "new\n"})
    branch.edit("web/data", "changed\n")
    assert kinds(branch, "base") == [
        "  deep added",
        "  deep/down added",
        "  deep/down/here added",
        "  web/data changed",
    ]
    branch.edit(".dockerignore", "*.md\n.git\nweb\ndeep\n")
    assert "  web/data removed" in kinds(branch, "base")


# ---------------------------------------------------------------------------------- where the user is


def test_selections_select_on_both_sides(branch: Shop) -> None:
    root = branch.workspace.root
    branch.edit("lib/data", "changed\n")
    branch.edit("web/data", "changed\n")
    assert diff(branch, "web") == "rebuild  web:web  data changed\n"
    assert diff(branch, "lib", "-web::") == "rebuild  lib:lib  data changed\n"
    assert diff(branch, "-k", "web") == "rebuild  web:web  data changed\n"
    assert diff(branch, "::", "--exclude", "web") == (
        "rebuild  lib:lib  data changed\nrebuild  api:api  because lib:lib changed\n"
    )
    git(root, "rm", "-q", "-r", "-f", "web")
    assert diff(branch, "*:*").endswith("removed  web:web\n")
    assert "removed" not in diff(branch, "api")
    branch.run("plan", "--diff", "main", "-k", "nobody").assert_exit(ExitCode.NOTHING_SELECTED)
    branch.run("plan", "--diff", "main", "nobody").assert_exit(ExitCode.USAGE_ERROR)


def test_one_file_s_images(branch: Shop) -> None:
    branch.edit("lib/data", "changed\n")
    branch.edit("web/data", "changed\n")
    assert diff(branch, "-f", "web/okteto.yaml") == "rebuild  web:web  data changed\n"


def test_a_file_that_is_new(branch: Shop) -> None:
    branch.workspace.write(
        {"compose.yaml": "services: {site: {build: {context: web, dockerfile: Dockerfile.site}}}\n"}
    )
    branch.workspace.write({"web/Dockerfile.site": "FROM scratch\nCOPY data /\n"})
    assert diff(branch, "-f", "compose.yaml") == "new      :site\n"
    absolute = str(branch.workspace.root / "web/okteto.yaml")
    branch.edit("web/data", "changed\n")
    assert diff(branch, "-f", absolute) == "rebuild  web:web  data changed\n"


def test_a_secret_of_the_command_line_is_the_user_s_on_both_sides(branch: Shop) -> None:
    branch.edit("base/Dockerfile", "FROM scratch\nRUN --mount=type=secret,id=key true\n")
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    branch.workspace.write({"base/key.txt": "not committed, nor ignored\n"})
    assert diff(branch, "base", "--secret", "id=key,src=base/key.txt") == ""


def test_from_a_folder_and_from_elsewhere(branch: Shop) -> None:
    branch.edit("lib/data", "changed\n")
    branch.edit("web/data", "changed\n")
    run = branch.workspace.run
    outcome = run("plan", "--diff", "main", plugins=[branch], cwd="web").assert_ok()
    assert outcome.stdout == "rebuild  web:web  data changed\n"
    outcome = run("-C", "..", "plan", "--diff", "main", plugins=[branch], cwd="web").assert_ok()
    assert outcome.stdout.count("rebuild") == 3


def test_a_workspace_below_the_top_of_the_repository(shop: Shop, temporary: Path) -> None:
    top = shop.workspace.root.parent
    assert temporary
    (top / ".gitignore").write_text("/home\n/temporary\n")
    (top / "common").mkdir()
    (top / "common/data").write_text("one")
    shop.edit(
        "base/okteto.yaml",
        "build: {base: {context: ../../common, dockerfile: ../shop/base/Dockerfile}}\n",
    )
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "all")
    assert diff(shop) == ""
    (top / "common/data").write_text("two")
    assert diff(shop).splitlines()[0] == "rebuild  base:base  data changed"
    shop.edit("web/data", "changed\n")
    assert diff(shop).splitlines()[-1] == (
        "rebuild  web:web    data changed; because base:base changed"
    )


def test_a_lone_dockerfile(empty_shop: Shop, temporary: Path) -> None:
    root = empty_shop.workspace.root
    assert temporary
    empty_shop.workspace.write({"Dockerfile": "FROM scratch\nCOPY data /\n", "data": "one"})
    git(root, "init", "-q", "-b", "main")
    commit(empty_shop)
    assert diff(empty_shop) == ""
    empty_shop.edit("data", "two")
    assert diff(empty_shop) == "rebuild  :shop  data changed\n"
    assert diff(empty_shop, str(root)) == "rebuild  :shop  data changed\n"
    assert diff(empty_shop, "-f", str(root / "Dockerfile")) == "rebuild  :shop  data changed\n"
    git(root, "rm", "-q", "--cached", "Dockerfile")
    git(root, "commit", "-q", "-m", "none")
    commit(empty_shop)
    assert empty_shop.run("plan", "--diff", "HEAD~1").assert_ok().stdout == "new      :shop\n"


# -------------------------------------------------------------------------------- nothing is disturbed


def test_no_registry_is_asked(branch: Shop) -> None:
    branch.edit("base/data", "changed\n")
    for call in ("resolve", "read", "tags"):
        branch.registry.failures[call] = RegistryError("the network is down")
    outcome = branch.run("plan", "--diff", "main", "--pull", "-o", "admin_variables=no").assert_ok()
    assert outcome.stdout.count("rebuild") == 4
    assert "network" not in outcome.stderr
    assert sum(branch.registry.calls.values()) == 0


def test_the_checkout_stays_as_it_is(branch: Shop) -> None:
    root = branch.workspace.root
    branch.edit("base/data", "changed\n")
    branch.edit("web/data", "staged\n")
    git(root, "add", "web/data")
    branch.run("plan").assert_ok()
    index = root / ".git/index"
    before = git(root, "status", "--porcelain"), git(root, "worktree", "list"), index.read_bytes()
    os.utime(root / "lib/data", (1, 1))  # git would write its index for this
    diff(branch)
    why(branch, "api")
    assert index.read_bytes() == before[2]
    assert (git(root, "status", "--porcelain"), git(root, "worktree", "list")) == before[:2]


def test_no_hook_of_git_runs(branch: Shop, tmp_path: Path) -> None:
    for name in ("post-checkout", "post-index-change", "post-merge", "reference-transaction"):
        hook = branch.workspace.root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        hook.chmod(0o755)
    branch.edit("base/data", "changed\n")
    assert diff(branch).count("rebuild") == 4
    assert not (tmp_path / "hooked").exists()


def test_what_is_interrupted_leaves_nothing_behind(branch: Shop, temporary: Path) -> None:
    class Impatient:
        """Interrupts the reading of the other commit."""

        @hookimpl
        def okplug_graph_modify(self, config: Any) -> None:
            """Act like Ctrl-C."""
            if config.root.is_relative_to(temporary):
                assert (config.root / "base/data").read_text() == "base\n"
                raise KeyboardInterrupt

    branch.edit("base/data", "changed\n")
    outcome = branch.run("plan", "--diff", "main", plugins=[Impatient()])
    assert outcome.assert_exit(ExitCode.INTERRUPTED).stderr == "interrupted\n"


def test_ctrl_c_while_git_is_at_work_leaves_nothing_behind(branch: Shop, temporary: Path) -> None:
    root = branch.workspace.root
    begun = root.parent / "begun"
    branch.workspace.write({".gitattributes": "data filter=slow\n"})
    commit(branch)
    git(root, "config", "filter.slow.smudge", f"touch {begun}; exec sleep 600")
    branch.edit("base/data", "changed\n")
    branch.workspace.environ["TMPDIR"] = str(temporary)
    process = start(branch.workspace, "plan", "--diff", "HEAD")
    try:
        wait_for(begun, process)
        assert len(list(temporary.iterdir())) == 1
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to git and its filter as well
        output = process.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == ExitCode.INTERRUPTED
    assert output == ("", "interrupted\n")


# ------------------------------------------------------------------------------ as a clone would have it


def edits_of_everything(shop: Shop) -> None:
    """Change the workspace in many ways at once."""
    root = shop.workspace.root
    git(root, "mv", "api", "services")
    git(root, "rm", "-q", "web/okteto.yaml")
    (root / "lib/data").chmod(0o755)
    (root / "deep/one").rename(root / "deep/two")
    shop.workspace.write(
        {
            "base/Dockerfile": "FROM scratch\nARG A\nCOPY . /\n",
            "base/okteto.yaml": "build: {base: {context: ., args: {A: b}}}\n",
            "base/.dockerignore": "*.md\n",
            "wide/new/file": "new\n",
            "okplug.toml": 'platform = "linux/arm64"\n',
            "compose.override.yaml": "services: {site: {build: {args: {X: '2'}}}}\n",
            "okplugfile.py": (
                "from okplug import hookimpl\n"
                "@hookimpl\ndef okplug_key_inputs(image):\n    return {'salt': '2'}\n"
            ),
        }
    )


def test_keys_are_those_of_a_clone_with_the_commit_in_it(branch: Shop, tmp_path: Path) -> None:
    root = branch.workspace.root
    del branch.workspace.environ["OKPLUG_PLATFORM"]
    branch.workspace.write(
        {
            "deep/one/more/okteto.yaml": "build: {more: {context: ../.., contexts: {c: ../../../lib}}}\n",
            "deep/one/more/Dockerfile": "FROM base:base\nCOPY . /\nCOPY --from=c . /c\n",
            "wide/okteto.yaml": "build: {wide: {context: .., dockerfile: wide/Dockerfile}}\n",
            "wide/Dockerfile": "FROM scratch\nCOPY base lib wide /\n",
            "compose.yaml": "services: {site: {build: {context: web, args: {X: '1'}}}}\n",
            "compose.override.yaml": "services: {site: {build: {target: ''}}}\n",
            "web/naïve file": "ü\n",
            "lib/README.md": "read me\n",
        }
    )
    (root / "lib/link").symlink_to("../base/data")
    (root / "wide/everything").symlink_to("../lib")
    commit(branch)
    git(root, "branch", "-q", "-f", "main", "topic")
    git(tmp_path, "clone", "-q", "-b", "main", str(root), str(tmp_path / "clone/shop"))
    hashes = branch.workspace.run(
        "hash", "--json", "-C", str(tmp_path / "clone/shop"), plugins=[branch]
    )
    expected = {
        each["address"]: each["key"] for each in json.loads(hashes.assert_ok().stdout)["images"]
    }
    assert len(expected) == 7
    for step in ("nothing", "everything", "everything committed"):
        if step == "everything":
            edits_of_everything(branch)
        if step == "everything committed":
            commit(branch)
        outcome = branch.run("why", "::", "--since", "main", "--json").assert_ok()
        found = {
            image["address"]: image["against"]["key"]
            for image in json.loads(outcome.stdout)["images"]
            if image["changes"] is not None
        }
        assert found.items() <= expected.items()
        assert len(found) == (7 if step == "nothing" else 4)


# ------------------------------------------------------------------------------------------- refusals


def test_a_name_that_is_almost_right(branch: Shop) -> None:
    assert refused(branch.run("plan", "--diff", "mian")) == (
        "error: no branch, tag or commit fits 'mian', did you mean 'main'?\n"
        "  hint: git branch -a and git tag list them; git fetch gets those of others\n"
    )
    assert "did you mean 'topic'?" in refused(branch.run("why", "api", "--since", "topics"))


@pytest.mark.parametrize("name", ["main..topic", "main...topic", "..", "...", ""])
def test_what_is_no_single_commit(branch: Shop, name: str) -> None:
    assert f"error: {name!r} names no commit to compare with\n" in refused(
        branch.run("plan", "--diff", name)
    )


def test_a_workspace_without_git(shop: Shop) -> None:
    assert "error: git rev-parse: fatal: not a git repository" in refused(
        shop.run("plan", "--diff", "main")
    )


def test_a_repository_without_a_commit(shop: Shop) -> None:
    git(shop.workspace.root, "init", "-q", "-b", "main")
    assert "error: no branch, tag or commit fits 'main'" in refused(
        shop.run("plan", "--diff", "main")
    )


def test_a_commit_that_cannot_be_read(branch: Shop) -> None:
    branch.edit("web/okteto.yaml", "build: [\n")
    commit(branch)
    git(branch.workspace.root, "branch", "-q", "-f", "main", "topic")
    branch.edit("web/okteto.yaml", "build: {web: .}\n")
    first, *_ = refused(branch.run("plan", "--diff", "main")).splitlines()
    assert first.startswith(
        "error: the images of main (COMMIT) cannot be read: web/okteto.yaml:2:1: "
    )


def test_what_exclude_each_other(branch: Shop) -> None:
    outcome = branch.run("why", "--since", "main", "--against", "here")
    assert refused(outcome).startswith("error: --since and --against exclude each other\n")
    outcome = branch.run("plan", "--diff", "main", "--no-cache")
    assert refused(outcome).startswith("error: --no-cache and --diff exclude each other\n")


# -------------------------------------------------------------------------------------------- clones


def clone(shop: Shop, folder: Path, *options: str) -> Path:
    """Make the workspace a clone of itself, with what *options* say; return the original."""
    root, origin = shop.workspace.root, folder / "origin"
    root.rename(origin)
    git(folder, "clone", "-q", *options, origin.as_uri(), str(root))
    return origin


@pytest.fixture
def diverged(branch: Shop) -> Shop:
    """Topic and main have gone on, both."""
    branch.edit("web/data", "of the branch\n")
    commit(branch)
    git(branch.workspace.root, "checkout", "-q", "main")
    branch.edit("base/data", "of main\n")
    commit(branch)
    git(branch.workspace.root, "checkout", "-q", "topic")
    return branch


def test_a_branch_that_only_the_remote_has(diverged: Shop, tmp_path: Path) -> None:
    clone(diverged, tmp_path, "-b", "topic")
    assert diff(diverged) == "rebuild  web:web  data changed\n"
    assert diverged.run("plan", "--diff", "origin/main").assert_ok().stdout == diff(diverged)


def test_a_branch_that_two_remotes_have(diverged: Shop, tmp_path: Path) -> None:
    origin = clone(diverged, tmp_path, "-b", "topic")
    root = diverged.workspace.root
    git(root, "remote", "add", "fork", origin.as_uri())
    git(root, "fetch", "-q", "fork")
    assert diff(diverged) == "rebuild  web:web  data changed\n"
    git(root, "update-ref", "refs/remotes/fork/main", "HEAD")
    assert refused(diverged.run("plan", "--diff", "main")).startswith(
        "error: 'main' may be any of fork/main, origin/main\n"
    )


def test_a_shallow_clone_of_one_branch(diverged: Shop, tmp_path: Path) -> None:
    clone(diverged, tmp_path, "-b", "topic", "--depth", "1")
    message = refused(diverged.run("plan", "--diff", "main"))
    assert message.startswith("error: no branch, tag or commit fits 'main'")
    assert "hint: this clone is shallow and lacks branches: git fetch --unshallow" in message
    assert "fetch-depth: 0" in message


def test_a_shallow_clone_that_lacks_where_the_branch_left(diverged: Shop, tmp_path: Path) -> None:
    clone(diverged, tmp_path, "-b", "topic", "--depth", "1", "--no-single-branch")
    message = refused(diverged.run("plan", "--diff", "main"))
    assert message.startswith(
        "error: this clone is shallow: where its commit left main is not in it\n"
    )
    assert "main.. compares with the newest commit of main" in message
    assert diverged.run("plan", "--diff", "main..").assert_ok().stdout.count("rebuild") == 4
    git(diverged.workspace.root, "fetch", "-q", "--unshallow")
    assert diff(diverged) == "rebuild  web:web  data changed\n"


def test_a_shallow_clone_of_the_merge_commit_of_a_pull_request(
    diverged: Shop, tmp_path: Path
) -> None:
    root = diverged.workspace.root
    git(root, "checkout", "-q", "-b", "pull", "main")
    git(root, "merge", "-q", "topic")
    clone(diverged, tmp_path, "-b", "pull", "--depth", "2")
    outcome = diverged.run("plan", "--diff", "HEAD^1").assert_ok()
    assert outcome.stdout == "rebuild  web:web  data changed\n"
    assert shown(outcome.stderr) == "compared with HEAD^1 (COMMIT): 1 to rebuild, 3 unchanged\n"


def test_histories_with_nothing_in_common(branch: Shop) -> None:
    root = branch.workspace.root
    git(root, "checkout", "-q", "--orphan", "other")
    branch.edit("web/data", "other\n")
    commit(branch)
    assert refused(branch.run("plan", "--diff", "main")).startswith(
        "error: main and the commit that is checked out have no commit in common\n"
    )
    assert branch.run("plan", "--diff", "main..").assert_ok().stdout == (
        "rebuild  web:web  data changed\n"
    )
