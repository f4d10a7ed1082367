"""What channels are opened with, and how quietly gRPC is loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import grpc  # noqa: TID253  # channels are its own
import pytest

from okplug_buildkit.connect.channels import channel_options, open_channel
from okplug_buildkit.connect.keepalive import KeepAlive
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.connect.routes import Route
from okplug_buildkit.connect.tls import TLSFiles, load_tls
from okplug_buildkit.proto import control_pb2
from tests.fakedaemon import CONTROL, FakeDaemon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.certificates import Authority

NAMES = ("builder_ca", "builder_cert", "builder_key")


def test_what_every_channel_has() -> None:
    assert dict(channel_options(Route("h:1", "h"), ChannelOptions())) == {
        "grpc.max_receive_message_length": 16 * 1024 * 1024,
        "grpc.max_send_message_length": 16 * 1024 * 1024,
        "grpc.max_metadata_size": 16 * 1024 * 1024,
        "grpc.absolute_max_metadata_size": 16 * 1024 * 1024,
        "grpc.enable_http_proxy": 0,
        "grpc.default_authority": "h",
        "grpc.primary_user_agent": "okplug",
        "grpc.initial_reconnect_backoff_ms": 100,
        "grpc.max_reconnect_backoff_ms": 5000,
        "grpc.use_local_subchannel_pool": 1,
    }


def test_what_is_asked_for_is_added(authority: Authority) -> None:
    tls = load_tls(TLSFiles(authority.ca, server_name="buildkit.test"), NAMES)
    asked = ChannelOptions(tls=tls, proxy=True, keepalive=KeepAlive(30_000))
    options = dict(channel_options(Route("h:1", "buildkit.test", tls), asked))
    assert options["grpc.enable_http_proxy"] == 1
    assert options["grpc.ssl_target_name_override"] == "buildkit.test"
    assert options["grpc.keepalive_time_ms"] == 30_000


def info(channel: grpc.Channel) -> bytes:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{CONTROL}/Info")
    return call(b"", timeout=10)


@pytest.mark.parametrize("name", ["", "buildkit.test"])
def test_certificates_of_both_sides(authority: Authority, name: str) -> None:
    folder = authority.folder
    credentials = grpc.ssl_server_credentials(
        [((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())],
        authority.ca.read_bytes(),
        require_client_auth=True,
    )
    files = TLSFiles(authority.ca, folder / "client.pem", folder / "client.key", name)
    tls = load_tls(files, NAMES)
    with FakeDaemon("127.0.0.1:0", credentials) as daemon:
        route = Route(f"127.0.0.1:{daemon.port}", name or "127.0.0.1", tls)
        with open_channel(route, ChannelOptions(tls=tls)) as channel:
            assert b"v0.99.0" in info(channel)


def test_an_error_may_carry_a_whole_dockerfile(short_folder: Path) -> None:
    with FakeDaemon(f"unix:{short_folder}/s") as daemon:
        daemon.fail("Info", grpc.StatusCode.UNKNOWN, "x" * 1_000_000)
        with open_channel(Route(f"unix:{short_folder}/s"), ChannelOptions()) as channel:
            with pytest.raises(grpc.RpcError) as caught:
                info(channel)
            assert caught.value.code() is grpc.StatusCode.UNKNOWN
            assert len(caught.value.details() or "") == 1_000_000


def test_a_message_may_be_as_large_as_daemons_send_them(short_folder: Path) -> None:
    large = control_pb2.InfoResponse()
    large.buildkit_version.package = "x" * 16_000_000
    with FakeDaemon(f"unix:{short_folder}/s") as daemon:
        daemon.answer("Info", large)
        with open_channel(Route(f"unix:{short_folder}/s"), ChannelOptions()) as channel:
            assert len(info(channel)) > 16_000_000


LOADING = """
import ctypes, os, sys
from okplug_buildkit.connect.channels import load_grpc
load_grpc(dict([sys.argv[1].split("=")]) if sys.argv[1] else {})
left = ctypes.CDLL(None).getenv
left.restype = ctypes.c_char_p
assert left(b"GRPC_VERBOSITY") is None
import grpc
credentials = grpc.ssl_channel_credentials(open(sys.argv[2], "rb").read())
with grpc.secure_channel(f"127.0.0.1:{sys.argv[3]}", credentials) as channel:
    try:
        channel.unary_unary("/x")(b"", timeout=5)
    except grpc.RpcError as error:
        assert "CERTIFICATE_VERIFY_FAILED" in error.details(), error.details()
"""


@pytest.mark.parametrize(("environ", "quiet"), [("", True), ("GRPC_VERBOSITY=ERROR", False)])
def test_grpc_is_quiet_unless_asked(
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
    environ: str,
    quiet: bool,  # noqa: FBT001  # a row of the table
) -> None:
    folder = authority.folder
    other = type(authority).make(tmp_path_factory.mktemp("other"))
    credentials = grpc.ssl_server_credentials(
        [((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())]
    )
    with FakeDaemon("127.0.0.1:0", credentials) as daemon:
        done = subprocess.run(
            [sys.executable, "-c", LOADING, environ, other.ca, str(daemon.port)],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        )
    assert done.returncode == 0, done.stderr
    assert (done.stderr == "") == quiet
