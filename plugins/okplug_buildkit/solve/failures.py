"""Why a build failed: the cause, its place, its last lines, and the remedy.

The place, the process and the log come from BuildKit's typed details. The causes that have no type
of their own, such as what a registry answers, are told by the daemon's words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug import BuildError, Location
from okplug_buildkit.solve.attributes import entitlements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug import BuildRequest
    from okplug_buildkit.solve.details import Details
    from okplug_buildkit.solve.progress import Progress

_KILLED = 137
_LOG_IN = "log in with docker login {host}; okplug takes credentials from Docker's config.json"
_NO_ROOM = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_MAKE_ROOM = "the daemon's disk is full: okplug builder prune makes room"

_NO_SECRET = re.compile(r"secret (?P<id>\S+): not found")
_REFUSED = re.compile(r"(?P<what>network\.host|security\.insecure|device) is not allowed")

#: what the daemon says -> the remedy; the first that fits counts
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_NO_ROOM, _MAKE_ROOM),
    (
        re.compile(
            r"\b401 Unauthorized|failed to authorize|failed to fetch (?:oauth|anonymous) token"
            r"|\b403 Forbidden|insufficient_scope|pull access denied|authorization failed"
            r"|denied: requested access|no basic auth credentials",
            re.IGNORECASE,
        ),
        _LOG_IN,
    ),
    (
        re.compile(r"x509:|certificate signed by unknown|tls: failed to verify", re.IGNORECASE),
        (
            "the daemon does not trust the registry's certificate: its buildkitd.toml takes a ca "
            "for a registry"
        ),
    ),
    (
        re.compile(r"server gave HTTP response to HTTPS client"),
        'the registry speaks plain HTTP: [registry."HOST"] http = true in buildkitd.toml',
    ),
    (
        re.compile(r"\b429 Too Many Requests|toomanyrequests", re.IGNORECASE),
        "the registry limits how often it is asked: log in, use a mirror, or wait",
    ),
    (
        re.compile(r"failed to resolve source metadata for \S+: .*not found", re.DOTALL),
        (
            "there is no such image: look at its name, its tag, and whether there is one for the "
            "platform"
        ),
    ),
    (
        re.compile(
            r"failed to (?:do request|resolve source metadata|push).*(?:no such host"
            r"|connection refused|i/o timeout|network is unreachable|server misbehaving)",
            re.DOTALL,
        ),
        "the daemon cannot reach the registry; it is the daemon's network that counts",
    ),
    (
        re.compile(r"failed to load cache key: "),
        "the daemon fetches it itself: see whether it is there, and the daemon's network",
    ),
    (
        re.compile(r"failed to (?:push|do request)|error writing|unexpected status.*5\d\d"),
        "the registry did not take the image; its log tells more. Build again to go on",
    ),
    (
        re.compile(r"exec format error"),
        (
            "the daemon cannot run programs of this platform: install QEMU on it "
            "(docker run --privileged tonistiigi/binfmt --install all), or build on that platform"
        ),
    ),
    (
        _REFUSED,
        "the daemon must allow it: insecure-entitlements in buildkitd.toml",
    ),
    (
        _NO_SECRET,
        "give it in the manifest: secrets of this image",
    ),
    (
        re.compile(r"unset ssh forward key|could not access ssh|no SSH key"),
        "give it in the manifest: ssh of this image",
    ),
)
_HOST = re.compile(
    r"(?:source metadata for|failed to push|fetch oauth token|https?://|HEAD request to"
    r"|request: \w+ \"https?://)\s*(?:https?://)?(?P<host>[\w.-]+(?::\d+)?)(?=[/:])"
)

#: the name of an image that cannot be had stands up to three times before the reason
_NO_IMAGE = re.compile(
    r"(?:\S+: )?failed to resolve source metadata for (?P<image>\S+): (?:(?P=image): )?"
    r"(?P<reason>.*)"
)


def failure_of(
    details: Details, request: BuildRequest, progress: Progress, frontend: str = ""
) -> BuildError:
    """Return the error to show for a build that the daemon refused or could not end.

    What has no line in the Dockerfile, such as a push, is not said to be about it.

    :param frontend: the image of the frontend that the settings name.
    """
    location, lines = _place(details, request)
    log = progress.last_lines(details.vertex) if details.vertex else ()
    return BuildError(
        message_of(details),
        location=location,
        hint=_remedy_in_settings(details, request, frontend) or remedy_of(details, log),
        source=lines,
        log=log,
    )


def _remedy_in_settings(details: Details, request: BuildRequest, frontend: str) -> str:
    """Return the remedy for what is given and cannot be had, ``""`` if it is not that."""
    found = _NO_SECRET.search(details.message)
    for secret in request.secrets:
        if found and secret.id == found["id"] and secret.kind == "env":
            return f"set the variable {secret.source}, which it is in"
    if frontend and frontend in details.message:
        return (
            "the setting frontend_image names it, or OKTETO_BUILDKIT_FRONTEND_IMAGE: correct that"
        )
    return ""


def _place(details: Details, request: BuildRequest) -> tuple[Location | None, tuple[str, ...]]:
    """Return where the fault is, and the lines there.

    Of what a daemon does not allow it tells no place.
    """
    start, end = _spot(details, request)
    refused = _REFUSED.search(details.message)
    if refused and not start:
        needs = entitlements(request)
        needing = needs.get(refused["what"])
        if needing is not None:
            start, end = needing.line, needing.end_line
        elif refused["what"] in needs:
            return request.image.place("network"), ()
    if not start:
        return None, ()
    return Location(request.dockerfile.path, start), request.dockerfile.lines[start - 1 : end]


def _spot(details: Details, request: BuildRequest) -> tuple[int, int]:
    """Return the first and the last line of the instruction at fault, zeros if it is not known.

    The daemon names each line of an instruction by itself.
    """
    count = len(request.dockerfile.lines)
    start = end = 0
    for each in details.ranges:
        if each.filename not in ("", request.dockerfile.path.name) or each.start > count:
            continue
        if not start:
            start, end = each.start, min(each.end, count)
        elif each.start == end + 1:
            end = min(each.end, count)
    return start, end


def message_of(details: Details) -> str:
    """Return what is wrong in one line."""
    if details.exit_code is not None:
        return f"the command ended with exit code {details.exit_code}"
    first, *_ = details.message.splitlines() or ["the build failed"]
    found = _NO_IMAGE.fullmatch(first)
    if found:
        first = f"cannot get the image {found['image']}: {found['reason']}"
    return first.rstrip(".:")


def remedy_of(details: Details, log: Iterable[str] = ()) -> str:
    """Return the remedy, one line, ``""`` if none is known.

    :param log: the last lines of what failed.
    """
    if details.exit_code == _KILLED:
        return "it was killed, perhaps for want of memory"
    if details.exit_code is not None:
        return _MAKE_ROOM if any(_NO_ROOM.search(line) for line in log) else ""
    for pattern, remedy in _REMEDIES:
        if pattern.search(details.message):
            found = _HOST.search(details.message)
            return remedy.replace("{host}", found["host"] if found else "HOST")
    return ""
