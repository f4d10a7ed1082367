from __future__ import annotations

from pathlib import Path

import pytest

from okplug.dockerfile import parse
from okplug.drafting.links import Guesses, Links
from okplug.errors import ManifestError

#: the workspace ``shop`` has these images
NAMES = {
    "base": "libs/base:base",
    "my-tools": "tools:my-tools",
    "nginx": "nginx:nginx",
    "web": "web:web",
    "python": "python:python",
    "proxy": "proxy:proxy",
}
DOCKERFILES = {
    "nginx:nginx": "FROM nginx:1.27\n",
    "proxy:proxy": "FROM acme/proxy\n",
    "web:web": "FROM scratch\n",
}


def links(text: str, address: str = "web:web") -> Links:
    """Return what an image with this Dockerfile is built from."""
    dockerfiles = {name: parse(each.encode(), Path("/D")) for name, each in DOCKERFILES.items()}
    guesses = Guesses(NAMES, dockerfiles, "shop")
    return guesses.links(address, parse(text.encode(), Path("/shop/web/Dockerfile")))


@pytest.mark.parametrize(
    "reference",
    [
        "base",
        "base:latest",
        "base:dev",
        "acme/base",
        "registry.example.com:5000/team/base:latest",
        "acme/shop-base",
    ],
)
def test_a_reference_means_the_image_of_its_last_word(reference: str) -> None:
    found = links(f"FROM {reference}\n")
    assert found.contexts == {reference: "libs/base:base"}
    assert found.dependencies == {}


def test_underscores_are_dashes() -> None:
    assert links("FROM acme/my_tools\n").contexts == {"acme/my_tools": "tools:my-tools"}


def test_a_default_of_an_argument_is_a_reference() -> None:
    assert links("ARG FROM_IMAGE=acme/base\nFROM ${FROM_IMAGE}\n").contexts == {
        "acme/base": "libs/base:base"
    }


def test_copies_and_mounts_name_images_as_well() -> None:
    found = links(
        "FROM scratch\n"
        "COPY --from=acme/base / /\n"
        "RUN --mount=type=bind,from=acme/my-tools,target=/t true\n"
    )
    assert found.contexts == {"acme/base": "libs/base:base", "acme/my-tools": "tools:my-tools"}


def test_a_stage_is_no_image() -> None:
    assert links("FROM scratch AS base\nFROM scratch\nCOPY --from=base / /\n").contexts == {}


@pytest.mark.parametrize(
    "reference",
    [
        "python:3.12",
        "python",
        "acme/database",
        "scratch",
        "okteto.dev/base",
        "acme/base@sha256:" + "0" * 64,
        "nginx",
        "acme/proxy",
        "web",
    ],
)
def test_what_comes_from_elsewhere_stays_what_it_is(reference: str) -> None:
    found = links(f"FROM {reference}\n")
    assert (found.contexts, found.releases, found.dependencies) == ({}, {}, {})


def test_a_fixed_tag_is_a_release_that_is_told_of() -> None:
    found = links("FROM acme/base:1.4.2\n")
    assert found.contexts == {}
    assert [(use.reference, use.line, name) for use, name in found.releases.items()] == [
        ("acme/base:1.4.2", 1, "libs/base:base")
    ]


@pytest.mark.parametrize("argument", ["BASE_IMAGE", "IMAGE_BASE", "BASE", "base_image"])
def test_an_argument_without_a_value_that_from_needs_is_the_image_of_its_name(
    argument: str,
) -> None:
    found = links(f"ARG {argument}\nFROM ${{{argument}}}\n")
    assert found.arguments == {argument: "libs/base:base"}
    assert list(found.dependencies) == ["libs/base:base"]
    assert found.contexts == {}


def test_names_of_several_words_are_found_by_arguments() -> None:
    assert links("ARG MY_TOOLS_IMAGE\nFROM $MY_TOOLS_IMAGE\n").arguments == {
        "MY_TOOLS_IMAGE": "tools:my-tools"
    }


def test_an_argument_with_a_value_or_for_other_things_is_left_alone() -> None:
    found = links("ARG BASE_IMAGE=alpine\nFROM ${BASE_IMAGE}\nARG MY_TOOLS_IMAGE\n")
    assert (found.arguments, found.dependencies) == ({}, {})


def test_okteto_s_own_arguments_need_no_value() -> None:
    found = links(
        "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n"
        "ARG OKTETO_BUILD_MY_TOOLS_SHA\nRUN echo $OKTETO_BUILD_MY_TOOLS_SHA\n"
    )
    assert found.arguments == {}
    assert list(found.dependencies) == ["libs/base:base", "tools:my-tools"]


def test_a_from_that_nothing_tells_is_an_error_with_its_place() -> None:
    with pytest.raises(ManifestError, match=r"^/shop/web/Dockerfile:2:6: .*\$OTHER_IMAGE"):
        links("ARG OTHER_IMAGE\nFROM ${OTHER_IMAGE}\n")


def test_an_image_is_not_built_from_itself() -> None:
    with pytest.raises(ManifestError, match=r"\$WEB_IMAGE"):
        links("ARG WEB_IMAGE\nFROM $WEB_IMAGE\n")
    assert links("FROM acme/web\n").contexts == {}


def test_what_is_read_is_that_of_the_stages_that_are_built() -> None:
    found = links("FROM scratch AS a\nCOPY x /\nFROM scratch\nCOPY y z /\n")
    assert [read.patterns for read in found.reads] == [("y", "z")]
