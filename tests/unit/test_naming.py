"""The names that images get."""

from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import Location, ManifestError, UsageError
from okplug.manifest.model import Image
from okplug.naming import ImageNames, Naming

NAMING = Naming("registry.example.com", "cindy", "okteto")


def image(name: str = "api", folder: str = "services/api", reference: str = "") -> Image:
    manifest = Path("/shop", folder, "okteto.yaml")
    place = Location(manifest, 2, 3)
    places = {"image": Location(manifest, 4, 12)} if reference else {}
    return Image(name, folder, place, manifest.parent, manifest, reference=reference, places=places)


def personal(reference: str, naming: Naming = NAMING) -> list[str]:
    return [str(one) for one in naming.personal(image(reference=reference))]


def test_an_image_without_a_name_of_its_own_is_named_after_its_entry() -> None:
    assert personal("") == ["registry.example.com/cindy/api:okteto"]


def test_everybody_finds_the_key_in_the_shared_namespace() -> None:
    assert str(NAMING.shared(image(), "09f8e")) == "registry.example.com/okteto/api:09f8e"
    assert str(NAMING.shared(image())) == "registry.example.com/okteto/api"


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("okteto.dev/web:1", ["registry.example.com/cindy/web:1"]),
        ("okteto.global/web", ["registry.example.com/okteto/web:latest"]),
        ("ghcr.io/shop/web:2", ["ghcr.io/shop/web:2"]),
        ("web", ["docker.io/library/web:latest"]),
        ("okteto.development/x:1", ["okteto.development/x:1"]),
        (
            "okteto.dev/a:1, localhost:5000/b:2",
            ["registry.example.com/cindy/a:1", "localhost:5000/b:2"],
        ),
    ],
)
def test_the_image_key_of_a_manifest(reference: str, names: list[str]) -> None:
    assert personal(reference) == names


def test_what_is_no_reference_is_an_error_at_its_place() -> None:
    with pytest.raises(ManifestError) as caught:
        NAMING.personal(image(reference="Not A Name"))
    assert str(caught.value.location) == "/shop/services/api/okteto.yaml:4:12"


@pytest.mark.parametrize(
    ("template", "folder", "repository"),
    [
        ("{folder}/{name}", "services/api", "cindy/services/api/api"),
        ("{folder}/{name}", "", "cindy/api"),
        ("shop-{name}", "x", "cindy/shop-api"),
        ("{folder}/{name}", "My Team/v1.0_", "cindy/my-team/v1.0/api"),
        ("{folder}-{name}", "a--b", "cindy/a-b-api"),
    ],
)
def test_the_names_setting(template: str, folder: str, repository: str) -> None:
    naming = Naming("h.example", "cindy", "okteto", template)
    assert naming.personal(image(folder=folder))[0].repository == repository


@pytest.mark.parametrize("template", ["{who}", "{", "{0}"])
def test_a_wrong_names_setting_says_what_it_may_hold(template: str) -> None:
    with pytest.raises(UsageError, match="the setting names is wrong") as caught:
        Naming("h.example", "cindy", "okteto", template).personal(image())
    assert "{folder}/{name}" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("registry.example.com/cindy/api:okteto", "services/api:api"),
        ("okteto.dev/api:okteto", "services/api:api"),
        ("okteto.global/api", "services/api:api"),
        ("registry.example.com/okteto/api", "services/api:api"),
        ("okteto.dev/api", None),
        ("okteto.dev/api:other", None),
        ("okteto.global/api:09f8e", None),
        ("scratch", None),
        ("no reference at all", None),
    ],
)
def test_which_image_a_dockerfile_means(text: str, address: str | None) -> None:
    assert ImageNames(NAMING, [image()]).find(text) == address


def test_two_images_of_one_name_are_refused_with_both_places() -> None:
    one, two = image(folder="a"), image(folder="b", reference="okteto.dev/api:okteto")
    with pytest.raises(ManifestError) as caught:
        ImageNames(NAMING, [one, two])
    assert str(caught.value) == (
        "/shop/b/okteto.yaml:4:12: b:api and a:api would both be named "
        "registry.example.com/cindy/api:okteto; the other one is at /shop/a/okteto.yaml:2:3\n"
        '  hint: rename one, give it an image:, or set names = "{folder}/{name}"'
    )
