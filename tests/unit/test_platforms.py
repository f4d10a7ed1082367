from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.platforms import host_platform, normalize_platform


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/X86-64", "linux/amd64"),
        ("linux/i686", "linux/386"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/aarch64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/riscv64", "linux/riscv64"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_one_platform_has_one_name(text: str, platform: str) -> None:
    assert normalize_platform(text) == platform


@pytest.mark.parametrize(
    ("machine", "platform"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv7l", "linux/arm/v7"),
        ("armv6l", "linux/arm/v6"),
        ("ppc64le", "linux/ppc64le"),
        ("s390x", "linux/s390x"),
        ("loongarch64", "linux/loong64"),
    ],
)
def test_the_kernel_s_names_are_translated(machine: str, platform: str) -> None:
    assert host_platform(machine) == platform


@pytest.mark.parametrize("text", ["", "amd64", "linux/", "linux/amd64/v1/x", "linux amd64"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    expected = re.escape(f"expected a platform such as linux/amd64, not {text!r}")
    with pytest.raises(ValueError, match=rf"^{expected}$"):
        normalize_platform(text)


@given(
    st.sampled_from(["linux", "windows"]),
    st.sampled_from(["amd64", "x86_64", "arm", "armhf", "arm64", "aarch64", "386", "s390x"]),
    st.sampled_from(["", "/v5", "/v6", "/v7", "/v8"]),
)
def test_a_name_that_everybody_uses_stays(os: str, architecture: str, variant: str) -> None:
    platform = normalize_platform(f"{os}/{architecture}{variant}")
    assert normalize_platform(platform) == platform
