"""COPY of here-documents, and WORKDIR.

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
            COPY <<EOF /x
            one
              two
            EOF
            """,
            """
            x 644 one
              two
            """,
            id="a here-document",
        ),
        pytest.param(
            """
            COPY <<EOF /x/
            one
            EOF
            """,
            """
            x/ 755
            x/EOF 644 one
            """,
            id="a here-document into a directory",
        ),
        pytest.param(
            """
            COPY <<A <<B /x/
            one
            A
            two
            B
            """,
            """
            x/ 755
            x/A 644 one
            x/B 644 two
            """,
            id="two here-documents",
        ),
        pytest.param(
            """
            COPY <<A <<A /x/
            one
            A
            two
            A
            """,
            """
            x/ 755
            x/A 644 two
            """,
            id="two here-documents of one name",
        ),
        pytest.param(
            """
            ARG V=1
            ENV W=2
            COPY <<A /x
            $V ${W} '$V' "${U:-3}" \\$V
            A
            """,
            """
            x 644 1 2 '1' "3" $V
            """,
            id="variables in a here-document",
        ),
        pytest.param(
            """
            ARG V=1
            COPY <<'A' /x
            $V
            A
            """,
            """
            x 644 $V
            """,
            id="no variables in a quoted here-document",
        ),
        pytest.param(
            """
            COPY <<-A /x
            \tone
            \t\ttwo
            \tA
            """,
            """
            x 644 one
            two
            """,
            id="tabs before a here-document",
        ),
        pytest.param(
            """
            COPY <<A a.txt /x
            one
            A
            """,
            """
            x 644 one
            """,
            id="here-documents come behind other sources",
        ),
        pytest.param(
            """
            COPY --chown=7:8 --chmod=750 <<A /x/y
            one
            A
            """,
            """
            x/ 750 7:8
            x/y 750 7:8 one
            """,
            id="a here-document with owner and mode",
        ),
        pytest.param(
            """
            COPY <<A /x
            A
            """,
            """
            x 644
            """,
            id="an empty here-document",
        ),
        pytest.param(
            """
            WORKDIR /w/x
            """,
            """
            w/ 755
            w/x/ 755
            """,
            id="a working directory is made",
        ),
        pytest.param(
            """
            WORKDIR /w
            WORKDIR x
            WORKDIR ../y
            """,
            """
            w/ 755
            w/x/ 755
            w/y/ 755
            """,
            id="a relative one goes on from the one before",
        ),
        pytest.param(
            """
            ARG W=/w
            WORKDIR $W/x
            """,
            """
            w/ 755
            w/x/ 755
            """,
            id="one from an argument",
        ),
        pytest.param(
            """
            WORKDIR /w
            WORKDIR $NONE
            COPY a.txt .
            """,
            """
            w/ 755
            w/a.txt 644 A
            """,
            id="an empty one changes nothing",
        ),
        pytest.param(
            """
            COPY links /l
            WORKDIR /l/todir/n
            """,
            """
            dir/ 755
            dir/n/ 755
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="one over a link",
        ),
        pytest.param(
            """
            WORKDIR /a/../b/./c/
            COPY a.txt .
            """,
            """
            b/ 755
            b/c/ 755
            b/c/a.txt 644 A
            """,
            id="one by a way round",
        ),
        pytest.param(
            """
            COPY --chown=7 --chmod=700 dir /w
            WORKDIR /w
            """,
            """
            w/ 700 7:7
            w/one 700 7:7 1
            w/sub/ 700 7:7
            w/sub/four.md 700 7:7 4
            w/sub/three 700 7:7 3
            w/two.md 700 7:7 2
            """,
            id="one that is there keeps owner and mode",
        ),
        pytest.param(
            """
            USER 5:6
            WORKDIR /w/x
            """,
            """
            w/ 755 5:6
            w/x/ 755 5:6
            """,
            id="one that a user owns",
        ),
        pytest.param(
            """
            COPY etc /etc
            USER shop
            WORKDIR /w
            """,
            """
            etc/ 755
            etc/group 644 staff:x:50:
            etc/passwd 644 shop:x:1000:2000::/:/x
            w/ 755 1000:2000
            """,
            id="one that a user by name owns",
        ),
    ],
)
def test_what_is_copied(
    shop: Workshop, lines: Callable[[str], str], instructions: str, expected: str
) -> None:
    assert shop.listing(f"FROM scratch\n{lines(instructions)}\n") == lines(expected)
