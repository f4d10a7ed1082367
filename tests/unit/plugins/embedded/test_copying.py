"""COPY of files, directories, links and wildcards, with all flags but a few.

Every expectation is what BuildKit v0.32 makes of the same Dockerfile and context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.plugins.embedded.conftest import Workshop


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        pytest.param(
            """
            COPY a.txt /x
            """,
            """
            x 644 A
            """,
            id="a file gets the destination's name",
        ),
        pytest.param(
            """
            COPY a.txt /x/
            """,
            """
            x/ 755
            x/a.txt 644 A
            """,
            id="a file into a directory that is not there",
        ),
        pytest.param(
            """
            COPY a.txt /x/y/z
            """,
            """
            x/ 755
            x/y/ 755
            x/y/z 644 A
            """,
            id="a file below directories that are not there",
        ),
        pytest.param(
            """
            COPY dir /x
            COPY a.txt /x
            """,
            """
            x/ 755
            x/a.txt 644 A
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="a file into a directory that is there",
        ),
        pytest.param(
            """
            COPY dir/one /x/.
            """,
            """
            x/ 755
            x/one 644 1
            """,
            id="a file into a directory by a dot",
        ),
        pytest.param(
            """
            COPY a.txt b.txt /x/
            """,
            """
            x/ 755
            x/a.txt 644 A
            x/b.txt 644 B
            """,
            id="several files",
        ),
        pytest.param(
            """
            COPY a.txt b.txt /x
            """,
            """
            x 644 B
            """,
            id="the last of several files for one name",
        ),
        pytest.param(
            """
            COPY a.txt /x
            COPY b.txt /x
            """,
            """
            x 644 B
            """,
            id="a file over a file",
        ),
        pytest.param(
            """
            COPY dir /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="the contents of a directory",
        ),
        pytest.param(
            """
            COPY dir/ /x/
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="the contents of a directory with slashes",
        ),
        pytest.param(
            """
            COPY dir/. /x/.
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="the contents of a directory by a dot",
        ),
        pytest.param(
            """
            COPY dir/sub/.. /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="a directory by a way round",
        ),
        pytest.param(
            """
            COPY dir etc /x
            """,
            """
            x/ 755
            x/group 644 staff:x:50:
            x/one 644 1
            x/passwd 644 shop:x:1000:2000::/:/x
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="several directories into one",
        ),
        pytest.param(
            """
            COPY dir /
            """,
            """
            one 644 1
            sub/ 755
            sub/four.md 644 4
            sub/three 644 3
            two.md 644 2
            """,
            id="a directory into the root",
        ),
        pytest.param(
            """
            COPY dir /x
            COPY --chmod=700 --chown=5 dir /x
            """,
            """
            x/ 755
            x/one 700 5:5 1
            x/sub/ 700 5:5
            x/sub/four.md 700 5:5 4
            x/sub/three 700 5:5 3
            x/two.md 700 5:5 2
            """,
            id="a directory over a directory",
        ),
        pytest.param(
            """
            COPY dir /x
            COPY p /x
            """,
            """
            x/ 755
            x/one 644 1
            x/q/ 755
            x/q/r/ 755
            x/q/r/x.txt 644 X
            x/q/r/y.md 644 Y
            x/s/ 755
            x/s/x.txt 644 Z
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="a directory merged with one that is there",
        ),
        pytest.param(
            """
            COPY ../a.txt /../../b.txt /x/
            """,
            """
            x/ 755
            x/a.txt 644 A
            x/b.txt 644 B
            """,
            id="sources cannot leave the context",
        ),
        pytest.param(
            """
            COPY a.txt ../../x
            """,
            """
            x 644 A
            """,
            id="a destination cannot leave the image",
        ),
        pytest.param(
            """
            COPY a.txt /d/./e/../f
            """,
            """
            d/ 755
            d/f 644 A
            """,
            id="a destination by a way round",
        ),
        pytest.param(
            """
            COPY a.txt /d//e///f
            """,
            """
            d/ 755
            d/e/ 755
            d/e/f 644 A
            """,
            id="a destination with many slashes",
        ),
        pytest.param(
            """
            WORKDIR /w
            COPY a.txt ''
            """,
            """
            w/ 755
            w/a.txt 644 A
            """,
            id="an empty destination is the working directory",
        ),
        pytest.param(
            """
            WORKDIR /w
            COPY a.txt x
            COPY b.txt sub/
            COPY c.md .
            """,
            """
            w/ 755
            w/c.md 644 C
            w/sub/ 755
            w/sub/b.txt 644 B
            w/x 644 A
            """,
            id="a relative destination",
        ),
        pytest.param(
            """
            COPY --exclude=p --exclude=dir* --exclude=l* '' /x
            """,
            """
            x/ 755
            x/a.txt 644 A
            x/b.txt 644 B
            x/c.md 644 C
            x/etc/ 755
            x/etc/group 644 staff:x:50:
            x/etc/passwd 644 shop:x:1000:2000::/:/x
            x/run.sh 755 R
            """,
            id="an empty source is the context",
        ),
        pytest.param(
            """
            COPY ["a.txt", "/x y"]
            """,
            """
            x y 644 A
            """,
            id="JSON",
        ),
        pytest.param(
            """
            COPY run.sh a.txt /bin/
            """,
            """
            bin/ 755
            bin/a.txt 644 A
            bin/run.sh 755 R
            """,
            id="an executable file",
        ),
        pytest.param(
            """
            COPY links /x
            """,
            """
            x/ 755
            x/abs -> /a.txt
            x/dangling -> nowhere
            x/todir -> ../dir
            """,
            id="links in a directory stay links",
        ),
        pytest.param(
            """
            COPY link /x
            """,
            """
            x 644 A
            """,
            id="a link as a source is followed",
        ),
        pytest.param(
            """
            COPY link /x/
            """,
            """
            x/ 755
            x/link 644 A
            """,
            id="a link as a source keeps its name",
        ),
        pytest.param(
            """
            COPY dirlink /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="a link to a directory as a source",
        ),
        pytest.param(
            """
            COPY dirlink/sub/three /x
            """,
            """
            x 644 3
            """,
            id="a source over a link",
        ),
        pytest.param(
            """
            COPY links/abs /x
            """,
            """
            x 644 A
            """,
            id="a link to an absolute path stays in the context",
        ),
        pytest.param(
            """
            COPY links /l
            COPY a.txt /l/todir/
            """,
            """
            dir/ 755
            dir/a.txt 644 A
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="a destination over a link",
        ),
        pytest.param(
            """
            COPY links /l
            COPY dir/sub /l/todir
            """,
            """
            dir/ 755
            dir/four.md 644 4
            dir/three 644 3
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="a directory to a link to a directory",
        ),
        pytest.param(
            """
            COPY links /l
            COPY a.txt /l/dangling
            """,
            """
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/nowhere 644 A
            l/todir -> ../dir
            """,
            id="a file to a link to nothing",
        ),
        pytest.param(
            """
            COPY links /l
            COPY a.txt /l/abs
            """,
            """
            a.txt 644 A
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="a file to an absolute link",
        ),
        pytest.param(
            """
            COPY links /l
            COPY links /l
            """,
            """
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="links over links",
        ),
        pytest.param(
            """
            COPY *.txt /x/
            """,
            """
            x/ 755
            x/a.txt 644 A
            x/b.txt 644 B
            """,
            id="a wildcard",
        ),
        pytest.param(
            """
            COPY di* /x/
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="a wildcard that finds directories",
        ),
        pytest.param(
            """
            COPY d*/*/*.md /x/
            """,
            """
            x/ 755
            x/four.md 644 4
            """,
            id="a wildcard below a wildcard",
        ),
        pytest.param(
            """
            COPY dirlink/* /x/
            """,
            """
            x/ 755
            x/four.md 644 4
            x/one 644 1
            x/three 644 3
            x/two.md 644 2
            """,
            id="a wildcard below a link",
        ),
        pytest.param(
            """
            COPY dirl*/one /x/
            """,
            """
            """,
            id="a wildcard does not go over links",
        ),
        pytest.param(
            """
            COPY no*.txt /x/
            """,
            """
            """,
            id="a wildcard that finds nothing",
        ),
        pytest.param(
            """
            COPY ?.md [^a].txt /x/
            """,
            """
            x/ 755
            x/b.txt 644 B
            x/c.md 644 C
            """,
            id="a question mark and classes",
        ),
        pytest.param(
            """
            COPY --exclude=*.md *.md /x/
            """,
            """
            x/ 755
            x/c.md 644 C
            """,
            id="a name that the exclude pattern matches is copied if it is a source",
        ),
        pytest.param(
            """
            COPY --exclude=*.md dir /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/four.md 644 4
            x/sub/three 644 3
            """,
            id="excluded files",
        ),
        pytest.param(
            """
            COPY --exclude=**/*.md dir /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/three 644 3
            """,
            id="excluded files at any depth",
        ),
        pytest.param(
            """
            COPY --exclude=sub dir /x
            """,
            """
            x/ 755
            x/one 644 1
            x/two.md 644 2
            """,
            id="an excluded directory",
        ),
        pytest.param(
            """
            COPY --exclude=sub --exclude=!sub/three dir /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/sub/three 644 3
            x/two.md 644 2
            """,
            id="an excluded directory with an exception",
        ),
        pytest.param(
            """
            COPY --exclude=sub/* dir /x
            """,
            """
            x/ 755
            x/one 644 1
            x/sub/ 755
            x/two.md 644 2
            """,
            id="all below a directory excluded",
        ),
        pytest.param(
            """
            COPY --exclude=* dir /x
            """,
            """
            x/ 755
            """,
            id="all excluded",
        ),
        pytest.param(
            """
            COPY --chown=7 a.txt /x/y
            """,
            """
            x/ 755 7:7
            x/y 644 7:7 A
            """,
            id="a numeric owner is group as well",
        ),
        pytest.param(
            """
            COPY --chown=7:8 dir /x
            """,
            """
            x/ 755 7:8
            x/one 644 7:8 1
            x/sub/ 755 7:8
            x/sub/four.md 644 7:8 4
            x/sub/three 644 7:8 3
            x/two.md 644 7:8 2
            """,
            id="numeric user and group",
        ),
        pytest.param(
            """
            COPY etc /etc
            COPY --chown=shop:staff a.txt /x
            """,
            """
            etc/ 755
            etc/group 644 staff:x:50:
            etc/passwd 644 shop:x:1000:2000::/:/x
            x 644 1000:50 A
            """,
            id="user and group by name",
        ),
        pytest.param(
            """
            COPY etc /etc
            COPY --chown=shop a.txt /x
            """,
            """
            etc/ 755
            etc/group 644 staff:x:50:
            etc/passwd 644 shop:x:1000:2000::/:/x
            x 644 1000:2000 A
            """,
            id="a user by name brings the group",
        ),
        pytest.param(
            """
            COPY etc /etc
            COPY --chown=shop:7 a.txt /x
            """,
            """
            etc/ 755
            etc/group 644 staff:x:50:
            etc/passwd 644 shop:x:1000:2000::/:/x
            x 644 1000:7 A
            """,
            id="a name for the user, a number for the group",
        ),
        pytest.param(
            """
            COPY etc /etc
            COPY --chown=shop: a.txt /x
            """,
            """
            etc/ 755
            etc/group 644 staff:x:50:
            etc/passwd 644 shop:x:1000:2000::/:/x
            x 644 1000:0 A
            """,
            id="an empty group is root",
        ),
        pytest.param(
            """
            COPY etc /etc
            COPY --chown=:staff a.txt /x
            """,
            """
            etc/ 755
            etc/group 644 staff:x:50:
            etc/passwd 644 shop:x:1000:2000::/:/x
            x 644 0:50 A
            """,
            id="an empty user is root",
        ),
        pytest.param(
            """
            COPY --chown=root:root a.txt /x
            """,
            """
            x 644 A
            """,
            id="root needs no files",
        ),
        pytest.param(
            """
            COPY --chown=7:8 links /x
            """,
            """
            x/ 755 7:8
            x/abs 7:8 -> /a.txt
            x/dangling 7:8 -> nowhere
            x/todir 7:8 -> ../dir
            """,
            id="an owner of links",
        ),
        pytest.param(
            """
            ARG U=7
            COPY --chown=$U:8 a.txt /x
            """,
            """
            x 644 7:8 A
            """,
            id="an owner from an argument",
        ),
        pytest.param(
            """
            COPY --chmod=0600 a.txt /x/y
            """,
            """
            x/ 600
            x/y 600 A
            """,
            id="a mode also for new directories",
        ),
        pytest.param(
            """
            COPY --chmod=4711 dir /x/y
            """,
            """
            x/ 711
            x/y/ 711
            x/y/one 4711 1
            x/y/sub/ 4711
            x/y/sub/four.md 4711 4
            x/y/sub/three 4711 3
            x/y/two.md 4711 2
            """,
            id="special bits only for what is copied",
        ),
        pytest.param(
            """
            COPY --chmod=u+x,go-r dir /x/y
            """,
            """
            x/ 755
            x/y/ 755
            x/y/one 700 1
            x/y/sub/ 711
            x/y/sub/four.md 700 4
            x/y/sub/three 700 3
            x/y/two.md 700 2
            """,
            id="a mode in clauses",
        ),
        pytest.param(
            """
            COPY --chmod=u=rwX,g=u,o= dir run.sh /x/
            """,
            """
            x/ 755
            x/one 660 1
            x/run.sh 770 R
            x/sub/ 770
            x/sub/four.md 660 4
            x/sub/three 660 3
            x/two.md 660 2
            """,
            id="a mode in clauses with capital X",
        ),
        pytest.param(
            """
            COPY --chmod=700 links /x
            """,
            """
            x/ 700
            x/abs -> /a.txt
            x/dangling -> nowhere
            x/todir -> ../dir
            """,
            id="a mode does not touch links",
        ),
        pytest.param(
            """
            COPY --chmod= a.txt /x
            """,
            """
            x 644 A
            """,
            id="an empty mode is none",
        ),
    ],
)
def test_what_is_copied(
    shop: Workshop, lines: Callable[[str], str], instructions: str, expected: str
) -> None:
    assert shop.listing(f"FROM scratch\n{lines(instructions)}\n") == lines(expected)
