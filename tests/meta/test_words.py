"""The project speaks of itself, in the same words everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.meta.conftest import Source

MARKERS = re.compile(r"\b(?:XXX|FIXME|HACK)\b")


@pytest.fixture(scope="module")
def texts(top: Path) -> dict[str, str]:
    """Every text file of the project but tests' data and the licence."""
    folders = ("okplug", "plugins", "tests", "docs", "bench", "example-monorepo")
    files = [path for folder in folders for path in (top / folder).rglob("*")]
    files += [path for path in top.iterdir() if path.suffix in {".md", ".toml", ".ini"}]
    kinds = {".py", ".md", ".toml", ".ini", ".yaml", ".yml", ""}
    return {
        path.relative_to(top).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in files
        if path.is_file() and path.suffix in kinds and path != Path(__file__)
    }


def test_the_path_of_a_checkout_is_nowhere_written_down(texts: dict[str, str], top: Path) -> None:
    found = [name for name, text in texts.items() if f"{top}/" in text]
    assert found == []


def test_nothing_is_left_for_later(texts: dict[str, str]) -> None:
    found = [name for name, text in texts.items() if MARKERS.search(text)]
    assert found == []


def test_an_exemption_from_a_rule_has_its_reason(
    core: list[Source], plugins: list[Source], tests: list[Source]
) -> None:
    without = [
        f"{source.relpath}:{number}"
        for source in [*core, *plugins, *tests]
        for number, line in enumerate(source.text.splitlines(), start=1)
        if re.search(r"#\s*(noqa|type: ignore)\b(?!.*\S (?: #|-) \w)", line)
    ]
    assert without == []


def test_the_licence_is_the_one_that_the_project_names(top: Path) -> None:
    project = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (top / "LICENSE").read_text(encoding="utf-8")
