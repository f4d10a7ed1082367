"""Wrong input gets one located message with a remedy, exit code 4, and nothing is built."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from okplug.testing import Workspace

GOOD = {
    "okplug.toml": "",
    "base/okteto.yaml": "build:\n  base:\n    context: .\n",
    "base/Dockerfile": "FROM scratch\nCOPY data /data\n",
    "base/data": "data\n",
    "api/okteto.yaml": (
        "build:\n"
        "  api:\n"
        "    context: .\n"
        "    args:\n"
        "      - A=${A:-1}\n"
        "    depends_on:\n"
        "      - base:base\n"
    ),
    "api/Dockerfile": (
        "ARG OKTETO_BUILD_BASE_IMAGE\n"
        "FROM ${OKTETO_BUILD_BASE_IMAGE}\n"
        "ARG A\n"
        'ENV A=${A} B="two words"\n'
        "COPY <<EOF /etc/motd\n"
        "hello ${A}\n"
        "EOF\n"
        'CMD ["/bin/x", "y"]\n'
    ),
}


def refusal(workspace: Workspace, files: dict[str, str]) -> str:
    """Run a build that must be refused; return what is printed, and see that nothing was built."""
    workspace.write({**GOOD, **files})
    return refused(workspace)


def refused(workspace: Workspace, *arguments: str) -> str:
    outcome = workspace.run("build", *arguments)
    assert outcome.exit_code == ExitCode.USAGE_ERROR, outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout == ""
    assert not list(workspace.home.rglob("index.json")), "something was built"
    assert outcome.stderr.count("error: ") == 1, outcome.stderr
    message: str = outcome.stderr[outcome.stderr.index("error: ") :]
    return message


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    contest: .\n"},
            "api/okteto.yaml:3:5: unknown key 'contest'",
            id="unknown key",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n   - context: [.\n"},
            "api/okteto.yaml:4:1: ",
            id="bad YAML",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    context: .\n    context: .\n"},
            "api/okteto.yaml:4:5: ",
            id="duplicate key",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    context: nowhere\n"},
            "api/okteto.yaml:3:14: ",
            id="missing context",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    dockerfile: Nofile\n"},
            "api/okteto.yaml:3:17: ",
            id="missing Dockerfile",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    context: .\n    depends_on: bass\n"},
            "api/okteto.yaml:4:17: ",
            id="unknown dependency",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    context: .\n    depends_on: [api]\n"},
            "api/okteto.yaml:4:18: ",
            id="self-dependency",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    context: ${NOWHERE}\n"},
            "api/okteto.yaml:3:14: ",
            id="variable without value",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  my_api: .\n  my-api: .\n"},
            "api/okteto.yaml:3:3: ",
            id="clash after sanitising",
        ),
        pytest.param(
            {"other/okteto.yaml": "build:\n  base: ../base\n"},
            "would both be named localhost/cindy/base:okteto",
            id="two images with one reference",
        ),
        pytest.param(
            {"api/Dockerfile": "FROM scratch\nCOPPY a /\n"},
            "api/Dockerfile:2:1: ",
            id="unknown instruction",
        ),
        pytest.param(
            {"api/Dockerfile": "# only a comment\n"},
            "api/Dockerfile",
            id="Dockerfile without FROM",
        ),
        pytest.param(
            {"api/okteto.yaml": "build:\n  api:\n    context: .\n    target: final\n"},
            "api/okteto.yaml:4:5: no stage 'final' in the Dockerfile",
            id="unknown target",
        ),
        pytest.param(
            {"api/Dockerfile": "FROM scratch\nRUN make\n"},
            "api/Dockerfile:2:1: ",
            id="RUN on the embedded builder",
        ),
        pytest.param({"okplug.toml": "job = 2\n"}, "okplug.toml:1", id="unknown setting"),
        pytest.param({"okplug.toml": "jobs = -2\n"}, "okplug.toml:1", id="bad setting"),
        pytest.param({"okplug.toml": "jobs = \n"}, "okplug.toml:1", id="bad TOML"),
    ],
)
def test_located_and_refused(workspace: Workspace, files: dict[str, str], message: str) -> None:
    printed = refusal(workspace, files)
    assert message in printed
    assert "hint: " in printed or "okplug.toml" in printed


def test_a_cycle_is_printed_as_a_path_with_the_place_of_each_edge(workspace: Workspace) -> None:
    printed = refusal(
        workspace,
        {
            "base/okteto.yaml": "build:\n  base:\n    context: .\n    depends_on: api:api\n",
        },
    )
    assert "api:api" in printed
    assert "base/okteto.yaml:4:17" in printed
    assert "base:base -> api:api (FROM, api/Dockerfile:2:1)" in printed


def test_an_unreadable_file(workspace: Workspace) -> None:
    """Root gives up the right to read everything, so that the test means the same for all users."""
    workspace.write(GOOD)
    (workspace.root / "base/data").chmod(0)
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    finished = subprocess.run(
        [*(without if os.getuid() == 0 else []), sys.executable, "-m", "okplug", "build"],
        cwd=workspace.root,
        env={**os.environ, **workspace.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == ExitCode.USAGE_ERROR
    assert "base/data: " in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_special_file(workspace: Workspace) -> None:
    workspace.write(GOOD)
    (workspace.root / "base/data").unlink()
    os.mkfifo(workspace.root / "base/data")
    assert "base/data: " in refused(workspace)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), "nobody"),
        (("--jobs", "none"), "jobs"),
        (("--no-such-option",), "--no-such-option"),
        (("--maxfail", "0"), "expected a number from 1"),
        (("--build-arg", "=x"), "expected NAME=VALUE"),
        (("-o", "nothing=1"), "nothing"),
        (("-p", "no_such_plugin"), "no_such_plugin"),
        (("--registry", "team:x", "-p", "no:registry"), "no plugin serves the registry 'team:x'"),
    ],
)
def test_a_wrong_command_line(
    workspace: Workspace, arguments: tuple[str, ...], message: str
) -> None:
    workspace.write(GOOD)
    assert message in refused(workspace, *arguments)


def test_a_wrong_source_date_epoch(workspace: Workspace) -> None:
    workspace.write(GOOD)
    workspace.environ["SOURCE_DATE_EPOCH"] = "yesterday"
    assert "SOURCE_DATE_EPOCH is 'yesterday'" in refused(workspace)


MUTATED = ("api/okteto.yaml", "api/Dockerfile", "base/Dockerfile", "api/.dockerignore")
PIECES: tuple[bytes, ...] = (
    *(b"\x00", b"\t", b"\n", b"'", b'"', b"{", b"}", b"[", b"]", b"$", b"${", b"\\", b"<<EOF"),
    *(b"&a ", b"*a", b": ", b"- ", b"#", b"!", b"--from=", b"--x", b"\xc3\xa9", b"\xff"),
    *(b"FROM ", b"COPY ", b"ARG ", b"../"),
)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Change a text in one to three places: cut, double, swap, or put something in."""
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.randint(0, 12))
        piece = rng.choice((*PIECES, data[start:end] * 2, data[start:end][::-1], b""))
        data = data[:start] + piece + data[end:]
    return data


@pytest.mark.parametrize("part", range(10))
def test_500_mutations_give_a_clean_error_or_a_clean_run(workspace: Workspace, part: int) -> None:
    texts = {**GOOD, "api/.dockerignore": "*.log\n!keep.log\n"}
    workspace.write(texts)
    rng = random.Random(part)
    for _ in range(50):
        name = rng.choice(MUTATED)
        data = mutate(texts[name].encode(), rng)
        (workspace.root / name).write_bytes(data)
        outcome = workspace.run("build", "-q")
        (workspace.root / name).write_text(texts[name])
        assert outcome.exit_code in (ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE_ERROR), data
        assert "Traceback" not in outcome.stderr, data
        assert "internal error" not in outcome.stderr, data
        if outcome.exit_code != ExitCode.OK:
            assert "rror" in outcome.stderr or "failed" in outcome.stderr, data
