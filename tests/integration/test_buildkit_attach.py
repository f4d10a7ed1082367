"""What a real BuildKit is told in a session: secrets, agents, credentials, and blobs both ways."""

from __future__ import annotations

import base64
import io
import json
import os
import secrets as random
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import grpc  # noqa: TID253  # the tests call the daemon by hand
import pytest

from okplug.credentials import Credentials
from okplug.errors import BuildError, Location, RegistryError
from okplug.manifest.model import Secret
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView, push_image, push_index
from okplug_buildkit.attach import auth, content, secrets, ssh, upload
from okplug_buildkit.attach.folderstore import FolderStore
from okplug_buildkit.attach.registrystore import RegistrySink, RegistryStore
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.session import Session
from okplug_buildkit.sync.sender import METHOD, serve_trees
from okplug_buildkit.sync.trees import MemoryTree
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program
from tests.integration.registries import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed import WriteableBuffer

    from okplug.testing.images import Node
    from okplug_buildkit.attach.stores import Store
    from okplug_buildkit.rpc import Handler
    from tests.integration.conftest import BuildKit
    from tests.integration.registries import RegistryServer, TokenServer

CONTROL = "/moby.buildkit.v1.Control"
APP = Reference("registry.test", "okteto/app")
PLACE = Location(Path("/w/okteto.yaml"), 1, 1)

#: a system of one program
SHELL = """\
FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""


@dataclass
class Daemon:
    """Calls of a daemon, with nothing between the test and it."""

    channel: grpc.Channel
    busybox: bytes = field(repr=False)

    def session(self, metadata: Any, requests: Iterator[bytes]) -> Any:
        """Open a session."""
        call: Any = self.channel.stream_stream(f"{CONTROL}/Session")
        return call(requests, metadata=metadata)

    def solve(
        self,
        dockerfile: str,
        handlers: Mapping[str, Handler],
        *,
        files: Mapping[str, bytes] | None = None,
        **fields: Any,
    ) -> dict[str, str]:
        """Build, and return what the exporters say; what this side does wrong is raised."""
        context = MemoryTree({"busybox": self.busybox, **(files or {})})
        trees = {"context": context, "dockerfile": MemoryTree({"Dockerfile": dockerfile.encode()})}
        solve = self.channel.unary_unary(
            f"{CONTROL}/Solve",
            control_pb2.SolveRequest.SerializeToString,
            control_pb2.SolveResponse.FromString,
        )
        with Session(self, {METHOD: serve_trees(trees), **handlers}) as session:
            ref = random.token_hex(12)
            request = control_pb2.SolveRequest(
                ref=ref, session=session.id, frontend="dockerfile.v0", **fields
            )
            try:
                return dict(solve(request, timeout=120).exporter_response)
            except grpc.RpcError:
                if session.errors:
                    raise session.errors[0] from None
                raise

    def tree(
        self, dockerfile: str, handlers: Mapping[str, Handler], **fields: Any
    ) -> dict[str, Node]:
        """Build, and return the files of the image."""
        registry = FakeRegistry()
        sink = RegistrySink(registry, APP)
        served = {**handlers, **content.handlers({"export": sink, **fields.pop("stores", {})})}
        response = self.solve(dockerfile, served, exporters=[EXPORT], **fields)
        return ImageView.read(registry, by_digest(response)).tree()

    def prune(self) -> None:
        """Forget all that is cached."""
        prune = self.channel.unary_stream(
            f"{CONTROL}/Prune",
            control_pb2.PruneRequest.SerializeToString,
            control_pb2.UsageRecord.FromString,
        )
        list(prune(control_pb2.PruneRequest(all=True)))


EXPORT = control_pb2.Exporter(type="oci", attrs={"tar": "false"})


def by_digest(response: Mapping[str, str]) -> Reference:
    return APP.with_digest(response["containerimage.digest"])


@pytest.fixture(scope="module")
def daemon(buildkit: BuildKit) -> Iterator[Daemon]:
    options = [("grpc.max_metadata_size", 1 << 22), ("grpc.absolute_max_metadata_size", 1 << 22)]
    with grpc.insecure_channel(buildkit.address, options) as channel:
        yield Daemon(channel, Path(program("busybox")).read_bytes())


# ----------------------------------------------------------------------------------------- secrets


def from_file(path: Path, key: str = "file") -> Secret:
    return Secret(key, "file", str(path), PLACE)


def test_secrets_arrive_byte_for_byte_and_stay_out_of_the_image(
    daemon: Daemon, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 2000 + b"\r\n\0"
    (tmp_path / "f").write_bytes(data[-512_000:])
    dockerfile = f"""{SHELL}
RUN --mount=type=secret,id=file,required mkdir /out && cat /run/secrets/file >/out/file
RUN --mount=type=secret,id=env,required cat /run/secrets/env >/out/env
RUN --mount=type=secret,id=env,env=TOKEN printf %s "$TOKEN" >/out/variable
"""
    value = "s3cret \u00e9\n\udcff$x'\""
    served = secrets.handlers(
        [from_file(tmp_path / "f"), Secret("env", "env", "T", PLACE)], {"T": value}
    )
    tree = daemon.tree(dockerfile, served)
    assert tree["out/file"].content == data[-512_000:]
    assert tree["out/env"].content == os.fsencode(value)
    # the daemon keeps environments as text
    assert tree["out/variable"].content == os.fsencode(value).replace(b"\xff", b"\xef\xbf\xbd")
    assert "run/secrets/file" not in tree or tree["run/secrets/file"].content == b""


def test_an_optional_secret_may_be_missing(daemon: Daemon) -> None:
    dockerfile = f"{SHELL}RUN --mount=type=secret,id=gone test ! -e /run/secrets/gone\n"
    served = secrets.handlers([Secret("gone", "env", "UNSET", PLACE)], {})
    daemon.solve(dockerfile, served)


@pytest.mark.parametrize("known", [[], [Secret("gone", "env", "UNSET", PLACE)]])
def test_a_required_secret_may_not(daemon: Daemon, known: list[Secret]) -> None:
    dockerfile = f"{SHELL}RUN --mount=type=secret,id=gone,required true\n"
    with pytest.raises(grpc.RpcError, match=r"secret gone: not found"):
        daemon.solve(dockerfile, secrets.handlers(known, {}))


def test_a_file_that_is_not_there_is_said_with_its_place(daemon: Daemon, tmp_path: Path) -> None:
    dockerfile = f"{SHELL}RUN --mount=type=secret,id=file true\n"
    with pytest.raises(BuildError, match=r"^/w/okteto.yaml:1:1: the secret file cannot be read"):
        daemon.solve(dockerfile, secrets.handlers([from_file(tmp_path / "gone")], {}))


# ------------------------------------------------------------------------------------------ agents


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start an agent with a new key, and return the environment that knows it."""
    for name in ("ssh-agent", "ssh-add", "ssh-keygen"):
        program(name)
    environ = {"SSH_AUTH_SOCK": str(tmp_path / "agent.sock"), "PATH": os.environ["PATH"]}
    command = ["ssh-agent", "-D", "-a", environ["SSH_AUTH_SOCK"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it listens when it has said where
            key = tmp_path / "key"
            subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], check=True, env=environ)
            yield environ
        finally:
            process.terminate()


def ssh_program() -> dict[str, bytes]:
    """Return what ``ssh-add`` needs to run in a container, by path."""
    path = program("ssh-add")
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    files = {f"root{library}": Path(library).read_bytes() for library in libraries}
    return {
        **files,
        "root/bin/ssh-add": Path(path).read_bytes(),
        "root/etc/passwd": b"root:x:0:0::/:/bin/sh\n",
    }


def test_an_agent_is_reached_from_a_container(daemon: Daemon, agent: dict[str, str]) -> None:
    dockerfile = f"""{SHELL}
COPY --chmod=755 root /
RUN --mount=type=ssh,required ssh-add -L >/default && ssh-add -L >>/default
RUN --mount=type=ssh,id=git ssh-add -L >/git
"""
    keys = subprocess.run(["ssh-add", "-L"], capture_output=True, check=True, env=agent).stdout
    served = ssh.handlers(ssh.find_agents(["default", "git"], agent, Path("/w")))
    before = set(threading.enumerate())
    tree = daemon.tree(dockerfile, served, files=ssh_program())
    left = [thread for thread in set(threading.enumerate()) - before if "_carry" in thread.name]
    for thread in left:
        thread.join(10)
        assert not thread.is_alive()
    assert tree["default"].content == keys * 2
    assert tree["git"].content == keys


def test_an_agent_that_nobody_offers(daemon: Daemon) -> None:
    dockerfile = f"{SHELL}RUN --mount=type=ssh,required true\n"
    with pytest.raises(grpc.RpcError, match=r"unset ssh forward key default"):
        daemon.solve(dockerfile, ssh.handlers({}))
    daemon.solve(dockerfile.replace(",required", ""), ssh.handlers({}))


# ----------------------------------------------------------------------------------------- uploads


def test_a_context_that_is_uploaded_as_an_archive(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/Dockerfile").write_text("FROM scratch\nCOPY big /\n")
    (tmp_path / "c/big").write_bytes(os.urandom(3 << 20))
    archive = shutil.make_archive(str(tmp_path / "archive"), "gztar", tmp_path / "c")
    with Path(archive).open("rb") as stream:
        served = upload.handlers({"abc": stream})
        tree = daemon.tree("", served, frontend_attrs={"context": f"{upload.ADDRESS}abc"})
    assert tree["big"].content == (tmp_path / "c/big").read_bytes()


# ------------------------------------------------------------------------------------------ images


@pytest.fixture(params=["memory", "layouts"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> FakeRegistry | LayoutRegistry:
    return FakeRegistry() if request.param == "memory" else LayoutRegistry(tmp_path / "images")


def test_an_image_is_built_upon_one_of_a_registry_that_the_daemon_cannot_reach(
    daemon: Daemon, registry: FakeRegistry | LayoutRegistry
) -> None:
    base = Reference("registry.test", "okteto/base")
    big = os.urandom(5 << 20)
    pushed = push_image(registry, base, files=[{"a": "1", "big": big}, {"b": "2"}])
    store = RegistryStore(registry, [base.with_digest(pushed.digest)])
    sink = RegistrySink(registry, APP, [base])
    response = daemon.solve(
        "FROM base\nCOPY --from=base /a /c\nCOPY new /\n",
        content.handlers({"oci:okplug": store, "export": sink}),
        files={"new": b"3"},
        frontend_attrs={"context:base": f"oci-layout://okplug@{pushed.digest}"},
        exporters=[EXPORT],
    )
    view = ImageView.read(registry, by_digest(response))
    tree = view.tree()
    assert {path: node.content for path, node in tree.items()} == {
        "a": b"1",
        "b": b"2",
        "big": big,
        "c": b"1",
        "new": b"3",
    }
    assert sink.written[view.descriptor.digest] == view.descriptor
    bases = ImageView.read(registry, base.with_digest(pushed.digest)).layers
    assert view.layers[: len(bases)] == bases
    store.close()


def test_one_of_several_platforms(daemon: Daemon, registry: FakeRegistry | LayoutRegistry) -> None:
    base = Reference("registry.test", "okteto/base")
    images = {
        platform: push_image(registry, base, files={"a": platform}, platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    index = push_index(registry, base, images)
    store = RegistryStore(registry, [base.with_digest(index.digest)])
    sink = RegistrySink(registry, APP)
    response = daemon.solve(
        "FROM base\nCOPY new /\n",
        content.handlers({"oci:okplug": store, "export": sink}),
        files={"new": b"3"},
        frontend_attrs={
            "context:base": f"oci-layout://okplug@{index.digest}",
            "platform": ",".join(images),
        },
        exporters=[EXPORT],
    )
    for platform in images:
        tree = ImageView.read(registry, by_digest(response), platform).tree()
        assert tree["a"].content == platform.encode()
    assert len(sink.written) == 3


def test_what_the_registry_has_is_not_sent_again(daemon: Daemon) -> None:
    registry = FakeRegistry()
    dockerfile = "FROM scratch\nCOPY f /\n"
    served = content.handlers({"export": RegistrySink(registry, APP)})
    first = daemon.solve(dockerfile, served, files={"f": b"x"}, exporters=[EXPORT])
    writes = registry.writes
    sink = RegistrySink(registry, APP)
    second = daemon.solve(
        dockerfile, content.handlers({"export": sink}), files={"f": b"x"}, exporters=[EXPORT]
    )
    assert second["containerimage.digest"] == first["containerimage.digest"]
    assert registry.writes == writes
    assert list(sink.written) == [first["containerimage.digest"]]


@pytest.mark.parametrize("method", ["has_blob", "write_blob", "write_manifest", "resolve"])
def test_a_registry_that_fails_ends_the_build(daemon: Daemon, method: str) -> None:
    registry = FakeRegistry()
    registry.failures[method] = RegistryError("no room in the registry")
    with pytest.raises(RegistryError, match=r"^no room in the registry$"):
        daemon.solve(
            "FROM scratch\nCOPY f /\n",
            content.handlers({"export": RegistrySink(registry, APP)}),
            files={"f": os.urandom(9)},
            exporters=[EXPORT],
        )


def test_an_export_that_is_broken_off_leaves_nothing(daemon: Daemon, tmp_path: Path) -> None:
    class Interrupted(RegistrySink):
        def write(self, ref: str, data: BinaryIO) -> tuple[str, int]:
            call = super().write
            return call(ref, cast("BinaryIO", Halfway(data)) if ref.startswith("layer-") else data)

    class Halfway(io.RawIOBase):
        def __init__(self, data: BinaryIO) -> None:
            self._data, self._left = data, 2

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: WriteableBuffer, /) -> int:
            self._left -= 1
            if not self._left:
                raise RegistryError("interrupted")
            piece = self._data.read(1000)
            memoryview(buffer)[: len(piece)] = piece
            return len(piece)

    registry = LayoutRegistry(tmp_path / "images")
    with pytest.raises(RegistryError, match="interrupted"):
        daemon.solve(
            "FROM scratch\nCOPY f /\n",
            content.handlers({"export": Interrupted(registry, APP)}),
            files={"f": os.urandom(3 << 20)},
            exporters=[EXPORT],
        )
    assert list((tmp_path / "images/.incoming").iterdir()) == []
    assert not any(path.stat().st_size > 1 << 20 for path in tmp_path.rglob("*"))


def test_attestations_are_written_too(daemon: Daemon) -> None:
    registry = FakeRegistry()
    sink = RegistrySink(registry, APP)
    response = daemon.solve(
        "FROM scratch\nCOPY f /\n",
        content.handlers({"export": sink}),
        files={"f": b"y"},
        frontend_attrs={"attest:provenance": "mode=max"},
        exporters=[EXPORT],
    )
    found = registry.read_manifest(by_digest(response))
    assert found is not None
    parts = json.loads(found[1])["manifests"]
    assert [part["platform"]["os"] for part in parts] == ["linux", "unknown"]
    assert set(sink.written) == {found[0].digest, *(part["digest"] for part in parts)}


def test_a_base_that_is_damaged_is_no_base(daemon: Daemon) -> None:
    registry = FakeRegistry()
    base = Reference("registry.test", "okteto/base")
    pushed = push_image(registry, base, files={"a": os.urandom(9)})
    layer = ImageView.read(registry, base.with_digest(pushed.digest)).manifest["layers"][0]
    registry.repository(base).blobs[layer["digest"]] = b"damaged"
    store = RegistryStore(registry, [base.with_digest(pushed.digest)])
    with pytest.raises(RegistryError, match=rf"the bytes of {layer['digest']} are wrong"):
        daemon.solve(
            "FROM base\nCOPY new /\n",
            content.handlers({"oci:okplug": store, "export": RegistrySink(registry, APP)}),
            files={"new": b"3"},
            frontend_attrs={"context:base": f"oci-layout://okplug@{pushed.digest}"},
            exporters=[EXPORT],
        )


# ----------------------------------------------------------------------------------------- caches


def test_a_cache_in_a_folder(daemon: Daemon, tmp_path: Path) -> None:
    dockerfile = f"{SHELL}RUN cat /proc/sys/kernel/random/uuid >/uuid\n"
    folder = str(tmp_path / "cache")
    cache = FolderStore(Path(folder))
    stores: dict[str, Store] = {f"local:{folder}": cache}
    exported = control_pb2.CacheOptionsEntry(type="local", attrs={"dest": folder, "mode": "max"})
    registry = FakeRegistry()
    sink = RegistrySink(registry, APP)
    response = daemon.solve(
        dockerfile,
        content.handlers({"export": sink, **stores}),
        exporters=[EXPORT],
        cache=control_pb2.CacheOptions(exports=[exported]),
    )
    first = ImageView.read(registry, by_digest(response)).tree()["uuid"].content
    cache.point(json.loads(response["cache.manifest"]))
    daemon.prune()
    attributes = {"src": folder, "digest": cache.find() or ""}
    tree = daemon.tree(
        dockerfile,
        {},
        stores=stores,
        frontend_attrs={"cache-imports": json.dumps([{"Type": "local", "Attrs": attributes}])},
    )
    assert tree["uuid"].content == first


# ------------------------------------------------------------------------------------- credentials


def credentials(folder: Path, host: str, entry: Mapping[str, str]) -> Credentials:
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))
    return Credentials({"DOCKER_CONFIG": str(folder)})


def push(daemon: Daemon, host: str, known: Credentials, repository: str = "app") -> dict[str, str]:
    name = f"{host}/{repository}:1"
    exporter = control_pb2.Exporter(type="image", attrs={"name": name, "push": "true"})
    return daemon.solve(
        "FROM scratch\nCOPY f /\n",
        auth.handlers(known, {host: repository}),
        files={"f": os.urandom(4)},
        exporters=[exporter],
    )


PAIR = {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


def test_a_push_with_a_password(
    daemon: Daemon, htpasswd_registry_server: RegistryServer, tmp_path: Path
) -> None:
    host = htpasswd_registry_server.host
    assert push(daemon, host, credentials(tmp_path, host, PAIR))["containerimage.digest"]


def test_a_push_with_tokens(
    daemon: Daemon, token_registry_server: RegistryServer, tmp_path: Path
) -> None:
    host = token_registry_server.host
    assert push(daemon, host, credentials(tmp_path, host, PAIR))["containerimage.digest"]


def test_a_push_with_an_identity_token(
    daemon: Daemon,
    token_registry_server: RegistryServer,
    token_server: TokenServer,
    tmp_path: Path,
) -> None:
    host = token_registry_server.host
    known = credentials(tmp_path, host, {"identitytoken": token_server.identity})
    token_server.asked.clear()
    assert push(daemon, host, known)["containerimage.digest"]
    assert token_server.asked[-1] == ("POST", "repository:app:pull,push")


def test_a_push_with_what_a_helper_knows(
    daemon: Daemon, htpasswd_registry_server: RegistryServer, tmp_path: Path
) -> None:
    host = htpasswd_registry_server.host
    answer = json.dumps({"ServerURL": host, "Username": USER, "Secret": PASSWORD})
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f"#!/bin/sh\ngrep -qx {host} && echo '{answer}'\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {host: "test"}}))
    path = f"{tmp_path}:/usr/bin:/bin"
    known = Credentials({"DOCKER_CONFIG": str(tmp_path), "PATH": path})
    assert push(daemon, host, known)["containerimage.digest"]


def test_a_push_with_credentials_of_a_namespace(
    daemon: Daemon, htpasswd_registry_server: RegistryServer, tmp_path: Path
) -> None:
    host = htpasswd_registry_server.host
    known = credentials(tmp_path, f"{host}/team", PAIR)
    assert push(daemon, host, known, "team/app")["containerimage.digest"]


def test_a_push_of_nobody(
    daemon: Daemon, htpasswd_registry_server: RegistryServer, tmp_path: Path
) -> None:
    host = htpasswd_registry_server.host
    with pytest.raises(grpc.RpcError, match=r"401 Unauthorized|authorization failed"):
        push(daemon, host, credentials(tmp_path, "other.example.com", PAIR))
