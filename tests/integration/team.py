"""People who work on one monorepo, each with a home of their own, and what a registry then has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3  # noqa: TID253  # these tests speak to registries

from okplug.oci import INDEX_TYPES, MANIFEST_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ACCEPT = {"Accept": ", ".join(sorted(MANIFEST_TYPES | INDEX_TYPES))}


@dataclass(frozen=True)
class User:
    """Somebody who runs okplug in a folder.

    :param home: made if need be.
    :param environ: of all their runs.
    """

    name: str
    folder: Path
    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start okplug."""
        self.home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", "okplug", "-C", str(self.folder), *arguments],
            env={**kept, "HOME": str(self.home), "USER": self.name, **self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run okplug to its end."""
        process = self.start(*arguments, **environ)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def build(self, *arguments: str, **environ: str) -> dict[str, dict[str, Any]]:
        """Build, which must succeed, and return the images of the result document by address."""
        done = self.run("build", "--json", "-", *arguments, **environ)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return {image["address"]: image for image in json.loads(done.stdout)["images"]}

    def refused(self, *arguments: str, **environ: str) -> str:
        """Build, which must fail as an image does, and return what is said."""
        done = self.run("build", *arguments, **environ)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr


class Store:
    """What a registry has, as any client sees it.

    :param host: is spoken to without TLS.
    """

    def __init__(self, host: str) -> None:
        self._root = f"http://{host}/v2"
        self._pool = urllib3.PoolManager()

    def get(self, path: str, method: str = "GET") -> urllib3.BaseHTTPResponse:
        """Ask for a path below a repository, such as ``okteto/api/manifests/1``."""
        return self._pool.request(method, f"{self._root}/{path}", headers=_ACCEPT)

    def digest(self, repository: str, tag: str) -> str:
        """Return what a tag points at, ``""`` for nothing."""
        answer = self.get(f"{repository}/manifests/{tag}", "HEAD")
        return answer.headers["Docker-Content-Digest"] if answer.status == 200 else ""

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted, without those that stand for referrers."""
        answer = self.get(f"{repository}/tags/list")
        found = answer.json()["tags"] or [] if answer.status == 200 else []
        return sorted(tag for tag in found if not tag.startswith("sha256-"))

    def document(self, repository: str, name: str) -> dict[str, Any]:
        """Return a manifest or index by tag or digest."""
        answer = self.get(f"{repository}/manifests/{name}")
        assert answer.status == 200, f"{repository}: {name} is not there"
        found: dict[str, Any] = answer.json()
        return found

    def missing(self, repository: str, name: str) -> list[str]:
        """Return what an image refers to, directly or not, and the repository does not have."""
        document = self.document(repository, name)
        lacking = []
        for child in document.get("manifests", ()):
            answer = self.get(f"{repository}/manifests/{child['digest']}", "HEAD")
            if answer.status == 200:
                lacking += self.missing(repository, child["digest"])
            else:
                lacking.append(child["digest"])
        blobs = [*document.get("layers", ()), *filter(None, [document.get("config")])]
        for digest in (blob["digest"] for blob in blobs):
            if self.get(f"{repository}/blobs/{digest}", "HEAD").status != 200:
                lacking.append(digest)
        return lacking

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a blob."""
        return self.get(f"{repository}/blobs/{digest}").data
