"""What is wrong with an instruction, raised where its place in the Dockerfile is not known."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from okplug import BuildError
from okplug.dockerfile import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.dockerfile import Dockerfile

#: the remedy for what needs more than packaging
NEEDS_BUILDKIT = (
    "name a BuildKit with --builder or BUILDKIT_HOST, or install buildkitd; "
    "the embedded builder only packages files"
)


class InstructionError(Exception):
    """An instruction cannot be carried out.

    :param near: the word of the instruction to point at, ``""`` for the instruction as a whole.
    """

    def __init__(self, message: str, *, hint: str = "", near: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.near = near


@contextmanager
def located(dockerfile: Dockerfile, line: int, end_line: int) -> Iterator[None]:
    """Turn an ``InstructionError`` of the block into the ``BuildError`` that shows its place.

    :param line: of the instruction in the Dockerfile; *end_line* is its last one.
    """
    try:
        yield
    except InstructionError as error:
        raise BuildError(
            str(error),
            location=locate(dockerfile.path, dockerfile.lines, line, end_line, error.near),
            hint=error.hint,
            source=dockerfile.lines[line - 1 : end_line],
        ) from error
