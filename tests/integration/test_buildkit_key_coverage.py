"""What BuildKit asks for is what the key covers, and both read a Dockerfile alike.

BuildKit is shown the whole folder, so that it can ask for what okplug does not think of.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc  # noqa: TID253  # a build that fails raises its errors
import pytest

from okplug.dockerfile import ImageUse, Inherited, parse, refuse_unknown_reads, resolve
from okplug.errors import Location
from okplug.manifest.model import Secret
from okplug.testing import BuildCase
from okplug_buildkit.attach import secrets as secret_service
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import Daemon, connect
from okplug_buildkit.proto import control_pb2, gateway_pb2
from okplug_buildkit.session import Session
from okplug_buildkit.sync import receiver, sender
from okplug_buildkit.sync.archives import ArchiveOutput
from okplug_buildkit.sync.filters import Wanted
from okplug_buildkit.sync.trees import MemoryTree, SnapshotTree
from tests.foldertree import FolderTree
from tests.integration.conftest import program
from tests.integration.test_buildkit_equality import RUNS, SHELL
from tests.integration.test_buildkit_parity import DOCKERFILES, write_context
from tests.integration.test_buildkit_sync import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from okplug_buildkit.rpc import Call
    from okplug_buildkit.sync.entries import Tree
    from tests.integration.conftest import BuildKit

PLATFORM = "linux/amd64"
S = "FROM scratch\n"

#: what is asked for and is not part of the key, since nothing of it can get into the image
HARMLESS = {
    "parity: copy nested wildcard": "all folders are looked through that might have such a file",
    "parity: copy links by wildcard": "links are followed that wildcards do not pass through",
    "run: tmpfs mount": "the frontend takes it for a mount of the context, and then mounts none",
}

#: more ways to read a context than images are compared for
READS = {
    "link out of a folder": f"{S}COPY dir/up /x/\n",
    "through a link out of a folder": f"{S}COPY dir/up/passwd /x/\n",
    "chain of links": f"{S}COPY links/chain /x\n",
    "links on the way": f"{S}COPY deep/to/one /x\n",
    "last link of a way": f"{S}COPY deep/to /x/\n",
    "wildcard behind a link": f"{S}COPY dir/up/* /x/\n",
    "hidden files": f"{S}COPY deep/* /x/\n",
    "one character": f"{S}COPY ?.txt /x/\n",
    "range": f"{S}COPY [a-b].txt /x/\n",
    "negated range": f"{S}COPY [^a].txt /x/\n",
    "wildcard from the root": f"{S}COPY /*.txt /x/\n",
    "everything by wildcard": f"{S}COPY * /x/\n",
    "everything below the dot": f"{S}COPY ./* /x/\n",
    "wildcard with a slash": f"{S}COPY d*/ /x/\n",
    "blank": f'{S}COPY ["sp ace", "/x/"]\n',
    "argument": f"{S}ARG F=a.txt\nCOPY $F /x/\n",
    "variable": f"{S}ENV D=dir\nCOPY ${{D}}/sub /x\n",
    "default of an argument": f"{S}ARG F\nCOPY ${{F:-b.txt}} /x/\n",
    "stage that is not reached": f"{S.strip()} AS a\nCOPY . /\n{S}COPY a.txt /\n",
    "above the root": f"{S}COPY ../a.txt /x\n",
    "slashes and dots": f"{S}COPY dir//sub/./three /x\n",
    "part of a trigger": f"{S.strip()} AS b\nONBUILD COPY dir/sub /x\nFROM b\n",
    "trigger with an argument": (
        f"{S.strip()} AS b\nONBUILD ARG X=a.txt\nONBUILD COPY $X /x\nFROM b\nCOPY b.txt /\n"
    ),
    "archives by wildcard": f"{S}ADD *.tar /x/\n",
    "linked folder": f"{S}COPY --link dir/sub /x/\n",
    "parents": f"{S}COPY --parents dir/sub/three /x/\n",
    "parents from a point": f"{S}COPY --parents ./dir/./sub /x/\n",
    "escaped": f"{S}COPY dir\\/one /x\n",
    "mounted folder": f"{SHELL}RUN --mount=source=dir/sub,target=/m cat /m/three\n",
    "mounted link": f"{SHELL}RUN --mount=source=dirlink,target=/m cat /m/one\n",
    "mounted file": f"{SHELL}RUN --mount=source=a.txt,target=/m cat /m\n",
    "mounted context": f"{SHELL}RUN --mount=target=/m cat /m/a.txt\n",
    "mounted argument": f"ARG X=dir\n{SHELL}ARG X\nRUN --mount=source=$X/sub,target=/m ls /m\n",
}

IGNORES = [
    "dir/sub\n",
    "*\n!dir\n",
    "**/*.md\n!dir/sub/four.md\n",
    "dir\n!dir/sub/three\n",
    "link\n",
    "etc\n",
    "/dir/\n!dir/one\n",
    "*.txt\n!a.txt\n",
    "links/*\n!links/todir\n",
]

#: Dockerfiles of which BuildKit asks for more files than it then reads
GREEDY = {
    "excludes": f"{S}COPY --exclude=*.md dir /x\n",
    "excludes anywhere": f"{S}COPY --exclude=sub --exclude=**/e* deep dir /x\n",
    "parents by wildcard": f"{S}COPY --parents dir/**/*.md /x/\n",
    "wildcards in folders": f"{S}COPY */*/t* /x/\n",
    "wildcard before a folder": f"{S}COPY */sub/three /x/\n",
    "tmpfs": f"{SHELL}RUN --mount=type=tmpfs,target=/t echo 1 > /t/x\n",
}


@dataclass
class Asker:
    """Asks a daemon about a folder.

    :ivar asked: the paths of the context that it has wanted, but for ``.dockerignore``.
    :ivar sources: what it named for them; ``.`` for all.
    """

    daemon: Daemon
    folder: Path
    asked: set[str] = field(default_factory=set)
    sources: list[str] = field(default_factory=list)

    def build(self, context: Tree, attributes: Mapping[str, str], archive: Path | None) -> None:
        """Build with the folder's Dockerfile.

        :param archive: what the image is written to.
        """
        trees = {"context": context, "dockerfile": FolderTree(self.folder)}
        serve = sender.serve_trees(trees, narrow=True)

        def handle(call: Call) -> None:
            wanted = Wanted.read(call.metadata)
            if wanted.directory == "context" and wanted.follow != (".dockerignore",):
                chosen = wanted.select(context, narrow=True)
                self.asked.update(os.fsdecode(entry.path) for entry in chosen)
                self.sources += wanted.follow or (".",)
            serve(call)

        handlers = {sender.METHOD: handle, **self._secrets()}
        exporters = []
        if archive is not None:
            output = ArchiveOutput(archive)
            handlers[receiver.METHOD] = receiver.serve_outputs({0: output})
            exporters = [control_pb2.Exporter(type="oci", attrs={"rewrite-timestamp": "true"})]
        with Session(self.daemon, handlers) as session:
            request = control_pb2.SolveRequest(
                ref=secrets.token_hex(12),
                session=session.id,
                frontend="dockerfile.v0",
                frontend_attrs={"platform": PLATFORM, **attributes},
                exporters=exporters,
            )
            self.daemon.solve(request).result(60)
        if archive is not None:
            output.commit()

    def refusal(self) -> str:
        """Build, and return why that failed, ``""`` if it did not."""
        try:
            self.build(FolderTree(self.folder), {}, None)
        except grpc.RpcError as error:
            return str(error)
        return ""

    def _secrets(self) -> dict[str, Any]:
        path = self.folder.parent / "token"
        path.write_text("a secret")
        return secret_service.handlers((Secret("token", "file", str(path), Location(path)),), {})

    def ask(self, request: str, **attributes: str) -> dict[str, Any]:
        """Ask BuildKit's frontend what it makes of the Dockerfile, and build nothing."""
        tree = MemoryTree({"Dockerfile": (self.folder / "Dockerfile").read_bytes()})
        handlers = {sender.METHOD: sender.serve_trees({"context": tree, "dockerfile": tree})}
        with Session(self.daemon, handlers) as session:
            ref = secrets.token_hex(12)
            build = self.daemon.solve(control_pb2.SolveRequest(ref=ref, session=session.id))
            gateway = self.daemon.gateway(ref)
            gateway.ping(30)
            options = {"requestid": request, "platform": PLATFORM, **attributes}
            options["frontend.caps"] = "moby.buildkit.frontend.subrequests"
            solved = gateway.solve(
                gateway_pb2.SolveRequest(
                    frontend="dockerfile.v0",
                    frontend_opt=options,
                    allow_result_return=True,
                    allow_result_array_ref=True,
                ),
                60,
            )
            gateway.return_(gateway_pb2.ReturnRequest(result=solved.result), 60)
            build.result(60)
        answer: dict[str, Any] = json.loads(solved.result.metadata["result.json"])
        return answer


@pytest.fixture(scope="module")
def daemon(buildkit: BuildKit) -> Iterator[Daemon]:
    """The daemon of the tests."""
    with connect(parse_address(buildkit.address), ChannelOptions()) as daemon:
        yield daemon


@pytest.fixture
def asker(daemon: Daemon, tmp_path: Path) -> Asker:
    """A folder with all kinds of files, and the daemon to ask about it."""
    folder = tmp_path / "ctx"
    write_context(folder)
    (folder / "dir/up").symlink_to("../etc")
    (folder / "links/chain").symlink_to("../link")
    (folder / "deep/empty").mkdir(parents=True)
    (folder / "deep/to").symlink_to("/links/todir")
    (folder / "deep/.hidden").write_text("hidden")
    (folder / "sp ace").write_text("blank")
    (folder / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    shutil.copy(program("busybox"), folder / "busybox")
    return Asker(daemon, folder)


def key_covers(asker: Asker) -> set[str]:
    """Return the paths that okplug hashes."""
    return {file.relpath for file in BuildCase(asker.folder).request().context.files}


def assert_known(asker: Asker, sources: set[str]) -> None:
    """See that sources of the Dockerfile's own are not taken for those of an unknown base."""
    base = ImageUse("FROM", "unknown", 1)
    refuse_unknown_reads(BuildCase(asker.folder).request().resolution, [base], sources, Path())


EVERYTHING = {
    **{f"parity: {name}": text for name, text in DOCKERFILES.items()},
    **{f"run: {name}": SHELL + text for name, text in RUNS.items()},
    **{f"read: {name}": text for name, text in READS.items()},
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_key_covers_what_buildkit_asks_for_and_no_more(asker: Asker, name: str) -> None:
    (asker.folder / "Dockerfile").write_text(EVERYTHING[name])
    asker.build(FolderTree(asker.folder), {}, None)
    covered = key_covers(asker)
    assert_known(asker, set() if "tmpfs" in name else set(asker.sources))
    if name in HARMLESS:
        assert covered < asker.asked
    else:
        assert covered == asker.asked


@pytest.mark.parametrize("ignore", IGNORES)
@pytest.mark.parametrize("source", [".", "dir", "dir/* etc links", "dirlink/one"])
def test_what_is_ignored_is_in_neither(asker: Asker, source: str, ignore: str) -> None:
    """What cannot be copied any more is asked for all the same; then there is no image."""
    (asker.folder / "Dockerfile").write_text(f"{S}COPY {source} nothing* /x/\n")
    (asker.folder / ".dockerignore").write_text(f"{ignore}Dockerfile\n.dockerignore\n")
    refusal = asker.refusal()
    if refusal:
        assert "not found" in refusal or "no such file" in refusal
    else:
        assert key_covers(asker) == asker.asked


@pytest.mark.parametrize("name", GREEDY)
def test_what_is_asked_for_and_not_covered_changes_nothing(asker: Asker, name: str) -> None:
    (asker.folder / "Dockerfile").write_text(GREEDY[name])
    epoch = {"build-arg:SOURCE_DATE_EPOCH": "0"}
    archives = [asker.folder.parent / f"{number}.tar" for number in range(2)]
    asker.build(FolderTree(asker.folder), epoch, archives[0])
    covered = key_covers(asker)
    assert covered < asker.asked
    only = SnapshotTree([BuildCase(asker.folder).request().context])
    asker.build(only, {**epoch, "no-cache": ""}, archives[1])
    assert layers_of(archives[0]) == layers_of(archives[1])


# ------------------------------------------------------------------------------------- subrequests

STAGES = """\
ARG BASE=scratch
ARG V=1
ARG UNUSED=7
FROM ${BASE} AS Build
ARG V
ARG W=${V}x
ARG NONE
ARG EMPTY=
ARG TWICE=1 TWO="a b"
ENV E=$TWICE
FROM --platform=linux/arm64 scratch AS other
ARG X='$V'
FROM build
ARG V=3
ARG AGAIN=${V}-${W}-${E}
COPY --from=other /a /
FROM scratch AS last
ARG Z
ARG OKTETO=$Z
"""

OUTLINED = {
    "stages": STAGES,
    "last but one": STAGES.rpartition("FROM scratch")[0],
    **DOCKERFILES,
}
ARGS = {"NONE": "set", "W": "ww", "UNDECLARED": "1"}
#: arguments that nobody has to declare for them to have a value
BUILT_IN = ("TARGET", "BUILD")


def our_args(text: str, target: str) -> dict[str, set[str]]:
    """Return the declared arguments with the values that they take somewhere."""
    dockerfile = parse(text.encode(), Path("Dockerfile"))
    found = resolve(
        dockerfile,
        target=target,
        args=ARGS,
        platform=PLATFORM,
        inherited=lambda _: Inherited(is_complete=False),
    )
    values: dict[str, set[str]] = {}
    for name, value in found.args:
        if not name.startswith(BUILT_IN):
            values.setdefault(name.partition("@")[0], set()).add(value)
    return values


def targets_of(text: str) -> list[str]:
    """Return the targets that can be asked for."""
    dockerfile = parse(text.encode(), Path("Dockerfile"))
    return ["", *(stage.name for stage in dockerfile.stages if stage.name)]


@pytest.mark.parametrize("name", OUTLINED)
def test_the_arguments_that_count_are_those_of_the_outline(asker: Asker, name: str) -> None:
    """The outline tells one value of an argument that takes several."""
    text = OUTLINED[name]
    (asker.folder / "Dockerfile").write_text(text)
    given = {f"build-arg:{key}": value for key, value in ARGS.items()}
    for target in targets_of(text):
        attributes = {**given, **({"target": target} if target else {})}
        outline = asker.ask("frontend.outline", **attributes)
        theirs = {arg["name"]: arg["value"] for arg in outline.get("args", ()) if "value" in arg}
        ours = our_args(text, target)
        assert {key: value for key, value in theirs.items() if value not in ours.get(key, ())} == {}
        assert {key for key, values in ours.items() if values != {""}} == set(theirs)


@pytest.mark.parametrize("name", OUTLINED)
def test_the_stages_are_the_targets(asker: Asker, name: str) -> None:
    (asker.folder / "Dockerfile").write_text(OUTLINED[name])
    targets = asker.ask("frontend.targets")["targets"]
    stages = parse(OUTLINED[name].encode(), Path("Dockerfile")).stages
    assert [
        (each.get("name", ""), each["base"], each.get("platform", ""), line_of(each))
        for each in targets
    ] == [(stage.name, stage.base, stage.platform, stage.origin.line) for stage in stages]
    assert [each.get("default", False) for each in targets] == [False] * (len(stages) - 1) + [True]


def line_of(target: Mapping[str, Any]) -> int:
    """Return where a target is."""
    line: int = target["location"]["ranges"][0]["start"]["line"]
    return line
