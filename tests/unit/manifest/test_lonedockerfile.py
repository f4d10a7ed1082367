"""The image of a Dockerfile without a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import UsageError
from okplug.manifest.lonedockerfile import find_context, lone_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with a Dockerfile."""
    folder = tmp_path / "src/My App_2"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def test_the_context_is_the_current_folder(app: Path, tmp_path: Path) -> None:
    image = lone_image(None, (), app, tmp_path)
    assert (image.context, image.dockerfile) == (app, app / "Dockerfile")
    assert image.address == "src/My App_2:my-app-2"
    assert image.location.path == app / "Dockerfile"
    assert not image.push


def test_the_context_is_a_word(app: Path, tmp_path: Path) -> None:
    assert lone_image(None, ("src/My App_2",), tmp_path, tmp_path).context == app
    assert lone_image(None, ("../My App_2/.",), app, tmp_path).context == app
    assert lone_image(None, (str(app),), tmp_path, tmp_path).context == app


def test_the_dockerfile_may_lie_anywhere(app: Path, tmp_path: Path) -> None:
    other = tmp_path / "build.Dockerfile"
    other.touch()
    image = lone_image(other, (), app, tmp_path)
    assert (image.context, image.dockerfile) == (app, other)


def test_the_root_and_what_is_outside_of_it_have_no_folder(app: Path, tmp_path: Path) -> None:
    assert lone_image(None, (), app, app).address == ":my-app-2"
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert lone_image(None, (str(app),), other, other).address == ":my-app-2"


@pytest.mark.parametrize(
    ("folder", "name"), [("shop", "shop"), ("Ünit", "nit"), ("-.x.-", "x"), ("ß", "image")]
)
def test_the_name_is_that_of_the_folder(tmp_path: Path, folder: str, name: str) -> None:
    context = tmp_path / folder
    context.mkdir()
    (context / "Dockerfile").touch()
    assert lone_image(None, (), context, tmp_path).name == name


def test_a_context_without_a_dockerfile(app: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        lone_image(None, ("src",), tmp_path, tmp_path)
    assert str(caught.value) == (
        "the context src has no Dockerfile\n  hint: write one, or name another: -f FILE"
    )
    assert app.is_dir()


def test_several_contexts(app: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a Dockerfile has one context, and 2 are given: a, b"):
        find_context(("a", "b"), tmp_path)
    assert app.is_dir()


@pytest.mark.parametrize(
    "text",
    ["-", "https://example.com/a.git", "git@example.com:a/b.git", "github.com/a/b", "git://a/b"],
)
def test_a_remote_context(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is not a folder of this machine") as caught:
        find_context((text,), tmp_path)
    assert "check it out" in caught.value.hint


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for text in ("nowhere", "file"):
        with pytest.raises(UsageError, match=f"the context {text} is no folder"):
            find_context((text,), tmp_path)
