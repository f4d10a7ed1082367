"""What the frontend is told of a request."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from okplug.testing import BuildCase
from okplug_buildkit.solve.attributes import entitlements, familiar, frontend_attributes
from okplug_buildkit.solve.caches import Cache
from okplug_buildkit.solve.options import SolveOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug import BuildRequest


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., BuildRequest]:
    """Return what makes a request of a Dockerfile, with other fields of the image and itself."""

    def make(text: str = "FROM scratch\n", **fields: Any) -> BuildRequest:
        (tmp_path / "Dockerfile").write_text(text)
        request = BuildCase(tmp_path).request()
        of_image = {name: fields.pop(name) for name in list(fields) if not hasattr(request, name)}
        image = dataclasses.replace(request.image, **of_image)
        return dataclasses.replace(request, image=image, **fields)

    return make


def attributes(request: BuildRequest, **fields: Any) -> dict[str, str]:
    contexts = fields.pop("contexts", {})
    imports = fields.pop("imports", ())
    return frontend_attributes(request, contexts, imports, SolveOptions(**fields))


def test_the_least(request_of: Callable[..., BuildRequest]) -> None:
    assert attributes(request_of()) == {"filename": "Dockerfile", "platform": "linux/amd64"}


def test_what_a_manifest_says(request_of: Callable[..., BuildRequest]) -> None:
    request = request_of(
        target="two",
        labels=(("a.b", "1"), ("c", "")),
        network="none",
        extra_hosts=(("db", "10.0.0.1"), ("v6", "::1")),
        platforms=("linux/amd64", "linux/arm64"),
        args={"VERSION": "1=2", "EMPTY": ""},
    )
    assert attributes(request) == {
        "filename": "Dockerfile",
        "platform": "linux/amd64,linux/arm64",
        "target": "two",
        "label:a.b": "1",
        "label:c": "",
        "add-hosts": "db=10.0.0.1,v6=::1",
        "force-network-mode": "none",
        "build-arg:VERSION": "1=2",
        "build-arg:EMPTY": "",
    }


def test_no_cache_and_the_time_of_the_image(request_of: Callable[..., BuildRequest]) -> None:
    found = attributes(request_of(no_cache=True, source_date_epoch=7))
    assert found["no-cache"] == ""
    assert found["build-arg:SOURCE_DATE_EPOCH"] == "7"


def test_contexts_have_the_names_that_frontends_look_for(
    request_of: Callable[..., BuildRequest],
) -> None:
    contexts = {
        "docker.io/library/alpine:3": "docker-image://a@sha256:1",
        "okteto.dev/base:latest": "oci-layout://b@sha256:2",
        "Assets": "local:named-0",
    }
    found = attributes(request_of(), contexts=contexts)
    assert {name: value for name, value in found.items() if name.startswith("context:")} == {
        "context:alpine:3": "docker-image://a@sha256:1",
        "context:okteto.dev/base": "oci-layout://b@sha256:2",
        "context:Assets": "local:named-0",
    }


def test_caches_and_attestations(request_of: Callable[..., BuildRequest]) -> None:
    found = attributes(
        request_of(),
        imports=(Cache("registry", {"ref": "r.example.com/c"}), Cache("gha", {"scope": "x"})),
        provenance="mode=min",
        sbom="generator=g",
    )
    assert json.loads(found["cache-imports"]) == [
        {"Type": "registry", "Attrs": {"ref": "r.example.com/c"}},
        {"Type": "gha", "Attrs": {"scope": "x"}},
    ]
    assert (found["attest:provenance"], found["attest:sbom"]) == ("mode=min", "generator=g")


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("FROM scratch\n", {}, {}),
        ("FROM scratch\n", {"network": "host"}, {"network.host": 0}),
        ("FROM scratch\nRUN --network=host true\n", {}, {"network.host": 2}),
        ("FROM scratch\nRUN --network=host true\n", {"network": "host"}, {"network.host": 0}),
        (
            "FROM scratch\nRUN --security=insecure --network=host true\nRUN --network=host a\n",
            {},
            {"network.host": 2, "security.insecure": 2},
        ),
        (
            "FROM scratch\nRUN --security=insecure true\nRUN --network=none true\n",
            {},
            {"security.insecure": 2},
        ),
    ],
)
def test_entitlements(
    request_of: Callable[..., BuildRequest],
    text: str,
    fields: dict[str, str],
    expected: dict[str, int],
) -> None:
    """0 is the manifest's."""
    needs = entitlements(request_of(text, **fields))
    lines = {name: needing.line if needing else 0 for name, needing in needs.items()}
    assert list(lines.items()) == list(expected.items())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docker.io/library/alpine:latest", "alpine"),
        ("alpine", "alpine"),
        ("docker.io/team/app:1", "team/app:1"),
        ("r.example.com:5000/a/b", "r.example.com:5000/a/b"),
        (f"a@sha256:{'0' * 64}", f"a@sha256:{'0' * 64}"),
        ("UPPER", "UPPER"),
        ("stage name", "stage name"),
    ],
)
def test_familiar_names(name: str, expected: str) -> None:
    assert familiar(name) == expected


def test_another_frontend(request_of: Callable[..., BuildRequest]) -> None:
    found = attributes(request_of(), frontend_image="docker/dockerfile:1.10")
    assert found["source"] == "docker/dockerfile:1.10"
