"""Real registries on free ports of this machine, of all kinds that users meet."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
SEARCHED = f"{os.environ['PATH']}:/usr/sbin:{ROOT}/.tox/bin"

USER, PASSWORD = "cindy", "open sesame"
#: htpasswd -nbB cindy 'open sesame'
HTPASSWD = "cindy:$2b$04$Xb.23cf6IXgM8O3ZN1soL.C39wiVCPqkL/HqtNRe3cxMDLvT/rKdK\n"

_CERTIFICATE = """\
[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = okplug tests
[extensions]
basicConstraints = critical,CA:TRUE
subjectAltName = IP:127.0.0.1,DNS:localhost
subjectKeyIdentifier = hash
"""


@dataclass(frozen=True)
class RegistryServer:
    """A running registry.

    :param host: as references have it.
    :param folder: with ``data``, what it stores, and its ``log``.
    """

    host: str
    folder: Path

    def log(self) -> str:
        """Return what it has logged so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, and its key, as PEM files."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        """The certificate without its armour."""
        lines = self.certificate.read_text(encoding="ascii").splitlines()
        return base64.b64decode("".join(lines[1:-1]))


def make_certificate(folder: Path, name: str) -> Certificate:
    """Make a certificate for this machine."""
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    config = folder / f"{name}.cnf"
    config.write_text(_CERTIFICATE, encoding="ascii")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-config", config, "-keyout", made.key, "-out", made.certificate),
        ],
        check=True,
        capture_output=True,
    )
    return made


@contextmanager
def serve(
    folder: Path,
    *,
    http: Mapping[str, object] | None = None,
    auth: object = None,
    deletes: bool = True,
) -> Iterator[RegistryServer]:
    """Run a registry in a folder.

    :param http: what its configuration says of HTTP besides the address, such as ``tls``.
    :param auth: its whole part about that, None for none.
    :param deletes: whether it lets anything be deleted, which by default it does not.
    """
    program = _program("docker-registry")
    server = RegistryServer(f"127.0.0.1:{_free_port()}", folder)
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": deletes},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": server.host, "secret": secrets.token_hex(), **(http or {})},
    }
    if auth is not None:
        config["auth"] = auth
    (folder / "config.yml").write_text(json.dumps(config), encoding="utf-8")
    with _running(server, program, "serve", str(folder / "config.yml")):
        yield server


@contextmanager
def serve_from_memory(folder: Path) -> Iterator[RegistryServer]:
    """Run a registry of another maker, which lists what refers to images; only its log is a file.

    :param folder: for the log.
    """
    server = RegistryServer(f"127.0.0.1:{_free_port()}", folder)
    with _running(server, _program("memory-registry"), server.host):
        yield server


def _program(name: str) -> str:
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        pytest.fail(f"{name} is not there; tests/run gets it")
    return found


@contextmanager
def _running(server: RegistryServer, *command: str) -> Iterator[None]:
    with (
        (server.folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_ready(server, process)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_until_ready(server: RegistryServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    host, port = server.host.split(":")
    while True:
        assert process.poll() is None, f"the registry ended by itself: {server.log()}"
        assert time.monotonic() < deadline, "the registry does not answer"
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


# ------------------------------------------------------------------------------------------- tokens


@dataclass
class TokenServer:
    """What gives tokens for a registry to whoever knows the password or the identity token.

    :param url: what a registry sends its users to.
    :param asked: the scopes that were asked for, with how: ``GET`` or ``POST``.
    :param life: seconds that a token is good for.
    """

    signer: Certificate
    url: str = ""
    service: str = "registry of the tests"
    identity: str = "who-I-am"
    life: int = 300
    asked: list[tuple[str, str]] = field(default_factory=list)

    def token(self, scopes: list[str]) -> str:
        """Return a token that allows all that is asked for."""
        now = int(time.time())
        access = [
            dict(zip(("type", "name", "actions"), _scope(scope), strict=True)) for scope in scopes
        ]
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(self.signer.der).decode()]}
        claims = {
            "iss": "okplug tests",
            "aud": self.service,
            "sub": USER,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.life,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.signer.key],
            input=signed.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{signed}.{_encoded(signature)}"

    def auth(self) -> dict[str, object]:
        """Return the part of a registry's configuration."""
        return {
            "token": {
                "realm": self.url,
                "service": self.service,
                "issuer": "okplug tests",
                "rootcertbundle": str(self.signer.certificate),
            }
        }


def _scope(scope: str) -> tuple[str, str, list[str]]:
    kind, rest = scope.split(":", 1)
    name, actions = rest.rsplit(":", 1)
    return kind, name, actions.split(",")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@contextmanager
def serve_tokens(signer: Certificate) -> Iterator[TokenServer]:
    """Run a token server in a thread."""
    state = TokenServer(signer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            account = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            is_known = self.headers.get("Authorization") == f"Basic {account}"
            self._answer(query.get("scope", []), is_known=is_known, name="token")

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            is_known = form["refresh_token"] == [state.identity]
            self._answer(form["scope"][0].split(), is_known=is_known, name="access_token")

        def _answer(self, scopes: list[str], *, is_known: bool, name: str) -> None:
            state.asked.append((self.command, " ".join(scopes)))
            answer = {name: state.token(scopes), "expires_in": state.life} if is_known else {}
            body = json.dumps(answer).encode()
            self.send_response(200 if is_known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ----------------------------------------------------------------------------------------- fixtures


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for servers on this machine."""
    return make_certificate(tmp_path_factory.mktemp("certificate"), "server")


@pytest.fixture(scope="session")
def registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Run a registry that asks for nothing, without TLS."""
    with serve(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def other_registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Run a registry of another maker that asks for nothing, without TLS."""
    with serve_from_memory(tmp_path_factory.mktemp("other-registry")) as server:
        yield server


@pytest.fixture(scope="session")
def tls_registry_server(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[RegistryServer]:
    """Run a registry with TLS that only clients with the certificate of ``certificate`` may use."""
    tls = {
        "certificate": str(certificate.certificate),
        "key": str(certificate.key),
        "clientcas": [str(certificate.certificate)],
    }
    with serve(tmp_path_factory.mktemp("registry-tls"), http={"tls": tls}) as server:
        yield server


@pytest.fixture(scope="session")
def htpasswd_registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Run a registry that wants USER and PASSWORD."""
    folder = tmp_path_factory.mktemp("registry-htpasswd")
    (folder / "htpasswd").write_text(HTPASSWD, encoding="ascii")
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    with serve(folder, auth=auth) as server:
        yield server


@pytest.fixture(scope="session")
def token_server(certificate: Certificate) -> Iterator[TokenServer]:
    """Run a token server."""
    with serve_tokens(certificate) as server:
        yield server


@pytest.fixture(scope="session")
def token_registry_server(
    tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer
) -> Iterator[RegistryServer]:
    """Run a registry that wants a token of ``token_server``."""
    with serve(tmp_path_factory.mktemp("registry-token"), auth=token_server.auth()) as server:
        yield server
