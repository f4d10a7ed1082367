from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import okplug
from okplug import testing


def test_public_names_are_pinned() -> None:
    assert sorted(testing.__all__) == [
        "BuildCase",
        "BuilderContract",
        "FakeBuilder",
        "FakeRegistry",
        "HookRecorder",
        "ImageView",
        "Node",
        "Outcome",
        "RecordingControl",
        "RegistryContract",
        "Workspace",
        "make_workspace",
        "push_image",
        "push_index",
        "workspace",
    ]


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(testing, name).__doc__


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match=r"^module 'okplug\.testing' has no attribute 'x'$"):
        testing.x  # noqa: B018  # the access is what is tested


def test_the_fixture_is_there_for_authors_of_plugins(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["okplug.testing"]\n')
    (tmp_path / "test_demo.py").write_text(
        "def test_demo(workspace):\n"
        "    assert workspace.run('--version').assert_ok().stdout.startswith('okplug ')\n"
    )
    top = str(Path(okplug.__file__).parent.parent)
    environ = {"PYTHONPATH": top, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
