"""Files of values: what is written is read, and nothing else can be made of one."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import Location
from okplug.manifest.model import BuildArg, Image, Located
from okplug.valuefile import open_values, write_values

PLACE = Location(Path("/w/okteto.yaml"), 3, 5)
IMAGE = Image(
    "api",
    "services",
    PLACE,
    Path("/w/services"),
    Path("/w/services/Dockerfile"),
    args=(BuildArg("A", "1", PLACE),),
    depends_on=(Located("base", PLACE),),
    places={"image": PLACE},
)
HEAD = ("text", 7, None, {"image": IMAGE}, frozenset({"a"}), b"bytes")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with two parts."""
    write_values(tmp_path / "values", HEAD, {"one": [IMAGE], "two": "2"})
    return tmp_path / "values"


def test_what_is_written_is_read(path: Path) -> None:
    file = open_values(path)
    assert file is not None
    assert file.head == HEAD
    assert (file.part("one"), file.part("two")) == ([IMAGE], "2")
    with pytest.raises(KeyError):
        file.part("three")
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_value_that_is_in_several_places_stays_one(tmp_path: Path) -> None:
    write_values(tmp_path / "values", (IMAGE, [IMAGE]), {})
    file = open_values(tmp_path / "values")
    assert file is not None
    assert isinstance(file.head, tuple)
    assert file.head[0] is file.head[1][0]


def test_places_that_nobody_compares_are_kept(path: Path) -> None:
    file = open_values(path)
    assert file is not None
    images = file.part("one")
    assert isinstance(images, list)
    assert images[0].places == IMAGE.places


@given(st.data())
def test_a_damaged_file_is_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever byte is another, and wherever it breaks off."""
    path = tmp_path_factory.mktemp("values") / "values"
    write_values(path, HEAD, {"one": [IMAGE]})
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    for damaged in (content[:position], content[:position] + b"\xff" + content[position + 1 :]):
        path.write_bytes(damaged)
        assert damaged == content or open_values(path) is None


def test_there_may_be_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "other").write_bytes(b"something else, and long enough to have a head")
    for name in ("none", "empty", "other", "."):
        assert open_values(tmp_path / name) is None


class Evil:
    """Runs code when it is made again."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1 + 1",)


class Stranger:
    """No value of okplug's."""


@pytest.mark.parametrize("value", [Evil(), Stranger(), pickle.loads, Path.unlink, ValueError("x")])
def test_a_file_can_name_only_values(tmp_path: Path, value: object) -> None:
    """Whoever can write to the folder cannot have a program run."""
    write_values(tmp_path / "values", value, {})
    assert open_values(tmp_path / "values") is None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("okplug.graph", "find_circle"),
        ("okplug.graph", "statistics.median"),
        ("okplug.errors", "OkplugError"),
        ("okplug.manifest.model", "field"),
        ("okplug.nothing", "Image"),
        ("okplug.manifest.model", "Nothing"),
        ("pathlib", "os.system"),
        ("builtins", "eval"),
    ],
)
def test_names_that_a_file_may_not_have(tmp_path: Path, module: str, name: str) -> None:
    """Neither functions of okplug's modules nor what these import; other versions' names, too."""
    write_values(tmp_path / "values", "HEAD", {})
    from okplug.valuefile import _load

    text = f"c{module}\n{name}\n.".encode()
    with pytest.raises((pickle.UnpicklingError, AttributeError, ImportError)):
        _load(text)


def test_another_version_may_have_had_other_fields(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: object) -> Image:
        raise TypeError("takes 27 arguments")

    monkeypatch.setattr(Image, "__init__", other)
    assert open_values(path) is None
