"""The JSON documents of ``plan --json`` and ``build --json``; fields are only ever added."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from okplug.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug.plan import Report, Step


def plan_document(steps: Iterable[Step]) -> dict[str, Any]:
    """Describe a plan."""
    return {"images": [_step(step) for step in steps]}


def result_document(report: Report) -> dict[str, Any]:
    """Describe how a run ended."""
    return {
        "exit_code": int(report.exit_code),
        "duration": round(report.duration, 3),
        "images": [
            {
                **_step(result.step),
                "verdict": result.verdict,
                "digest": result.artifact.descriptor.digest if result.artifact else "",
                "duration": round(result.duration, 3),
                "builder": report.builder if result.verdict == "build" else "",
                "message": result.message,
                "blocked_by": result.blocked_by,
            }
            for result in sorted(report.results, key=lambda result: result.step.address)
        ],
        "withheld": list(report.withheld),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "address": step.address,
        "key": step.key,
        "verdict": step.verdict,
        "reasons": list(step.reasons),
        "awaits": list(step.awaits),
        "references": {
            "personal": str(step.personal[0]) if step.personal else "",
            "global": str(step.shared),
            "tags": [str(reference) for reference in step.personal],
        },
    }


def write_document(document: dict[str, Any], target: str, cwd: Path) -> None:
    """Write JSON to standard output for ``-``, else to a file that is there whole or not at all.

    :raises UsageError: if the file cannot be written.
    """
    write_result(json.dumps(document, indent=2) + "\n", target, cwd)


def write_result(text: str, target: str, cwd: Path) -> None:
    """Write a text to standard output for ``-``, else to a file, whole or not at all.

    :raises UsageError: if the file cannot be written.
    """
    if target == "-":
        sys.stdout.write(text)
        return
    path = cwd / target
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint="the images are what they are"
        ) from error
