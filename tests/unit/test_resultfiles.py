"""What a build tells the programs after it, piece by piece."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.backends import ROOT_ANNOTATION, Artifact, Descriptor
from okplug.errors import ExitCode, Location, UsageError
from okplug.keys import KeyRecord
from okplug.manifest.model import Image
from okplug.oci import OCI_MANIFEST
from okplug.plan import Report, Result, Step
from okplug.reference import Reference
from okplug.resultfiles import (
    append_github_output,
    clashes,
    env_text,
    image_digest,
    metadata,
    variables,
)

DIGEST = f"sha256:{'a' * 64}"
ROOT = {ROOT_ANNOTATION: "b" * 64}


def image(name: str, folder: str = "services") -> Image:
    where = Location(Path(f"/shop/{folder}/okteto.yaml"), 2, 3)
    path = Path("/shop", folder)
    return Image(
        name=name, folder=folder, location=where, context=path, dockerfile=path / "Dockerfile"
    )


def result(name: str, verdict: str = "build", *, folder: str = "services", tags: int = 1) -> Result:
    repository = f"okteto/{name.lower()}"
    annotations = ROOT if verdict == "reuse" else {}
    descriptor = Descriptor(OCI_MANIFEST, DIGEST, 506, annotations)
    artifact = Artifact(Reference("registry.test", repository, "", DIGEST), descriptor)
    personal = tuple(
        Reference("registry.test", f"cindy/{name.lower()}", f"t{number}") for number in range(tags)
    )
    step = Step(
        image=image(name, folder),
        record=KeyRecord("k" * 32, "r", ()),
        verdict="build",
        reasons=(),
        personal=personal,
        shared=Reference("registry.test", repository, "k" * 32),
        own=Reference("registry.test", f"cindy/{name.lower()}"),
    )
    return Result(step, verdict, 0.1, artifact if verdict in {"build", "reuse"} else None)


def report(*results: Result, withheld: tuple[str, ...] = (), asked: str = "") -> Report:
    addresses = {result.step.address for result in results}
    chosen = {address for address in addresses if not asked or address == asked}
    return Report("build", ExitCode.OK, 1.0, results, asked=frozenset(chosen), withheld=withheld)


def test_every_field_of_every_image_that_is_there() -> None:
    found = variables(report(result("web"), result("api-2", "reuse"), result("db", "failed")))
    assert found == {
        "OKTETO_BUILD_API_2_IMAGE": f"registry.test/okteto/api-2@{DIGEST}",
        "OKTETO_BUILD_API_2_REGISTRY": "registry.test",
        "OKTETO_BUILD_API_2_REPOSITORY": "okteto/api-2",
        "OKTETO_BUILD_API_2_TAG": DIGEST,
        "OKTETO_BUILD_API_2_SHA": f"okteto@{DIGEST}",
        "OKTETO_BUILD_WEB_IMAGE": f"registry.test/okteto/web@{DIGEST}",
        "OKTETO_BUILD_WEB_REGISTRY": "registry.test",
        "OKTETO_BUILD_WEB_REPOSITORY": "okteto/web",
        "OKTETO_BUILD_WEB_TAG": DIGEST,
        "OKTETO_BUILD_WEB_SHA": f"okteto@{DIGEST}",
    }


def test_images_that_were_only_needed_are_nobody_s_business() -> None:
    both = result("base"), result("api")
    assert "OKTETO_BUILD_BASE_IMAGE" not in variables(report(*both, asked="services:api"))
    assert list(metadata(report(*both, asked="services:api"))) == ["api"]


def test_a_name_that_may_be_two_images_is_none() -> None:
    found = variables(report(result("a.b"), result("a-b", folder="tools"), result("web")))
    assert {name.split("_")[2] for name in found} == {"WEB"}


def test_clashes_name_the_addresses() -> None:
    images = [image("a.b", "z"), image("web"), image("a-b"), image("api")]
    assert clashes(images) == {"A_B": ["services:a-b", "z:a.b"]}
    assert clashes([]) == {}


def test_the_text_of_variables() -> None:
    assert env_text({"A": "1", "B": "x y"}) == "A=1\nB=x y\n"
    assert env_text({}) == ""


def test_metadata_has_bake_s_keys() -> None:
    assert metadata(
        report(result("web", tags=2), result("api", "reuse"), result("x", "failed"))
    ) == {
        "api": {
            "containerimage.descriptor": {
                "mediaType": OCI_MANIFEST,
                "digest": DIGEST,
                "size": 506,
            },
            "containerimage.digest": DIGEST,
            "image.name": "registry.test/cindy/api:t0",
        },
        "web": {
            "containerimage.descriptor": {
                "mediaType": OCI_MANIFEST,
                "digest": DIGEST,
                "size": 506,
            },
            "containerimage.digest": DIGEST,
            "image.name": "registry.test/cindy/web:t0,registry.test/cindy/web:t1",
        },
    }


def test_metadata_of_two_images_of_one_name() -> None:
    found = metadata(report(result("api"), result("api", folder="old"), result("web")))
    assert list(found) == ["old:api", "services:api", "web"]


@pytest.mark.parametrize(
    ("withheld", "names"),
    [
        ((), "registry.test/cindy/web:t0,registry.test/cindy/web:t1"),
        (("registry.test/cindy/web:t0",), "registry.test/cindy/web:t1"),
        (("registry.test/cindy/web:t0", "registry.test/cindy/web:t1"), None),
    ],
)
def test_metadata_has_no_tag_that_was_withheld(
    withheld: tuple[str, ...], names: str | None
) -> None:
    found = metadata(report(result("web", tags=2), withheld=withheld))
    assert found["web"].get("image.name") == names


def read_output(text: str) -> dict[str, str]:
    """Read outputs as GitHub's runner does: NAME=VALUE, or lines up to a mark."""
    lines = iter(text.split("\n")[:-1])
    found = {}
    for line in lines:
        match = re.fullmatch(r"(\w+)(=|<<)(.*)", line)
        assert match is not None, line
        name, separator, value = match.groups()
        if separator == "<<":
            mark = value
            value = "\n".join(iter(lambda: next(lines), mark))
        found[name] = value
    return found


def test_github_s_output_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text("mine=1\n")
    done = report(result("web"))
    append_github_output(path, done)
    found = read_output(path.read_text())
    assert found.pop("mine") == "1"
    assert json.loads(found.pop("metadata")) == metadata(done)
    assert found == variables(done)


@given(st.text(alphabet="\n={}<EOFabc", max_size=30))
def test_a_value_of_several_lines_comes_out_as_it_went_in(value: str) -> None:
    from okplug.resultfiles import _output

    assert read_output(_output("x", value)) == {"x": value}


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        append_github_output(tmp_path, report())
    assert raised.value.message == f"cannot write GITHUB_OUTPUT, {tmp_path}: Is a directory"
    assert "--no-github-output" in raised.value.hint


def test_the_digest_of_the_one_image() -> None:
    assert image_digest(report(result("api"))) == DIGEST
    assert image_digest(report(result("api", "failed"))) == ""
