from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import ManifestError
from okplug.manifest.entrynames import EntryNames
from okplug.manifest.yamlnodes import ScalarNode


def key(text: str, line: int = 2) -> ScalarNode:
    return ScalarNode(Path("okteto.yaml"), line, 3, text, is_plain=True, shift=0)


def test_a_name_is_sanitised_and_that_is_told() -> None:
    names = EntryNames()
    assert [names.add(key("api")), names.add(key("My_Web"))] == ["api", "my-web"]
    assert names.warnings == ["okteto.yaml:2:3: the image 'My_Web' is called 'my-web'"]
    assert "my-web" in names
    assert "My_Web" not in names


def test_a_name_is_given_once() -> None:
    names = EntryNames()
    names.add(key("a_b"))
    with pytest.raises(ManifestError) as caught:
        names.add(key("A-B", 7))
    assert str(caught.value) == (
        "okteto.yaml:7:3: the images 'a_b' and 'A-B' are both called 'a-b'; the other one is in "
        "line 2, column 3\n  hint: rename one; names are lower case, with - for blanks and _"
    )


@pytest.mark.parametrize("text", ["", "-x", "a/b", "a:b", "_"])
def test_what_can_be_no_name(text: str) -> None:
    with pytest.raises(ManifestError, match="cannot be the name of an image"):
        EntryNames().add(key(text))
