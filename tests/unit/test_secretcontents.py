"""What the secrets of an image hold is masked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import Location
from okplug.manifest.model import Image, Secret
from okplug.masking import LARGEST
from okplug.secretcontents import mask_secrets

if TYPE_CHECKING:
    from okplug.testing import Workspace

PLACE = Location(Path("/shop/okteto.yaml"), 1, 1)


def image(*secrets: tuple[str, str]) -> Image:
    made = tuple(Secret(f"s{n}", kind, source, PLACE) for n, (kind, source) in enumerate(secrets))
    return Image("api", "", PLACE, Path("/shop"), Path("/shop/Dockerfile"), secrets=made)


def test_files_and_variables(workspace: Workspace) -> None:
    workspace.write({"s": "battery\nstaple\n"})
    workspace.environ["TOKEN"] = "opensesame"
    config = workspace.config()
    mask_secrets(image(("file", str(workspace.root / "s")), ("env", "TOKEN")), config)
    assert config.masks.output("battery, staple, opensesame") == "***, ***, ***"


def test_what_is_not_there_is_for_the_builder_to_say(workspace: Workspace) -> None:
    config = workspace.config()
    mask_secrets(
        image(("file", "/nowhere"), ("env", "NOBODY"), ("file", str(workspace.root))), config
    )
    assert not config.masks


def test_a_variable_that_is_no_text(workspace: Workspace) -> None:
    workspace.environ["TOKEN"] = "key\udcffword"
    config = workspace.config()
    mask_secrets(image(("env", "TOKEN")), config)
    assert config.masks.output("word") == "***"


def test_of_a_large_file_the_beginning_is_read(workspace: Workspace) -> None:
    workspace.write({"s": b"beginning\n" + b"\0" * LARGEST + b"\nthe end\n"})
    config = workspace.config()
    mask_secrets(image(("file", str(workspace.root / "s"))), config)
    assert config.masks.output("beginning, the end") == "***, the end"
