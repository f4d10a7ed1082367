"""Processes at once lose nothing, and one that is killed leaves nothing wrong behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from okplug.oci import read_document
from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from pathlib import Path

#: pushes images of its own under tags of its own, and moves a tag that all fight for
PUSH = """
import sys
from pathlib import Path
from okplug.reference import Reference
from okplug.testing.images import push_image
from okplug_layout.registry import LayoutRegistry

folder, worker, count, size = sys.argv[1:]
registry = LayoutRegistry(Path(folder))
print("ready", flush=True)
for number in range(int(count)):
    tag = Reference("localhost", "okteto/api", f"{worker}-{number}")
    files = {"own": f"{worker}-{number}", "shared": "x" * int(size)}
    push_image(registry, tag, files=files)
    registry.tag(tag, tag.with_tag("last"))
    registry.tag(tag, Reference("localhost", "cindy/api", f"{worker}-{number}"))
"""

#: pushes as above, and again whenever somebody took a part away before the image was complete
PERSIST = """
import sys
from pathlib import Path
from okplug.errors import RegistryError
from okplug.reference import Reference
from okplug.testing.images import push_image
from okplug_layout.registry import LayoutRegistry

folder, worker, count = sys.argv[1:]
registry = LayoutRegistry(Path(folder))
number = 0
while number < int(count):
    tag = Reference("localhost", "okteto/api", f"{worker}-{number}")
    try:
        push_image(registry, tag, files=[{"own": f"{worker}-{number}"}, {"shared": "x"}])
    except RegistryError:
        continue
    number += 1
"""

#: deletes what others push, and garbage without any patience
DELETE = """
import sys
from pathlib import Path
from okplug.reference import Reference
from okplug_layout.registry import LayoutRegistry

folder, prefix = sys.argv[1:]
registry = LayoutRegistry(Path(folder), grace=0)
repository = Reference("localhost", "okteto/api")
print("ready", flush=True)
deleted = 0
while deleted < 15:
    for tag in registry.tags(repository):
        if tag.startswith(prefix):
            deleted += registry.delete(repository.with_tag(tag))
"""


def start(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(*processes: subprocess.Popen[bytes]) -> None:
    """Wait for processes, which must succeed; none is left behind."""
    try:
        for process in processes:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors.decode()
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def assert_sound(folder: Path) -> None:
    """Assert that every blob is what its name says, and that every entry finds all its parts."""
    for path in folder.rglob("blobs/sha256/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, f"a half blob: {path}"
    for index in folder.rglob("index.json"):
        left = [entry["digest"] for entry in json.loads(index.read_bytes())["manifests"]]
        for digest in left:
            data = (index.parent / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
            for part in read_document(data).blobs:
                blob = index.parent / "blobs" / "sha256" / part.digest.removeprefix("sha256:")
                assert blob.stat().st_size == part.size


def test_writers_at_once_lose_nothing(folder: Path) -> None:
    finish(*(start(PUSH, folder, worker, 15, 1000) for worker in range(3)))
    registry = LayoutRegistry(folder)
    expected = sorted(f"{worker}-{number}" for worker in range(3) for number in range(15))
    for name, tags in (("okteto/api", [*expected, "last"]), ("cindy/api", expected)):
        repository = Reference("localhost", name)
        assert list(registry.tags(repository)) == tags
        for tag in expected:
            own = ImageView.read(registry, repository.with_tag(tag)).tree()["own"]
            assert own.content == tag.encode()
    assert_sound(folder)


def test_who_deletes_takes_nothing_from_what_is_tagged(folder: Path) -> None:
    processes = [start(PERSIST, folder, worker, 15) for worker in ("kept", "doomed")]
    finish(*processes, start(DELETE, folder, "doomed"))
    registry = LayoutRegistry(folder)
    repository = Reference("localhost", "okteto/api")
    tags = sorted(f"kept-{number}" for number in range(15))
    assert list(registry.tags(repository)) == tags
    for tag in tags:
        tree = ImageView.read(registry, repository.with_tag(tag)).tree()
        assert tree["own"].content == tag.encode()
        assert "shared" in tree
    assert_sound(folder)


def test_killed_at_any_moment(folder: Path) -> None:
    """What it leaves is sound, and the next one goes on without waiting."""
    moments = random.Random(7)
    killed = 0
    for attempt in range(12):
        with start(PUSH, folder, attempt, 1000, 300_000) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0, 0.06))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        assert_sound(folder)
    assert killed == 12
    finish(start(PUSH, folder, "after", 2, 10))
    tags = list(LayoutRegistry(folder).tags(Reference("localhost", "okteto/api")))
    assert "after-1" in tags
    assert len(tags) > 3, "no process got far enough before it was killed"
    assert_sound(folder)
