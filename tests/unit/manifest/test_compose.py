"""Compose files, read to images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from okplug.errors import ManifestError
from okplug.manifest.compose import Surroundings, read_compose

if TYPE_CHECKING:
    from okplug.manifest.model import Manifest
    from tests.unit.manifest.composefolder import Folder


def test_services_with_a_build_section_are_images(shop: Folder) -> None:
    images = shop.images("""
        name: shop
        services:
          web:
            build: .
            ports: ["80:80"]
          api:
            build:
              context: ./api
              dockerfile: dev.Dockerfile
          db:
            image: postgres:16
          nothing:
        """)
    assert list(images) == ["web", "api"]
    assert images["web"].address == ":web"
    assert images["web"].context == shop.root
    assert images["api"].context == shop.root / "api"
    assert images["api"].dockerfile == shop.root / "api/dev.Dockerfile"
    assert str(images["api"].location) == f"{shop.root}/compose.yaml:7:3"


@pytest.mark.parametrize(
    "text", ["# nothing\n", "services:\n", "services: {}\n", "flags: {x: [build]}\n", "build: x\n"]
)
def test_a_file_without_services_has_no_image(shop: Folder, text: str) -> None:
    assert shop.images(text) == {}


def test_a_file_that_builds_nothing_is_not_even_parsed(shop: Folder) -> None:
    assert shop.images("services: {{ template }}\n") == {}


@pytest.mark.parametrize("build", ["build:", "build: null", "image: x"])
def test_a_build_section_of_nothing_is_none(shop: Folder, build: str) -> None:
    assert shop.images(f"services:\n  web:\n    {build}\n  build: {{image: x}}\n") == {}


def test_the_context_is_the_files_folder_if_none_is_named(shop: Folder) -> None:
    assert shop.build("dockerfile: api/Dockerfile").dockerfile == shop.root / "api/Dockerfile"
    assert shop.image("services: {web: {build: {}}}").context == shop.root


def test_profiles_do_not_matter(shop: Folder) -> None:
    assert shop.image("services: {web: {build: ., profiles: [debug]}}").name == "web"


def test_the_images_of_a_file_below_okteto_belong_to_the_folder_around_it(shop: Folder) -> None:
    shop.write(api___okteto__compose="services: {web: {build: ..}}")
    (shop.root / "api/_okteto").rename(shop.root / "api/.okteto")
    around = Surroundings(shop.root, {})
    (image,) = read_compose(shop.root / "api/.okteto/compose.yaml", around).images
    assert image.address == "api:web"
    assert image.context == shop.root / "api"


def test_names_are_sanitised_with_a_warning(shop: Folder) -> None:
    text = "services:\n  My_Web: {build: .}\n  Db_1: {image: x}\n"
    assert shop.warnings(text) == "compose.yaml:2:3: the image 'My_Web' is called 'my-web'"
    assert [image.name for image in shop.read().images] == ["my-web"]


def test_two_services_of_one_name(shop: Folder) -> None:
    assert shop.error("services:\n  my_web: {build: .}\n  my-web: {build: .}\n") == (
        "compose.yaml:3:3: the images 'my_web' and 'my-web' are both called 'my-web'; "
        "the other one is in line 2, column 3\n"
        "  hint: rename one; names are lower case, with - for blanks and _"
    )


def test_variables_that_are_not_set_are_told_once(shop: Folder) -> None:
    text = """\
        services:
          web: {build: {context: "./$DIR", args: {A: "$A", B: "${B:-b}", C: $$C}}}
          api: {build: "$DIR", image: "x:$TAG"}
          db: {image: "postgres:$NEVER", command: $1}
        """
    assert shop.warnings(text) == "compose.yaml: DIR, A, TAG are not set and count as empty"
    images = {image.name: image for image in shop.read().images}
    assert [(a.name, a.value) for a in images["web"].args] == [("A", ""), ("B", "b"), ("C", "$C")]
    assert images["api"].context == shop.root


def test_the_variable_of_another_image_is_its_value(shop: Folder) -> None:
    image = shop.build("args: {BASE: '${OKTETO_BUILD_BASE_IMAGE}'}")
    assert image.args[0].value == "${OKTETO_BUILD_BASE_IMAGE}"


FULL = """\
name: shop
x-app: &app
  build: &build {context: api, args: [A=1, B], labels: {a: b}}
services:
  web:
    <<: *app
    image: ${REGISTRY-shop}/web:$TAG
    depends_on: {api: {condition: service_started}, db: }
  api:
    build:
      <<: *build
      additional_contexts: ["lib=service:lib", "src=./lib"]
      secrets: [token, {source: key, target: k}]
      ssh: {default: }
      cache_to: [type=inline]
    platform: linux/amd64
  lib:
    extends: {service: web}
    build: {target: !reset null, tags: [x/y, okteto.dev/z]}
  db: {image: postgres}
secrets:
  token: {environment: TOKEN}
  key: {file: ./key}
"""

mutations = st.lists(
    st.tuples(
        st.integers(0, len(FULL)),
        st.integers(0, 12),
        st.sampled_from(["", " ", "\n", ":", "- ", "[", "{", "}", "'", "*app", "&build ", "null"])
        | st.sampled_from(["<<: ", "$", "${", "${X?}", "~", "!reset ", "!override ", "!x ", "web"])
        | st.sampled_from(
            ["include: [compose.yaml]\n", "extends: api", "service:", "build", "=", "/"]
        )
        | st.text(max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def test_the_whole_of_it(shop: Folder) -> None:
    manifest = shop.read(FULL)
    assert [image.name for image in manifest.images] == ["web", "api", "lib"]
    assert [image.aliases for image in manifest.images] == [("shop/web:",), (), ("x/y",)]


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the workspace is only read
)
@given(mutations)
def test_any_change_of_a_file_is_a_manifest_or_a_located_error(
    shop: Folder, changes: list[tuple[int, int, str]]
) -> None:
    text = FULL
    for start, length, replacement in changes:
        text = text[:start] + replacement + text[start + length :]
    (shop.root / "compose.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome: Manifest | ManifestError
    try:
        outcome = shop.read()
    except ManifestError as error:
        outcome = error
    if isinstance(outcome, ManifestError):
        assert outcome.location is not None
        assert outcome.location.path == shop.root / "compose.yaml"
        assert "\n" not in outcome.message
        assert not outcome.message.endswith(".")
    else:
        assert all(image.context.is_absolute() for image in outcome.images)
