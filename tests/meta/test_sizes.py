"""Nothing grows beyond what one reads in one go."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.meta.conftest import Source


@pytest.fixture(scope="module")
def sources(core: list[Source], plugins: list[Source]) -> list[Source]:
    """All that ships."""
    return [*core, *plugins]


def quantile(numbers: Sequence[int], part: float) -> int:
    return sorted(numbers)[min(len(numbers) - 1, int(len(numbers) * part))]


def line_count(source: Source) -> int:
    return len(source.text.splitlines())


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno
    return node.end_lineno - node.lineno + 1


def test_modules_are_small(sources: list[Source]) -> None:
    sizes = [line_count(source) for source in sources]
    assert quantile(sizes, 0.5) <= 120
    assert quantile(sizes, 0.9) <= 330
    assert [s.relpath for s in sources if line_count(s) > 500] == []


def test_functions_are_small(sources: list[Source]) -> None:
    sizes = [function_lines(node) for source in sources for node in source.functions()]
    assert quantile(sizes, 0.5) <= 8
    assert quantile(sizes, 0.9) <= 24
    assert quantile(sizes, 0.99) <= 60
    large = [
        f"{source.relpath}:{node.lineno}"
        for source in sources
        for node in source.functions()
        if function_lines(node) > 80
    ]
    assert large == []


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    all_of_them = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument for argument in all_of_them if argument.arg not in {"self", "cls"}]


def test_functions_take_few_parameters(sources: list[Source]) -> None:
    many = [
        f"{source.relpath}:{node.lineno}"
        for source in sources
        for node in source.functions()
        if len(parameters(node)) > 6
    ]
    assert many == []


def test_everything_is_annotated(sources: list[Source]) -> None:
    bare = [
        f"{source.relpath}:{node.lineno}"
        for source in sources
        for node in source.functions()
        if node.returns is None or any(arg.annotation is None for arg in parameters(node))
    ]
    assert bare == []


def test_public_functions_are_documented(sources: list[Source]) -> None:
    bare = [
        f"{source.relpath}:{node.lineno}"
        for source in sources
        for node in _public_statements(source.tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not _is_overload(node)
    ]
    assert bare == []


def _public_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from node.body


def _is_overload(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


def test_there_is_more_test_than_source(sources: list[Source], tests: list[Source]) -> None:
    assert sum(map(line_count, tests)) >= 1.3 * sum(map(line_count, sources))
