"""OCI image references, after the grammar of the distribution project's ``reference`` package.

    reference   = [host "/"] path [":" tag] ["@" digest]
    host        = (name *["." name] | "[" ipv6 "]") [":" port]    with a dot or port, or "localhost"
    path        = component *["/" component]                      at most 255 characters
    component   = lower-case letters and digits, single "." and "_", "__", any number of "-" between
    tag         = letter, digit or "_", then up to 127 of these or "." or "-"

In one point this is stricter: a first component in upper case without dot and port is refused,
where the package takes ``Foo`` of ``Foo/bar`` for a host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from okplug.errors import UsageError

DEFAULT_REGISTRY = "docker.io"
_OFFICIAL = "library"  # the namespace of Docker Hub that names of one component are in
_LONGEST_PATH = 255
_LONGEST_SHOWN = 80
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
_DIGEST = re.compile(r"(sha256|sha384|sha512):([0-9a-f]+)")
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A name of an image; *tag* and *digest* are ``""`` when absent.

    ``parse`` checks what people write. The constructor takes parts as they are, for names that
    okplug makes of parts it has checked.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @classmethod
    def parse(cls, text: str, default_registry: str = DEFAULT_REGISTRY) -> Reference:
        """Read a reference; ``parse(str(r)) == r`` for all that this returns.

        :param default_registry: the host of references that name none: one with a dot or port, or
            ``localhost``.
        :raises UsageError: if the text is no reference; the message says what was expected.
        """
        if _IMAGE_ID.fullmatch(text):
            raise _wrong(text, "64 hex digits are the id of an image", "write NAME@sha256:ID")
        name, at, digest = text.partition("@")
        if at:
            _check_digest(text, digest)
        folder, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if colon:
            _check_tag(text, tag)
        registry, repository = _split_host(f"{folder}{slash}{last}", default_registry)
        _check_host(text, registry)
        _check_path(text, repository)
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"{_OFFICIAL}/{repository}"
        return cls(registry, repository, tag, digest)

    def with_tag(self, tag: str) -> Reference:
        """Return the reference with another tag, ``""`` for none."""
        return replace(self, tag=tag)

    def with_digest(self, digest: str) -> Reference:
        """Return the reference with another digest, ``""`` for none."""
        return replace(self, digest=digest)

    def repository_only(self) -> Reference:
        """Return the reference without tag and digest."""
        return Reference(self.registry, self.repository)


def _split_host(name: str, default_registry: str) -> tuple[str, str]:
    """Return host and path; what stands before the first slash is a host if it looks like one."""
    first, slash, rest = name.partition("/")
    if not slash or not (first == "localhost" or "." in first or ":" in first):
        return _canonical(default_registry), name
    return _canonical(first), rest


def _canonical(host: str) -> str:
    return DEFAULT_REGISTRY if host == f"index.{DEFAULT_REGISTRY}" else host


def _check_host(text: str, host: str) -> None:
    if not _HOST.fullmatch(host):
        raise _wrong(
            text,
            f"expected a host, not {_shown(host)}",
            "a host is letters, digits, - and ., such as registry.example.com:5000; no scheme",
        )


def _check_path(text: str, path: str) -> None:
    if len(path) > _LONGEST_PATH:
        raise _wrong(
            text,
            f"its path has {len(path)} characters, expected at most {_LONGEST_PATH}",
            "shorten it",
        )
    for component in path.split("/"):
        if _COMPONENT.fullmatch(component):
            continue
        if _COMPONENT.fullmatch(component.lower()):
            hint = f"write {component.lower()}; a host has a dot or a port, such as {component}:443"
            raise _wrong(text, f"expected lower case, not {component!r}", hint)
        raise _wrong(
            text,
            f"expected lower-case letters and digits, with . _ __ or - between, "
            f"not {_shown(component)}",
            "a reference looks like registry.example.com/team/app:1.2",
        )


def _check_tag(text: str, tag: str) -> None:
    if not _TAG.fullmatch(tag):
        raise _wrong(
            text,
            f"expected a tag, not {_shown(tag)}",
            "a tag is up to 128 letters, digits, _ . and -, and does not begin with . or -",
        )


def _check_digest(text: str, digest: str) -> None:
    match = _DIGEST.fullmatch(digest)
    if not match or len(match[2]) != _HEX_DIGITS[match[1]]:
        raise _wrong(
            text,
            f"expected a digest, not {_shown(digest)}",
            "a digest is sha256: and 64 lower-case hex digits, or sha384: and 96, sha512: and 128",
        )


def _wrong(text: str, problem: str, hint: str) -> UsageError:
    return UsageError(f"{_shown(text)} is no image reference: {problem}", hint=hint)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
