from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import Location
from okplug.manifest.model import Image, Located

PLACE = Location(Path("okteto.yml"), 2, 3)


def image(folder: str = "services/api", **places: Location) -> Image:
    """Return an image of which only the necessary is known."""
    context = Path("/w", folder)
    return Image("api", folder, PLACE, context, context / "Dockerfile", places=places)


@pytest.mark.parametrize(
    ("folder", "address"), [("services/api", "services/api:api"), ("", ":api")]
)
def test_an_address_is_folder_and_name(folder: str, address: str) -> None:
    assert image(folder).address == address


def test_the_place_of_a_key_is_that_of_the_image_where_it_is_not_written() -> None:
    target = Location(Path("okteto.yml"), 4, 5)
    assert image(target=target).place("target") == target
    assert image(target=target).place("image") == PLACE


def test_where_keys_are_written_does_not_make_images_differ() -> None:
    assert image(target=PLACE) == image()


def test_a_located_text_reads_as_the_text() -> None:
    assert f"{Located('base', PLACE)}" == "base"
