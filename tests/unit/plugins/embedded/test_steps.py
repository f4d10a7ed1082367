"""What instructions leave in an image, and what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import BuildError
from okplug.testing.images import Node
from okplug_embedded.steps import _size

if TYPE_CHECKING:
    from tests.unit.plugins.embedded.conftest import Workshop

BASE = "base.example.com/base:1"


def test_a_working_directory_belongs_to_the_user(shop: Workshop) -> None:
    image = shop.build("FROM scratch\nCOPY etc /etc\nUSER shop\nWORKDIR /home/shop\n")
    assert image.tree()["home/shop"] == ("directory", 0o755, 1000, 2000, "")
    assert shop.control.warnings == []


def test_a_user_whom_the_image_does_not_know_owns_nothing(shop: Workshop) -> None:
    image = shop.build("FROM scratch\nCOPY etc /etc\nUSER nobody\nWORKDIR /home/nobody\n")
    assert image.tree()["home/nobody"] == ("directory", 0o755, 0, 0, "")
    (warning,) = shop.control.warnings
    assert warning.endswith(", so root owns what WORKDIR makes")
    assert "nobody" in warning


def test_what_is_no_file_is_not_copied(workshop: Workshop) -> None:
    images = {BASE: workshop.push("base", files={"dev/tape": Node("fifo", content="")})}
    with pytest.raises(BuildError, match="which the embedded builder does not copy"):
        workshop.build(f"FROM scratch\nCOPY --from={BASE} dev /dev\n", images=images)


def test_what_is_no_file_stays_in_a_base(workshop: Workshop) -> None:
    images = {BASE: workshop.push("base", files={"dev/tape": Node("fifo", content="")})}
    tree = workshop.build(f"FROM {BASE}\nENV A=1\n", images=images).tree()
    assert tree["dev/tape"].kind == "fifo"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (3 * 1024**2 // 2 + 1, "2 MiB"),
        (3 * 1024**3, "3 GiB"),
        (4000 * 1024**3, "4000 GiB"),
    ],
)
def test_sizes_as_people_read_them(size: int, expected: str) -> None:
    assert _size(size) == expected
