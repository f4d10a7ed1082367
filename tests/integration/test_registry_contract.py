"""The contract of registries, kept with a real one: open, by password, by token, with TLS."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING

import pytest

import okplug_registry
from okplug.reference import Reference
from okplug.testing import RegistryContract
from tests.integration.registries import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug import Registry
    from okplug.testing import Workspace
    from tests.integration.registries import Certificate, RegistryServer, TokenServer


class HttpContract(RegistryContract):
    """The contract, in repositories of each test's own."""

    @pytest.fixture
    def server(self, registry_server: RegistryServer) -> RegistryServer:
        """Return the server."""
        return registry_server

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        """Return the settings that the server makes necessary."""
        return {}

    @pytest.fixture
    def login(self) -> dict[str, str]:
        """Return the entry of the server in Docker's configuration."""
        return {}

    @pytest.fixture
    def registry(
        self,
        server: RegistryServer,
        workspace: Workspace,
        settings: dict[str, str],
        login: dict[str, str],
    ) -> Iterator[Registry]:
        """Return the registry as a run gets it."""
        folder = workspace.home / ".docker"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"auths": {server.host: login}}))
        settings = {"registry": server.host, **settings}
        config = workspace.config(plugins=[okplug_registry], settings=settings)
        found = config.plugins.registry(server.host, config)
        assert found is not None
        yield found
        config.plugins.unconfigure(config)

    @pytest.fixture
    def repository(self, registry: Registry) -> Callable[[str], Reference]:
        """Return references below a folder that nobody has used."""
        folder = f"test-{secrets.token_hex(8)}"
        return lambda name: Reference(registry.host, f"{folder}/{name}")


class TestOpen(HttpContract):
    """Without TLS and credentials."""

    @pytest.fixture
    def written(self, server: RegistryServer) -> Callable[[], object]:
        """Return what the server stores; of uploads that were cancelled it keeps hash states."""
        data = server.folder / "data"
        return lambda: {
            path for path in data.rglob("*") if path.is_file() and "hashstates" not in path.parts
        }


class TestOtherMaker(HttpContract):
    """With another implementation, which lists what refers to images."""

    @pytest.fixture
    def server(self, other_registry_server: RegistryServer) -> RegistryServer:
        """Return the server."""
        return other_registry_server


class TestPassword(HttpContract):
    """With basic authentication."""

    @pytest.fixture
    def server(self, htpasswd_registry_server: RegistryServer) -> RegistryServer:
        """Return the server."""
        return htpasswd_registry_server

    @pytest.fixture
    def login(self) -> dict[str, str]:
        """Return what docker login keeps of a password."""
        return {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


class TestToken(HttpContract):
    """With tokens for a password."""

    @pytest.fixture
    def server(self, token_registry_server: RegistryServer) -> RegistryServer:
        """Return the server."""
        return token_registry_server

    @pytest.fixture
    def login(self) -> dict[str, str]:
        """Return what docker login keeps of a password."""
        return {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


class TestIdentityToken(TestToken):
    """With tokens for an identity token."""

    @pytest.fixture
    def login(self, token_server: TokenServer) -> dict[str, str]:
        """Return what docker login keeps of an identity token."""
        account = base64.b64encode(b"<token>:").decode()
        return {"auth": account, "identitytoken": token_server.identity}


class TestTls(HttpContract):
    """With TLS, an authority of its own and a client certificate."""

    @pytest.fixture
    def server(self, tls_registry_server: RegistryServer) -> RegistryServer:
        """Return the server."""
        return tls_registry_server

    @pytest.fixture
    def settings(self, certificate: Certificate) -> dict[str, str]:
        """Return whom to trust, and who asks."""
        return {
            "registry_ca": str(certificate.certificate),
            "registry_cert": str(certificate.certificate),
            "registry_key": str(certificate.key),
        }
