"""Which requests go through a proxy, and through which."""

from __future__ import annotations

import pytest

from okplug.errors import UsageError
from okplug_registry.proxies import is_loopback, proxy_for

BOTH = {"HTTPS_PROXY": "http://secure.proxy:3128", "HTTP_PROXY": "http://plain.proxy:3128"}


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("https://registry.test/v2/", {}, ""),
        ("https://registry.test/v2/", BOTH, "http://secure.proxy:3128"),
        ("http://registry.test/v2/", BOTH, "http://plain.proxy:3128"),
        ("https://registry.test/", {"https_proxy": "http://small:1", **BOTH}, "http://small:1"),
        ("http://registry.test/", {"http_proxy": "http://small:1", **BOTH}, "http://small:1"),
        ("https://registry.test/", {"ALL_PROXY": "http://all:1"}, "http://all:1"),
        ("http://registry.test/", {"all_proxy": "http://all:1"}, "http://all:1"),
        (
            "https://registry.test/",
            {"ALL_PROXY": "http://all:1", **BOTH},
            "http://secure.proxy:3128",
        ),
        ("https://registry.test/", {"HTTPS_PROXY": ""}, ""),
        ("https://registry.test/", {"HTTPS_PROXY": "proxy.test:8080"}, "http://proxy.test:8080"),
        ("https://registry.test/", {"HTTPS_PROXY": "https://u:p@proxy"}, "https://u:p@proxy"),
    ],
)
def test_the_environment_names_it(url: str, environ: dict[str, str], expected: str) -> None:
    assert proxy_for(url, environ) == expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5000", "[::1]:5000", "x.localhost"])
def test_this_machine_is_asked_directly(host: str) -> None:
    assert proxy_for(f"http://{host}/v2/", BOTH) == ""


@pytest.mark.parametrize(
    ("host", "exempt", "is_exempt"),
    [
        ("registry.test", "registry.test", True),
        ("registry.test", "other.test, REGISTRY.test", True),
        ("a.registry.test", "registry.test", True),
        ("a.registry.test", ".registry.test", True),
        ("registry.test", ".registry.test", True),
        ("a.registry.test", "*.registry.test", True),
        ("myregistry.test", "registry.test", False),
        ("registry.test", "*", True),
        ("10.1.2.3", "*", True),
        ("registry.test:5000", "registry.test:5000", True),
        ("registry.test:5000", "registry.test:5001", False),
        ("registry.test", "registry.test:443", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.2.3", "10.1.0.0/16", False),
        ("10.1.2.3:5000", "10.1.2.3:5000", True),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]:5000", "[fd00::1]:5000", True),
        ("[fd00::1]:5000", "[fd00::1]:5001", False),
        ("[fd00::1]", "fd00::1", True),
        ("10.1.2.3", "10.1.2.3/99", False),
        ("10.1.2.3", "registry.test", False),
        ("registry.test", "10.0.0.0/8", False),
        ("registry.test", " , ,", False),
        ("registry.test", ".", False),
        ("registry.test", "", False),
    ],
)
def test_no_proxy(host: str, exempt: str, is_exempt: bool) -> None:  # noqa: FBT001  # a column of the table
    for name in ("NO_PROXY", "no_proxy"):
        expected = "" if is_exempt else "http://secure.proxy:3128"
        assert proxy_for(f"https://{host}/v2/", {**BOTH, name: exempt}) == expected


@pytest.mark.parametrize(
    "proxy", ["socks5://user:hunter2@proxy:1080", "http://", "http://proxy:port", "http://[x:1"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_secrets(proxy: str) -> None:
    with pytest.raises(UsageError) as raised:
        proxy_for("https://registry.test/", {"HTTPS_PROXY": proxy})
    assert str(raised.value) == (
        "the proxy that the environment variable HTTPS_PROXY names cannot be used\n"
        "  hint: write http://HOST:PORT or https://HOST:PORT, or name the registry in NO_PROXY"
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("registry.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("notlocalhost", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert is_loopback(host) is expected
