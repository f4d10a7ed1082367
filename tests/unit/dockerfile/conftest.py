"""What the tests of Dockerfiles share."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from okplug.dockerfile import Inherited, parse, resolve
from okplug.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from okplug.dockerfile import Dockerfile, Instruction, Resolution


class Resolve(Protocol):
    """Resolves the text of a Dockerfile."""

    def __call__(
        self,
        text: str,
        *,
        target: str = "",
        args: Mapping[str, str] | None = None,
        images: Mapping[str, Inherited] | None = None,
        platform: str = "linux/amd64",
    ) -> Resolution:
        """Return what the target comes to; images that are not given are not known."""


@pytest.fixture(scope="session")
def parsed() -> Callable[[str], Dockerfile]:
    """Parse the text of a Dockerfile, indentation that all lines share taken away."""

    def parsed(text: str) -> Dockerfile:
        return parse(textwrap.dedent(text).encode(), Path("Dockerfile"))

    return parsed


@pytest.fixture(scope="session")
def instruction(parsed: Callable[[str], Dockerfile]) -> Callable[[str], Instruction]:
    """Parse the text of one instruction."""

    def instruction(text: str) -> Instruction:
        (stage,) = parsed(f"FROM scratch\n{text}").stages
        (found,) = stage.instructions
        return found

    return instruction


@pytest.fixture(scope="session")
def refused(parsed: Callable[[str], Dockerfile]) -> Callable[[str], str]:
    """Parse the text of a Dockerfile that is wrong, and return the whole message."""

    def refused(text: str) -> str:
        with pytest.raises(ManifestError) as caught:
            parsed(text)
        return str(caught.value)

    return refused


@pytest.fixture(scope="session")
def resolved(parsed: Callable[[str], Dockerfile]) -> Resolve:
    """Parse and resolve the text of a Dockerfile."""

    def resolved(
        text: str,
        *,
        target: str = "",
        args: Mapping[str, str] | None = None,
        images: Mapping[str, Inherited] | None = None,
        platform: str = "linux/amd64",
    ) -> Resolution:
        known = images or {}
        return resolve(
            parsed(text),
            target=target,
            args=args or {},
            platform=platform,
            inherited=lambda reference: known.get(reference, Inherited(is_complete=False)),
        )

    return resolved


@pytest.fixture(scope="session")
def unresolved(resolved: Resolve) -> Callable[..., str]:
    """Resolve the text of a Dockerfile that is wrong, and return the whole message."""

    def unresolved(text: str, **keywords: str) -> str:
        with pytest.raises(ManifestError) as caught:
            resolved(text, target=keywords.get("target", ""))
        return str(caught.value)

    return unresolved
