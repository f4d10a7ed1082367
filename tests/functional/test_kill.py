"""A run that is killed at any moment leaves nothing wrong behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MOMENTS = 50
IMAGES = 8


def write_workspace(root: Path) -> None:
    """Write a chain and a fan of images with enough bytes that a build takes a while."""
    (root / "okplug.toml").parent.mkdir(parents=True)
    (root / "okplug.toml").write_text('platform = "linux/amd64"\n')
    for number in range(IMAGES):
        folder = root / f"i{number}"
        folder.mkdir()
        needs = f", depends_on: ['i{number // 2}:i{number // 2}']" if number else ""
        (folder / "okteto.yaml").write_text(f"build: {{i{number}: {{context: .{needs}}}}}\n")
        base = f"${{OKTETO_BUILD_I{number // 2}_IMAGE}}" if number else "scratch"
        declared = f"ARG OKTETO_BUILD_I{number // 2}_IMAGE\n" if number else ""
        (folder / "Dockerfile").write_text(f"{declared}FROM {base}\nCOPY data /data{number}\n")
    write_files(root, 0)


def write_files(root: Path, version: int) -> None:
    """Write what the images copy; each version has files of the same sizes."""
    for number in range(IMAGES):
        folder = root / f"i{number}" / "data"
        folder.mkdir(exist_ok=True)
        for part in range(4):
            data = random.Random(f"{version} {number}").randbytes(200_000)
            (folder / f"{part}.bin").write_bytes(data)


def command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "okplug", "-C", str(root), *arguments]


def environment(home: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(home),
        "USER": "cindy",
    }


def run(root: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(root, *arguments),
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def digests(root: Path, home: Path) -> dict[str, str]:
    """Build and return the digest of every image."""
    finished = run(root, home, "build", "--json", "-")
    assert finished.returncode == 0, finished.stderr
    images = json.loads(finished.stdout)["images"]
    assert len(images) == IMAGES
    return {image["address"]: image["digest"] for image in images}


def assert_sound(registry: Path) -> None:
    """Assert that every tag of every layout finds a whole image: each blob there, each right."""
    import hashlib

    for index in registry.rglob("index.json"):
        blobs = index.parent / "blobs" / "sha256"
        todo = [entry["digest"] for entry in json.loads(index.read_bytes())["manifests"]]
        while todo:
            algorithm, _, digest = todo.pop().partition(":")
            data = (blobs / digest).read_bytes()
            assert algorithm == "sha256"
            assert hashlib.sha256(data).hexdigest() == digest, f"{index}: a half blob"
            if data.startswith(b"{"):
                document = json.loads(data)
                children = [*document.get("layers", ()), *document.get("manifests", ())]
                children += [document["config"]] if "layers" in document else []
                todo += [child["digest"] for child in children]


def is_killed_after(seconds: float, root: Path, home: Path) -> bool:
    """Build, but not longer; tell whether it was killed, and not through."""
    process = subprocess.Popen(
        command(root, "build"),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() == -signal.SIGKILL
    return False


@pytest.fixture
def workspace_root(tmp_path: Path) -> Path:
    write_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def test_killed_at_fifty_moments_the_next_run_is_right(
    workspace_root: Path, tmp_path: Path
) -> None:
    """Files change before every run, so that what a killed run left behind could be reused wrongly."""
    clean = tmp_path / "clean"
    expected = {}
    for version in (1, 0):
        write_files(workspace_root, version)
        started = time.monotonic()
        expected[version] = digests(workspace_root, clean)
        duration = time.monotonic() - started
    assert expected[0].keys() == expected[1].keys()
    assert all(expected[0][address] != expected[1][address] for address in expected[0])
    shutil.rmtree(workspace_root / ".okplug")
    home = tmp_path / "home"
    moments = random.Random(50)
    killed = 0
    for moment in range(MOMENTS):
        if moment % 5 == 0:
            shutil.rmtree(home, ignore_errors=True)
            shutil.rmtree(workspace_root / ".okplug", ignore_errors=True)
        write_files(workspace_root, moment % 2)
        if is_killed_after(moments.uniform(0.05, duration), workspace_root, home):
            killed += 1
        else:
            duration *= 0.9  # the machine has less to do than when it was measured
        registry = home / ".cache" / "okplug" / "registry"
        assert_sound(registry)
        if moment % 5 == 4:
            for version in (1 - moment % 2, moment % 2):
                write_files(workspace_root, version)
                assert digests(workspace_root, home) == expected[version]
                assert_sound(registry)
    assert killed >= MOMENTS // 2, "most runs were over before they were killed"


def test_two_runs_at_once_give_the_same_images(workspace_root: Path, tmp_path: Path) -> None:
    expected = digests(workspace_root, tmp_path / "clean")
    home = tmp_path / "home"
    runs = [
        subprocess.Popen(
            command(workspace_root, "build", "--json", str(tmp_path / f"{number}.json")),
            env=environment(home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    for process in runs:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    for number in range(3):
        images = json.loads((tmp_path / f"{number}.json").read_text())["images"]
        assert {image["address"]: image["digest"] for image in images} == expected
    assert digests(workspace_root, home) == expected
    assert_sound(home / ".cache" / "okplug" / "registry")
