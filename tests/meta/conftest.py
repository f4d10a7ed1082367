"""The source files, parsed once, for the tests that hold the house together."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Source:
    """One Python file.

    :param module: its dotted name, of a package without ``__init__``.
    """

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def relpath(self) -> str:
        """The POSIX path below the top."""
        return self.path.relative_to(TOP).as_posix()

    def imports(self, *, checking: bool = False) -> set[str]:
        """Return what is imported when the code runs, as ``module`` or ``module.name``.

        :param checking: also what only type checkers import.
        """
        return set(_imports(self.tree, checking=checking))

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield all functions and methods."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def _imports(node: ast.AST, *, checking: bool) -> Iterator[str]:
    if not checking and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, checking=checking)


def _read(top: Path, base: Path) -> list[Source]:
    found = []
    for path in sorted(top.rglob("*.py")):
        if path.name.endswith("_pb2.py"):
            continue  # generated, and held against its source by a tox environment
        text = path.read_text(encoding="utf-8")
        module = ".".join(path.relative_to(base).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        found.append(Source(path, module, text, ast.parse(text, str(path))))
    return found


@pytest.fixture(scope="session")
def top() -> Path:
    """The folder of the whole project."""
    return TOP


@pytest.fixture(scope="session")
def core() -> list[Source]:
    """The files of the core."""
    return _read(TOP / "okplug", TOP)


@pytest.fixture(scope="session")
def plugins() -> list[Source]:
    """The files of the first-party plugins."""
    return _read(TOP / "plugins", TOP / "plugins")


@pytest.fixture(scope="session")
def tests() -> list[Source]:
    """The files of the tests."""
    return _read(TOP / "tests", TOP)
