"""What okplug selects from a context, and so hashes, is exactly what arrives when BuildKit copies.

Cases are made at random: files, a ``.dockerignore``, a COPY with wildcards, ``--parents`` or
``--exclude``, links. ``buildctl`` builds them, which knows nothing of okplug, many in one build.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from okplug.dockerfile.ignore import read_patterns
from okplug.errors import ManifestError
from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry
from tests.integration.arrivals import (
    Arrivals,
    Thing,
    dangles,
    difference,
    expected,
    has_clash,
    has_loop,
    has_only_links,
    ignores_a_link,
    is_read_in_two_ways,
    leads_nowhere,
    perhaps_missing,
    select,
    write_text,
)
from tests.integration.contextcases import Cases
from tests.oracles.asking import chance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from okplug.testing import Node, Workspace
    from tests.integration.arrivals import Case, Selected
    from tests.integration.conftest import BuildKit

#: cases of a build, and builds of a test
_BATCH, _BUILDS = 125, 4
#: cases of a batch that are built one by one, since BuildKit may refuse them
_ODD = 10
#: tests that always run, and those of the campaign
_OFTEN, _SELDOM = range(3), range(3, 27)
_SHOWN = 10
#: what okplug refuses though BuildKit may not come to read it
_UNREADABLE = ("invalid pattern", "malformed")

SAME: Final = "same"
REFUSED: Final = "refused by both"
#: the exceptions, which docs/oracles.md tells of
UNREADABLE: Final = "unreadable to okplug"
AMBIGUOUS: Final = "read in two ways by BuildKit"
EXCLUDED: Final = "nothing left of a folder"
PASSED_TWICE: Final = "a link to its own folder"
_EXCEPTIONS: Final = (UNREADABLE, AMBIGUOUS, EXCLUDED, PASSED_TWICE)


class Findings:
    """The differences between okplug and BuildKit, and how much there was to differ.

    :ivar counts: cases by what became of them, and ``files``.
    """

    def __init__(self, root: Path, buildkit: BuildKit) -> None:
        self._root = root
        self._buildkit = buildkit
        self._found: list[tuple[Case, str]] = []
        self.counts: Counter[str] = Counter()

    def compare(self, name: str, cases: Sequence[Case]) -> None:
        """Compare what becomes of cases in one context and in those beside it."""
        arrivals = Arrivals(self._buildkit, self._root / name)
        parts = [case for case in cases if case.below and _is_readable(case.ignore)]
        cases = [*parts, *(case for case in cases if not case.below)]
        for case in cases:
            case.write(arrivals.root)
        ignore = "\n".join(filter(None, (case.ignore for case in parts)))
        patterns = read_patterns(ignore.encode())
        selected = {case: select(case, arrivals.root, patterns) for case in cases}
        plain = {case for case in cases if is_plain(case, selected[case])}
        for form in ("named", "part"):
            arrivals.copy([case for case in cases if case in plain and case.form == form], ignore)
        whole = [case for case in cases if case in plain and case.form == "whole"]
        odd = [case for case in cases if case not in plain][:_ODD]
        for case in (*whole, *odd):
            arrivals.copy([case], ignore)
        self._take(selected, arrivals)

    def _take(self, selected: Mapping[Case, Selected], arrivals: Arrivals) -> None:
        for case, ours in selected.items():
            arrived = arrivals.arrived.get(case.name)
            failure = arrivals.failures.get(case.name, "")
            if arrived is not None or failure:
                verdict = judge(case, ours, arrived or {}, failure)
                self.counts[verdict] += 1
                self.counts["files"] += len(arrived or ())
                if verdict not in (SAME, REFUSED, *_EXCEPTIONS):
                    self._found.append((case, verdict))

    def check(self) -> None:
        """Fail with the shortest of the cases that differ."""
        found = sorted(self._found, key=lambda each: len(repr(each)))
        shown = "\n".join(f"{case}\n    {text}" for case, text in found[:_SHOWN])
        assert not found, f"{len(found)} differ\n{shown}"


def _is_readable(ignore: str) -> bool:
    """Tell whether patterns may be put among those of other cases."""
    try:
        read_patterns(ignore.encode())
    except ManifestError:
        return False
    return True


def is_plain(case: Case, ours: Selected) -> bool:
    """Tell whether BuildKit should build the case as okplug does."""
    if ours.refusal or is_read_in_two_ways(case, ours):
        return False
    return case.kind == "links" or not has_clash(expected(ours))


def judge(case: Case, ours: Selected, arrived: Mapping[str, Thing], failure: str) -> str:
    """Say what a case shows, in words of its own if okplug and BuildKit differ."""
    if ours.refusal:
        return REFUSED if failure else _judge_refusal(case, ours, arrived)
    is_ambiguous = is_read_in_two_ways(case, ours) or bool(perhaps_missing(ours))
    if failure:
        is_links = case.kind == "links"
        # what --exclude leaves out may clash as well
        is_clash = "not a directory" in failure or has_clash(expected(ours))
        is_lost = leads_nowhere(ours, failure) or (has_only_links(ours) and "lstat" in failure)
        is_refused = is_lost if is_links else is_clash
        return REFUSED if is_refused else AMBIGUOUS if is_ambiguous else f"BuildKit: {failure}"
    different = difference(case, ours, arrived)
    is_more = different.startswith("selected and not arrived")
    if is_more and has_loop(case):
        return PASSED_TWICE
    if is_ambiguous and not different.startswith("arrived and not selected"):
        return AMBIGUOUS
    return different or SAME


def _judge_refusal(case: Case, ours: Selected, arrived: Mapping[str, Thing]) -> str:
    """Say why okplug refuses what BuildKit takes."""
    if ours.refusal.startswith(_UNREADABLE):
        return UNREADABLE
    if ours.refusal == "nowhere" and not arrived and (case.flags or ignores_a_link(case)):
        return EXCLUDED
    if is_read_in_two_ways(case, ours) and not arrived:
        return AMBIGUOUS
    return f"refused ({ours.refusal}), and arrived: {arrived}"


@pytest.mark.parametrize(
    "number", [*_OFTEN, *(pytest.param(n, marks=pytest.mark.campaign) for n in _SELDOM)]
)
def test_what_is_selected_is_what_arrives(buildkit: BuildKit, tmp_path: Path, number: int) -> None:
    findings = Findings(tmp_path, buildkit)
    cases = Cases(chance(f"selection {number}"), f"c{secrets.token_hex(4)}-")
    for batch in range(_BUILDS):
        findings.compare(str(batch), list(cases.make(_BATCH)))
    findings.check()
    counts = findings.counts
    assert counts[SAME] > _BATCH * _BUILDS * 0.6, counts
    assert counts["files"] > counts[SAME] * 2, counts
    assert counts[REFUSED] > 5, counts
    assert sum(map(counts.__getitem__, _EXCEPTIONS)) < _BATCH * _BUILDS * 0.1, counts


class Shop:
    """A workspace with an image for each case, of which many share a context."""

    def __init__(self, workspace: Workspace, cases: Sequence[Case]) -> None:
        self.workspace = workspace
        root = workspace.root
        parts = [case for case in cases if case.below and _is_readable(case.ignore)]
        self.cases = [*parts, *(case for case in cases if not case.below)]
        ignore = "\n".join(filter(None, (case.ignore for case in parts)))
        write_text(root / ".dockerignore", ignore)
        (root / "definitions").mkdir()
        patterns = read_patterns(ignore.encode())
        self.selected: dict[str, Selected] = {}
        images = {"all": {"context": ".", "dockerfile": "definitions/all"}}
        write_text(root / "definitions/all", "FROM scratch\nCOPY . /\n")
        for case in self.cases:
            case.write(root)
            found = select(case, root, patterns)
            if not found.refusal and (case.kind == "links" or not has_clash(expected(found))):
                self.selected[case.name] = found
                place = root / "definitions" / case.name
                write_text(place, f"FROM scratch\n{case.instruction()}\n")
                context = "." if case.below else case.name
                images[case.name] = {"context": context, "dockerfile": str(place)}
        (root / "okteto.yaml").write_text(json.dumps({"build": images}))

    def build(self, builder: str) -> dict[str, str]:
        """Build all images, and return what was said of those that failed."""
        environ = {"OKPLUG_BUILDER": builder}
        done = self.workspace.run("build", "--json", "-", environ=environ)
        assert done.exit_code in (0, 1), done.stderr
        images = json.loads(done.stdout)["images"]
        return {i["address"].lstrip(":"): i["message"] for i in images if i["verdict"] == "failed"}

    def arrived(self, name: str) -> dict[str, Thing]:
        """Return what is in the image of a case."""
        registry = LayoutRegistry(self.workspace.home / ".cache/okplug/registry")
        image = ImageView.read(registry, Reference.parse(f"localhost/cindy/{name}:okteto"))
        tree = {path.partition("/")[2]: node for path, node in image.tree().items()}
        return {path: _thing(node) for path, node in tree.items() if path}


def _thing(node: Node) -> Thing:
    if isinstance(node.content, str):
        return Thing(node.kind, node.content)
    text = node.content.decode("utf-8", "surrogateescape")
    return Thing(node.kind, text, bool(node.mode & 0o100))


@pytest.mark.parametrize("builder", ["buildkit", "embedded"])
def test_what_is_selected_is_what_okplug_copies(
    buildkit: BuildKit, workspace: Workspace, builder: str
) -> None:
    """Also where the daemon has more before it, which other images read of the same context."""
    cases = list(Cases(chance("what okplug copies"), f"c{secrets.token_hex(4)}-").make(400))
    cases = [*cases[:70], *(case for case in cases[70:] if case.kind == "links")]
    forms = {"named": "whole"}
    shop = Shop(workspace, [replace(case, form=forms.get(case.form, case.form)) for case in cases])
    failed = shop.build(buildkit.address if builder == "buildkit" else builder)
    built = [case for case in shop.cases if case.name in shop.selected.keys() - failed.keys()]
    found = {
        case: difference(case, shop.selected[case.name], shop.arrived(case.name)) for case in built
    }
    assert {case: text for case, text in found.items() if text} == {}
    assert len(built) > 50
    assert [name for name in failed if not dangles(shop.selected[name])] == [], failed
