"""What okplug has BuildKit build is what buildctl has it build, layer by layer.

Times are rewritten, caches are not asked, and both read the same folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program
from tests.integration.test_buildkit_parity import DOCKERFILES, write_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit

#: a system of one program, for Dockerfiles that run something
SHELL = (
    "FROM scratch AS shell\n"
    "COPY --chmod=755 busybox /bin/busybox\n"
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
)

#: Dockerfiles that need a process, or more than the embedded builder can; what stands in the shell
RUNS = {
    "run": "RUN echo hello > /x && mkdir /d && chmod 700 /d\n",
    "run in a heredoc": "RUN <<EOF\nset -e\necho one > /x\necho two >> /x\nEOF\n",
    "run as a user": "RUN mkdir -m 777 /w\nUSER 7:8\nWORKDIR /w\nRUN id > who\n",
    "removed files": "COPY dir /d\nRUN rm -r /d/sub /d/one && ln -s two.md /d/l\n",
    "hard links": "RUN echo a > /a && ln /a /b\n",
    "cache mount": "RUN --mount=type=cache,target=/c echo 1 > /c/x && cp /c/x /y\n",
    "bind mount": "RUN --mount=type=bind,source=dir,target=/m cat /m/one /m/sub/three > /x\n",
    "bind mount of a stage": "FROM shell AS b\nRUN --mount=type=bind,from=shell,target=/m ls /m/bin > /x\n",
    "tmpfs mount": "RUN --mount=type=tmpfs,target=/t echo 1 > /t/x\n",
    "secret": "RUN --mount=type=secret,id=token,required cp /run/secrets/token /x\n",
    "secret as a variable": 'RUN --mount=type=secret,id=token,env=T sh -c \'printf "%s" "$T" > /x\'\n',
    "no network": "RUN --network=none ip link > /x\n",
    "arguments": "ARG N=1\nENV M=$N\nRUN echo $N $M > /x\n",
    "onbuild with a run": "ONBUILD RUN echo b > /b\nFROM shell\nRUN echo a > /a\n",
    "stages": "FROM shell AS made\nRUN echo x > /made\nFROM scratch\nCOPY --from=made /made /\n",
    "special modes": "RUN touch /s && chmod 6755 /s && mkdir -m 1777 /t\n",
}


class Pair:
    """Builds a folder with both."""

    def __init__(
        self,
        workspace: Workspace,
        buildkit: BuildKit,
        from_archive: Callable[[Path], ImageView],
    ) -> None:
        self.workspace = workspace
        self.context = workspace.root / "ctx"
        self.manifest: dict[str, Any] = {"context": "."}
        self._buildkit = buildkit
        self._from_archive = from_archive

    def write(self, dockerfile: str, ignore: str = "okteto.yaml\n") -> None:
        """Write what is built."""
        write_context(self.context)
        (self.context / "Dockerfile").write_text(dockerfile)
        (self.context / ".dockerignore").write_text(ignore)

    def ours(self, platform: str = "linux/amd64", **environ: str) -> ImageView:
        """Build with okplug."""
        (self.context / "okteto.yaml").write_text(json.dumps({"build": {"image": self.manifest}}))
        outcome = self.workspace.run(
            "build",
            "--no-cache",
            environ={
                "OKPLUG_BUILDER": self._buildkit.address,
                "SOURCE_DATE_EPOCH": "0",
                "OKPLUG_PLATFORM": platform,
                **environ,
            },
        )
        outcome.assert_ok()
        registry = LayoutRegistry(self.workspace.home / ".cache/okplug/registry")
        return ImageView.read(registry, Reference.parse("localhost/cindy/image:okteto"))

    def theirs(self, *arguments: str, platform: str = "linux/amd64") -> ImageView:
        """Build with buildctl."""
        archive = self.workspace.home / "oracle.tar"
        done = self._buildkit.build(
            self.context,
            "--opt=no-cache=",
            f"--opt=platform={platform}",
            "--opt=build-arg:SOURCE_DATE_EPOCH=0",
            f"--output=type=oci,dest={archive},rewrite-timestamp=true",
            *arguments,
        )
        assert done.returncode == 0, done.stderr
        return self._from_archive(archive)


def configuration(image: ImageView) -> dict[str, Any]:
    """Return all that an image says but when it was made, which the history repeats."""
    config = dict(image.config)
    for entry in config.get("history") or []:
        entry.pop("created", None)
    return config


def assert_equal(ours: ImageView, theirs: ImageView) -> None:
    assert ours.tree() == theirs.tree()
    assert configuration(ours) == configuration(theirs)
    digests = [
        [hashlib.sha256(each).hexdigest() for each in image.layers] for image in (ours, theirs)
    ]
    assert digests[0] == digests[1]


@pytest.fixture
def pair(
    workspace: Workspace, buildkit: BuildKit, from_archive: Callable[[Path], ImageView]
) -> Pair:
    """Both."""
    return Pair(workspace, buildkit, from_archive)


@pytest.fixture(scope="session")
def busybox() -> bytes:
    """A program that is a whole system."""
    return Path(program("busybox")).read_bytes()


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_needs_no_process(pair: Pair, name: str) -> None:
    pair.write(DOCKERFILES[name])
    assert_equal(pair.ours(), pair.theirs())


@pytest.mark.parametrize("name", RUNS)
def test_what_runs_something(pair: Pair, busybox: bytes, name: str) -> None:
    pair.write(SHELL + RUNS[name])
    (pair.context / "busybox").write_bytes(busybox)
    secret = pair.workspace.home / "token"
    secret.write_bytes(b"\0\xff secret\n\n" if name == "secret" else b"a secret")
    pair.manifest["secrets"] = {"token": str(secret)}
    assert_equal(pair.ours(), pair.theirs(f"--secret=id=token,src={secret}"))


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64", "linux/arm/v7"])
def test_platforms(pair: Pair, platform: str) -> None:
    pair.write("FROM scratch\nARG TARGETPLATFORM\nLABEL p=$TARGETPLATFORM\nCOPY a.txt /\n")
    assert_equal(pair.ours(platform), pair.theirs(platform=platform))


@pytest.mark.parametrize(
    "ignore",
    [
        "*\n!dir\ndir/sub/*\n!dir/sub/three\n",
        "**/*.md\n",
        "dir\n!dir/sub/four.md\n",
        "*.txt\n!a.txt\nlinks\n",
        "\ufeff# comment\n\n /dir/ \n",
        "di?\n![a-c].txt\n",
        "**\n!**/three\n",
    ],
)
def test_what_is_ignored(pair: Pair, ignore: str) -> None:
    pair.write("FROM scratch\nCOPY . /all\n", f"{ignore}\nokteto.yaml\n")
    assert_equal(pair.ours(), pair.theirs())


def test_an_ignore_file_of_the_dockerfile_s_own(pair: Pair) -> None:
    pair.write("FROM scratch\nCOPY . /all\n", "dir\n")
    (pair.context / "Dockerfile.dockerignore").write_text("*.txt\nokteto.yaml\n")
    assert_equal(pair.ours(), pair.theirs())


def test_names_of_all_kinds(pair: Pair) -> None:
    pair.write("FROM scratch\nCOPY names /names\nCOPY *ü* /umlauts/\n")
    folder = pair.context / "names"
    for name in (b"a b", b"a.b", b"a-b", b"a/z", b"\xff\xfe", b"a'\"b", b"x" * 255, b"[x]"):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (folder / "日本").write_text("x")
    (folder / "empty").mkdir()
    assert_equal(pair.ours(), pair.theirs())


def test_ten_thousand_files(pair: Pair) -> None:
    pair.write("FROM scratch\nCOPY many /many\n")
    for number in range(10_000):
        path = pair.context / "many" / str(number % 100) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    ours, theirs = pair.ours(), pair.theirs()
    assert len(ours.tree()) == 10_101
    assert_equal(ours, theirs)


def test_a_large_file(pair: Pair) -> None:
    """A GiB of almost nothing, so that it takes no room here, and not much there."""
    pair.write(SHELL + "RUN --mount=type=bind,source=large,target=/l sha256sum /l > /sum\n")
    shutil.copy(program("busybox"), pair.context / "busybox")
    with (pair.context / "large").open("wb") as file:
        file.truncate(1 << 30)
        file.seek(1 << 29)
        file.write(b"in the middle")
    ours = pair.ours()
    expected = subprocess.run(
        ["sha256sum", pair.context / "large"], capture_output=True, text=True, check=True
    ).stdout.partition(" ")[0]
    content = ours.tree()["sum"].content
    assert isinstance(content, bytes)
    assert content.decode() == f"{expected}  /l\n"
    assert_equal(ours, pair.theirs())


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of an agent that knows no keys."""
    path = str(tmp_path_factory.mktemp("agent") / "s")
    with subprocess.Popen(
        [program("ssh-agent"), "-D", "-a", path], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield path
        process.terminate()


def test_ssh(pair: Pair, agent: str, busybox: bytes) -> None:
    """The agent of this side is where the Dockerfile mounts it; a plugin names it for the image."""
    pair.write(SHELL + "RUN --mount=type=ssh,required test -S $SSH_AUTH_SOCK && echo yes > /x\n")
    (pair.context / "busybox").write_bytes(busybox)
    (pair.workspace.root / "okplugfile.py").write_text(
        "import dataclasses\n"
        "from okplug import hookimpl\n\n"
        "@hookimpl\n"
        "def okplug_graph_modify(graph):\n"
        "    image = graph.image('ctx:image')\n"
        "    graph.replace_image(dataclasses.replace(image, ssh=('default',)))\n"
    )
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(agent)
    assert_equal(pair.ours(SSH_AUTH_SOCK=agent), pair.theirs(f"--ssh=default={agent}"))
