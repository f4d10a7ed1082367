"""Settings of builds."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    ("settings", "force", "key_inputs"),
    [
        ({"compression": "zstd"}, True, {"compression": "zstd"}),
        ({"compression_level": "9"}, False, {"compression": "gzip:9"}),
        ({"compression": "zstd:3", "compression_level": "9"}, True, {"compression": "zstd:3"}),
        ({"force_compression": "T"}, True, {"force_compression": "true"}),
        ({"force_compression": "0"}, False, {}),
        (
            {"compression": "zstd", "force_compression": "false"},
            False,
            {"compression": "zstd", "force_compression": "false"},
        ),
    ],
)
def test_compression_counts_in_the_key(
    workspace: Workspace,
    settings: dict[str, object],
    *,
    force: bool,
    key_inputs: dict[str, str],
) -> None:
    options = read(workspace, **settings)
    assert options.is_forced is force
    assert options.key_inputs == key_inputs


def test_the_frontend_counts_in_the_key_and_the_history_does_not(workspace: Workspace) -> None:
    options = read(workspace, frontend_image="docker/dockerfile:1.10", internal_builds=True)
    assert options.key_inputs == {"frontend_image": "docker/dockerfile:1.10"}
    assert options.is_internal


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("OKTETO_BUILD_OCI_MEDIATYPES", "ja", "oci_mediatypes: expected true or false"),
        ("OKTETO_BUILDKIT_INTERNAL_MODE", "2", "internal_builds: expected true or false"),
        ("OKTETO_ALPHA_BUILD_COMPRESSION", "lzma", "compression: expected one of gzip, zstd"),
        ("OKTETO_ALPHA_BUILD_COMPRESSION_LEVEL", "-1", "compression_level: expected a whole"),
        ("OKTETO_ALPHA_BUILD_FORCE_COMPRESSION", "x", "force_compression: expected true or"),
        ("OKTETO_BUILDKIT_MAX_RETRIES_FOR_TRANSIENT_ERRORS", "0", "builder_attempts: expected a"),
        ("OKTETO_BUILD_CHECK_STRATEGY_PARALLEL", "x", "parallel_lookups: expected true or false"),
        ("OKTETO_SMART_BUILDS_ENABLED", "maybe", "smart_builds: expected true or false"),
        ("OKTETO_DISABLE_SPINNER", "x", "disable_spinner: expected true or false"),
    ],
)
def test_a_wrong_variable_of_oktetos_names_itself(
    workspace: Workspace, variable: str, value: str, told: str
) -> None:
    done = workspace.run("config", environ={variable: value}).assert_exit(4)
    assert done.stderr.startswith(f"error: environment {variable}: setting {told}")
    assert f"not {value!r}\n  hint: correct {variable}, or unset it\n" in done.stderr


def test_the_variables_of_oktetos(workspace: Workspace) -> None:
    environ = {
        "OKTETO_BUILD_OCI_MEDIATYPES": "f",
        "OKTETO_ALPHA_BUILD_COMPRESSION": "estargz",
        "OKTETO_ALPHA_BUILD_COMPRESSION_LEVEL": "4",
        "OKTETO_ALPHA_BUILD_FORCE_COMPRESSION": "F",
        "OKTETO_BUILDKIT_FRONTEND_IMAGE": "docker/dockerfile:1",
        "OKTETO_BUILDKIT_INTERNAL_MODE": "T",
        "OKTETO_BUILDKIT_MAX_RETRIES_FOR_TRANSIENT_ERRORS": "3",
        "OKTETO_BUILD_CHECK_STRATEGY_PARALLEL": "false",
        "OKTETO_DISABLE_SPINNER": "1",
    }
    shown = json.loads(workspace.run("config", "--json", environ=environ).assert_ok().stdout)
    found = {each["name"]: each["value"] for each in shown["settings"]}
    assert found["compression"] == "estargz"
    assert found["compression_level"] == "4"
    assert found["force_compression"] == "false"
    assert found["frontend_image"] == "docker/dockerfile:1"
    assert (found["oci_mediatypes"], found["internal_builds"]) == (False, True)
    assert (found["builder_attempts"], found["parallel_lookups"]) == ("3", False)
    assert found["disable_spinner"] is True


def test_oktetos_url_names_a_context(workspace: Workspace) -> None:
    environ = {"OKTETO_URL": "https://prod.example.com/"}
    done = workspace.run("config", environ=environ).assert_exit(4)
    assert "prod.example.com" in done.stderr
    environ["OKTETO_CONTEXT"] = "other"
    assert "other" in workspace.run("config", environ=environ).assert_exit(4).stderr
