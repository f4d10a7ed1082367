"""Early cutoff after any edits: each image is what a build of everything from nothing gives."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from okplug.reference import Reference
from okplug.testing import ImageView
from okplug.testing.workspace import make_workspace
from tests.functional.test_early_cutoff import Team

if TYPE_CHECKING:
    from collections.abc import Iterator

#: how an image uses another one: as its base, for a file, or by its digest
USES = ("FROM", "COPY", "SHA")
NAMES = "abcd"


@dataclass(frozen=True)
class Plan:
    """A workspace and what becomes of it.

    :param uses: image -> the images before it that it uses, each in one way.
    :param edits: image and file, two of which are in images and two of which are not.
    """

    uses: dict[str, dict[str, str]]
    edits: list[tuple[str, str, int]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a workspace and its edits."""
    uses = {}
    for place, name in enumerate(NAMES):
        used = draw(st.sets(st.sampled_from(NAMES[:place]))) if place else set()
        ways = {other: draw(st.sampled_from(USES)) for other in sorted(used)}
        bases = [other for other, way in ways.items() if way == "FROM"]
        uses[name] = ways | dict.fromkeys(bases[1:], "COPY")
    files = st.sampled_from(["data", "notes"])
    edit = st.tuples(st.sampled_from(NAMES), files, st.integers(0, 1))
    return Plan(uses, draw(st.lists(edit, min_size=2, max_size=4)))


def dockerfile(name: str, uses: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a Dockerfile; notes are copied, but not into the image."""
    base = next((other for other, way in uses.items() if way == "FROM"), "")
    arguments = [f"OKTETO_BUILD_{other.upper()}_IMAGE" for other in uses if uses[other] != "SHA"]
    yield from (f"ARG {argument}" for argument in arguments)
    yield from ("FROM scratch AS sources", "COPY data notes /")
    for other, way in uses.items():
        if way == "COPY":
            yield f"FROM ${{OKTETO_BUILD_{other.upper()}_IMAGE}} AS from-{other}"
    yield f"FROM ${{OKTETO_BUILD_{base.upper()}_IMAGE}}" if base else "FROM scratch"
    yield f"COPY --from=sources /data /{name}"
    for other, way in uses.items():
        if way == "COPY":
            yield f"COPY --from=from-{other} /{other} /copied-{name}-{other}"
        elif way == "SHA":
            argument = f"OKTETO_BUILD_{other.upper()}_SHA"
            yield from (f"ARG {argument}", f"LABEL {name}-{other}=${argument}")


def write(team: Team, plan: Plan) -> None:
    """Write a workspace."""
    for name, uses in plan.uses.items():
        needs = json.dumps([f"{other}:{other}" for other in uses])
        team.workspace.write(
            {
                f"{name}/okteto.yaml": f"build: {{{name}: {{context: ., depends_on: {needs}}}}}\n",
                f"{name}/Dockerfile": "\n".join(dockerfile(name, uses)) + "\n",
                f"{name}/data": "data 0\n",
                f"{name}/notes": "notes 0\n",
            }
        )


def contents(team: Team, images: dict[str, dict[str, Any]]) -> dict[str, object]:
    """Return what each image holds; a digest of another image counts by whose it is."""
    names = {image["digest"]: address for address, image in images.items()}
    found: dict[str, object] = {}
    for address in images:
        name = address.partition(":")[0]
        view = ImageView.read(team.registry, Reference("registry.test", f"cindy/{name}", "okteto"))
        labels = {
            label: names.get(value.partition("@")[2], "another image")
            for label, value in view.config["config"].get("Labels", {}).items()
        }
        found[name] = (view.tree(), labels, view.config["rootfs"])
    return found


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_after_any_edits_images_are_what_a_clean_build_gives(plan: Plan) -> None:
    with tempfile.TemporaryDirectory() as folder:
        team = Team(make_workspace(Path(folder)))
        write(team, plan)
        team.build()
        for name, file, number in plan.edits:
            team.edit(f"{name}/{file}", f"{file} {number}\n")
            images = team.build()
            clean = Team(team.workspace)
            assert contents(team, images) == contents(clean, clean.build())
            assert not {image["verdict"] for image in team.build().values()} - {"reuse"}
