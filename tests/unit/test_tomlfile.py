from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import Location, UsageError
from okplug.settings import Assignment
from okplug.tomlfile import assignments, line_of, parse, read_text

TEXT = """\
current = "prod"
"quoted" = 1

[contexts."okteto.example.com"]
registry = "x"  # of the cluster
[contexts.staging]
registry.host = "y"
"""


@pytest.mark.parametrize(
    ("table", "key", "line"),
    [
        ("", "current", 1),
        ("", "quoted", 2),
        ("contexts.okteto.example.com", "registry", 5),
        ("contexts", "staging", 6),
        ("contexts.staging", "registry", 7),
        ("contexts.staging", "current", 0),
        ("", "registry", 0),
    ],
)
def test_the_line_of_a_key(table: str, key: str, line: int) -> None:
    assert line_of(TEXT, table, key) == line


def test_values_of_a_table_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    table = parse(path, TEXT)["contexts"]["okteto.example.com"]
    assert list(assignments(path, TEXT, table, "contexts.okteto.example.com")) == [
        Assignment("registry", "x", "x.toml:5", Location(path, 5))
    ]


def test_values_with_an_origin_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    found = list(assignments(path, "a = 1", {"a": 1}, origin="context prod"))
    assert found == [Assignment("a", 1, "context prod", Location(path, 1))]


def test_a_value_whose_line_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    (found,) = assignments(path, "x = {a = 1}", {"a": 1}, "x")
    assert (found.origin, found.location) == ("x.toml", Location(path))


def test_what_is_no_toml_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"^/x.toml:2:5: not TOML: ") as caught:
        parse(Path("/x.toml"), "a = 1\nb = \n")
    assert caught.value.location == Location(Path("/x.toml"), 2, 5)


def test_what_ends_too_early_has_no_line() -> None:
    with pytest.raises(UsageError, match=r"^/x.toml: not TOML: .* document"):
        parse(Path("/x.toml"), "a = '''")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"x.toml: expected UTF-8$"):
        read_text(path)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory$"):
        read_text(tmp_path)
