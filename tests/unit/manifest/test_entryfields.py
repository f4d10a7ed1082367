from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import ManifestError
from okplug.manifest.decode import Field, fields
from okplug.manifest.entryfields import EntryFields, known_fields
from okplug.manifest.yamlnodes import compose


def read(text: str, file: str = "okteto.yaml") -> dict[str, Field]:
    node = compose(text.encode(), Path("/shop", file))
    assert node is not None
    return known_fields(fields(node, "x"), "x")


def made(*places: tuple[str, str]) -> EntryFields:
    entry = EntryFields("build.api")
    for owner, text in places:
        entry.add(owner, read(text, f"{owner}.yaml"))
    return entry


def test_the_first_place_counts_and_all_are_known() -> None:
    entry = made(("one", "{target: a}"), ("two", "{target: b, image: c}"))
    assert [given.owner for given in entry.all("target")] == ["one", "two"]
    assert [given.owner for given in entry.first("target")] == ["one"]
    assert [given.owner for given in entry.first("image")] == ["two"]
    assert entry.first("network") == ()
    assert {key: place.path.name for key, place in entry.places().items()} == {
        "target": "one.yaml",
        "image": "two.yaml",
    }


def test_what_is_null_is_not_written() -> None:
    entry = made(("one", "{target: ~}"), ("two", "{target: b}"))
    assert [given.owner for given in entry.first("target")] == ["two"]


def test_the_subject_of_a_key_is_where_it_counts() -> None:
    entry = made(("one", "{target: a}"))
    assert entry.subject("target") == "one.target"
    assert entry.subject("image") == "build.api.image"


@pytest.mark.parametrize("text", ["{dockerfile: a}", "{dockerfile_inline: a}"])
def test_keys_that_exclude_each_other_count_from_one_place(text: str) -> None:
    entry = made(("one", text), ("two", "{dockerfile: b, target: c}"))
    assert [given.owner for key in entry.places() for given in entry.all(key)] == ["one", "two"]


def test_a_null_excludes_nothing() -> None:
    assert "dockerfile" in made(("one", "{dockerfile: a, dockerfile_inline: }")).places()


def test_another_name_of_a_key_is_that_key() -> None:
    assert list(read("{additional_contexts: {a: b}}")) == ["contexts"]
    with pytest.raises(ManifestError, match="additional_contexts and contexts of x mean the same"):
        read("{additional_contexts: {a: b}, contexts: {a: b}}")
