from __future__ import annotations

from pathlib import Path

import pytest

from okplug.messages import shorten_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/src/shop/okteto.yaml:3: wrong", "okteto.yaml:3: wrong"),
        ("see /src/shop/a and '/src/shop/b'", "see a and 'b'"),
        ("/src/shop2/okteto.yaml", "/src/shop2/okteto.yaml"),
        ("/usr/src/shop/okteto.yaml", "/usr/src/shop/okteto.yaml"),
        ("the folder /src/shop", "the folder /src/shop"),
        ("nothing", "nothing"),
    ],
)
def test_paths_below_the_folder_are_relative(text: str, shown: str) -> None:
    assert shorten_paths(text, Path("/src/shop")) == shown


def test_from_the_top_of_the_file_system_paths_stay_absolute() -> None:
    assert shorten_paths("/etc/passwd: wrong", Path("/")) == "/etc/passwd: wrong"


def test_a_folder_s_name_is_no_pattern() -> None:
    assert shorten_paths("/a+b/x /aab/x", Path("/a+b")) == "x /aab/x"
