"""``--watch`` with events that a test gives: what wakes it, what it says, how it ends."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from okplug.config import Config
    from okplug.testing import Workspace
    from tests.functional.conftest import Shop

    Step = Callable[[], Iterable[str] | None]


class Script:
    """Takes the place of what listens to files: each step changes some and says which."""

    def __init__(self, root: Path, steps: Iterator[Step]) -> None:
        self._root = root
        self._steps = steps
        self.folders: frozenset[str] = frozenset()
        self.is_closed = False

    def watch(self, folders: frozenset[str]) -> bool:
        """Tell whether the folders are others."""
        is_new = folders != self.folders
        self.folders = folders
        return is_new

    def wait(self) -> frozenset[str] | None:
        """Take the next step."""
        for step in self._steps:
            found = step()
            return None if found is None else frozenset(f"{self._root}/{path}" for path in found)
        raise KeyboardInterrupt

    def close(self) -> None:
        """Take note."""
        self.is_closed = True


@pytest.fixture
def script(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Script]:
    """Have a watch see these steps, and after the last one Ctrl-C."""

    def prepare(*steps: Step) -> Script:
        made = Script(workspace.root, iter(steps))
        monkeypatch.setattr("okplug.fileevents.FileEvents", lambda _: made)
        return made

    return prepare


@pytest.fixture
def edits(workspace: Workspace) -> Callable[..., Step]:
    """Return a step that writes files."""

    def make(files: Mapping[str, str], *others: str) -> Step:
        def step() -> Iterable[str]:
            workspace.write(files)
            return *files, *others

        return step

    return make


def rounds(text: str) -> list[list[str]]:
    """Return the lines of the rounds after the first one, without the times they begin with."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if match := re.fullmatch(r"\d\d:\d\d:\d\d  (.*)", line):
            found.append([match[1]])
        elif found and f"{line}\n" != WATCHING:
            found[-1].append(line)
    return found


WATCHING = "watching for changes, Ctrl-C ends it\n"


def test_a_plan_tells_what_is_other_than_before(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    shop.run("build").assert_ok()
    events = script(
        edits({"lib/data": "edited\n"}),
        edits({"web/data": "edited\n"}),
        edits({"lib/data": "lib\n"}),
    )
    outcome = shop.run("plan", "--watch").assert_ok()
    assert outcome.stdout == (
        "reuse  base:base\n"
        "reuse  lib:lib\n"
        "reuse  api:api\n"
        "reuse  web:web\n"
        "build  lib:lib    data changed\n"
        "build  api:api    depends on the result of lib:lib\n"
        "build  web:web    data changed\n"
        "reuse  lib:lib\n"
        "reuse  api:api\n"
    )
    assert outcome.stderr.startswith(f"0 to build, 4 to reuse\n{WATCHING}")
    assert rounds(outcome.stderr) == [
        ["lib/data changed", "2 to build, 2 to reuse"],
        ["web/data changed", "3 to build, 1 to reuse"],
        ["lib/data changed", "1 to build, 3 to reuse"],
    ]
    assert events.is_closed


def test_what_comes_to_the_same_is_not_told(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    script(
        edits({"lib/data": "lib\n"}),
        edits(
            {
                "lib/Dockerfile": "# a comment\n"
                + (shop.workspace.root / "lib/Dockerfile").read_text()
            }
        ),
        edits({"lib/README.md": "nobody copies this\n"}),
        edits({"unknown.txt": "nor this\n"}),
    )
    outcome = shop.run("plan", "--watch").assert_ok()
    assert outcome.stdout.count("\n") == 4
    assert outcome.stderr == f"4 to build, 0 to reuse\n{WATCHING}"


def test_a_build_builds_what_a_change_affects(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    built = []

    def look() -> Sequence[str]:
        built.append(shop.built())
        return ()

    script(look, edits({"lib/data": "edited\n"}), look, edits({"base/README": ""}), look)
    outcome = shop.run("build", "--watch").assert_ok()
    assert built == [["base:base", "lib:lib", "api:api", "web:web"], ["lib:lib", "api:api"], []]
    ((heading, *lines),) = rounds(outcome.stderr)
    assert heading == "lib/data changed"
    assert [line.split("  ")[0] for line in lines if "BUILT" in line] == ["lib:lib", "api:api"]
    assert not any("REUSED" in line for line in lines), "nothing is news of what stays"
    assert "2 built, 2 reused" in lines[-1]
    assert shop.personal("lib")["okteto"] in shop.shared("lib").values()
    assert len(shop.shared("lib")) == 2


def test_only_what_is_asked_for_is_watched(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    events = script(edits({"web/data": "edited\n"}), edits({"base/data": "edited\n"}))
    outcome = shop.run("build", "lib", "--watch").assert_ok()
    assert [heading for heading, *_ in rounds(outcome.stderr)] == ["base/data changed"]
    assert str(shop.workspace.root / "base") in events.folders


def test_a_change_during_a_build_is_built_after_it(
    shop: Shop, script: Callable[..., Script]
) -> None:
    """It is there before the wait begins; the first look after a build needs no event at all."""
    shop.before["web:web"] = lambda: shop.edit("base/data", "edited while web was built\n")
    built = []

    def look() -> Sequence[str]:
        built.append(shop.built())
        return ()

    script(look)
    outcome = shop.run("build", "--watch").assert_ok()
    (addresses,) = built
    assert addresses.count("base:base") == 2
    assert [heading for heading, *_ in rounds(outcome.stderr)] == ["files changed"]


def test_a_failed_build_is_waited_out(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    def repair() -> Iterable[str]:
        shop.before.clear()
        return edits({"lib/data": "better\n"})() or ()

    shop.break_down("lib:lib")
    script(edits({"lib/data": "still bad\n"}), repair)
    outcome = shop.run("build", "--watch").assert_ok()
    first, second = rounds(outcome.stderr)
    assert "1 failed, 1 blocked, 2 reused" in first[-1]
    assert "2 built, 2 reused" in second[-1]


def test_a_broken_manifest_is_told_once_and_waited_out(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    good = (shop.workspace.root / "lib/okteto.yaml").read_text()
    script(
        edits({"lib/okteto.yaml": "build: {lib: {contxt: .}}\n"}),
        edits({"web/data": "seen only when the manifest is right\n"}),
        edits({"lib/okteto.yaml": "build: {\n"}),
        edits({"lib/okteto.yaml": good}),
    )
    outcome = shop.run("plan", "--watch").assert_ok()
    errors = re.findall(r"^error: (.*)$", outcome.stderr, re.MULTILINE)
    assert [error.partition(" ")[0] for error in errors] == [
        "lib/okteto.yaml:1:15:",
        "lib/okteto.yaml:2:1:",
    ]
    assert "contxt" in errors[0]
    assert rounds(outcome.stderr)[-1] == ["lib/okteto.yaml changed", "4 to build, 0 to reuse"]
    assert outcome.stdout.count("web:web") == 2


def test_what_is_put_right_without_a_trace_is_told(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    good = (shop.workspace.root / "lib/okteto.yaml").read_text()
    script(edits({"lib/okteto.yaml": "build: {\n"}), edits({"lib/okteto.yaml": good}))
    outcome = shop.run("plan", "--watch").assert_ok()
    assert rounds(outcome.stderr) == [["lib/okteto.yaml changed", "4 to build, 0 to reuse"]]
    assert outcome.stdout.count("\n") == 4, "nothing else is other than before"


def test_a_watch_may_begin_with_a_broken_manifest(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    good = (shop.workspace.root / "lib/okteto.yaml").read_text()
    shop.workspace.write({"lib/okteto.yaml": "build: {\n"})
    script(edits({"lib/okteto.yaml": good}))
    outcome = shop.run("build", "--watch").assert_ok()
    assert outcome.stderr.count("error: lib/okteto.yaml:2:1: ") == 1
    assert "4 built" in outcome.stderr


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("plan", "nothing", "--watch"), "nothing"),
        (("build", "--watch", "-o", "jobs=many"), "jobs"),
        (("plan", "--watch", "--detailed-exitcode"), "--detailed-exitcode is about one plan"),
    ],
)
def test_a_wrong_command_line_ends_it_at_once(
    shop: Shop, script: Callable[..., Script], argv: Sequence[str], message: str
) -> None:
    def never() -> None:
        raise AssertionError

    script(never)
    outcome = shop.run(*argv).assert_exit(ExitCode.USAGE_ERROR)
    assert message in outcome.stderr


def test_a_registry_that_fails_later_is_waited_out(
    shop: Shop,
    script: Callable[..., Script],
    edits: Callable[..., Step],
) -> None:
    """What failed is tried again with the next change, even one that makes no difference."""

    class Broken:
        @hookimpl
        def okplug_plan_modify(self) -> None:
            if (shop.workspace.root / "lib/down").exists():
                raise RegistryError("the registry is down")

    def up() -> Sequence[str]:
        (shop.workspace.root / "lib/down").unlink()
        return ["lib/down"]

    script(edits({"lib/down": "", "lib/data": "edited\n"}), up)
    outcome = shop.run("plan", "--watch", plugins=[Broken()]).assert_ok()
    assert "error: the registry is down\n" in outcome.stderr
    assert [heading for heading, *_ in rounds(outcome.stderr)] == [
        "lib/data, lib/down changed",
        "lib/down changed",
    ]


def test_a_fault_of_a_plugin_is_told_and_waited_out(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    plugin = "from okplug import hookimpl\n\n@hookimpl\ndef okplug_key_inputs(image):\n    {}\n"
    script(
        edits({"okplugfile.py": plugin.format("raise ValueError('oops')")}),
        edits({"okplugfile.py": "import\n"}),
        edits({"okplugfile.py": plugin.format("return {'compiler': '15'}")}),
    )
    outcome = shop.run("plan", "--watch").assert_ok()
    assert "internal error, in plugin okplugfile.py: ValueError: oops\n" in outcome.stderr
    assert "error: okplugfile.py:1:7: not Python: " in outcome.stderr
    assert rounds(outcome.stderr) == [["okplugfile.py changed", "4 to build, 0 to reuse"]]


def test_a_plugin_of_a_folder_may_be_there_and_change(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    plugin = (
        "from okplug import hookimpl\n\n"
        "@hookimpl\ndef okplug_key_inputs(image):\n    return {{'compiler': '{}'}}\n"
    )
    shop.workspace.write({"web/okplugfile.py": plugin.format(14)})
    script(edits({"web/okplugfile.py": plugin.format(15)}))
    outcome = shop.run("plan", "--watch").assert_ok()
    assert outcome.stdout.splitlines()[4:] == ["build  web:web    new"]


def test_a_plugin_may_make_keys_of_any_file(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    class Toolchain:
        @hookimpl
        def okplug_key_inputs(self, config: Config) -> Mapping[str, str]:
            return {"toolchain": (config.root / "toolchain.txt").read_text()}

    shop.workspace.write({"toolchain.txt": "14\n"})
    script(edits({"toolchain.txt": "15\n"}))
    outcome = shop.run("plan", "--watch", plugins=[Toolchain()]).assert_ok()
    assert [heading for heading, *_ in rounds(outcome.stderr)] == ["toolchain.txt changed"]


def test_new_manifests_settings_and_variables_are_seen(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    script(
        edits(
            {"new/deep/okteto.yaml": "build: {deep: .}\n", "new/deep/Dockerfile": "FROM scratch\n"},
            "new",
        ),
        edits({".env": "OKPLUG_NAMESPACE=debbie\n"}),
        edits({"okplug.toml": 'exclude = ["new"]\n'}),
    )
    outcome = shop.run("plan", "--watch", "::").assert_ok()
    found = rounds(outcome.stderr)
    assert [heading for heading, *_ in found] == [
        "new changed",
        ".env changed",
        "okplug.toml changed",
    ]
    assert found[0][-1] == "5 to build, 0 to reuse"
    assert found[2][-1] == "4 to build, 0 to reuse"
    assert outcome.stdout.splitlines()[4:] == ["build  new/deep:deep  new"]


def test_a_tag_of_a_manifest_is_set_though_no_key_changes(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    manifest = "build: {base: {context: ., tags: ['registry.test/cindy/base:v1']}}\n"
    script(edits({"base/okteto.yaml": manifest}))
    outcome = shop.run("build", "--watch").assert_ok()
    assert "4 reused" in rounds(outcome.stderr)[0][-1]
    assert set(shop.personal("base")) == {"okteto", "v1"}


def test_what_the_run_writes_itself_wakes_nobody(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    """The files are part of an image here, which the next real change shows."""
    shop.workspace.write({"web/Dockerfile": "FROM scratch\nCOPY . /\n"})
    names = ("result.json", "meta.json", "variables", "iid", "log")

    def look() -> Sequence[str]:
        assert all((shop.workspace.root / "web" / name).exists() for name in names)
        own = (f"web/{name}" for name in names)
        return *own, "web/.meta.json.x1y2", ".okplug/index", ".okplug-12ab/README.md", ".git/index"

    script(look, edits({"web/data": "edited\n"}), look)
    outcome = shop.run(
        "build",
        "web",
        "--watch",
        *("--json", "web/result.json", "--metadata-file", "web/meta.json"),
        *("--env-file", "web/variables", "--iidfile", "web/iid", "--report-log", "web/log"),
    )  # fmt: skip
    outcome.assert_ok()
    assert [heading for heading, *_ in rounds(outcome.stderr)] == [
        "files changed",
        "web/data changed",
    ]
    log = (shop.workspace.root / "web/log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in log].count("RunFinished") == 3, "all are kept"


def test_a_burst_of_unknown_changes_is_looked_into(
    shop: Shop, script: Callable[..., Script]
) -> None:
    def lose() -> None:
        shop.edit("lib/data", "lost\n")

    def flood() -> Sequence[str]:
        shop.edit("lib/data", "lost again\n")
        return [f"elsewhere/{number}" for number in range(2000)]

    script(lose, flood)
    outcome = shop.run("plan", "--watch").assert_ok()
    assert [heading for heading, *_ in rounds(outcome.stderr)] == ["files changed"] * 2


def test_a_warning_is_given_once(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    script(edits({"lib/data": "edited\n"}), edits({"lib/README": ""}))
    outcome = shop.run("plan", "--watch", "--build-arg", "NOBODY=1").assert_ok()
    assert outcome.stderr.count("warning: ") == 1


def test_a_folder_whose_name_is_no_text_is_told(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    (shop.workspace.root / os.fsdecode(b"caf\xe9")).mkdir()
    script(edits({"lib/data": "edited\n"}))
    outcome = shop.run("plan", "--watch").assert_ok()
    assert outcome.stderr.count("caf\\udce9 is not watched: its name is not UTF-8\n") == 1


def test_a_dockerfile_without_a_manifest_is_watched(
    empty_shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    empty_shop.workspace.write({"Dockerfile": "FROM scratch\nCOPY src /\n", "src/a": "a\n"})
    script(edits({"src/a": "b\n"}), edits({"other": ""}), edits({"Dockerfile": "FROM scratch\n"}))
    outcome = empty_shop.run("build", "--watch").assert_ok()
    assert [heading for heading, *_ in rounds(outcome.stderr)] == [
        "src/a changed",
        "Dockerfile changed",
    ]
    assert len(empty_shop.requests) == 3


def test_a_program_gets_a_document_with_each_change(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    script(edits({"lib/data": "edited\n"}))
    outcome = shop.run("plan", "lib", "--watch", "--json").assert_ok()
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(outcome.stdout)
    second, _ = decoder.raw_decode(outcome.stdout[end:].lstrip())
    keys = [
        {image["address"]: image["key"] for image in each["images"]} for each in (first, second)
    ]
    assert keys[0]["base:base"] == keys[1]["base:base"]
    assert keys[0]["lib:lib"] != keys[1]["lib:lib"]


def test_raw_events_are_all_there_is(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    script(edits({"lib/data": "edited\n"}), edits({"lib/okteto.yaml": "build: {\n"}))
    outcome = shop.run("build", "--watch", "--progress", "rawjson").assert_ok()
    events = [json.loads(line) for line in outcome.stderr.splitlines()]
    ends = [event["exit_code"] for event in events if event["event"] == "RunFinished"]
    assert ends == [0, 0, ExitCode.USAGE_ERROR]


def test_ctrl_c_during_a_build_interrupts_it(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    class Interrupting:
        @hookimpl
        def okplug_plan_modify(self) -> None:
            if (shop.workspace.root / "lib/data").read_text() == "edited\n":
                interrupt()

    script(edits({"lib/data": "edited\n"}))
    outcome = shop.run("build", "--watch", plugins=[Interrupting()])
    outcome.assert_exit(ExitCode.INTERRUPTED)
    assert outcome.stderr.endswith("interrupted\n")


def test_ctrl_c_while_it_looks_for_news_is_an_end_like_any_other(
    shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    class Interrupting:
        @hookimpl
        def okplug_key_inputs(self) -> None:
            if (shop.workspace.root / "lib/data").read_text() == "edited\n":
                raise KeyboardInterrupt

    script(edits({"lib/data": "edited\n"}))
    outcome = shop.run("plan", "--watch", plugins=[Interrupting()]).assert_ok()
    assert outcome.stderr == f"4 to build, 0 to reuse\n{WATCHING}"


def test_nothing_to_watch_yet(
    empty_shop: Shop, script: Callable[..., Script], edits: Callable[..., Step]
) -> None:
    script(edits({"a/okteto.yaml": "build: {a: .}\n", "a/Dockerfile": "FROM scratch\n"}, "a"))
    outcome = empty_shop.run("plan", "--watch").assert_ok()
    assert outcome.stdout == "build  a:a  new\n"
    assert "nothing selected\n" in outcome.stderr


def test_the_package_that_listens_may_be_missing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    outcome = shop.run("build", "--watch").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        "error: --watch needs the package watchfiles\n  hint: pip install 'okplug[watch]'\n"
    )
    assert shop.built() == []
