"""The names that images get."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from okplug.errors import Location, ManifestError, UsageError
from okplug.manifest.model import Image
from okplug.naming import ImageNames, Naming, is_alias

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


@pytest.mark.parametrize(
    ("host", "namespace", "shared", "names"),
    [
        ("h.example:5000", "cindy", "okteto", ("cindy/api:okteto", "okteto/api:k", "cindy/x:1")),
        (
            "h.example",
            "team/cindy",
            "team/all",
            ("team/cindy/api:okteto", "team/all/api:k", "team/cindy/x:1"),
        ),
        ("h.example", "", "okteto", ("api:okteto", "okteto/api:k", "x:1")),
        ("h.example", "", "", ("api:okteto", "api:k", "x:1")),
    ],
)
def test_namespaces_may_be_nested_or_empty(
    host: str, namespace: str, shared: str, names: tuple[str, str, str]
) -> None:
    naming = Naming(host, namespace, shared)
    own, key, alias = (f"{host}/{name}" for name in names)
    assert (str(naming.personal(image())[0]), str(naming.shared(image(), "k"))) == (own, key)
    assert str(naming.parse("okteto.dev/x:1")) == alias
    assert naming.parse(own) == naming.personal(image())[0]
    assert ImageNames(naming, [image()]).find(own) == "services/api:api"


def test_the_users_own_repository_does_not_follow_the_manifest() -> None:
    assert (
        str(NAMING.own(image(reference="ghcr.io/shop/web:2"))) == "registry.example.com/cindy/api"
    )
    assert str(NAMING.own(image(), "09f8e")) == "registry.example.com/cindy/api:09f8e"


@pytest.mark.parametrize(
    ("text", "cache"),
    [
        ("okteto.dev/c:1", "registry.example.com/cindy/c:1"),
        (
            "type=registry,ref=okteto.global/c,mode=max",
            "type=registry,ref=registry.example.com/okteto/c,mode=max",
        ),
        ("ref=okteto.dev/c", "ref=registry.example.com/cindy/c"),
        ("type=local,dest=okteto.dev/c", "type=local,dest=okteto.dev/c"),
        ("ghcr.io/okteto.dev/c", "ghcr.io/okteto.dev/c"),
        ("okteto.development/c", "okteto.development/c"),
    ],
)
def test_aliases_in_the_names_of_caches(text: str, cache: str) -> None:
    found = NAMING.with_plain_caches(
        dataclasses.replace(image(), cache_from=(text,), export_cache=(text, "inline"))
    )
    assert found.cache_from == (cache,)
    assert found.export_cache == (cache, "inline")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("okteto.dev/a", True),
        ("okteto.global/a:1", True),
        ("okteto.development/a", False),
        ("a", False),
    ],
)
def test_what_is_an_alias(text: str, *, expected: bool) -> None:
    assert is_alias(text) is expected


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


def known_as(*aliases: str, name: str = "base") -> Image:
    return dataclasses.replace(image(name, "images"), aliases=aliases)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("acme/base", "images:base"),
        ("acme/base:latest", "images:base"),
        ("docker.io/acme/base", "images:base"),
        ("acme/base:2", None),
        ("other/base", None),
    ],
)
def test_a_dockerfile_may_know_an_image_by_an_alias(text: str, address: str | None) -> None:
    assert ImageNames(NAMING, [known_as("acme/base")]).find(text) == address


def test_an_alias_is_no_name_that_the_image_gets() -> None:
    assert [str(one) for one in NAMING.personal(known_as("acme/base"))] == [
        "registry.example.com/cindy/base:okteto"
    ]


def test_a_name_counts_more_than_an_alias() -> None:
    named = image("web", reference="acme/base:1")
    assert ImageNames(NAMING, [known_as("acme/base:1"), named]).find("acme/base:1") == (
        "services/api:web"
    )


def test_an_alias_that_is_no_reference_names_nothing() -> None:
    assert ImageNames(NAMING, [known_as("Not A Name")]).find("Not A Name") is None


def test_an_alias_of_two_images_is_refused_where_it_is_used() -> None:
    names = ImageNames(NAMING, [known_as("acme/x"), known_as("acme/x", name="other")])
    assert names.find("acme/y") is None
    with pytest.raises(ManifestError) as caught:
        names.find("acme/x")
    assert str(caught.value) == (
        "/shop/images/okteto.yaml:2:3: docker.io/acme/x:latest, which a Dockerfile uses, may be "
        "any of images:base, images:other\n  hint: give each of them an image: of its own"
    )


def test_further_tags_come_after_the_image_s_own_name() -> None:
    tagged = dataclasses.replace(image(), tags=("okteto.dev/api:1", "ghcr.io/shop/api"))
    assert [str(one) for one in NAMING.personal(tagged)] == [
        "registry.example.com/cindy/api:okteto",
        "registry.example.com/cindy/api:1",
        "ghcr.io/shop/api:latest",
    ]


def test_a_tag_that_is_the_image_s_name_counts_once() -> None:
    tagged = dataclasses.replace(image(reference="okteto.dev/web:1"), tags=("okteto.dev/web:1",))
    assert [str(one) for one in NAMING.names(tagged)] == ["registry.example.com/cindy/web:1"]


def test_a_tag_that_is_no_reference_is_an_error_at_its_place() -> None:
    place = Location(Path("/shop/okteto.yaml"), 9, 5)
    tagged = dataclasses.replace(image(), tags=("Not A Name",), places={"tags": place})
    with pytest.raises(ManifestError) as caught:
        NAMING.personal(tagged)
    assert caught.value.location == place


def test_an_image_that_is_not_pushed_has_names_and_none_of_them_is_set() -> None:
    kept = dataclasses.replace(image(), push=False)
    assert NAMING.personal(kept) == ()
    assert [str(one) for one in NAMING.names(kept)] == ["registry.example.com/cindy/api:okteto"]


def test_dockerfiles_may_name_an_image_that_is_not_pushed_and_one_by_its_tags() -> None:
    kept = dataclasses.replace(image("base"), push=False)
    tagged = dataclasses.replace(image("api"), tags=("acme/api:2",))
    names = ImageNames(NAMING, [kept, tagged])
    assert names.find("okteto.dev/base:okteto") == kept.address
    assert names.find("acme/api:2") == tagged.address


@pytest.mark.parametrize("key", ["reference", "tags"])
def test_a_digest_is_no_name_that_can_be_given(key: str) -> None:
    text = f"okteto.dev/api@sha256:{'1' * 64}"
    given = {"reference": text} if key == "reference" else {"tags": (text,)}
    with pytest.raises(ManifestError, match="a digest cannot be chosen"):
        NAMING.personal(dataclasses.replace(image(), **given))
