"""The embedded builder gives the images that BuildKit gives, file by file and setting by setting."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit

FILES = {
    "a.txt": "a\n",
    "b.txt": "b\n",
    "run.sh": "#!/bin/sh\n",
    "dir/one": "1\n",
    "dir/two.md": "2\n",
    "dir/sub/three": "3\n",
    "dir/sub/four.md": "4\n",
    "[odd] name": "odd\n",
    "etc/passwd": "root:x:0:0::/:/x\nshop:x:1000:2000::/:/x\n",
    "etc/group": "root:x:0:\nstaff:x:50:\n",
    "ü.txt": "umlaut\n",
}

DOCKERFILES = {
    "copy file": "FROM scratch\nCOPY a.txt /\n",
    "copy and rename": "FROM scratch\nCOPY a.txt /x/y\n",
    "copy into folder": "FROM scratch\nCOPY a.txt b.txt /x/\n",
    "copy folder": "FROM scratch\nCOPY dir /x\n",
    "copy folder slash": "FROM scratch\nCOPY dir/ /x/\n",
    "copy folders": "FROM scratch\nCOPY dir etc /x/\n",
    "copy all": "FROM scratch\nCOPY . /all\n",
    "copy wildcard": "FROM scratch\nCOPY *.txt /x/\n",
    "copy wildcard folder": "FROM scratch\nCOPY d* /x/\n",
    "copy class with a slash": "FROM scratch\nCOPY dir[^0-9]*.md link[^.]*s /x/\n",
    "stage class with a slash": "FROM scratch AS o\nCOPY dir /d\nFROM scratch\nCOPY --from=o /d/sub[^.]*e /x/\n",
    "copy links by wildcard": "FROM scratch\nCOPY dirl*/one l*k links/t*/two.md /x/\n",
    "copy --parents of links": "FROM scratch\nCOPY --parents links/./t* dirlink/./o* l* /x/\n",
    "copy nested wildcard": "FROM scratch\nCOPY dir/*/*.md /x/\n",
    "copy JSON": 'FROM scratch\nCOPY ["[[]odd] name", "/a b/c"]\n',
    "copy link": "FROM scratch\nCOPY link /x\n",
    "copy link to folder": "FROM scratch\nCOPY dirlink /x\n",
    "copy through link": "FROM scratch\nCOPY dirlink/one /x\n",
    "copy folder of links": "FROM scratch\nCOPY links /x\n",
    "copy executable": "FROM scratch\nCOPY run.sh a.txt /bin/\n",
    "copy relative": "FROM scratch\nWORKDIR /srv\nCOPY a.txt .\nCOPY b.txt sub/\n",
    "copy over": "FROM scratch\nCOPY a.txt /x\nCOPY b.txt /x\n",
    "copy into linked folder": "FROM scratch\nCOPY links /l\nCOPY a.txt /l/todir/\n",
    "chown numbers": "FROM scratch\nCOPY --chown=12:34 dir /x\n",
    "chown user": "FROM scratch\nCOPY --chown=7 a.txt /x/y/z\n",
    "chown names": "FROM scratch\nCOPY etc /etc\nCOPY --chown=shop:staff a.txt /x\n",
    "chown name alone": "FROM scratch\nCOPY etc /etc\nCOPY --chown=shop a.txt /x\n",
    "chmod": "FROM scratch\nCOPY --chmod=0750 dir /x\n",
    "chmod file": "FROM scratch\nCOPY --chmod=4755 run.sh a.txt /x/\n",
    "link flag": "FROM scratch\nCOPY --link a.txt /x/\nCOPY --link dir /x/d\n",
    "heredoc": "FROM scratch\nARG N=1\nCOPY <<A <<'B' /x/\nn=$N\nA\nn=$N\nB\n",
    "heredoc file": "FROM scratch\nCOPY --chmod=600 <<EOF /x/y\nhello\n\tworld\nEOF\n",
    "heredoc tabs": "FROM scratch\nCOPY <<-EOF /x\n\t\thello\n\tEOF\n",
    "stages": "FROM scratch AS one\nCOPY dir /d\nFROM scratch\nCOPY --from=one /d/sub /s\n",
    "stage by number": "FROM scratch\nCOPY a.txt /\nFROM scratch\nCOPY --from=0 /a.txt /b\n",
    "stage as base": "FROM scratch AS b\nENV A=1\nCOPY a.txt /\nFROM b\nENV B=$A\nCOPY b.txt /\n",
    "stage wildcard": "FROM scratch AS o\nCOPY dir /d\nFROM scratch\nCOPY --from=o /d/*.md /x/\n",
    "stage chown kept": "FROM scratch AS o\nCOPY --chown=5:6 a.txt /a\nFROM scratch\nCOPY --from=o /a /\n",
    "add archive": "FROM scratch\nADD tree.tar /x/\n",
    "add gzip archive": "FROM scratch\nADD tree.tar.gz /x\n",
    "add file": "FROM scratch\nADD a.txt /x/\n",
    "add archive renamed": "FROM scratch\nADD tree.tar /x/y\n",
    "workdir": "FROM scratch\nWORKDIR /a/b\nWORKDIR c\nWORKDIR ../d\n",
    "env": 'FROM scratch\nENV A=1 B="x y" C=a\\ b\nENV D old form $A\nENV E=${A:-z}${Z:-q}${A:+p}\n',
    "env swap": "FROM scratch\nENV A=1\nENV A=2 B=$A\n",
    "arg": "FROM scratch\nARG V=1\nARG W\nLABEL v=$V w=$W\nENV X=${V}\n",
    "global arg": "ARG V=2\nFROM scratch\nARG V\nLABEL v=$V\n",
    "platform args": "FROM scratch\nARG TARGETARCH\nARG TARGETPLATFORM\nLABEL a=$TARGETARCH p=$TARGETPLATFORM\n",
    "labels": "FROM scratch\nLABEL a=1 'b c'=\"d e\"\nLABEL a=2 multi=x\\\ny\n",
    "user": "FROM scratch\nUSER shop:staff\n",
    "expose": "FROM scratch\nEXPOSE 80 53/udp 8000-8002\nARG P=90\nEXPOSE $P\n",
    "volume": 'FROM scratch\nVOLUME /data /more\nVOLUME ["/json"]\n',
    "cmd exec": 'FROM scratch\nCMD ["a", "b"]\n',
    "cmd shell": "FROM scratch\nCMD echo  hello $X\n",
    "entrypoint": 'FROM scratch\nCMD ["a"]\nENTRYPOINT ["x"]\n',
    "entrypoint resets cmd": 'FROM scratch AS b\nCMD ["a"]\nFROM b\nENTRYPOINT ["x"]\n',
    "shell": 'FROM scratch\nSHELL ["/bin/x", "-e"]\nCMD hello\nENTRYPOINT world\n',
    "stopsignal": "FROM scratch\nARG S=SIGINT\nSTOPSIGNAL $S\n",
    "healthcheck": "FROM scratch\nHEALTHCHECK --interval=5m --timeout=3s --retries=2 CMD check it\n",
    "healthcheck none": "FROM scratch\nHEALTHCHECK NONE\n",
    "onbuild": "FROM scratch\nONBUILD COPY a.txt /x\nONBUILD ENV A=1\n",
    "onbuild run": "FROM scratch AS b\nONBUILD COPY a.txt /x\nONBUILD ENV A=1\nFROM b\nLABEL l=1\n",
    "maintainer": "FROM scratch\nMAINTAINER a b\n",
    "case": "from scratch as One\ncopy a.txt /\nfrom one\nenv a=b\n",
    "escape": "# escape=`\nFROM scratch\nCOPY a.txt `\n  b.txt /x/\nENV A=a\\b\n",
    "continuation": "FROM scratch\nENV A=1 \\\n# comment\n\n  B=2\n",
    "quotes": "FROM scratch\nENV A='$B' B=\"'x'\" C=\\$B\n",
    "dots": "FROM scratch\nCOPY ./dir/../a.txt /x/../y/\n",
    "umlaut": "FROM scratch\nCOPY ü.txt /ü/\n",
    "parents of folder": "FROM scratch\nCOPY dir /a/b/c/d\n",
    "chmod makes parents": "FROM scratch\nCOPY --chmod=700 a.txt /p/q/r\n",
    "chmod of a here-document": "FROM scratch\nCOPY --chmod=600 --chown=3:4 <<E /p/q/\nx\nE\n",
    "chmod by letters": "FROM scratch\nCOPY --chmod=u+x,go-r a.txt /s/t\n",
    "mode of a copied folder": "FROM scratch AS b\nCOPY --chmod=700 dir /z\nFROM scratch\nCOPY --from=b /z /m/n\n",
    "chown of an archive": "FROM scratch\nADD --chown=7:8 tree.tar /x/\n",
    "optional file": "FROM scratch\nCOPY a.txt nothing* /x/\n",
    "folder over itself": "FROM scratch\nCOPY --chmod=711 dir /x\nCOPY dir /x\n",
    "user unknown to nobody": "FROM scratch\nUSER 1000\nWORKDIR /home/me\nCOPY a.txt .\n",
    "root twice": "FROM scratch\nCOPY dir /\nCOPY etc /\n",
}

#: what BuildKit writes and the specification leaves open, or what depends on the moment
IGNORED = {"created", "history", "rootfs", "moby.buildkit.buildinfo.v1"}


def write_context(folder: Path) -> None:
    """Write what all Dockerfiles read, with links and archives."""
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("a.txt")
    (folder / "dirlink").symlink_to("/dir")
    (folder / "links").mkdir()
    (folder / "links/abs").symlink_to("/a.txt")
    (folder / "links/dangling").symlink_to("nowhere")
    (folder / "links/todir").symlink_to("../dir")
    for name, opener in (
        ("tree.tar", tarfile.TarFile.taropen),
        ("tree.tar.gz", tarfile.TarFile.gzopen),
    ):
        with opener(folder / name, "w") as archive:
            for path, mode in (("t/one", 0o640), ("t/two", 0o755)):
                member = tarfile.TarInfo(path)
                member.size, member.mode, member.uid, member.gid = 2, mode, 3, 4
                archive.addfile(member, io.BytesIO(b"x\n"))
            member = tarfile.TarInfo("t/link")
            member.type, member.linkname = tarfile.SYMTYPE, "one"
            archive.addfile(member)


def settings(view: ImageView) -> dict[str, Any]:
    """Return what containers start with; ArgsEscaped is a remnant that only Windows ever read."""
    found = {
        name: value
        for name, value in sorted(view.config.items())
        if name not in IGNORED and value not in (None, {}, [], "")
    }
    found["config"] = {
        name: value for name, value in found["config"].items() if name != "ArgsEscaped"
    }
    return found


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_same_image(
    name: str,
    workspace: Workspace,
    buildkit: BuildKit,
    tmp_path: Path,
    from_archive: Callable[[Path], ImageView],
) -> None:
    context = workspace.root / "ctx"
    write_context(context)
    (context / "Dockerfile").write_text(DOCKERFILES[name])
    (context / ".dockerignore").write_text("Dockerfile\n.dockerignore\nokteto.yaml\n")
    workspace.write({"ctx/okteto.yaml": "build: {image: .}\n"})
    archive = tmp_path / "oracle.tar"
    theirs = buildkit.build(
        context,
        "--opt=platform=linux/amd64",
        f"--output=type=oci,dest={archive}",
        "--opt=build-arg:SOURCE_DATE_EPOCH=0",
    )
    assert theirs.returncode == 0, theirs.stderr
    workspace.run("build", "--no-cache").assert_ok()
    from okplug_layout.registry import LayoutRegistry

    registry = LayoutRegistry(workspace.home / ".cache/okplug/registry")
    ours = ImageView.read(registry, Reference.parse("localhost/cindy/image:okteto"))
    oracle = from_archive(archive)
    assert ours.tree() == oracle.tree()
    assert settings(ours) == settings(oracle)
