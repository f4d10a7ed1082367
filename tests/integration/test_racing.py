"""A hundred builds on BuildKit while files are edited: every key in the registry is what its image is."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest

from okplug.backends import Descriptor
from okplug.testing import ImageView, make_workspace
from tests.integration.registries import serve
from tests.integration.team import Store, User
from tests.racing import DOCKERFILES, Editor, Image, write_group, wrong_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import BuildKit

_KEY = re.compile(r"[0-9a-f]{32}")
_GROUPS = ("g0", "g1", "g2", "g3")
#: twice at once, and with three images in each group, more than a hundred builds
_RUNS = 5
#: where a machine is so busy that most builds see their files change twice, there are more runs
_MOST_RUNS = 20
_ENOUGH = 20


def stored_images(store: Store) -> Iterator[Image]:
    """Yield what is found under keys."""
    for group in _GROUPS:
        for name in DOCKERFILES:
            repository = f"okteto/{group}/{name}"
            for tag in filter(_KEY.fullmatch, store.tags(repository)):
                view = pull(store, repository, tag)
                yield Image(name, tag, view.config["config"]["Labels"], view.tree())


def pull(store: Store, repository: str, tag: str) -> ImageView:
    """Return an image as any client gets it."""
    manifest = store.document(repository, tag)
    layers = [
        gzip.decompress(store.blob(repository, each["digest"])) for each in manifest["layers"]
    ]
    config = json.loads(store.blob(repository, manifest["config"]["digest"]))
    descriptor = Descriptor(manifest["mediaType"], store.digest(repository, tag), 0)
    return ImageView(descriptor, manifest, config, tuple(layers))


def run_twice(user: User) -> list[tuple[int, str]]:
    """Build in two processes at once, and return their exit codes and what they said."""
    with user.start("build") as one, user.start("build") as other:
        try:
            texts = [process.communicate(timeout=240)[1] for process in (one, other)]
        finally:
            for process in (one, other):
                process.kill()
    return [(one.returncode, texts[0]), (other.returncode, texts[1])]


@pytest.mark.parametrize(
    "seed", ["0", *(pytest.param(str(n), marks=pytest.mark.campaign) for n in range(1, 11))]
)
def test_files_that_are_edited_during_a_hundred_builds(
    buildkit: BuildKit, tmp_path: Path, seed: str
) -> None:
    """Two runs of a user go on at once, with one index and one history."""
    folder = tmp_path / "monorepo"
    for group in _GROUPS:
        write_group(folder / group)
    (folder / "okplug.toml").write_text('names = "{folder}/{name}"\n')
    (tmp_path / "registry").mkdir()
    (tmp_path / "clean").mkdir()
    with serve(tmp_path / "registry") as server:
        environ = {"OKPLUG_REGISTRY": server.host, "OKPLUG_BUILDER": buildkit.address}
        user = User("cindy", folder, tmp_path / "home", environ)
        groups = [folder / group for group in _GROUPS]
        runs: list[tuple[int, str]] = []
        images: list[Image] = []
        with Editor(groups, tmp_path / "spare", seed, (0, 0.01, 0.05, 0.2)) as editor:
            for number in range(_MOST_RUNS):
                if number >= _RUNS and len(images) > _ENOUGH:
                    break
                runs += run_twice(user)
                images = list(stored_images(Store(server.host)))
    said = "\n".join(text for _, text in runs)
    assert wrong_keys(make_workspace(tmp_path / "clean"), images) == []
    assert {code for code, _ in runs} <= {0, 1}, said
    assert len(images) > _ENOUGH, f"{editor.changes} changes\n{said}"
    assert "the file changed while it was in use" in said
    assert "internal error" not in said
