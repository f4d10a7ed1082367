from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.kinds import kind_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("okteto.yml", "okteto"),
        ("okteto.yaml", "okteto"),
        ("okteto-pipeline.yml", "okteto"),
        ("okteto-pipelines.yaml", "okteto"),
        ("okteto-stack.yml", "compose"),
        ("stack.yaml", "compose"),
        ("okteto-compose.yml", "compose"),
        ("compose.yaml", "compose"),
        ("docker-compose.yml", "compose"),
        ("docker-compose.dev.yml", "compose"),
        ("docker-compose-ci.yml", "compose"),
        ("compose.override.yaml", "compose"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"),
        ("prod.Dockerfile", "dockerfile"),
        ("Containerfile", "dockerfile"),
        ("web.containerfile", "dockerfile"),
    ],
)
def test_a_name_that_people_know_is_enough(tmp_path: Path, name: str, kind: str) -> None:
    assert kind_of(tmp_path / name) == kind  # there is no such file


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("prod.yml", "name: x\nservices:\n  web:\n    build: .\n", "compose"),
        ("prod.yml", "build:\n  api: .\n", "okteto"),
        ("prod.yml", "build:\n  api: .\nservices: {}\n", "okteto"),
        ("prod.yml", "x: |\n  services:\n", "okteto"),
        ("prod.yaml", "", "okteto"),
        ("Dockerfile.yml", "services : {}\n", "compose"),
        ("build", "FROM alpine\n", "dockerfile"),
        ("build", "# syntax=docker/dockerfile:1\nARG BASE\nFROM $BASE\n", "dockerfile"),
        ("build", "FROM alpine\nRUN <<E\nservices: x\nE\n", "dockerfile"),
        ("build", "", "dockerfile"),
        ("manifest", "services:\n  web: {build: .}\n", "compose"),
        ("manifest", "build:\n  from: .\n", "okteto"),
    ],
)
def test_else_the_content_tells(tmp_path: Path, name: str, text: str, kind: str) -> None:
    (tmp_path / name).write_text(text)
    assert kind_of(tmp_path / name) == kind


def test_a_file_that_must_be_read_and_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        kind_of(tmp_path / "prod.yml")
    assert str(caught.value) == (
        f"{tmp_path}/prod.yml: the file cannot be read: No such file or directory"
    )
