"""What is refused before anything is built, and how it is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from okplug import Location, ManifestError
from okplug.dockerfile import Inherited, parse
from okplug.testing import BuildCase
from okplug_embedded.builder import EmbeddedBuilder
from okplug_embedded.refusals import passed_over

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.plugins.embedded.conftest import Workshop

HINT = (
    "name a BuildKit with --builder or BUILDKIT_HOST, or install buildkitd; "
    "the embedded builder only packages files"
)


def refusal(workshop: Workshop, dockerfile: str, **fields: Any) -> str:
    """Return why a Dockerfile is refused, with the place, ``""`` if it is not."""
    return message_of(workshop, workshop.case(dockerfile, **fields))


def message_of(workshop: Workshop, *cases: BuildCase) -> str:
    try:
        EmbeddedBuilder().check([case.outline() for case in cases])
    except ManifestError as error:
        told = f"{error.location}: {error.message}".replace(f"{workshop.folder}/", "")
        return told if error.hint == HINT else f"{told} ({error.hint})"
    return ""


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        pytest.param(
            "FROM scratch\nRUN apk add curl\n",
            "Dockerfile:2:1: this image needs a process: RUN apk add curl",
            id="RUN",
        ),
        pytest.param(
            "FROM scratch\nENV A=1\n  run   --mount=type=secret,id=x \\\n  cat  /run/x\n",
            "Dockerfile:3:3: this image needs a process: RUN cat /run/x",
            id="RUN with a mount",
        ),
        pytest.param(
            f"FROM scratch\nRUN {'x' * 100}\n",
            f"Dockerfile:2:1: this image needs a process: RUN {'x' * 57}...",
            id="a long RUN",
        ),
        pytest.param(
            "FROM scratch\nRUN <<EOF\nmake\nEOF\n",
            "Dockerfile:2:1: this image needs a process: RUN <<EOF",
            id="RUN of a here-document",
        ),
        pytest.param(
            "FROM scratch AS base\nONBUILD RUN make\nFROM base\n",
            "Dockerfile:2:1: this image needs a process: RUN make",
            id="a trigger of a stage",
        ),
        pytest.param(
            "FROM scratch\nADD https://example.com/x /x\n",
            "Dockerfile:2:1: this image fetches what is elsewhere: ADD https://example.com/x",
            id="ADD of a URL",
        ),
        pytest.param(
            "FROM scratch\nADD a git@example.com:x/y.git /x/\n",
            "Dockerfile:2:1: this image fetches what is elsewhere: ADD git@example.com:x/y.git",
            id="ADD of git",
        ),
        pytest.param(
            "FROM scratch\nARG URL=https://example.com\nADD ${URL}/x /x\n",
            "Dockerfile:3:1: this image fetches what is elsewhere: ADD ${URL}/x",
            id="ADD of a URL from an argument",
        ),
        pytest.param(
            "# syntax=example.com/frontend:1\nFROM scratch\n",
            "Dockerfile:1: this image needs the frontend example.com/frontend:1",
            id="a foreign frontend",
        ),
    ],
)
def test_what_needs_more_than_packaging(workshop: Workshop, dockerfile: str, message: str) -> None:
    assert refusal(workshop, dockerfile) == message


@pytest.mark.parametrize(
    "dockerfile",
    [
        pytest.param("FROM scratch\nCOPY a /\n", id="COPY"),
        pytest.param("FROM scratch AS x\nRUN make\nFROM scratch\n", id="RUN that is not reached"),
        pytest.param("FROM scratch\nONBUILD RUN make\n", id="RUN for others"),
        pytest.param("FROM scratch\nONBUILD ADD https://x/y /\n", id="ADD for others"),
        pytest.param("FROM scratch\nADD a.tar https/x /x/\n", id="ADD of files"),
        pytest.param("FROM scratch\nADD ${A:?} /x/\n", id="ADD of what only the build knows"),
        pytest.param("# syntax=docker/dockerfile:1\nFROM scratch\n", id="Docker's frontend"),
        pytest.param("# syntax=docker/dockerfile:1.7-labs\nFROM scratch\n", id="and its labs"),
        pytest.param("# syntax=docker.io/docker/dockerfile\nFROM scratch\n", id="and its host"),
        pytest.param("# escape=`\n# check=skip=all\nFROM scratch\n", id="other directives"),
    ],
)
def test_what_is_packaging(workshop: Workshop, dockerfile: str) -> None:
    workshop.write({"a": "1"})
    if ":?" in dockerfile:
        dockerfile = f"FROM base AS base\n{dockerfile.replace('scratch', 'base')}"
    assert refusal(workshop, dockerfile) == ""


def test_a_trigger_of_another_image(workshop: Workshop, tmp_path: Path) -> None:
    """The place is the FROM, for the trigger stands in no line of this file."""
    triggers = parse(b"FROM scratch\nONBUILD RUN make\n", tmp_path).stages[0].instructions
    passed_on = {"base:1": Inherited(triggers=triggers)}
    message = refusal(workshop, "ARG A\nFROM base:1\n", passed_on=passed_on)
    assert message == "Dockerfile:2:1: this image needs a process: RUN make"


def test_a_frontend_from_an_argument(workshop: Workshop) -> None:
    args = {"BUILDKIT_SYNTAX": "example.com/x"}
    message = refusal(workshop, "FROM scratch\n", args=args)
    assert message == "Dockerfile: this image needs the frontend example.com/x"


def test_named_contexts(workshop: Workshop) -> None:
    outline = workshop.case("FROM scratch\n").outline()
    place = Location(workshop.folder / "okteto.yaml", 5, 7)
    image = dataclasses.replace(
        outline.image,
        named_contexts=(("base", "docker-image://x"), ("src", "../src")),
        places={"contexts": place},
    )
    with pytest.raises(ManifestError) as caught:
        EmbeddedBuilder().check([dataclasses.replace(outline, image=image)])
    assert caught.value.message == "this image has named contexts that are no images: src"
    assert caught.value.location == place


def test_windows(workshop: Workshop) -> None:
    message = refusal(workshop, "FROM scratch\n", platforms=("linux/amd64", "windows/amd64"))
    assert message == "okteto.yaml:2:3: this image is for windows/amd64"


@pytest.mark.parametrize("platform", ["linux/riscv64", "freebsd/amd64", "wasi/wasm"])
def test_other_platforms_are_packaged(workshop: Workshop, platform: str) -> None:
    assert refusal(workshop, "FROM scratch\n", platforms=(platform,)) == ""


def test_a_stage_that_only_another_platform_reaches(workshop: Workshop) -> None:
    text = """
        FROM scratch AS from-amd64
        FROM scratch AS from-arm64
        RUN make
        FROM from-${TARGETARCH}
        """
    platforms = ("linux/amd64", "linux/arm64")
    message = refusal(workshop, text, platforms=platforms)
    assert message == "Dockerfile:3:1: this image needs a process: RUN make"
    assert refusal(workshop, text, platforms=platforms[:1]) == ""


def test_all_images_are_told_of_at_once(workshop: Workshop, tmp_path: Path) -> None:
    """Each with what comes first in it."""
    cases = []
    for name, line in (("one", "RUN 1"), ("two", "ENV A=1"), ("three", "RUN 3"), ("four", "RUN 4")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(
            f"FROM scratch\n{line}\nRUN last\n" if name != "two" else "FROM scratch\n"
        )
        cases.append(BuildCase(folder))
    assert message_of(workshop, *cases).replace(f"{tmp_path}/", "") == (
        "one/Dockerfile:2:1: this image needs a process: RUN 1; and 2 more: "
        "three/Dockerfile:2:1 needs a process: RUN 3; "
        "four/Dockerfile:2:1 needs a process: RUN 4"
    )


# ------------------------------------------------------------------------------------- passed over


@pytest.mark.parametrize(
    ("dockerfile", "args", "messages"),
    [
        ("FROM scratch\n", {}, []),
        ("# check=skip=all\nFROM scratch\n", {}, []),
        (
            "# check=skip=all;error=true\nFROM scratch\n",
            {},
            ["the checks of '# check=error=true' are BuildKit's, and are not made"],
        ),
        (
            "FROM scratch\n",
            {"BUILDKIT_INLINE_CACHE": "1"},
            ["no cache is exported: the embedded builder keeps none"],
        ),
    ],
)
def test_what_an_image_can_be_without_is_told(
    workshop: Workshop, dockerfile: str, args: dict[str, str], messages: list[str]
) -> None:
    workshop.build(dockerfile, args=args)
    assert workshop.control.warnings == messages


def test_an_export_of_the_cache_is_told(workshop: Workshop) -> None:
    request = workshop.case("FROM scratch\n").request()
    image = dataclasses.replace(request.image, export_cache=("example.com/cache",))
    assert passed_over(dataclasses.replace(request, image=image)) == [
        "no cache is exported: the embedded builder keeps none"
    ]
