"""Compose files on a BuildKit: what services take from each other is in their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit

FILES = {
    "compose.yaml": """
        services:
          base:
            image: acme/base:${VERSION:-1}
            build:
              dockerfile_inline: |
                FROM scratch
                COPY data /base
                ENV SHELL=$${SHELL:-none}
          tools: {build: tools}
          app:
            build:
              context: app
              args: [VERSION=1]
              additional_contexts:
                tools: service:tools
                lib: ./lib
            depends_on: [base]
        """,
    "data": "base\n",
    "tools/Dockerfile": "FROM scratch\nCOPY . /opt/\n",
    "tools/tool": "tool\n",
    "lib/lib": "lib\n",
    "app/Dockerfile": """
        ARG VERSION
        FROM acme/base:${VERSION}
        COPY --from=tools /opt/tool /tool
        COPY --from=lib lib /lib
        COPY main /main
        """,
    "app/main": "main\n",
}


@pytest.fixture
def files(workspace: Workspace, buildkit: BuildKit) -> Workspace:
    """Three services that the daemon builds."""
    workspace.write(FILES)
    workspace.environ["OKPLUG_BUILDER"] = buildkit.address
    return workspace


def content(files: Workspace) -> dict[str, str]:
    """Build the application, and return its files."""
    files.run("build", "app", "--output", "out").assert_ok()
    names = ("base", "tool", "lib", "main")
    return {name: (files.root / "out" / name).read_text() for name in names}


def test_an_image_has_what_it_takes_from_other_services(files: Workspace) -> None:
    (files.root / "out").mkdir()
    expected = {"base": "base\n", "tool": "tool\n", "lib": "lib\n", "main": "main\n"}
    assert content(files) == expected
    for path, name in (("data", "base"), ("tools/tool", "tool"), ("lib/lib", "lib")):
        files.write({path: f"new {name}\n"})
        expected[name] = f"new {name}\n"
        assert content(files) == expected


def test_what_was_built_is_reused(files: Workspace) -> None:
    assert "3 built" in files.run("build").assert_ok().stderr
    assert "3 reused" in files.run("build").assert_ok().stderr
