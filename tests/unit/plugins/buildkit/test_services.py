"""What a daemon may ask for while it builds one image."""

from __future__ import annotations

import dataclasses
import stat
from typing import TYPE_CHECKING, Any, cast

import pytest

from okplug import BuildError, Location, Reference, Secret
from okplug.credentials import Credentials
from okplug.testing import BuildCase, FakeRegistry
from okplug_buildkit import services
from okplug_buildkit.attach.registrystore import RegistryStore
from okplug_buildkit.rpc import RpcError
from okplug_buildkit.services import Services
from okplug_buildkit.solve.contexts import Contexts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from okplug import BuildRequest
    from okplug_buildkit.rpc import Call, Handler
    from okplug_buildkit.sync.entries import Tree

FILES = "/moby.filesync.v1.FileSync/DiffCopy"
TOKENS = "/moby.filesync.v1.Auth/"
SECRETS = "/moby.buildkit.secrets.v1.Secrets/"
SSH = "/moby.sshforward.v1.SSH/"
CONTENT = "/containerd.services.content.v1.Content/"
YEAR_1980 = 315_619_200


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    """A request that reads a file."""
    (tmp_path / "Dockerfile").write_bytes(b"# \xff\r\nFROM scratch\nCOPY a /\n")
    (tmp_path / "a").write_text("content")
    return BuildCase(tmp_path).request()


def handlers(
    request: BuildRequest,
    contexts: Contexts | None = None,
    stores: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Handler]:
    made = Services(Credentials({}), environ or {})
    return made.handlers(request, [request.context], contexts or Contexts(), stores or {})


def served(found: dict[str, Handler]) -> set[str]:
    """Return the services, without the names of methods."""
    return {method.rpartition("/")[0] + "/" for method in found}


def test_files_and_credentials_are_always_there(request_: BuildRequest) -> None:
    found = handlers(request_)
    assert FILES in found
    assert served(found) == {FILES.rpartition("/")[0] + "/", TOKENS}


class Asking:
    """A call of a daemon that wants files, and gets none."""

    def __init__(self, directory: str, *follow: str) -> None:
        self._metadata = {"dir-name": [directory], "followpaths": list(follow)}
        self.sent: list[object] = []

    def metadata(self, key: str) -> list[str]:
        """Say what is wanted."""
        return self._metadata.get(key, [])

    def send(self, messages: list[object]) -> None:
        """Keep what is sent."""
        self.sent += messages

    def receive_nowait(self) -> None:
        """Return nothing."""

    def receive(self) -> None:
        """Have no further wish."""


def ask(folder: Path, dockerfile: str, *follow: str, directory: str = "context") -> Asking:
    """Have a daemon ask for files of an image."""
    (folder / "Dockerfile").write_text(dockerfile)
    call = Asking(directory, *follow)
    serve = handlers(BuildCase(folder).request())[FILES]
    with pytest.raises(RpcError, match="the transfer was not finished"):
        serve(cast("Call", call))
    return call


@pytest.mark.parametrize(
    ("instruction", "follow"),
    [
        ("COPY a /", ("a",)),
        ("COPY a b* /x/", ("a", "b*")),
        ("COPY . /", ()),
        ("RUN --mount=type=tmpfs,target=/t true", ()),
    ],
)
def test_what_the_instructions_read_is_sent(
    tmp_path: Path, instruction: str, follow: tuple[str, ...]
) -> None:
    """A tmpfs mount has the daemon ask for everything, and read nothing of it."""
    (tmp_path / "a").write_text("content")
    assert ask(tmp_path, f"FROM node\n{instruction}\n", *follow).sent


def test_the_dockerfile_is_sent_whatever_the_base_is(tmp_path: Path) -> None:
    assert ask(tmp_path, "FROM node\n", "Dockerfile", directory="dockerfile").sent


@pytest.mark.parametrize(("follow", "source"), [(("b",), "b"), (("a", "dir"), "dir"), ((), r"\.")])
def test_what_only_onbuild_of_a_base_reads_is_refused(
    tmp_path: Path, follow: tuple[str, ...], source: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node\nCOPY a /\n")
    (tmp_path / "a").write_text("content")
    call = Asking("context", *follow)
    serve = handlers(BuildCase(tmp_path).request())[FILES]
    with pytest.raises(BuildError, match=rf"node has an ONBUILD instruction that reads {source},"):
        serve(cast("Call", call))
    assert call.sent == []


def test_only_who_has_secrets_serves_secrets(request_: BuildRequest, tmp_path: Path) -> None:
    secret = Secret("token", "env", "TOKEN", Location(tmp_path))
    found = handlers(dataclasses.replace(request_, secrets=(secret,)))
    assert SECRETS in served(found)
    assert not served(found) & {SSH, CONTENT}


def test_stores(request_: BuildRequest) -> None:
    store = RegistryStore(FakeRegistry(), [Reference.parse(f"registry.test/a@sha256:{'0' * 64}")])
    assert CONTENT in served(handlers(request_, stores={"oci:a": store}))


def test_an_agent_that_is_not_there(request_: BuildRequest) -> None:
    image = dataclasses.replace(request_.image, ssh=("default",))
    with pytest.raises(BuildError) as caught:
        handlers(dataclasses.replace(request_, image=image))
    assert caught.value.hint


def trees(
    monkeypatch: pytest.MonkeyPatch, request: BuildRequest, contexts: Contexts | None = None
) -> dict[str, Tree]:
    """Return what is served by which name."""
    caught: list[dict[str, Tree]] = []

    def serve_trees(found: dict[str, Tree]) -> Handler:
        caught.append(found)
        return cast("Handler", None)

    monkeypatch.setattr(services, "serve_trees", serve_trees)
    handlers(request, contexts)
    return caught[0]


def read(tree: Tree, path: bytes) -> bytes:
    entry = tree.find(path)
    assert entry is not None
    with tree.open(entry) as file:
        return file.read()


def test_the_dockerfile_is_what_was_parsed(
    request_: BuildRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not read again; bytes that are no UTF-8 stay what they are."""
    request_.dockerfile.path.write_text("FROM other")
    tree = trees(monkeypatch, request_)["dockerfile"]
    text = read(tree, b"Dockerfile")
    assert b"# \xff" in text
    assert text.endswith(b"FROM scratch\nCOPY a /\n")


def test_nothing_is_ignored_over_there(
    request_: BuildRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of the context have been chosen already, so its own ignore file must not count."""
    found = trees(monkeypatch, request_)
    lines = read(found["dockerfile"], b"Dockerfile.dockerignore").splitlines()
    assert all(line.startswith(b"#") for line in lines)
    assert found["context"].is_whole


@pytest.mark.parametrize(("epoch", "seconds"), [(None, YEAR_1980), (0, 0), (1234, 1234)])
def test_times_are_those_of_no_checkout(
    request_: BuildRequest,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int | None,
    seconds: int,
) -> None:
    request = dataclasses.replace(
        request_, source_date_epoch=epoch, folders={"more": request_.context}
    )
    contexts = Contexts(folders={"named-0": request.context})
    found = trees(monkeypatch, request, contexts)
    for name in ("context", "named-0"):
        (entry,) = (each for each in found[name].entries() if stat.S_ISREG(each.mode))
        assert entry.path == b"a"
        assert entry.mtime_ns // 1_000_000_000 == seconds


def test_a_dockerfile_of_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    request = BuildCase(tmp_path).request()
    dockerfile = dataclasses.replace(request.dockerfile, path=tmp_path / "sub/Other.dockerfile")
    tree = trees(monkeypatch, dataclasses.replace(request, dockerfile=dockerfile))["dockerfile"]
    assert [entry.path for entry in tree.entries()] == [
        b"Other.dockerfile",
        b"Other.dockerfile.dockerignore",
    ]


def test_other_content_has_another_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and time are all that a daemon compares."""
    times = set()
    for text in (b"FROM scratch\n#1\n", b"FROM scratch\n#2\n"):
        (tmp_path / "Dockerfile").write_bytes(text)
        entry = trees(monkeypatch, BuildCase(tmp_path).request())["dockerfile"].find(b"Dockerfile")
        assert entry is not None
        assert entry.size == len(text)
        times.add(entry.mtime_ns)
    assert len(times) == 2
