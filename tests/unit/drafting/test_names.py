from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile import parse
from okplug.drafting.names import name_images, owning_folder, plain_name
from okplug.drafting.search import BuildFile
from okplug.manifest.imagenames import sanitise
from okplug.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Collection

DOCKERFILE = parse(b"FROM scratch\n", Path("/Dockerfile"))


def names(*relpaths: str, taken: Collection[str] = ()) -> dict[str, str]:
    """Return what the images of these files are called; ``FOLDER/[FLAVOUR]`` is a file."""
    files = []
    for relpath in relpaths:
        folder, _, flavour = relpath.rpartition("/")
        name = f"Dockerfile.{flavour}" if flavour else "Dockerfile"
        files.append(BuildFile(folder, name, flavour, DOCKERFILE))
    plain = {file.folder for file in files if not file.flavour}
    named = name_images(files, plain, taken, "shop")
    return dict(zip(relpaths, named.values(), strict=True))


@pytest.mark.parametrize(
    ("relpath", "name"),
    [
        ("services/api/", "api"),
        ("", "shop"),
        ("My_App/", "my-app"),
        ("services/api/docker/", "api"),
        ("api/.docker/build/", "api"),
        ("docker/", "shop"),
        ("docker/api", "api"),
        ("worker", "worker"),
        ("services/api/dev", "api-dev"),
        ("prod", "shop-prod"),
        ("docker/prod", "shop-prod"),
        ("services/api/worker", "worker"),
    ],
)
def test_an_image_is_called_like_its_folder_or_its_flavour(relpath: str, name: str) -> None:
    assert names(relpath) == {relpath: name}


def test_beside_a_plain_dockerfile_flavours_have_the_folder_in_front() -> None:
    assert list(names("api/", "api/dev", "api/worker").values()) == ["api", "api-dev", "api-worker"]


def test_at_the_root_they_do_not_since_its_name_tells_nothing() -> None:
    assert list(names("", "worker", "dev").values()) == ["shop", "worker", "shop-dev"]


def test_two_of_one_name_get_more_of_their_folders() -> None:
    assert names("a/api/", "b/api/", "web/") == {
        "a/api/": "a-api",
        "b/api/": "b-api",
        "web/": "web",
    }


def test_folders_are_added_until_names_differ() -> None:
    assert list(names("x/a/api/", "y/a/api/").values()) == ["x-a-api", "y-a-api"]


def test_a_number_tells_apart_what_no_folder_does() -> None:
    files = [
        BuildFile("api", "Containerfile", "", DOCKERFILE),
        BuildFile("api", "Dockerfile", "", DOCKERFILE),
    ]
    assert list(name_images(files, {"api"}, (), "shop").values()) == ["api", "api-2"]


def test_a_name_that_is_taken_is_not_given_again() -> None:
    assert names("services/api/", taken={"api"}) == {"services/api/": "services-api"}
    assert names("api/", taken={"api", "api-2"}) == {"api/": "api-3"}


def test_the_folder_that_a_dockerfile_is_about() -> None:
    assert owning_folder("a/docker/build") == "a"
    assert owning_folder("docker") == ""
    assert owning_folder("docker/a") == "docker/a"


@given(st.text())
def test_any_text_becomes_a_name_that_manifests_and_registries_take(text: str) -> None:
    name = plain_name(text)
    assert sanitise(name) == name
    assert str(Reference.parse(f"example.com/{name}")) == f"example.com/{name}"


@given(st.lists(st.from_regex(r"([ab]/){0,3}[ab]?", fullmatch=True), unique=True, max_size=8))
def test_names_are_never_given_twice(relpaths: list[str]) -> None:
    given_names = names(*relpaths, taken={"a"})
    assert len({*given_names.values(), "a"}) == len(relpaths) + 1
