"""A registry that fails: no false hit, no lost image, one clear message, the right exit code."""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.integration.fronts import Answer, Front, Request, front
from tests.integration.registries import PASSWORD, USER, serve, serve_tokens
from tests.integration.team import Store, User

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.fronts import Forward, Rule
    from tests.integration.registries import Certificate, RegistryServer, TokenServer

FILES = {
    "okplug.toml": "",
    "okteto.yaml": "build: {base: {context: ., dockerfile: base.Dockerfile}, api: {context: .}}\n",
    "base.Dockerfile": "FROM scratch\nCOPY data /base\n",
    "Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nLABEL a=b\n",
    "data": "hello\n",
}
DENIED = b'{"errors": [{"code": "DENIED", "message": "tag is immutable"}]}'


@pytest.fixture
def user(tmp_path: Path, store: Front) -> User:
    """Return a user with a small monorepo."""
    folder = tmp_path / "monorepo"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    environ = {
        "OKPLUG_REGISTRY": store.host,
        "OKPLUG_BUILDER": "embedded",
        "OKPLUG_REGISTRY_TIMEOUT": "2",
    }
    return User("cindy", folder, tmp_path / "home", environ)


def edit(user: User) -> None:
    """Change what both images are made of."""
    (user.folder / "data").write_text(f"{time.monotonic_ns()}\n")


def assert_whole(user: User, store: Front) -> dict[str, str]:
    """See that all that tags of the registry point at is whole, and return keys with digests."""
    registry = Store(store.behind)
    found = {}
    for repository in ("okteto/base", "okteto/api", "cindy/base", "cindy/api"):
        for tag in registry.tags(repository):
            assert registry.missing(repository, tag) == [], f"{repository}:{tag}"
            found[f"{repository}:{tag}"] = registry.digest(repository, tag)
    assert user.name == "cindy"
    return found


def assert_right(user: User, store: Front, images: Mapping[str, Mapping[str, Any]]) -> None:
    """See that keys and the user's own tags point at what a run says that they do."""
    tags = assert_whole(user, store)
    for name in ("base", "api"):
        image = images[f":{name}"]
        assert tags[f"okteto/{name}:{image['key']}"] == image["digest"]
        assert tags[f"cindy/{name}:okteto"] == image["digest"]


def assert_recovers(user: User, store: Front) -> None:
    """See that all is well when the registry is: every key finds what a clean build gives."""
    store.rule = lambda _, forward: forward()
    images = user.build()
    assert_right(user, store, images)
    again = user.build("--no-cache")  # the embedded builder gives the same bytes for the same
    assert {i["digest"] for i in again.values()} == {i["digest"] for i in images.values()}


# ------------------------------------------------------------------------ at each thing that is asked

#: what is asked for -> method and path
KINDS = {
    "look-up": ("GET", r"/okteto/\w+/manifests/(?:result-)?[0-9a-f]{32}$"),
    "may I write": ("POST", r"/okteto/base/blobs/uploads/$"),
    "blob": ("PUT", r"/blobs/uploads/.*digest="),
    "manifest": ("PUT", r"/manifests/sha256:"),
    "key": ("PUT", r"/okteto/\w+/manifests/[0-9a-f]{32}$"),
    "own tag": ("PUT", r"/cindy/\w+/manifests/okteto$"),
}


def fits(request: Request, kind: str) -> bool:
    """Tell whether a request is of a kind."""
    method, path = KINDS[kind]
    return request.method == method and re.search(path, request.path) is not None


def at(kind: str, fault: Rule, times: int = 1 << 30) -> Rule:
    """Fail at requests of a kind, so many times."""
    left = [times]

    def rule(request: Request, forward: Forward) -> Answer | None:
        if fits(request, kind) and left[0] > 0:
            left[0] -= 1
            return fault(request, forward)
        return forward()

    return rule


def cut(_request: Request, _forward: Forward) -> Answer | None:
    """End the connection before the registry hears of it."""
    return None


def cut_after(_request: Request, forward: Forward) -> Answer | None:
    """End the connection when the registry has done it."""
    forward()
    return None


def broken(_request: Request, _forward: Forward) -> Answer | None:
    """Fail for once."""
    return Answer(500, {}, b"out of order")


def busy(_request: Request, _forward: Forward) -> Answer | None:
    """Have the client wait."""
    return Answer(429, {"Retry-After": "1"}, b"")


def slow(_request: Request, forward: Forward) -> Answer | None:
    """Take longer than anybody waits."""
    time.sleep(2.5)
    return forward()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [cut, cut_after, broken, busy])
def test_what_fails_for_once_is_tried_again(
    user: User, store: Front, kind: str, fault: Rule
) -> None:
    store.rule = at(kind, fault, times=1)
    images = user.build()
    assert {image["verdict"] for image in images.values()} == {"build"}
    assert sum(fits(request, kind) for request in store.asked) > 1
    assert_right(user, store, images)


@pytest.mark.parametrize("kind", ["blob", "manifest", "key", "own tag"])
def test_what_keeps_failing_fails_the_image(user: User, store: Front, kind: str) -> None:
    store.rule = at(kind, broken)
    text = user.refused()
    assert re.search(rf"{store.host} failed to .* in {store.host}/\w+/base \(500\)", text)
    assert text.count("failed to") == 1
    assert re.search(r"^:api +BLOCKED", text, re.MULTILINE)
    assert f"okteto/api:{'0' * 32}" not in assert_whole(user, store)
    assert_recovers(user, store)


def test_a_slow_registry_is_given_up_and_said_to_be_slow(user: User, store: Front) -> None:
    store.rule = at("manifest", slow)
    text = user.refused()
    assert f"{store.host} takes too long to answer" in text
    assert "hint: raise the setting registry_timeout" in text
    assert_recovers(user, store)


def test_a_look_up_that_fails_is_a_miss_with_a_warning(user: User, store: Front) -> None:
    user.build()
    store.rule = at("look-up", broken)
    done = user.run("build")
    assert done.returncode == 0, done.stderr
    assert "2 built" in done.stderr
    warning = "the registry cannot be asked for 2 of 2 keys, which count as unknown"
    assert done.stderr.count(warning) == 1
    assert_recovers(user, store)


def test_a_registry_that_goes_away_while_images_are_built(user: User, store: Front) -> None:
    count = [0]

    def rule(request: Request, forward: Forward) -> Answer | None:
        count[0] += request.is_write
        return forward() if count[0] < 4 else None

    store.rule = rule
    text = user.refused()
    assert f"the connection to {store.host} broke: it was closed without an answer" in text
    assert "hint: run again; what is stored already is not sent again" in text
    assert_recovers(user, store)


# ------------------------------------------------------------------------------------ wrong content


def cut_body(_request: Request, forward: Forward) -> Answer | None:
    """Send half of the body."""
    answer = forward()
    answer.sent = len(answer.body) // 2
    return answer


def spoil(_request: Request, forward: Forward) -> Answer | None:
    """Change the body, whatever its digest."""
    answer = forward()
    if answer.status == 200:
        answer.body = answer.body.replace(b"1", b"2")
    return answer


@pytest.mark.parametrize("fault", [cut_body, spoil])
def test_a_look_up_with_a_wrong_body_is_no_hit(user: User, store: Front, fault: Rule) -> None:
    first = user.build()
    store.rule = at("look-up", fault)
    second = user.build()
    assert {image["verdict"] for image in second.values()} == {"build"}
    assert [i["digest"] for i in second.values()] == [i["digest"] for i in first.values()]
    assert all("the registry cannot be asked" in i["reasons"][0] for i in second.values())
    assert_recovers(user, store)


@pytest.mark.parametrize("fault", [cut_body, spoil])
def test_a_base_with_wrong_bytes_gives_no_image(user: User, store: Front, fault: Rule) -> None:
    user.build("base")

    def rule(request: Request, forward: Forward) -> Answer | None:
        is_blob = request.method == "GET" and "/blobs/sha256:" in request.path
        return fault(request, forward) if is_blob else forward()

    store.rule = rule
    text = user.refused("api")
    assert store.host in text
    assert not [name for name in assert_whole(user, store) if "/api:" in name]
    assert_recovers(user, store)


def test_an_image_of_other_content_under_a_key_is_no_hit(user: User, store: Front) -> None:
    images = user.build()
    base, api = images[":base"], images[":api"]
    wrong = Store(store.behind).get(f"okteto/api/manifests/{api['digest']}")

    def rule(request: Request, forward: Forward) -> Answer | None:
        if fits(request, "look-up") and base["key"] in request.path:
            return Answer(200, dict(wrong.headers), wrong.data)
        return forward()

    store.rule = rule
    again = user.build()
    assert again[":base"]["verdict"] == "build"
    assert "was made from other content than its key says" in again[":base"]["reasons"][0]


# ---------------------------------------------------------------------------------- immutable tags


def immutable(store: Front) -> Rule:
    """Refuse to write a tag that is there, also one that points where it is to point."""

    def rule(request: Request, forward: Forward) -> Answer | None:
        found = re.search(r"^/v2/(.*)/manifests/([^:]+)$", request.path)
        if request.method == "PUT" and found and Store(store.behind).digest(*found.groups()):
            return Answer(400, {}, DENIED)
        return forward()

    return rule


def test_a_tag_that_must_not_move_is_one_clear_error(user: User, store: Front) -> None:
    first = user.build()
    edit(user)
    store.rule = immutable(store)
    text = user.refused("base")
    tag = f"{store.host}/cindy/base:okteto"
    assert f"{tag} points at {first[':base']['digest']}, and {store.host} does not let it" in text
    assert "(400 DENIED: tag is immutable)" in text
    assert "hint: if its tags are immutable, allow this one to move, or write another one" in text
    assert Store(store.behind).digest("cindy/base", "okteto") == first[":base"]["digest"]


def test_a_tag_that_must_not_move_and_is_right_is_no_error(user: User, store: Front) -> None:
    first = user.build()
    store.rule = immutable(store)
    second = user.build("--no-cache")
    assert {image["verdict"] for image in second.values()} == {"build"}
    assert [i["digest"] for i in second.values()] == [i["digest"] for i in first.values()]


def test_a_key_that_somebody_else_was_quicker_with_counts(user: User, store: Front) -> None:
    """Two builds of one key may differ in their bytes; the first one stays, and both succeed."""
    first = user.build("base")[":base"]
    plugin = user.folder / "okplugfile.py"
    plugin.write_text(OTHER_BYTES)
    key = f"/okteto/base/manifests/{first['key']}"
    unseen = [True]

    def rule(request: Request, forward: Forward) -> Answer | None:
        if unseen and request.method == "GET" and request.path.endswith(key):
            unseen.clear()
            return Answer(404, {}, b"")
        return immutable(store)(request, forward)

    store.rule = rule
    second = user.build("base", "-t", "okteto.dev/base:other")[":base"]
    assert (second["verdict"], second["digest"]) == ("build", first["digest"])
    assert Store(store.behind).digest("cindy/base", "other") == first["digest"]


OTHER_BYTES = """\
import dataclasses
from okplug import hookimpl

@hookimpl(wrapper=True)
def okplug_build(step):
    request = step.task.request
    changed = {**request.annotations, "other": "bytes"}
    object.__setattr__(request, "annotations", changed)
    return (yield)
"""


# ------------------------------------------------------------------------------- redirects and tokens


def log_in(user: User, host: str) -> None:
    """Have the user's Docker know a password."""
    folder = user.home / ".docker"
    folder.mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_blobs_that_another_host_has_get_no_credentials(
    user: User, htpasswd_registry_server: RegistryServer
) -> None:
    with front(htpasswd_registry_server.host) as store, front(store.behind) as storage:
        log_in(user, store.host)
        told = dict[str, str]()

        def serve_blob(request: Request, forward: Forward) -> Answer | None:
            told.update(request.headers)
            account = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            request.headers["Authorization"] = f"Basic {account}"  # as a signed URL would do
            return forward()

        def redirect(request: Request, forward: Forward) -> Answer | None:
            if request.method == "GET" and "/blobs/sha256:" in request.path:
                return Answer(307, {"Location": f"http://{storage.host}{request.path}"})
            return forward()

        storage.rule = serve_blob
        user.build("base", OKPLUG_REGISTRY=store.host)
        store.rule = redirect
        built = user.build("api", OKPLUG_REGISTRY=store.host)
    assert built[":api"]["verdict"] == "build"
    assert told["User-Agent"].startswith("okplug/")
    assert "Authorization" not in told


def test_a_token_that_does_not_count_any_more_is_renewed(
    user: User, token_registry_server: RegistryServer, token_server: TokenServer
) -> None:
    with front(token_registry_server.host) as store:
        log_in(user, store.host)
        spent = set[str]()

        def rule(request: Request, forward: Forward) -> Answer | None:
            token = request.headers.get("Authorization", "")
            if token in spent or (token and len(store.asked) % 5 == 0):
                spent.add(token)
                request.headers["Authorization"] = "Bearer spent"
            return forward()

        store.rule = rule
        before = len(token_server.asked)
        images = user.build(OKPLUG_REGISTRY=store.host)
    assert {image["verdict"] for image in images.values()} == {"build"}
    assert len(spent) > 2
    assert len(token_server.asked) - before > len(spent)


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_token_servers_clock_may_be_wrong(
    user: User, certificate: Certificate, tmp_path: Path, hours: int
) -> None:
    folder = tmp_path / "token-registry"
    folder.mkdir()
    said = datetime.now(UTC) + timedelta(hours=hours)

    def rule(_request: Request, forward: Forward) -> Answer | None:
        answer = forward()
        body = {**json.loads(answer.body), "issued_at": said.isoformat()}
        answer.body = json.dumps(body).encode()
        return answer

    with serve_tokens(certificate) as tokens, front(urlsplit(tokens.url).netloc, rule) as skewed:
        tokens.url = f"http://{skewed.host}/token"
        with serve(folder, auth=tokens.auth()) as server:
            log_in(user, server.host)
            images = user.build(OKPLUG_REGISTRY=server.host)
            scopes = [scope for _, scope in tokens.asked]
    assert {image["verdict"] for image in images.values()} == {"build"}
    assert len(scopes) == len(set(scopes))  # none was taken for expired


def test_a_token_server_that_is_down_is_named(
    user: User, certificate: Certificate, tmp_path: Path
) -> None:
    folder = tmp_path / "token-registry"
    folder.mkdir()
    with serve_tokens(certificate) as tokens:
        auth = tokens.auth()
    with serve(folder, auth=auth) as server:
        log_in(user, server.host)
        text = user.refused(OKPLUG_REGISTRY=server.host)
    assert f"cannot connect to {urlsplit(tokens.url).netloc}: Connection refused" in text
