"""What the embedded builder refuses, before anything of a run is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import BuildOutline, Location, ManifestError
from okplug.dockerfile import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from okplug.dockerfile import Instruction

_BUILDKIT = (
    "name a BuildKit with --builder or BUILDKIT_HOST, or install buildkitd; "
    "the embedded builder only packages files"
)


def refuse(outlines: Sequence[BuildOutline]) -> None:
    """Refuse images that need more than packaging.

    :raises ManifestError: located at the first of them; it names the others.
    """
    problems = [problem for outline in outlines if (problem := _problem(outline))]
    if not problems:
        return
    first, *others = problems
    message = first.message
    if others:
        places = "; ".join(f"{other.location}: {other.message}" for other in others)
        message = f"{message}; and so on: {places}"
    raise ManifestError(message, location=first.location, hint=first.hint)


def _problem(outline: BuildOutline) -> ManifestError | None:
    path = outline.dockerfile.path
    for message, line in _problems(outline):
        return ManifestError(
            f"{outline.image.address} {message}",
            location=Location(path, line, 1) if line else outline.image.location,
            hint=_BUILDKIT,
        )
    return None


def _problems(outline: BuildOutline) -> Iterator[tuple[str, int]]:
    foreign = outline.resolution.whole_context
    if "the frontend" in foreign:
        yield f"needs another frontend: {foreign}", 0
    if outline.image.named_contexts:
        yield "has named contexts, which the embedded builder cannot read", 0
    for platform in outline.platforms:
        if not platform.startswith("linux/"):
            yield f"is for {platform}; the embedded builder packages linux images only", 0
    for trigger in outline.triggers:
        for message in _unsupported(trigger.trigger or trigger):
            yield f"{message} (ONBUILD of its base)", outline.resolution.stages[-1].origin.line
    for stage in outline.resolution.stages:
        for instruction in stage.instructions:
            for message in _unsupported(instruction):
                yield message, instruction.line


def _unsupported(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "RUN":
        yield f"needs a process: RUN {_short(instruction.text)}"
    if instruction.name == "ADD":
        for word in instruction.words[:-1]:
            if is_remote(word):
                yield f"fetches a URL: ADD {_short(word)}"
        for flag in ("checksum", "keep-git-dir"):
            if instruction.flag(flag) is not None:
                yield f"fetches a URL: ADD --{flag}"


def _short(text: str, longest: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
