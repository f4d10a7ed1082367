"""Records in a registry: kept once, and the nearest found among those of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.backends import Artifact
from okplug.errors import Location, RegistryError
from okplug.keys import KeyItem, KeyRecord
from okplug.manifest.model import Image
from okplug.naming import Naming
from okplug.recordartifact import publish_record, without_files
from okplug.records import RecordPublisher, RecordSearch, compare, is_key
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.testing import Workspace

SHARED = Reference("registry.test", "okteto/api")
NAMING = Naming("registry.test", "cindy", "okteto")


def key(number: int) -> str:
    return f"{number:032x}"


def record(number: int, **files: str) -> KeyRecord:
    """Return a record whose files are told apart by their text."""
    items = [KeyItem("file", name, f"file {text}") for name, text in files.items()]
    whole = KeyItem("files", "", ",".join(item.value for item in items))
    return KeyRecord(key(number), "r" * 64, (whole, *items))


MINE = record(0, a="1", b="1", c="1")


@pytest.fixture
def image() -> Image:
    """Return an image of a manifest."""
    manifest = Path("/shop/okteto.yaml")
    return Image("api", "", Location(manifest, 2, 3), manifest.parent, manifest)


@dataclass
class Team:
    """A registry with what others built."""

    registry: FakeRegistry = field(default_factory=FakeRegistry)

    def __post_init__(self) -> None:
        self.search = RecordSearch(NAMING, self.registry)

    def build(self, made: KeyRecord | None, number: int = 0, *, own: bool = False) -> Artifact:
        """Build an image of a record, or one without."""
        tag = made.key if made else key(number)
        descriptor = push_image(self.registry, SHARED.with_tag(tag), files={"key": tag})
        artifact = Artifact(SHARED.with_digest(descriptor.digest), descriptor)
        if made:
            publish_record(self.registry, artifact, ":api", made)
        if own:
            self.registry.tag(artifact.reference, Reference("registry.test", "cindy/api", "okteto"))
        return artifact


@pytest.fixture
def team() -> Team:
    return Team()


# ------------------------------------------------------------------------------------------ finding


def test_nobody_built_it_and_no_file_is_listed(team: Team, image: Image) -> None:
    near = team.search.nearest(image, MINE.key, lambda: pytest.fail("nothing compares"), 10)
    assert (near.record, near.changes, near.compared, near.known) == (None, (), 0, 0)
    assert team.registry.calls["resolve"] == 0


def test_the_one_that_differs_least(team: Team, image: Image) -> None:
    far = record(1, a="2", b="2", c="1")
    close = record(2, a="1", b="1", c="2")
    for made in (far, close):
        team.build(made)
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert near.record is not None
    assert near.record.key == close.key
    assert [str(change) for change in near.changes] == ["c changed"]
    assert near.reference == f"registry.test/okteto/api:{close.key}"
    assert (near.compared, near.known) == (2, 2)


def test_equal_keys_say_nothing(team: Team, image: Image) -> None:
    team.build(MINE)
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert (near.record, near.compared, near.known) == (None, 0, 1)


def test_the_user_s_own_counts_before_others(team: Team, image: Image) -> None:
    team.build(record(1, a="1", b="1", c="2"))
    team.build(record(2, a="1", b="1", c="3"), own=True)
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert near.record is not None
    assert near.record.key == key(2)


@pytest.mark.parametrize("some", [True, False])
def test_no_more_than_what_is_allowed(team: Team, image: Image, *, some: bool) -> None:
    for number in range(1, 7):
        team.build(record(number, a=str(number)), own=number == 6)
    team.registry.calls.clear()
    near = team.search.nearest(image, MINE.key, lambda: MINE, 3, some=some)
    assert near.compared == (4 if some else 1)
    assert near.known == 6
    assert team.registry.calls["open_blob"] == near.compared


def test_tags_that_are_no_keys_are_not_compared(team: Team, image: Image) -> None:
    descriptor = push_image(team.registry, SHARED.with_tag("latest"), files={"a": "1"})
    publish_record(
        team.registry, Artifact(SHARED.with_digest(descriptor.digest), descriptor), ":api", MINE
    )
    assert team.search.nearest(image, MINE.key, lambda: MINE, 10).known == 0


def test_images_without_or_with_damaged_records(team: Team, image: Image) -> None:
    team.build(None, number=1)
    broken = team.build(record(2, a="2"))
    (listed,) = team.registry.referrers(broken.reference)
    team.registry.repository(SHARED).blobs[listed.digest] += b" "
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert (near.record, near.known) == (None, 2)
    team.build(record(3, a="3"))
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert (near.compared, near.known) == (1, 3)


def test_a_registry_that_cannot_be_asked(team: Team, image: Image) -> None:
    team.build(record(1, a="2"))
    team.registry.failures["tags"] = RegistryError("down")
    with pytest.raises(RegistryError, match="down"):
        team.search.nearest(image, MINE.key, lambda: MINE, 10)


def test_of_one_key(team: Team, image: Image) -> None:
    made = record(1, a="1")
    team.build(made)
    found = team.search.of_key(image, made.key)
    assert found is not None
    assert found.key == made.key
    assert team.search.of_key(image, key(5)) is None


def test_a_record_of_another_key_is_not_believed(team: Team, image: Image) -> None:
    artifact = team.build(None, number=1)
    publish_record(team.registry, artifact, ":api", record(2, a="1"))
    assert team.search.of_key(image, key(1)) is None


def test_files_that_are_not_listed_count_as_far(team: Team, image: Image) -> None:
    team.build(without_files(record(1, a="1", b="1", c="2")))
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert [str(change) for change in near.changes] == ["files changed"]
    team.build(record(2, a="2", b="2", c="2"))
    near = team.search.nearest(image, MINE.key, lambda: MINE, 10)
    assert len(near.changes) == 3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": "1"}, {"a": "2", "b": "1"}, ["a changed", "b added"]),
        ({}, {"a": "1"}, ["a added"]),
        ({"a": "1"}, {"a": "1"}, []),
    ],
)
def test_listed_files_are_compared(
    old: Mapping[str, str], new: Mapping[str, str], expected: list[str]
) -> None:
    assert [str(change) for change in compare(record(1, **old), record(2, **new))] == expected


def test_unlisted_files_are_compared_as_a_whole() -> None:
    old = without_files(record(1, a="1", b="1"))
    assert [str(change) for change in compare(old, record(2, a="2", b="1"))] == ["files changed"]
    assert compare(old, record(2, a="1", b="1")) == ()


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("0" * 32, True),
        ("0123456789abcdef" * 2, True),
        ("A" * 32, False),
        ("0" * 31, False),
        ("g" * 32, False),
        ("\u0660" * 32, False),
        ("okteto", False),
    ],
)
def test_what_can_be_a_key(tag: str, *, expected: bool) -> None:
    assert is_key(tag) == expected


# ------------------------------------------------------------------------------------------ keeping


def test_a_record_is_kept(workspace: Workspace, team: Team) -> None:
    publisher = RecordPublisher(workspace.config(), team.registry)
    artifact = team.build(None, number=1)
    publisher.publish(artifact, ":api", MINE)
    assert len(team.registry.referrers(artifact.reference)) == 1


def test_it_can_be_turned_off(workspace: Workspace, team: Team) -> None:
    config = workspace.config(settings={"publish_records": "false"})
    artifact = team.build(None, number=1)
    writes = team.registry.writes
    RecordPublisher(config, team.registry).publish(artifact, ":api", MINE)
    assert team.registry.writes == writes


def test_after_one_refusal_no_other_is_tried(workspace: Workspace, team: Team) -> None:
    config = workspace.config()
    warnings: list[str] = []
    config.warn = lambda message, *_: warnings.append(message)  # type: ignore[method-assign]  # to see them
    publisher = RecordPublisher(config, team.registry)
    artifact = team.build(None, number=1)
    team.registry.failures["write_manifest"] = RegistryError("not allowed", hint="ask")
    calls = team.registry.calls["write_manifest"]
    for _ in range(3):
        publisher.publish(artifact, ":api", MINE)
    assert team.registry.calls["write_manifest"] == calls + 1
    (warning,) = warnings
    assert warning == (
        "others cannot see what your images are made of, with okplug why: not allowed "
        "(-o publish_records=false does without)"
    )
