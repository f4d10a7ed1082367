"""The programs that are compared, on one daemon and one registry."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Timing, timed, wait_for_calm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONTEXT = "load build context"
#: daemons write nine digits of a second
_FRACTION = re.compile(r"(\.\d{6})\d*")


@dataclass(frozen=True)
class Site:
    """Where everything happens.

    :param address: of the daemon.
    :param registry: its host and port, spoken to without TLS.
    :param folder: for all files of the run.
    :param patience: seconds to wait for other programs to have less to do, before each run.
    """

    address: str
    registry: str
    folder: Path
    patience: float

    @property
    def environment(self) -> dict[str, str]:
        """What all programs are started with."""
        environment = {**os.environ, "HOME": str(self.folder / "home")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment

    @property
    def base(self) -> str:
        """The image with a shell that ``push_base`` makes."""
        return f"{self.registry}/bench/base:1"

    def buildctl(self, *arguments: str) -> list[str]:
        """Return a command of buildctl."""
        return ["buildctl", "--addr", self.address, *arguments]

    def okplug(self, *arguments: str) -> list[str]:
        """Return the words after ``okplug`` of a build that asks the daemon for every image."""
        return [
            *("build", "--builder", self.address, "--registry", self.registry),
            *("-o", "smart_builds=false", "--namespace", "ours", *arguments),
        ]

    def push_base(self) -> None:
        """Push the image that the others start from."""
        folder = self.folder / "base"
        folder.mkdir()
        program = shutil.which("busybox")
        if program is None:
            sys.exit("there is no busybox, which has to be a static one")
        shutil.copy(program, folder)
        (folder / "Dockerfile").write_text(
            "FROM scratch\nCOPY busybox /bin/busybox\n"
            'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
        )
        build_by_buildctl(self, folder, f"type=image,name={self.base},push=true")

    def settle(self) -> None:
        """Have the disk be at rest, and the processors as far as there is patience."""
        os.sync()
        wait_for_calm(self.patience)

    def prune(self) -> None:
        """Have the daemon forget everything, and settle."""
        subprocess.run(self.buildctl("prune", "--all"), stdout=subprocess.DEVNULL, check=True)
        self.settle()

    def transfer_seconds(self) -> float:
        """Return how long the last build took to load its context, as the daemon has it."""
        lines = self._read("histories", "--format", "{{json .}}").splitlines()
        records = [record for line in lines if (record := json.loads(line).get("record"))]
        last = max(records, key=lambda record: _seconds(record["CreatedAt"]))
        spans = [
            _instant(vertex["completed"]) - _instant(vertex["started"])
            for line in self._read("logs", "--progress=rawjson", last["Ref"]).splitlines()
            for vertex in json.loads(line).get("vertexes") or ()
            if vertex["name"].endswith(_CONTEXT) and "completed" in vertex
        ]
        return max(spans)

    def _read(self, *arguments: str) -> str:
        command = self.buildctl("debug", *arguments)
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def build_by_buildctl(site: Site, folder: Path, output: str, *options: str) -> Timing:
    """Build the Dockerfile of a folder."""
    return timed(
        site.buildctl(
            *("build", "--progress=plain", "--frontend=dockerfile.v0"),
            *(f"--local=context={folder}", f"--local=dockerfile={folder}"),
            *(f"--output={output}", *options),
        ),
        folder,
        site.environment,
    )


def build_by_okplug(site: Site, folder: Path, *arguments: str) -> Timing:
    """Build in a new process."""
    command = [sys.executable, "-m", "okplug", *site.okplug(*arguments)]
    return timed(command, folder, site.environment)


@contextlib.contextmanager
def running_okplug(site: Site, folder: Path) -> Iterator[Callable[[], Timing]]:
    """Have a process that builds whenever the function is called."""
    script = Path(__file__).with_name("running.py")
    with subprocess.Popen(
        [sys.executable, str(script), *site.okplug()],
        cwd=folder,
        env=site.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def build() -> Timing:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                sys.exit("okplug in one process has failed")
            seconds, memory = map(float, line.split())
            return Timing(seconds, memory)

        yield build


def with_transfer(site: Site, timing: Timing) -> Timing:
    """Add what the daemon knows of a build that has just ended."""
    return dataclasses.replace(timing, transfer=site.transfer_seconds())


def _seconds(stamp: dict[str, int]) -> float:
    return stamp["seconds"] + stamp.get("nanos", 0) / 1e9


def _instant(text: str) -> float:
    return datetime.fromisoformat(_FRACTION.sub(r"\1", text)).timestamp()
