"""What ``OKTETO_BUILD_<NAME>_<FIELD>`` hold."""

from __future__ import annotations

import pytest

from okplug.backends import Artifact, Descriptor
from okplug.reference import Reference
from okplug.results import result_value

DIGEST = f"sha256:{'a' * 64}"
ARTIFACT = Artifact(
    Reference("registry.example.com:5000", "okteto/api", "", DIGEST), Descriptor("t", DIGEST, 1)
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("IMAGE", f"registry.example.com:5000/okteto/api@{DIGEST}"),
        ("REGISTRY", "registry.example.com:5000"),
        ("REPOSITORY", "okteto/api"),
        ("TAG", DIGEST),
        ("SHA", f"okteto@{DIGEST}"),
    ],
)
def test_each_field(field: str, value: str) -> None:
    assert result_value(ARTIFACT, field) == value


def test_there_are_no_other_fields() -> None:
    with pytest.raises(KeyError):
        result_value(ARTIFACT, "NAME")
