"""The public names of okplug.dockerfile."""

from __future__ import annotations

import subprocess
import sys

import pytest

import okplug.dockerfile


def test_all_names_are_there() -> None:
    """Each can be imported from where the table says, and is itself."""
    names = okplug.dockerfile.__all__
    assert sorted(names) == sorted(okplug.dockerfile._MODULE_OF)
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(okplug.dockerfile, name).__name__ == name


@pytest.mark.parametrize(
    "name", ["parse", "resolve", "expand", "instruction_text", "read_patterns", "Matcher"]
)
def test_what_everybody_needs_is_there(name: str) -> None:
    """These are used all over."""
    assert name in okplug.dockerfile.__all__


def test_another_name_is_not_there() -> None:
    """The message is the usual one."""
    with pytest.raises(AttributeError, match=r"^module 'okplug.dockerfile' has no attribute 'x'$"):
        okplug.dockerfile.x  # noqa: B018  # the access is what is tested


def test_the_import_is_cheap() -> None:
    """Nothing but the facade is loaded until a name is used, and json only for JSON forms."""
    script = (
        "import sys, okplug.dockerfile\n"
        "print([n for n in sys.modules if n.startswith('okplug.dockerfile.')])\n"
        "from pathlib import Path\n"
        "okplug.dockerfile.parse(b'FROM a\\nRUN b\\n', Path('D'))\n"
        "print({'json', 'csv', 'difflib', 'okplug.dockerfile.stages'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.splitlines() == ["[]", "set()"]
