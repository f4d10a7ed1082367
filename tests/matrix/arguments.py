"""Edits of build arguments and of what is set for one image."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from tests.matrix.changes import all_of, give, remove, rename, replace, set_variable, write
from tests.matrix.model import NEW, PLAIN, REFUSED, SAME, SHELL, Edit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.matrix.model import Change, Scene


def declaring(dockerfile: str, manifest: str = "{}") -> Mapping[str, str]:
    """Have a Dockerfile and arguments of the manifest."""
    return {
        "Dockerfile": dockerfile,
        "okteto.yaml": f"build: {{app: {{context: ., args: {manifest}}}}}\n",
    }


def manifest(fields: str) -> Mapping[str, str]:
    """Have further keys in the manifest."""
    return {"okteto.yaml": f"build: {{app: {{context: ., {fields}}}}}\n"}


def to(fields: str) -> Change:
    """Have these keys in the manifest from now on."""
    return write("okteto.yaml", manifest(fields)["okteto.yaml"])


def change(old: str, new: str) -> Change:
    """Change the manifest at one place."""
    return replace("okteto.yaml", old, new)


def listening(path: str, *more: Change) -> Change:
    """Have a socket that somebody listens at, as agents do."""

    def change(scene: Scene) -> None:
        listener = scene.undo.enter_context(socket.socket(socket.AF_UNIX))
        with contextlib.chdir(scene.root):  # names of sockets are short
            listener.bind(path)
        listener.listen()
        all_of(*more)(scene)

    return change


USED = "FROM scratch\nARG V=0\nENV V=$V\n"
CHOOSING = """
    ARG KIND=small
    ARG UNUSED=1
    FROM scratch AS small
    COPY src/main.py /
    FROM scratch AS large
    COPY src /src
    FROM ${KIND}
    LABEL a=1
    """
UNREACHED = "FROM scratch AS other\nARG V\nENV V=$V\nFROM scratch\nCOPY src /src\n"

ARGUMENTS = (
    Edit("an argument of the manifest", change("1", "2"), NEW, files=declaring(USED, "{V: '1'}")),
    Edit(
        "an argument of the manifest, as a list",
        change("{V: '1'}", "[V=1]"),
        SAME,
        files=declaring(USED, "{V: '1'}"),
    ),
    Edit(
        "an argument that nothing declares",
        change("1", "2"),
        SAME,
        files=declaring("FROM scratch\nCOPY src /src\n", "{V: '1'}"),
    ),
    Edit(
        "an argument that a stage declares which is not reached",
        change("1", "2"),
        SAME,
        files=declaring(UNREACHED, "{V: '1'}"),
    ),
    Edit(
        "an argument that is declared and not used",
        change("1", "2"),
        NEW,
        files=declaring("FROM scratch\nARG V\nCOPY src /src\n", "{V: '1'}"),
    ),
    Edit("an argument of the command line", give("--build-arg", "V=2"), NEW, files=declaring(USED)),
    Edit(
        "an argument of the command line that the manifest has, too",
        give("--build-arg", "V=1"),
        SAME,
        files=declaring(USED, "{V: '1'}"),
    ),
    Edit(
        "the variable that --build-arg takes",
        set_variable("V", "2"),
        NEW,
        files=declaring(USED),
        before=all_of(give("--build-arg", "V"), set_variable("V", "1")),
    ),
    Edit(
        "the variable in an argument of the manifest",
        set_variable("X", "2"),
        NEW,
        files=declaring(USED, "{V: '${X}'}"),
        before=set_variable("X", "1"),
    ),
    Edit(
        "a variable that is the default of an argument",
        set_variable("X", "1"),
        SAME,
        files=declaring(USED, "{V: '${X:-1}'}"),
    ),
    Edit(
        "a variable of the environment that nothing uses",
        set_variable("V", "2"),
        SAME,
        files=declaring(USED),
    ),
    Edit(
        "a variable of .env",
        write(".env", "X=2\n"),
        NEW,
        files={**declaring(USED, "{V: '${X}'}"), ".env": "X=1\n"},
    ),
    Edit("the default of an ARG", replace("Dockerfile", "V=0", "V=1"), NEW, files=declaring(USED)),
    Edit(
        "the default of an ARG that has a value",
        replace("Dockerfile", "V=0", "V=1"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="instructions count as they are written",
        files=declaring(USED, "{V: '5'}"),
    ),
    Edit(
        "an ARG before FROM that chooses the stage",
        give("--build-arg", "KIND=large"),
        NEW,
        files=declaring(CHOOSING),
    ),
    Edit(
        "the default of an ARG before FROM that chooses the stage",
        replace("Dockerfile", "KIND=small", "KIND=large"),
        NEW,
        files=declaring(CHOOSING),
    ),
    Edit(
        "an ARG before FROM that nothing uses",
        give("--build-arg", "UNUSED=2"),
        SAME,
        files=declaring(CHOOSING),
    ),
    Edit(
        "an ARG that names the file to copy",
        give("--build-arg", "V=README.md"),
        NEW,
        files=declaring("FROM scratch\nARG V=src/main.py\nCOPY $V /x\n"),
    ),
    Edit(
        "a file that an ARG does not name",
        write("README.md", "more\n"),
        SAME,
        files=declaring("FROM scratch\nARG V=src/main.py\nCOPY $V /x\n"),
    ),
    Edit(
        "a proxy that nothing declares",
        give("--build-arg", "HTTP_PROXY=http://b:1"),
        SAME,
        before=give("--build-arg", "HTTP_PROXY=http://a:1"),
    ),
    Edit(
        "a proxy that the Dockerfile declares",
        give("--build-arg", "HTTP_PROXY=http://b:1"),
        NEW,
        files=declaring("FROM scratch\nARG HTTP_PROXY\nCOPY src /src\n"),
        before=give("--build-arg", "HTTP_PROXY=http://a:1"),
    ),
    Edit(
        "a proxy that the Dockerfile declares and keeps",
        give("--build-arg", "HTTP_PROXY=http://b:1"),
        NEW,
        files=declaring("FROM scratch\nARG HTTP_PROXY\nENV P=$HTTP_PROXY\n"),
        before=give("--build-arg", "HTTP_PROXY=http://a:1"),
    ),
    Edit("SOURCE_DATE_EPOCH", set_variable("SOURCE_DATE_EPOCH", "1000000000"), NEW),
    Edit(
        "the namespace where an ARG takes it",
        set_variable("OKTETO_NAMESPACE", "david"),
        NEW,
        files=declaring("FROM scratch\nARG OKTETO_NAMESPACE\nENV N=$OKTETO_NAMESPACE\n"),
    ),
)

SECRET = {
    **manifest("secrets: {token: token.txt}"),
    "token.txt": "one\n",
    ".dockerignore": "token.txt\n",
}
READING = f"{SHELL}RUN --mount=type=secret,id=token,required test -s /run/secrets/token\n"
MAY_RUN = "the instructions of a base image may use it"
TARGETS = {
    "Dockerfile": "FROM scratch AS one\nCOPY src /src\nFROM one AS two\nENV A=1\n",
    **manifest("target: one"),
}
PER_PLATFORM = {
    "Dockerfile": "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /x\n",
    "amd64": "1\n",
    "arm64": "1\n",
}

SETTINGS = (
    Edit(
        "a secret that nothing mounts",
        to("secrets: {token: README.md}"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=MAY_RUN,
    ),
    Edit(
        "the content of a secret",
        write("token.txt", "two\n"),
        SAME,
        embedded=REFUSED,
        files={**SECRET, "Dockerfile": READING},
    ),
    Edit(
        "where a secret comes from",
        all_of(rename("token.txt", "../token"), change("token.txt", "../token")),
        SAME,
        embedded=REFUSED,
        files={**SECRET, "Dockerfile": READING},
    ),
    Edit(
        "the content of a secret that a command puts into the image",
        write("token.txt", "two\n"),
        SAME,
        embedded=REFUSED,
        buildkit=NEW,
        why="the content of a secret is never part of a key, which everybody can read; `--no-cache` builds anew",
        files={
            **SECRET,
            "Dockerfile": f"{SHELL}RUN --mount=type=secret,id=token cp /run/secrets/token /x\n",
        },
    ),
    Edit(
        "an agent that nothing mounts",
        listening("agent", to("ssh: [default=agent]")),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=MAY_RUN,
    ),
    Edit(
        "the socket of an agent",
        listening("other", to("ssh: [default=other]")),
        SAME,
        files=manifest("ssh: [default=agent]"),
        before=listening("agent"),
    ),
    Edit("the target", change("one", "two"), NEW, files=TARGETS),
    Edit(
        "the name of the last stage as the target",
        to("target: two"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="the target is an argument of the build",
        files={**TARGETS, **manifest("")},
    ),
    Edit(
        "an instruction behind the target", replace("Dockerfile", "A=1", "A=2"), SAME, files=TARGETS
    ),
    Edit("the platform", set_variable("OKPLUG_PLATFORM", "linux/arm64"), NEW),
    Edit(
        "a file that another platform copies",
        write("arm64", "2\n"),
        SAME,
        files={**PER_PLATFORM, **manifest("platforms: [linux/amd64]")},
    ),
    Edit(
        "a file that one of two platforms copies",
        write("arm64", "2\n"),
        NEW,
        files={**PER_PLATFORM, **manifest("platforms: [linux/amd64, linux/arm64]")},
    ),
    Edit(
        "a second platform",
        to("platforms: [linux/amd64, linux/arm64]"),
        NEW,
        files=manifest("platforms: [linux/amd64]"),
    ),
    Edit("the platform that it has anyway", to("platforms: [linux/amd64]"), SAME),
    Edit("a label", to("labels: {a: '2'}"), NEW, files=manifest("labels: {a: '1'}")),
    Edit(
        "a label that okplug.toml gives, and not the manifest any more",
        all_of(
            write("okplug.toml", "[images.'*'.labels]\na = '1'\n"),
            write("okteto.yaml", PLAIN["okteto.yaml"]),
        ),
        SAME,
        files=manifest("labels: {a: '1'}"),
    ),
    Edit(
        "a compose file in place of the manifest",
        all_of(
            remove("okteto.yaml"),
            write("compose.yaml", "services: {app: {build: {context: ., args: {V: '1'}}}}\n"),
        ),
        SAME,
        files=declaring(USED, "{V: '1'}"),
    ),
    Edit(
        "labels in another order",
        to("labels: {b: '2', a: '1'}"),
        SAME,
        files=manifest("labels: {a: '1', b: '2'}"),
    ),
    Edit(
        "an annotation", to("annotations: {a: '2'}"), NEW, files=manifest("annotations: {a: '1'}")
    ),
    Edit(
        "the network, where a command sees it",
        to("network: none"),
        NEW,
        embedded=REFUSED,
        files={"Dockerfile": f"{SHELL}RUN cat /proc/net/dev | grep -c : > /x\n"},
    ),
    Edit(
        "the network, where nothing runs",
        to("network: none"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=MAY_RUN,
    ),
    Edit(
        "an extra host, where a command sees it",
        to("extra_hosts: {db: 10.0.0.2}"),
        NEW,
        embedded=REFUSED,
        files={
            **manifest("extra_hosts: {db: 10.0.0.1}"),
            "Dockerfile": f"{SHELL}RUN grep db /etc/hosts > /x\n",
        },
    ),
    Edit(
        "an extra host, where nothing runs",
        to("extra_hosts: {db: 10.0.0.1}"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=MAY_RUN,
    ),
    Edit(
        "how BuildKit compresses layers",
        set_variable("OKPLUG_COMPRESSION", "zstd"),
        NEW,
        embedded=SAME,
        why="another builder may build it",
    ),
    Edit(
        "the media types",
        set_variable("OKPLUG_OCI_MEDIATYPES", "false"),
        NEW,
        embedded=SAME,
        why="another builder may build it",
    ),
    Edit("what the image is called", to("image: okteto.dev/other:1"), SAME),
    Edit("further tags", to("tags: okteto.dev/other:1"), SAME),
    Edit("no tag of one's own", to("push: false"), SAME),
    Edit("a cache to read", to("cache_from: okteto.dev/cache:1"), SAME),
    Edit(
        "the manifest's layout and its other sections",
        write("okteto.yaml", "# shop\ndeploy: [echo]\nbuild:\n  app:\n    context: ./\n"),
        SAME,
    ),
)
