"""``okplug init`` on repositories that nobody would write: what it leaves is read without a word."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from okplug.testing import Workspace, make_workspace

FOLDERS = ["", "api", "base", "lib/base", "docker", "web_ui", "a b", "nginx", "api/docker", "x/api"]
FILES = ["Dockerfile", "Containerfile", "Dockerfile.dev", "base.Dockerfile", "Dockerfile.worker"]
REFERENCES = [
    "scratch",
    "base",
    "acme/base",
    "acme/api:latest",
    "acme/web-ui:dev",
    "acme/base:1.2",
    "nginx",
    "acme/nginx",
    "worker",
    "acme/lib-base",
    "okteto.dev/api",
]
LINES = [
    *(f"FROM {reference}" for reference in REFERENCES),
    *(f"FROM {reference} AS base" for reference in REFERENCES),
    "ARG BASE_IMAGE\nFROM $BASE_IMAGE",
    "ARG API=acme/api\nFROM ${API}",
    "ARG OKTETO_BUILD_API_IMAGE\nFROM $OKTETO_BUILD_API_IMAGE",
    "ARG NOTHING\nFROM $NOTHING",
    "FRM scratch",
]
MORE = [
    "COPY . /",
    "COPY data /",
    "COPY base/data /",
    "COPY --from=acme/base / /",
    "ARG WORKER_IMAGE",
]
DOCKERFILES = st.builds(
    lambda first, more: "\n".join([first, *more, ""]),
    st.sampled_from(LINES),
    st.lists(st.sampled_from(MORE), max_size=2, unique=True),
)
REPOSITORIES = st.dictionaries(
    st.tuples(st.sampled_from(FOLDERS), st.sampled_from(FILES)), DOCKERFILES, max_size=8
)


def made(folder: Path, repository: dict[tuple[str, str], str]) -> Workspace:
    """Write a repository, with a file to copy in some of its folders."""
    workspace = make_workspace(folder)
    workspace.write({"data": "", "base/data": ""})
    workspace.write(
        {f"{place}/{name}".lstrip("/"): text for (place, name), text in repository.items()}
    )
    return workspace


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REPOSITORIES)
def test_the_graph_is_shown_and_a_second_run_finds_nothing_new(
    repository: dict[tuple[str, str], str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = made(Path(folder), repository)
        outcome = workspace.run("init")
        assert outcome.exit_code in {0, 5}, outcome.stderr
        assert all(line.startswith("warning: ") for line in outcome.stderr.splitlines())
        written = {path: path.read_text() for path in workspace.root.rglob("okteto.yaml")}
        left_out = outcome.stderr.count("is left out")
        images = json.loads(workspace.run("graph", "--format", "json").stdout)["images"]
        assert len(images) == len(repository) - left_out or not written
        if written and not left_out:
            validated = workspace.run("validate").assert_ok()
            assert validated.stderr == ""
            again = workspace.run("init").assert_ok()
            assert again.stdout.startswith("nothing to write\n")
        assert {path: path.read_text() for path in workspace.root.rglob("okteto.yaml")} == written
