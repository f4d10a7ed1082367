"""A graph of images: okplug against one buildctl after the other, and against ``buildx bake``."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from measuring import Timing, play, print_head, print_row, timed, whole
from sides import build_by_buildctl

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from sides import Site

_BUILDER = "bench"
_COPIED = re.compile(r"--from=\$\{(\w+)\}")


@dataclass(frozen=True)
class Monorepo:
    """The images that the generator has written, by name, in an order of building."""

    site: Site
    folder: Path
    graph: dict[str, dict[str, object]]

    def dependencies(self, name: str) -> list[str]:
        """Return the images that one is built from."""
        found = self.graph[name]["depends_on"]
        assert isinstance(found, list)
        return found

    def seconds(self, name: str) -> float:
        """Return how long an image sleeps."""
        found = self.graph[name]["sleep"]
        assert isinstance(found, int | float)
        return found

    def lower_bound(self) -> float:
        """Return how long the images sleep that have to wait for each other, the longest way."""
        ends: dict[str, float] = {}
        for name in self.graph:
            begin = max((ends[other] for other in self.dependencies(name)), default=0.0)
            ends[name] = begin + self.seconds(name)
        return max(ends.values())

    def image_folder(self, name: str) -> Path:
        """Return where the Dockerfile of an image lies."""
        (found,) = self.folder.glob(f"*/{name}")
        return found

    def write_stages(self) -> None:
        """Give images that are only copied from a stage each.

        BuildKit expands no variables in ``COPY --from``.
        """
        for name in self.graph:
            path = self.image_folder(name) / "Dockerfile"
            head, begin, body = path.read_text().partition("\nFROM ")
            used = dict.fromkeys(_COPIED.findall(body))
            stages = "".join(f"\nFROM ${{{variable}}} AS {variable.lower()}" for variable in used)
            body = _COPIED.sub(lambda match: f"--from={match[1].lower()}", body)
            path.write_text(f"{head}{stages}{begin}{body}")

    def build_by_okplug(self) -> Timing:
        """Build all of it under new names, as from a new checkout."""
        shutil.rmtree(self.folder / ".okplug", ignore_errors=True)
        run = _new_name()
        command = [
            *(sys.executable, "-m", "okplug", "build", "--builder", self.site.address),
            *("--registry", self.site.registry, "--namespace", f"ours-{run}"),
            *("-o", f"global_namespace=shared-{run}"),
        ]
        return timed(command, self.folder, self.site.environment)

    def build_by_buildctl(self) -> Timing:
        """Build one image after the other."""
        run = _new_name()
        timings = []
        for name in self.graph:
            images = f"{self.site.registry}/theirs-{run}"
            options = [
                f"--opt=build-arg:{_variable(other)}={images}/{other}:1"
                for other in self.dependencies(name)
            ]
            output = f"type=image,name={images}/{name}:1,push=true"
            timing = build_by_buildctl(self.site, self.image_folder(name), output, *options)
            timings.append(timing)
        return Timing(
            sum(timing.seconds for timing in timings), max(timing.memory for timing in timings)
        )

    def build_by_bake(self, program: str) -> Timing:
        """Build all of it at once with buildx."""
        run = _new_name()
        targets = {name: self._target(name, f"bake-{run}") for name in self.graph}
        file = self.site.folder / "bake.json"
        groups = {"default": {"targets": list(targets)}}
        file.write_text(json.dumps({"group": groups, "target": targets}))
        environment = {**self.site.environment, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        command = [program, "bake", "--builder", _BUILDER, "--progress=plain", "--file", str(file)]
        allowed = f"--allow=fs.read={self.folder}"
        return timed([*command, allowed], self.site.folder, environment)

    def _target(self, name: str, namespace: str) -> dict[str, object]:
        others = self.dependencies(name)
        return {
            "context": str(self.image_folder(name)),
            "args": {_variable(other): other for other in others},
            "contexts": {other: f"target:{other}" for other in others},
            "output": [f"type=image,name={self.site.registry}/{namespace}/{name}:1,push=true"],
        }


def _new_name() -> str:
    """Return a part of a namespace into which nothing has been pushed before."""
    return secrets.token_hex(4)


def _variable(name: str) -> str:
    return f"OKTETO_BUILD_{name.upper().replace('-', '_')}_IMAGE"


def generate(site: Site, options: argparse.Namespace) -> Monorepo:
    """Have the monorepo written."""
    folder = site.folder / "monorepo"
    size = ["--images", str(options.images), "--files", "8", "--levels", str(options.levels)]
    work = ["--sleep", str(options.sleep), "--base", site.base]
    command = [sys.executable, str(options.generator), str(folder), *size, *work]
    subprocess.run(command, check=True)
    repo = Monorepo(site, folder, json.loads((folder / "graph.json").read_text()))
    repo.write_stages()
    return repo


def compare_graphs(site: Site, options: argparse.Namespace) -> None:
    """Build a monorepo from nothing in three ways."""
    repo = generate(site, options)
    create = [options.buildx, "create", "--name", _BUILDER, "--driver", "remote", site.address]
    subprocess.run(create, env=site.environment, stdout=subprocess.DEVNULL, check=True)
    total = sum(map(repo.seconds, repo.graph))
    print(
        f"{len(repo.graph)} images, {options.levels} levels; they sleep for {total:.1f} s in all, "
        f"at least {repo.lower_bound():.1f} s one after the other\n"
    )
    rounds = play(
        {
            "buildctl": repo.build_by_buildctl,
            "bake": lambda: repo.build_by_bake(options.buildx),
            "okplug": repo.build_by_okplug,
        },
        options.runs,
        site.prune,
    )
    for baseline, label in (("buildctl", "one after the other"), ("bake", "all at once")):
        print_head(baseline)
        print_row(label, rounds, baseline, "okplug", whole)
        print()
