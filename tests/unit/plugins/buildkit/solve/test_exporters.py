"""How results get into registries."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import BuildCase
from okplug_buildkit.solve.exporters import Exporter, content_exporter, is_index, push_exporter
from okplug_buildkit.solve.options import SolveOptions

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import BuildRequest

TWO = ("linux/amd64", "linux/arm64")


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    """A request with an annotation."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    request = BuildCase(tmp_path, repository=Reference("r.example.com", "okteto/api")).request()
    return dataclasses.replace(request, annotations={"dev.okplug.root": "1f"})


def test_a_push_is_by_digest(request_: BuildRequest) -> None:
    assert push_exporter(request_, SolveOptions()) == Exporter(
        "image",
        {
            "name": "r.example.com/okteto/api",
            "push": "true",
            "push-by-digest": "true",
            "store": "false",
            "oci-mediatypes": "true",
            "annotation.dev.okplug.root": "1f",
        },
    )


def test_an_export_of_the_parts(request_: BuildRequest) -> None:
    assert content_exporter(request_, SolveOptions()) == Exporter(
        "oci", {"tar": "false", "oci-mediatypes": "true", "annotation.dev.okplug.root": "1f"}
    )


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"platforms": TWO}, {}),
        ({"args": {"BUILDKIT_MULTI_PLATFORM": "1"}}, {}),
        ({}, {"provenance": "mode=min"}),
        ({}, {"sbom": "generator=g"}),
    ],
)
def test_an_index_is_what_is_annotated(
    request_: BuildRequest, changes: dict[str, Any], options: dict[str, Any]
) -> None:
    request = dataclasses.replace(request_, **changes)
    assert is_index(request, SolveOptions(**options))
    attributes = push_exporter(request, SolveOptions(**options)).attributes
    assert attributes["annotation-index.dev.okplug.root"] == "1f"
    assert "annotation.dev.okplug.root" not in attributes


def test_one_platform_is_no_index(request_: BuildRequest) -> None:
    assert not is_index(request_, SolveOptions())


def test_compression_times_and_media_types(request_: BuildRequest) -> None:
    request = dataclasses.replace(request_, annotations={}, source_date_epoch=0)
    options = SolveOptions(compression="zstd", level="9", oci_mediatypes=False)
    assert content_exporter(request, options).attributes == {
        "tar": "false",
        "oci-mediatypes": "false",
        "compression": "zstd",
        "force-compression": "true",
        "compression-level": "9",
        "rewrite-timestamp": "true",
    }


def test_annotations_of_the_entry_are_of_each_manifest_too(request_: BuildRequest) -> None:
    image = dataclasses.replace(request_.image, annotations=(("a", "b"),))
    annotations = {"a": "b", **request_.annotations}
    one = dataclasses.replace(request_, image=image, annotations=annotations)
    assert push_exporter(one, SolveOptions()).attributes["annotation.a"] == "b"
    several = push_exporter(dataclasses.replace(one, platforms=TWO), SolveOptions()).attributes
    assert (several["annotation.a"], several["annotation-index.a"]) == ("b", "b")
    assert "annotation.dev.okplug.root" not in several


@pytest.mark.parametrize(("force", "expected"), [("", None), ("false", None), ("true", "true")])
def test_layers_of_base_images_by_gzip(
    request_: BuildRequest, force: str, expected: str | None
) -> None:
    found = content_exporter(request_, SolveOptions(force=force)).attributes
    assert found.get("force-compression") == expected
    assert "compression" not in found


def test_layers_of_base_images_may_keep_their_compression(request_: BuildRequest) -> None:
    found = content_exporter(request_, SolveOptions(compression="zstd", force="false")).attributes
    assert found["compression"] == "zstd"
    assert "force-compression" not in found
