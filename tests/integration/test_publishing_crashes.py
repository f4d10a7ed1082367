"""okplug is killed at every request of a run: no tag finds what is not whole, the next run is right."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.integration.team import Store, User

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.integration.fronts import Answer, Forward, Front, Request

FILES = {
    "okplug.toml": "",
    "okteto.yaml": "build: {base: {context: ., dockerfile: base.Dockerfile}, api: {context: .}}\n",
    "base.Dockerfile": "FROM scratch\nCOPY data /base\n",
    "Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nLABEL a=b\n",
}


class Killer:
    """Kills a process before or after one of its requests.

    :param number: which one, from 1 on.
    :param is_after: the registry has answered it, and the process does not hear of that.
    :param only_writes: other requests do not count: they leave nothing behind.
    """

    def __init__(self, number: int, *, is_after: bool, only_writes: bool) -> None:
        self.has_killed = False
        self._number = number
        self._is_after = is_after
        self._only_writes = only_writes
        self._count = 0
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def watch(self, process: subprocess.Popen[str]) -> None:
        """Say which process it is."""
        self._process = process
        self._started.set()

    def rule(self, request: Request, forward: Forward) -> Answer | None:
        """Pass requests on until the one comes."""
        with self._lock:
            self._count += request.is_write or not self._only_writes
            is_it = self._count == self._number and not self.has_killed
            self.has_killed = self.has_killed or is_it
        answer = None if is_it and not self._is_after else forward()
        if not is_it:
            return answer
        self._kill()
        return None

    def _kill(self) -> None:
        self._started.wait()
        assert self._process is not None
        self._process.kill()


@pytest.fixture
def user(tmp_path: Path, store: Front) -> User:
    """Return a user with a small monorepo."""
    folder = tmp_path / "monorepo"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    environ = {
        "OKPLUG_REGISTRY": store.host,
        "OKPLUG_BUILDER": "embedded",
        "OKPLUG_JOBS": "1",
    }
    return User("cindy", folder, tmp_path / "home", environ)


def layers(registry: Store, repository: str, name: str) -> bytes:
    """Return the layers of an image, one behind the other."""
    blobs = registry.document(repository, name)["layers"]
    assert all(blob["mediaType"].endswith(".tar") for blob in blobs)
    return b"".join(registry.blob(repository, each["digest"]) for each in blobs)


def crash(user: User, store: Front, killer: Killer) -> bool:
    """Run okplug until it is killed; False if it came to its end."""
    store.rule = killer.rule
    process = user.start("build")
    killer.watch(process)
    _, err = process.communicate(timeout=120)
    assert killer.has_killed == (process.returncode != 0), err
    store.rule = lambda _, forward: forward()
    return killer.has_killed


def assert_every_tag_finds_a_whole_image(store: Front) -> None:
    registry = Store(store.behind)
    for repository in ("okteto/base", "okteto/api", "cindy/base", "cindy/api"):
        for tag in registry.tags(repository):
            assert registry.missing(repository, tag) == [], f"{repository}:{tag}"


def assert_the_next_run_is_right(user: User, store: Front, text: str) -> None:
    registry = Store(store.behind)
    for address, image in user.build().items():
        name = address.removeprefix(":")
        for repository, tag in ((f"okteto/{name}", image["key"]), (f"cindy/{name}", "okteto")):
            assert registry.digest(repository, tag) == image["digest"]
            assert text.encode() in layers(registry, repository, tag)
    assert_every_tag_finds_a_whole_image(store)


def crash_everywhere(user: User, store: Front, *, is_after: bool, only_writes: bool) -> int:
    """Kill a run at the first request, the next one at the second, until none is left.

    Each run has other files, so that its keys are new.

    :returns: how many were killed.
    """
    number = 0
    while True:
        text = f"what run {number + 1} has\n"
        (user.folder / "data").write_text(text)
        killer = Killer(number + 1, is_after=is_after, only_writes=only_writes)
        is_killed = crash(user, store, killer)
        assert_every_tag_finds_a_whole_image(store)
        assert_the_next_run_is_right(user, store, text)
        if not is_killed:
            return number
        number += 1


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_run_that_is_killed_while_it_publishes_one_image(
    user: User, store: Front, *, is_after: bool
) -> None:
    (user.folder / "okteto.yaml").write_text(
        "build: {base: {context: ., dockerfile: base.Dockerfile}}\n"
    )
    assert crash_everywhere(user, store, is_after=is_after, only_writes=True) > 6


@pytest.mark.campaign
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_run_that_is_killed_at_any_request(user: User, store: Front, *, is_after: bool) -> None:
    assert crash_everywhere(user, store, is_after=is_after, only_writes=False) > 30
