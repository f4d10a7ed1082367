"""What the settings of registries may be."""

from __future__ import annotations

import pytest

from okplug.errors import UsageError
from okplug_registry.setting import SETTINGS, check_host, check_mirror, is_other_store, mirrors_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layout:/srv/images", True),
        ("layout:", True),
        ("s3:bucket", True),
        ("localhost:5000", False),
        ("registry.example.com", False),
        ("registry:5000", False),
        ("https://registry.example.com", False),
    ],
)
def test_stores_of_another_kind(text: str, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert is_other_store(text) is expected


@pytest.mark.parametrize(
    "host", ["registry.example.com", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "docker.io"]
)
def test_a_host(host: str) -> None:
    check_host(host)


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as raised:
        check_host(text)
    return str(raised.value)


def test_a_url_is_no_host() -> None:
    assert refusal("https://registry.example.com/") == (
        "the setting registry is a URL: 'https://registry.example.com/'\n"
        "  hint: write registry.example.com; TLS is used, but for this machine and for "
        "insecure_registries"
    )


def test_a_path_belongs_to_the_namespaces() -> None:
    assert refusal("ghcr.io/team/images") == (
        "the setting registry has a path: 'ghcr.io/team/images'\n"
        "  hint: write ghcr.io, and give namespace and global_namespace the path: "
        "team/images/NAMESPACE"
    )


@pytest.mark.parametrize("text", ["", "a b.example.com", "user@host.example.com"])
def test_what_no_host_looks_like(text: str) -> None:
    with pytest.raises(UsageError, match=r"^the setting registry is no host: ") as raised:
        check_host(text)
    assert raised.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "docker.io=https://mirror.example.com",
        "docker.io=https://mirror.example.com:8443/hub",
        "localhost:5000=http://127.0.0.1:5001/",
    ],
)
def test_a_mirror(text: str) -> None:
    assert check_mirror(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "docker.io",
        "docker.io=mirror.example.com",
        "=https://mirror",
        "docker.io=ftp://mirror",
        "docker.io=https://user:hunter2@mirror",
        "docker.io=https://mirror?x=y",
    ],
)
def test_no_mirror(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected HOST=URL, such as docker\.io=https://mirror"):
        check_mirror(text)


def test_the_mirrors_of_a_host_keep_their_order() -> None:
    words = ("docker.io=https://b", "quay.io=https://q", "docker.io=https://a/x")
    assert mirrors_of("docker.io", words) == ("https://b", "https://a/x")
    assert mirrors_of("ghcr.io", words) == ()


def test_every_setting_takes_its_default() -> None:
    for setting in SETTINGS:
        raw = list(setting.default) if isinstance(setting.default, tuple) else setting.default
        assert setting.parse(raw) == setting.default
