"""What stages take from the images that they start from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError
from okplug.testing import ImageView

if TYPE_CHECKING:
    from tests.unit.plugins.embedded.conftest import Workshop

BASE = "base.example.com/base:1"


def test_a_base_for_another_platform_is_told(workshop: Workshop) -> None:
    images = {BASE: workshop.push("base", platform="linux/s390x")}
    workshop.build(f"FROM {BASE}\n", images=images)
    assert [warning for warning in workshop.control.warnings if "linux/s390x" in warning] == [
        f"the image {BASE} is for linux/s390x, not linux/amd64"
    ]


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        ("ARG A", "ARG A"),
        ("ARG A=1 B=$A", "ARG A=1 B=1"),
        ("ARG GIVEN=1", "ARG GIVEN=2"),
        ("ENV  A=1\tB=2", "ENV A=1 B=2"),
        ('CMD [ "a","b" ]', 'CMD ["a", "b"]'),
        ("COPY --chown=1 <<A /x\ntext\nA", "COPY <<A /x"),
    ],
)
def test_the_history_tells_what_the_key_counts(
    workshop: Workshop, instruction: str, told: str
) -> None:
    """Not how it is laid out, or instructions of one key would give two images."""
    view = workshop.build(f"FROM scratch\n{instruction}\n", args={"GIVEN": "2"})
    assert view.config["history"][-1]["created_by"] == told


def test_the_same_base_is_told_once(workshop: Workshop) -> None:
    images = {BASE: workshop.push("base", platform="linux/s390x", files={"a": "1"})}
    workshop.build(f"FROM {BASE}\nCOPY --from={BASE} a b\n", images=images)
    assert len(workshop.control.warnings) == 1


@pytest.mark.parametrize(
    ("trigger", "problem"),
    [
        ("COPPY a /", "unknown instruction 'COPPY', did you mean 'COPY'?"),
        ("", "expected one instruction"),
        ("ENV A=1\nENV B=2", "expected one instruction"),
        ("FROM scratch", "expected one instruction"),
    ],
)
def test_a_trigger_that_cannot_be_read(workshop: Workshop, trigger: str, problem: str) -> None:
    images = {BASE: workshop.push("base", config={"OnBuild": [trigger]})}
    with pytest.raises(BuildError) as caught:
        workshop.build(f"FROM scratch AS one\nFROM {BASE}\n", images=images)
    assert caught.value.message == f"the image's ONBUILD {trigger!r} cannot be read: {problem}"
    assert caught.value.location is not None
    assert caught.value.location.line == 2


@pytest.mark.parametrize(
    ("value", "is_known"),
    [
        ("docker-image://registry.test/base:1", False),
        ("docker-image://okteto.dev/base", True),
        ("okplug-named://base", True),
    ],
)
def test_a_named_context_that_is_an_image(
    workshop: Workshop, value: str, *, is_known: bool
) -> None:
    base = workshop.push("base", files={"a": "1"})
    images = {"parent": base} if is_known else {}
    workshop.registry.tag(base, base.with_digest("").with_tag("1"))
    request = workshop.case("FROM parent\nCOPY --from=parent a /b\n", images=images).request()
    named = dataclasses.replace(request.image, named_contexts=(("parent", value),))
    request = dataclasses.replace(request, image=named)
    built = workshop.builder.build(request, workshop.registry, workshop.control)
    assert set(ImageView.read(workshop.registry, built.reference).tree()) == {"a", "b"}
