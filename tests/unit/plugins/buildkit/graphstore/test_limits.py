"""What is refused on an engine that keeps images by graph drivers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError
from okplug.testing.requests import BuildCase
from okplug_buildkit.graphstore.limits import check_outlines, check_request
from okplug_buildkit.solve.caches import Cache
from okplug_buildkit.solve.options import SolveOptions

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = "docker://"
PLAIN = SolveOptions()


@pytest.fixture
def case(tmp_path: Path) -> BuildCase:
    """An image of one file."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    (tmp_path / "a").write_text("1")
    return BuildCase(tmp_path)


def refusal_of(
    case: BuildCase, options: SolveOptions = PLAIN, exports: tuple[Cache, ...] = ()
) -> BuildError:
    with pytest.raises(BuildError) as caught:
        check_request(ENGINE, case.request(), options, exports)
    error = caught.value
    assert error.message.startswith("the old image store of the Docker engine at docker:// ")
    assert error.hint.startswith("turn on its containerd image store, ")
    return error


@pytest.mark.parametrize(
    "options",
    [
        PLAIN,
        SolveOptions(compression="gzip", level="9"),
        SolveOptions(compression="uncompressed"),
        SolveOptions(oci_mediatypes=False),
    ],
)
def test_what_can_be_built(case: BuildCase, options: SolveOptions) -> None:
    check_outlines(ENGINE, [case.outline()], options)
    check_request(ENGINE, case.request(), options, [Cache("inline", {})])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (SolveOptions(provenance="mode=min"), "holds no attestations"),
        (SolveOptions(sbom="generator=x"), "holds no attestations"),
        (SolveOptions(compression="zstd"), "does not go with compression=zstd"),
        (SolveOptions(compression="estargz"), "does not go with compression=estargz"),
    ],
)
def test_settings(case: BuildCase, options: SolveOptions, problem: str) -> None:
    assert problem in refusal_of(case, options).message
    with pytest.raises(BuildError, match=problem):
        check_outlines(ENGINE, [], options)


def test_several_platforms(case: BuildCase) -> None:
    several = replace(case, platforms=("linux/amd64", "linux/arm64"))
    error = refusal_of(several)
    assert error.message.endswith(" holds no image of several platforms")
    assert error.location is not None
    assert error.location.path == case.folder / "okteto.yaml"
    with pytest.raises(BuildError, match="several platforms"):
        check_outlines(ENGINE, [case.outline(), several.outline()], PLAIN)


def test_an_index_of_one_platform(case: BuildCase) -> None:
    asked = replace(case, args={"BUILDKIT_MULTI_PLATFORM": "1"})
    assert refusal_of(asked).message.endswith(" holds no image of several platforms")


def test_times_in_layers(case: BuildCase) -> None:
    assert "SOURCE_DATE_EPOCH" in refusal_of(replace(case, source_date_epoch=0)).message


@pytest.mark.parametrize("kind", ["registry", "local", "gha", "s3"])
def test_caches(case: BuildCase, kind: str) -> None:
    error = refusal_of(case, exports=(Cache("inline", {}), Cache(kind, {})))
    assert error.message.endswith(f" exports no cache of type {kind}, only inline")
