from __future__ import annotations

import pytest

from okplug.manifest.imagenames import sanitise, sanitise_wanted


@pytest.mark.parametrize(
    ("name", "expected"),
    [("api", "api"), ("My_Api", "my-api"), (" my api ", "my-api"), ("v1.2", "v1.2"), ("É", "é")],
)
def test_a_name_is_lower_case_with_dashes(name: str, expected: str) -> None:
    assert sanitise(name) == expected
    assert sanitise(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My_Api", "my-api"),
        ("My_Folder:My_Api", "My_Folder:my-api"),
        ("a/B_c:X", "a/B_c:x"),
        ("a/B_c", "a/B_c"),
        (":X", ":x"),
    ],
)
def test_a_folder_stays_as_it_is(text: str, expected: str) -> None:
    assert sanitise_wanted(text) == expected
