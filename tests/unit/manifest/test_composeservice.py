"""What services are called, and in which order they are built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.composefolder import Folder


@pytest.mark.parametrize(
    "image", ["registry.test/shop/web:1", "okteto.dev/web", "okteto.global/web:x"]
)
def test_a_name_in_the_users_registry_is_the_images(shop: Folder, image: str) -> None:
    found = shop.image(f"services: {{web: {{build: ., image: '{image}'}}}}")
    assert (found.reference, found.aliases) == (image, ())


@pytest.mark.parametrize("image", ["shop/web", "registry.testing/web", "ghcr.io/shop/web:1"])
def test_another_name_is_what_dockerfiles_may_call_it(shop: Folder, image: str) -> None:
    found = shop.image(f"services: {{web: {{build: ., image: '{image}'}}}}")
    assert (found.reference, found.aliases) == ("", (image,))


def test_tags_are_names_too(shop: Folder) -> None:
    found = shop.build("context: .\ntags: [okteto.dev/web:2, shop/web:2]")
    assert found.tags == ("okteto.dev/web:2",)
    assert found.aliases == ("shop/web:2",)


def test_the_name_of_another_image_is_none_of_this_one(shop: Folder) -> None:
    text = "services: {web: {build: ., image: '${OKTETO_BUILD_BASE_IMAGE}'}}"
    assert shop.image(text).aliases == ()


def test_services_that_share_a_build_share_its_name(shop: Folder) -> None:
    images = shop.images("""
        x-app: &app
          build: {context: ., args: {A: "1"}}
          image: shop/app
        services:
          web: {<<: *app, command: web}
          worker: {<<: *app, command: worker}
          cron:
            build: {context: ., args: [A=1]}
            image: shop/app
        """)
    assert [image.aliases for image in images.values()] == [("shop/app",), (), ()]
    images = shop.images("""
        services:
          web: {build: ., image: okteto.dev/app}
          worker: {build: ., image: okteto.dev/app}
        """)
    assert [image.reference for image in images.values()] == ["okteto.dev/app", ""]


def test_services_of_one_name_and_other_content_both_have_it(shop: Folder) -> None:
    images = shop.images("""
        services:
          web: {build: ., image: shop/app}
          api: {build: api, image: shop/app}
        """)
    assert [image.aliases for image in images.values()] == [("shop/app",), ("shop/app",)]


@pytest.mark.parametrize("wanted", ["[db, Api, web]", "{Api: {condition: service_started}, db: }"])
def test_services_that_are_built_come_after_those_that_they_depend_on(
    shop: Folder, wanted: str
) -> None:
    manifest = shop.read(f"""\
        services:
          web: {{build: ., depends_on: {wanted}}}
          Api: {{build: api}}
          db: {{image: postgres}}
        """)
    web, api = manifest.images
    assert [before.value for before in web.after] == [":api"]
    assert web.after[0].location.line == 2
    assert (web.depends_on, api.after) == ((), ())
