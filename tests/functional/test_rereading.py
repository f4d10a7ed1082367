"""Edits of manifests and Dockerfiles, one after another: each run prints what a first run would."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from okplug import collect, notes

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Workspace
    from tests.functional.keeping import Kept

NAMES = [f"i{number}" for number in range(6)]


def some_from(chance: random.Random, name: str) -> str:
    """Return how a Dockerfile begins: often with an image that comes before its own."""
    earlier = NAMES[: NAMES.index(name)] or ["none"]
    other = chance.choice(earlier if chance.random() < 0.95 else NAMES).upper()
    return chance.choice(
        [
            "FROM scratch",
            "FROM scratch AS first\nENV A=b\nFROM first",
            f"ARG OKTETO_BUILD_{other}_IMAGE=scratch\nFROM ${{OKTETO_BUILD_{other}_IMAGE}}",
            f"FROM okteto.dev/{other.lower()}:okteto",
            f"FROM scratch\nCOPY --from=okteto.dev/{other.lower()}:okteto / /x",
        ]
    )


def some_dockerfile(chance: random.Random, name: str) -> str:
    """Return a Dockerfile, rarely a wrong one."""
    lines = [
        "COPY . /all",
        "COPY *.txt /texts/",
        f"ENV P={chance.randrange(3)}",
        "ENV FROM_HERE=$V",
        f"ARG V={chance.randrange(3)}",
        "ARG OKTETO_BUILD_I0_SHA",
        "LABEL v=$V p=$P",
        f"WORKDIR /w{chance.randrange(2)}",
        "ONBUILD COPY *.txt /inherited/",
        "ONBUILD ARG V",
        "ADD --chown=1:1 a.txt /$P/",
        "# a comment",
    ]
    if chance.random() < 0.03:
        lines.append("COPPY a b")
    chosen = chance.sample(lines, chance.randrange(5))
    return "\n".join([some_from(chance, name), *chosen, ""])


def some_manifest(chance: random.Random, name: str) -> str:
    """Return a manifest of one image, rarely of another one, or a wrong one."""
    earlier = NAMES[: NAMES.index(name)] or [name]
    lines = [
        f"    args: {{V: '{chance.randrange(3)}'}}",
        "    args: {V: '${OKTETO_BUILD_I0_IMAGE}'}",
        f"    depends_on: [{chance.choice(earlier if chance.random() < 0.95 else NAMES)}]",
        f"    labels: {{l: '{chance.randrange(3)}'}}",
        "    platforms: [linux/amd64, linux/arm64]",
        f"    image: okteto.dev/other-{name}:{chance.randrange(2)}",
        "    secrets: {s: ../secret}",
        f"    contexts: {{x: ../{chance.choice(earlier)}}}",
        "    target: first",
        "# a comment",
        "",
    ]
    chosen = chance.sample(lines, chance.randrange(4))
    entry = name if chance.random() < 0.97 else f"{name}x"
    if chance.random() < 0.03:
        chosen.append("deploy: {compose: compose.yaml}")
    return "\n".join(["build:", f"  {entry}:", "    context: .", *chosen, ""])


def edit(chance: random.Random, root: Path) -> dict[Path, str]:
    """Write one file again, sometimes two; return what was in them."""
    before: dict[Path, str] = {}
    for _ in range(1 + (chance.random() < 0.2)):
        name = chance.choice(NAMES)
        kind = chance.choices(["Dockerfile", "okteto.yaml", "a.txt", ".env"], [8, 8, 1, 0.3])[0]
        path = root / name / kind
        if kind == "okteto.yaml" and chance.random() < 0.2:
            text = path.read_text().replace("context: .\n", "context: .\n# a comment\n")
        elif kind == "Dockerfile":
            text = some_dockerfile(chance, name)
        elif kind == "okteto.yaml":
            text = some_manifest(chance, name)
        else:
            text = f"V={chance.randrange(9)}\n"
        before.setdefault(path, path.read_text() if path.exists() else "")
        path.write_text(text)
    return before


def write_everything(workspace: Workspace) -> None:
    workspace.write({"secret": "s", "okplug.toml": ""})
    for name in NAMES:
        workspace.write(
            {
                f"{name}/okteto.yaml": f"build: {{{name}: .}}\n",
                f"{name}/Dockerfile": "FROM scratch\nCOPY . /\n",
                f"{name}/compose.yaml": "services: {s: {build: ., depends_on: [t]}, t: {build: .}}",
                f"{name}/a.txt": name,
            }
        )


class Seen:
    """The graph of each run, with all that it knows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._collect = collect.collect
        self._last: object = None
        monkeypatch.setattr(collect, "collect", self._collected)

    def _collected(self, *args: Any) -> collect.Collection:  # passed on
        collection = self._collect(*args)
        graph = collection.graph
        self._last = [
            graph.order(),
            [(image, image.places, graph.node(image.address)) for image in graph.images()],
            [(name, graph.dependencies(name), graph.dependants(name)) for name in graph.order()],
            [graph.causes(a, b) for b in graph.order() for a in graph.dependencies(b)],
            [graph.elsewhere(name) for name in graph.order()],
            collection.manifests,
            [image.places for manifest in collection.manifests for image in manifest.images],
        ]
        return collection

    def take(self) -> object:
        """Return what the last run has seen, None if it was refused."""
        seen, self._last = self._last, None
        return seen


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(n, marks=pytest.mark.campaign) for n in range(100, 160))]
)
def test_edits_count_as_in_a_first_run(
    kept: Kept, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    write_everything(kept.workspace)
    kept.run()
    seen = Seen(monkeypatch)
    alone = 0
    for step in range(40):
        before = edit(chance, kept.root)
        if chance.random() < 0.2:  # what is too fresh is read, and not kept
            monkeypatch.setattr(notes, "GRANULARITY", chance.choice([-(10**12), 10**12]))
        words = chance.choice([("hash", "--json"), ("plan", "--json"), ("plan", "--json", "i2")])
        found = kept.run(*words), seen.take()
        is_alone = "again" in kept.read and "manifests" not in kept.read
        alone += is_alone
        assert found == (kept.fresh(*words), seen.take()), (step, words)
        if not is_alone:  # what is wrong, or has all of it read, stays for one run
            for path, text in before.items():
                path.write_text(text)
    assert alone > 10
