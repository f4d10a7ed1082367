from __future__ import annotations

import dataclasses
import pickle
import sys
from typing import TYPE_CHECKING

import pytest

from okplug.errors import OkplugError, PluginError
from okplug.pluginfile import load_plugin_file

if TYPE_CHECKING:
    from pathlib import Path


def load_error(path: Path, text: str) -> OkplugError:
    path.write_text(text)
    with pytest.raises(OkplugError) as caught:
        load_plugin_file(path)
    assert str(path) not in {getattr(module, "__file__", "") for module in sys.modules.values()}
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "okplugfile.py"


def test_it_is_a_module_with_its_path(path: Path) -> None:
    path.write_text("ANSWER = 42\n")
    module = load_plugin_file(path)
    assert module.ANSWER == 42
    assert module.__file__ == str(path)


def test_two_files_are_two_modules(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "services/okplugfile.py"
    other.parent.mkdir()
    path.write_text("")
    other.write_text("")
    assert load_plugin_file(path).__name__ != load_plugin_file(other).__name__


def test_a_second_run_sees_the_file_as_it_is_then(path: Path) -> None:
    path.write_text("ANSWER = 1\n")
    load_plugin_file(path)
    path.write_text("ANSWER = 2\n")
    assert load_plugin_file(path).ANSWER == 2


def test_nothing_is_written_beside_it(path: Path) -> None:
    path.write_text("")
    load_plugin_file(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["okplugfile.py"]


def test_its_classes_are_as_good_as_those_of_modules(path: Path) -> None:
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass, field\n"
        "from typing import ClassVar\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: int = 0\n"
        "    kind: ClassVar[str] = 'point'\n"
    )
    point = load_plugin_file(path).Point(3)
    assert [field.name for field in dataclasses.fields(point)] == ["x"]
    assert pickle.loads(pickle.dumps(point)) == point


def test_an_exception_is_shown_at_its_line_in_the_file(path: Path) -> None:
    error = load_error(path, "import json\n\ndef read():\n    json.loads('{')\n\nread()\n")
    assert isinstance(error, PluginError)
    assert str(error).startswith(f"{path}:4: JSONDecodeError: Expecting property name")


def test_a_syntax_error_is_shown_at_its_column(path: Path) -> None:
    error = load_error(path, "x = 1\ny = (\n")
    assert str(error) == f"{path}:2:5: not Python: '(' was never closed"


def test_a_syntax_error_elsewhere_is_shown_there(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "broken.py"
    error = load_error(path, f"compile('x = = 1', {str(other)!r}, 'exec')\n")
    assert str(error) == f"{other}:1:5: not Python: invalid syntax"


def test_null_bytes_are_no_python(path: Path) -> None:
    error = load_error(path, "x = '\0'\n")
    assert isinstance(error, PluginError)
    assert "null bytes" in error.message


def test_an_error_for_the_user_stays_as_it_is(path: Path) -> None:
    error = load_error(path, "import okplug\nraise okplug.UsageError('buy a licence')\n")
    assert str(error) == "buy a licence"


def test_a_file_that_is_not_there_is_an_error(path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        load_plugin_file(path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


def test_another_file_that_is_not_there_is_the_plugin_s_matter(path: Path) -> None:
    error = load_error(path, "\nopen('/nowhere/file')\n")
    assert str(error) == (
        f"{path}:2: FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/file'"
    )
