"""What a build leaves for the programs that run after it: variables, outputs, bake's metadata."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from okplug.errors import UsageError
from okplug.manifest.expand import variable_part
from okplug.results import FIELDS, result_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from okplug.backends import Artifact
    from okplug.manifest.model import Image
    from okplug.plan import Report, Step


def clashes(images: Iterable[Image]) -> dict[str, list[str]]:
    """Return the names in variables that several images would have, with their addresses."""
    found = defaultdict(list)
    for image in images:
        found[variable_part(image.name)].append(image.address)
    return {name: sorted(addresses) for name, addresses in found.items() if len(addresses) > 1}


def variables(report: Report) -> dict[str, str]:
    """Return ``OKTETO_BUILD_<NAME>_<FIELD>`` of each selected image that is there, sorted by name.

    A name that several of the images have is left out.
    """
    done = _done(report)
    ambiguous = clashes(step.image for step, _ in done)
    return {
        f"OKTETO_BUILD_{name}_{field}": result_value(artifact, field)
        for step, artifact in sorted(done, key=lambda pair: pair[0].image.name)
        if (name := variable_part(step.image.name)) not in ambiguous
        for field in FIELDS
    }


def env_text(values: Mapping[str, str]) -> str:
    """Return variables as a file that shells, ``docker run`` and the like read."""
    return "".join(f"{name}={value}\n" for name, value in values.items())


def metadata(report: Report) -> dict[str, Any]:
    """Return what ``docker buildx bake --metadata-file`` would write, by the images' names.

    Images of one name are there by their addresses. ``image.name`` has the tags that were set.
    """
    done = _done(report)
    names = [step.image.name for step, _ in done]
    return {
        step.image.name if names.count(step.image.name) == 1 else step.address: _described(
            step, artifact, report.withheld
        )
        for step, artifact in done
    }


def image_digest(report: Report) -> str:
    """Return the digest of the one selected image, ``""`` if it is not there."""
    return next((artifact.descriptor.digest for _, artifact in _done(report)), "")


def _described(step: Step, artifact: Artifact, withheld: Collection[str]) -> dict[str, Any]:
    descriptor = artifact.descriptor
    document: dict[str, Any] = {
        "containerimage.descriptor": {
            "mediaType": descriptor.media_type,
            "digest": descriptor.digest,
            "size": descriptor.size,
        },
        "containerimage.digest": descriptor.digest,
    }
    tags = [str(tag) for tag in step.personal if str(tag) not in withheld]
    return document | ({"image.name": ",".join(tags)} if tags else {})


def append_github_output(path: Path, report: Report) -> None:
    """Add the variables and bake's metadata to the outputs of a step of GitHub Actions.

    :raises UsageError: if the file cannot be written.
    """
    outputs = {**variables(report), "metadata": json.dumps(metadata(report), indent=2)}
    text = "".join(_output(name, value) for name, value in outputs.items())
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(
            f"cannot write GITHUB_OUTPUT, {path}: {error.strerror}",
            hint="--no-github-output does without; the images are what they are",
        ) from error


def _output(name: str, value: str) -> str:
    """Return an output as the runner reads it; a mark that nobody can guess ends several lines."""
    if "\n" not in value:
        return f"{name}={value}\n"
    mark = f"okplug-{secrets.token_hex(8)}"
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _done(report: Report) -> list[tuple[Step, Artifact]]:
    """Return the selected images that are there, in the order of their addresses."""
    return sorted(
        (
            (result.step, result.artifact)
            for result in report.results
            if result.artifact is not None and result.step.address in report.asked
        ),
        key=lambda pair: pair[0].address,
    )
