"""COPY and ADD that cannot be carried out: the whole message, the place and the remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError, OkplugError

if TYPE_CHECKING:
    from tests.unit.plugins.embedded.conftest import Workshop


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        pytest.param(
            "COPY nothing /x/",
            "2:6: /nothing is not there",
            id="a missing file",
        ),
        pytest.param(
            "COPY a.txt b.txt nothing /x/",
            "2:18: /nothing is not there",
            id="the last of several",
        ),
        pytest.param(
            "COPY dir/twi.md dir/two.md /x/",
            "2:6: /dir/twi.md is not there\n  hint: there is dir/two.md",
            id="a name that is much like another",
        ),
        pytest.param(
            "COPY links/dangling /x",
            "2:6: /links/dangling is a link to nowhere, which is not there\n"
            "  hint: links are followed within what is copied from, and never out of it",
            id="a link to nothing",
        ),
        pytest.param(
            "COPY [a.txt /x/",
            "2:6: invalid pattern '[a.txt': a '[' is not closed\n"
            "  hint: write a backslash before '*', '?', '[' and '\\' to take them literally",
            id="a malformed pattern",
        ),
        pytest.param(
            "FROM scratch\nCOPY --from=0 --exclude=[a / /x/",
            "3:15: invalid pattern '[a': a '[' is not closed\n"
            "  hint: write a backslash before '*', '?', '[' and '\\' to take them literally",
            id="a malformed exclude pattern",
        ),
        pytest.param(
            "COPY a.txt /x\nCOPY dir /x",
            "3:1: /x is a file, and a directory goes there\n  hint: copy to another place",
            id="a directory over a file",
        ),
        pytest.param(
            "COPY a.txt /x\nCOPY b.txt /x/y",
            "3:1: /x is a file, and a directory is needed",
            id="a file below a file",
        ),
        pytest.param(
            "COPY a.txt /x\nCOPY b.txt /x/",
            "3:1: /x is a file, and a directory is needed",
            id="a file as a directory",
        ),
        pytest.param(
            "COPY dir /x/a.txt\nCOPY a.txt /x",
            "3:1: /x/a.txt is a directory, and a file goes there\n  hint: copy to another place",
            id="a file over a directory",
        ),
        pytest.param(
            "COPY dir /y/one\nCOPY dir /y",
            "3:1: /y/one is a directory, and a file goes there\n  hint: copy to another place",
            id="a file over a directory, deep",
        ),
        pytest.param(
            "COPY a.txt /y/sub\nCOPY dir /y",
            "3:1: /y/sub is a file, and a directory goes there\n  hint: copy to another place",
            id="a directory over a file, deep",
        ),
        pytest.param(
            "COPY --chown=nobody a.txt /x",
            "2:6: /etc/passwd of the image has no user 'nobody'\n  hint: write numbers",
            id="a user that nobody knows",
        ),
        pytest.param(
            "COPY etc /etc\nCOPY --chown=1:x a.txt /x",
            "3:6: /etc/group of the image has no group 'x'\n  hint: it has staff; or write numbers",
            id="a group that nobody knows",
        ),
        pytest.param(
            "COPY etc /etc\nCOPY --link --chown=shop a.txt /x",
            "3:13: /etc/passwd of the image has no user 'shop'\n"
            "  hint: with --link write numbers: it looks at nothing but the sources",
            id="a name with --link",
        ),
        pytest.param(
            "COPY --chmod=u+q a.txt /x",
            "2:6: --chmod=u+q is no mode: expected up to 7777, or such as u=rwX,go=rX",
            id="a wrong mode",
        ),
        pytest.param(
            "COPY --parents . /x",
            "2:16: COPY --parents needs the name of what it copies\n"
            "  hint: copy the whole directory without --parents",
            id="parents of everything",
        ),
        pytest.param(
            "COPY --parents p/none /x/",
            "2:16: /p/none is not there",
            id="parents of nothing",
        ),
        pytest.param(
            "COPY --parents dirlink/./one /x/",
            "2:16: /dirlink/one is not there",
            id="parents behind a link",
        ),
        pytest.param(
            "COPY --parents nodir/./x* /x/",
            "2:16: /nodir is not there",
            id="a pivot that is not there",
        ),
        pytest.param(
            "COPY <<a/b /x\n1\na/b",
            "2:6: the here-document a/b cannot be a file\n  hint: write <<EOF",
            id="a here-document with a slash",
        ),
        pytest.param(
            "ADD --checksum=sha256:00 a.txt /x",
            "2:5: --checksum is for URLs\n"
            "  hint: name a BuildKit with --builder or BUILDKIT_HOST, or install buildkitd; the "
            "embedded builder only packages files",
            id="a checksum of a file",
        ),
        pytest.param(
            "ENV URL=https://example.com/x\nADD $URL /x",
            "3:5: it fetches https://example.com/x\n"
            "  hint: name a BuildKit with --builder or BUILDKIT_HOST, or install buildkitd; the "
            "embedded builder only packages files",
            id="a URL from a variable that is only known when it is built",
        ),
        pytest.param(
            "COPY --from=0 /a.txt /x",
            "2:8: 'from=0' names no stage above this one\n  hint: there is none above",
            id="a stage from itself",
        ),
        pytest.param(
            "WORKDIR /w\nCOPY a.txt /w/x\nWORKDIR x",
            "4:1: /w/x is a file, and a directory is needed",
            id="a file as working directory",
        ),
    ],
)
def test_the_message(shop: Workshop, instructions: str, expected: str) -> None:
    with pytest.raises(OkplugError) as caught:
        shop.build(f"FROM scratch\n{instructions}\n")
    assert str(caught.value) == f"{shop.folder}/Dockerfile:{expected}"


def test_the_lines_of_the_instruction_are_shown(shop: Workshop) -> None:
    with pytest.raises(BuildError) as caught:
        shop.build("FROM scratch\nCOPY a.txt \\\n  nothing \\\n  /x/\nENV A=1\n")
    assert caught.value.source == ("COPY a.txt \\", "  nothing \\", "  /x/")
    assert str(caught.value.location) == f"{shop.folder}/Dockerfile:3:3"


def test_a_source_in_a_stage(shop: Workshop) -> None:
    text = "FROM scratch AS one\nCOPY dir /d\nFROM scratch\nCOPY --from=one /d/twos.md /x\n"
    with pytest.raises(BuildError) as caught:
        shop.build(text)
    assert str(caught.value) == (
        f"{shop.folder}/Dockerfile:4:18: /d/twos.md is not there\n  hint: there is d/two.md"
    )


@pytest.mark.parametrize("source", ["/none/*", "/d/one/*"])
def test_wildcards_in_what_is_no_directory_of_a_stage(shop: Workshop, source: str) -> None:
    """All of a stage is known, other than of a context, which has only what is read."""
    text = f"FROM scratch AS one\nCOPY dir /d\nFROM scratch\nCOPY --from=one {source} /x/\n"
    with pytest.raises(BuildError, match=rf"{source.replace('*', '[*]')} is not there"):
        shop.build(text)


def test_files_that_nobody_reads_do_not_exist(shop: Workshop) -> None:
    base = shop.push("base", config={"OnBuild": ["COPY a.txt /x"]})
    with pytest.raises(BuildError) as caught:
        shop.build("FROM base:1\n", images={"base:1": base})
    assert str(caught.value) == f"{shop.folder}/Dockerfile:1:1: /a.txt is not there"


@pytest.mark.parametrize(
    ("trigger", "source"),
    [
        ("COPY a.txt /x", "a.txt"),
        ("COPY . /x", "."),
        ("ADD dir/ /x", "dir"),
        ("COPY run.sh a.txt /x/", "a.txt"),
    ],
)
def test_what_a_base_from_elsewhere_reads_is_refused(
    shop: Workshop, trigger: str, source: str
) -> None:
    """A trigger that only the registry knows of reads what was not hashed."""
    base = shop.push("base", config={"OnBuild": ["ARG A", trigger, "COPY <<X /y\nz\nX"]})
    with pytest.raises(BuildError, match=rf"reads {re.escape(source)}, which is no part") as caught:
        shop.build(f"FROM scratch\nCOPY run.sh /\nFROM {base}\nCOPY run.sh /\n")
    assert caught.value.location is not None
    assert caught.value.location.line == 3


def test_what_the_dockerfile_reads_as_well_is_there_for_a_base_from_elsewhere(
    shop: Workshop,
) -> None:
    base = shop.push("base", config={"OnBuild": ["COPY a.txt /x", "COPY <<X /y\nz\nX"]})
    tree = shop.build(f"FROM {base}\nCOPY . /all/\n").tree()
    assert tree["x"].content == tree["all/a.txt"].content
    assert tree["y"].content == b"z\n"


@pytest.mark.parametrize(("path", "instruction"), [("x", "COPY .wh.x /"), ("d", "COPY d /d")])
def test_names_that_layers_take_for_absence(
    workshop: Workshop, path: str, instruction: str
) -> None:
    workshop.write({".wh.x" if path == "x" else "d/.wh..wh..opq": "1"})
    with pytest.raises(BuildError, match=r"cannot be in an image: \.wh\. marks what layers take"):
        workshop.build(f"FROM scratch\n{instruction}\n")
