"""Settings of builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import okplug_buildkit
from okplug import UsageError
from okplug_buildkit.solve.options import SolveOptions

if TYPE_CHECKING:
    from okplug.testing import Workspace


def read(workspace: Workspace, **settings: object) -> SolveOptions:
    return SolveOptions.read(workspace.config(plugins=[okplug_buildkit], settings=settings))


def test_without_settings(workspace: Workspace) -> None:
    options = read(workspace)
    assert options == SolveOptions()
    assert not options.has_attestations
    assert options.key_inputs == {}


def test_all_of_them(workspace: Workspace) -> None:
    assert read(
        workspace,
        cache_from=["a/b", "type=local,src=c"],
        cache_to="type=registry,ref=a/b,mode=max",
        provenance="mode=min",
        sbom="generator=scan",
        compression="zstd:19",
        oci_mediatypes=False,
    ) == SolveOptions(
        ("a/b", "type=local,src=c"),
        ("type=registry,ref=a/b,mode=max",),
        "mode=min",
        "generator=scan",
        "zstd",
        "19",
        oci_mediatypes=False,
    )


def test_each_text_of_a_list_is_a_cache_of_its_own(workspace: Workspace) -> None:
    texts = ("ref=a/b", "type=gha", "scope=x")
    assert read(workspace, cache_from=list(texts)).cache_from == texts
    assert read(workspace, cache_from="ref=a/b,type=gha,scope=x").cache_from == (",".join(texts),)


@pytest.mark.parametrize("text", ["true", "1", "yes", "True"])
def test_attestations_by_a_flag(workspace: Workspace, text: str) -> None:
    options = read(workspace, provenance=text, sbom=text)
    assert options.provenance == "mode=max"
    assert options.sbom.startswith("generator=")
    assert options.has_attestations


@pytest.mark.parametrize("text", ["", "false", "0", "no", " FALSE "])
def test_no_attestations(workspace: Workspace, text: str) -> None:
    options = read(workspace, provenance=text, sbom=text)
    assert (options.provenance, options.sbom) == ("", "")
    assert not options.has_attestations


@pytest.mark.parametrize("text", ["", "brotli", "gzip:x", "zstd:-1", "zstd:1:2"])
def test_a_compression_that_is_none(workspace: Workspace, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(workspace, compression=text)
    assert f"expected one of gzip, zstd, estargz, uncompressed, not {text!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "inputs"),
    [
        ({"compression": "gzip:9"}, {"compression": "gzip:9"}),
        ({"compression": "zstd"}, {"compression": "zstd"}),
        ({"oci_mediatypes": False}, {"oci_mediatypes": "false"}),
        ({"provenance": "mode=min"}, {"provenance": "mode=min"}),
        ({"provenance": "yes"}, {"provenance": "mode=max"}),
        ({"sbom": "generator=x"}, {"sbom": "generator=x"}),
        ({"cache_from": "a/b", "cache_to": "inline"}, {}),
    ],
)
def test_what_makes_another_image_counts(
    workspace: Workspace, settings: dict[str, object], inputs: dict[str, str]
) -> None:
    assert read(workspace, **settings).key_inputs == inputs
