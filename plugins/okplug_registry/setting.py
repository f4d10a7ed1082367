"""The settings of registries, and which hosts can be one."""

from __future__ import annotations

import re

from okplug import Reference, Setting, UsageError

#: layout:FOLDER, but neither localhost:5000 nor a URL
_STORE = re.compile(r"[a-z][a-z0-9+]*:(?![0-9]+(?:/|$)|//)")
_MIRROR = re.compile(r"(?P<host>[^=]+)=(?P<url>https?://[^/?#@]+(?:/[^?#@]*)?)")
_MIRROR_FORM = "expected HOST=URL, such as docker.io=https://mirror.example.com"


def check_mirror(text: str) -> str:
    """Return a word of ``registry_mirrors`` if it is one.

    :raises ValueError: if not; the message says what was expected.
    """
    if not _MIRROR.fullmatch(text):
        raise ValueError(f"{_MIRROR_FORM}, not {text!r}")
    return text


def mirrors_of(host: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the URLs of a host's mirrors, in the order in which they are asked."""
    found = (_MIRROR.fullmatch(word) for word in words)
    return tuple(match["url"] for match in found if match and match["host"] == host)


SETTINGS = (
    Setting(
        "registry_ca",
        "text",
        "",
        "a PEM file with certificates of authorities to trust besides the system's, "
        "below the workspace's root",
    ),
    Setting(
        "registry_cert",
        "text",
        "",
        "a PEM file with the certificate that registries ask clients for, and its chain",
    ),
    Setting(
        "registry_key",
        "text",
        "",
        "a PEM file with the key of registry_cert, if it is not in the same file",
    ),
    Setting(
        "insecure_registries",
        "words",
        (),
        "hosts that may be spoken to without TLS, as HOST or HOST:PORT; this machine may always be",
    ),
    Setting(
        "registry_mirrors",
        "words",
        (),
        "what to read from instead, as HOST=URL; the registry itself is asked if the mirror "
        "does not have it",
        convert=check_mirror,
    ),
    Setting(
        "registry_timeout",
        "number",
        60,
        "how many seconds to wait for a registry's answer, or for more of it",
    ),
)


def is_other_store(text: str) -> bool:
    """Tell whether the setting ``registry`` names another kind of store, such as ``layout:x``."""
    return _STORE.match(text) is not None


def check_host(text: str) -> None:
    """Refuse what the setting ``registry`` must not be.

    :raises UsageError: if the text is no ``HOST[:PORT]``.
    """
    host = re.sub(r"^https?://", "", text).rstrip("/")
    if host != text:
        raise UsageError(
            f"the setting registry is a URL: {text!r}",
            hint=f"write {host}; TLS is used, but for this machine and for insecure_registries",
        )
    host, slash, path = text.partition("/")
    if slash:
        raise UsageError(
            f"the setting registry has a path: {text!r}",
            hint=f"write {host}, and give namespace and global_namespace the path: "
            f"{path}/NAMESPACE",
        )
    try:
        Reference.parse(f"{host}/x")
    except UsageError as error:
        raise UsageError(f"the setting registry is no host: {text!r}", hint=error.hint) from error
