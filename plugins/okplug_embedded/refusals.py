"""What the embedded builder refuses before anything of a run is built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug import Location, ManifestError
from okplug.dockerfile import BadSubstitutionError, expand, is_remote, locate
from okplug_embedded.failures import NEEDS_BUILDKIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from okplug import BuildOutline, BuildRequest
    from okplug.dockerfile import Instruction

#: frontends that read what the embedded builder reads
_DOCKER_FRONTEND = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?:-upstream|-labs)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_LONGEST = 60


def refuse(outlines: Sequence[BuildOutline]) -> None:
    """Refuse images that need more than packaging.

    :raises ManifestError: located at the first of them; it names the others.
    """
    problems = [problem for outline in outlines for problem in _first_problem(outline)]
    if not problems:
        return
    first, *others = problems
    message = f"this image {first.message}"
    if others:
        places = "; ".join(f"{other.location} {other.message}" for other in others)
        message = f"{message}; and {len(others)} more: {places}"
    raise ManifestError(message, location=first.location, hint=first.hint)


def passed_over(request: BuildRequest) -> list[str]:
    """Return what a manifest or Dockerfile asks for, and what the image can be without."""
    found = []
    if request.image.export_cache or request.args.get("BUILDKIT_INLINE_CACHE") in ("1", "true"):
        found.append("no cache is exported: the embedded builder keeps none")
    if "error=true" in dict(request.dockerfile.directives).get("check", ""):
        found.append("the checks of '# check=error=true' are BuildKit's, and are not made")
    return found


def _first_problem(outline: BuildOutline) -> list[ManifestError]:
    return list(_problems(outline))[:1]


def _problems(outline: BuildOutline) -> Iterator[ManifestError]:
    image, file = outline.image, outline.dockerfile
    arguments = {name.partition("@")[0]: value for name, value in outline.resolution.args}
    syntax = arguments.get("BUILDKIT_SYNTAX") or file.syntax
    if syntax and not _DOCKER_FRONTEND.fullmatch(syntax.split(" ")[0]):
        numbered = enumerate(file.lines, 1)
        line = next((number for number, text in numbered if syntax in text), 0)
        yield _refusal(f"needs the frontend {syntax}", Location(file.path, line))
    images = image.image_contexts()
    names = ", ".join(name for name, _ in image.named_contexts if name not in images)
    if names:
        yield _refusal(f"has named contexts that are no images: {names}", image.place("contexts"))
    for platform in outline.platforms:
        if platform.startswith("windows/"):
            yield _refusal(f"is for {platform}", image.place("platforms"))
    for instruction in _instructions(outline):
        message = _unsupported(instruction, arguments)
        if message:
            where = locate(file.path, file.lines, instruction.line, instruction.end_line)
            yield _refusal(message, where)


def _refusal(message: str, where: Location) -> ManifestError:
    return ManifestError(message, location=where, hint=NEEDS_BUILDKIT)


def _instructions(outline: BuildOutline) -> list[Instruction]:
    """Return what the build carries out, in the order of the lines that stand for it."""
    stages = outline.resolution.stages
    own = (instruction for stage in stages for instruction in stage.instructions)
    return sorted((*outline.resolution.triggers, *own), key=lambda each: each.line)


def _unsupported(instruction: Instruction, arguments: Mapping[str, str]) -> str:
    """Say what an instruction needs that is not here, ``""`` if it needs nothing."""
    if instruction.name == "RUN":
        return f"needs a process: RUN {_short(instruction.text)}"
    if instruction.name == "ADD":
        for word in instruction.words[:-1]:
            if is_remote(_expanded(word, arguments)):
                return f"fetches what is elsewhere: ADD {_short(word)}"
    return ""


def _expanded(word: str, arguments: Mapping[str, str]) -> str:
    """Return a word with the build arguments in it; the build itself will know all variables."""
    try:
        return expand(word, arguments.get)
    except BadSubstitutionError:
        return word


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
