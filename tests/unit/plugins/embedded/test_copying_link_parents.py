"""COPY with --link and with --parents.

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
            COPY --chmod=700 a.txt /x/y
            COPY --link dir/sub /x/z
            """,
            """
            x/ 755
            x/y 700 A
            x/z/ 755
            x/z/four.md 644 4
            x/z/three 644 3
            """,
            id="a link flag makes directories anew",
        ),
        pytest.param(
            """
            COPY links /l
            COPY --link a.txt /l/todir/
            """,
            """
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir/ 755
            l/todir/a.txt 644 A
            """,
            id="a link flag does not follow links",
        ),
        pytest.param(
            """
            COPY links /l
            COPY --link a.txt /l/abs
            """,
            """
            l/ 755
            l/abs 644 A
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="a link flag replaces a link",
        ),
        pytest.param(
            """
            COPY dir /x/y
            COPY --link a.txt /x/y
            """,
            """
            x/ 755
            x/y 644 A
            """,
            id="a link flag replaces a directory",
        ),
        pytest.param(
            """
            COPY a.txt /x/y
            COPY --link dir/sub /x/y
            """,
            """
            x/ 755
            x/y/ 755
            x/y/four.md 644 4
            x/y/three 644 3
            """,
            id="a link flag replaces a file by a directory",
        ),
        pytest.param(
            """
            COPY --chmod=700 dir /x/y
            COPY --link dir/one /x/y/
            """,
            """
            x/ 755
            x/y/ 755
            x/y/one 644 1
            x/y/sub/ 700
            x/y/sub/four.md 700 4
            x/y/sub/three 700 3
            x/y/two.md 700 2
            """,
            id="a link flag merges directories",
        ),
        pytest.param(
            """
            COPY --link --chown=7:8 dir/sub /x/y
            """,
            """
            x/ 755 7:8
            x/y/ 755 7:8
            x/y/four.md 644 7:8 4
            x/y/three 644 7:8 3
            """,
            id="a link flag with an owner",
        ),
        pytest.param(
            """
            COPY links /l
            COPY dir /dir
            COPY --link=false a.txt /l/todir/
            """,
            """
            dir/ 755
            dir/a.txt 644 A
            dir/one 644 1
            dir/sub/ 755
            dir/sub/four.md 644 4
            dir/sub/three 644 3
            dir/two.md 644 2
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="a link flag that is false",
        ),
        pytest.param(
            """
            COPY links /l
            COPY --link --chmod=600 a.txt /l/todir/
            """,
            """
            dir/ 600
            dir/a.txt 600 A
            l/ 755
            l/abs -> /a.txt
            l/dangling -> nowhere
            l/todir -> ../dir
            """,
            id="a link flag with a mode follows links",
        ),
        pytest.param(
            """
            COPY --parents p/q/r/x.txt /d/
            """,
            """
            d/ 755
            d/p/ 755
            d/p/q/ 755
            d/p/q/r/ 755
            d/p/q/r/x.txt 644 X
            """,
            id="parents of a file",
        ),
        pytest.param(
            """
            COPY --parents p/q /d/
            """,
            """
            d/ 755
            d/p/ 755
            d/p/q/ 755
            d/p/q/r/ 755
            d/p/q/r/x.txt 644 X
            d/p/q/r/y.md 644 Y
            """,
            id="parents of a directory",
        ),
        pytest.param(
            """
            COPY --parents /p/s/x.txt /d
            """,
            """
            d/ 755
            d/p/ 755
            d/p/s/ 755
            d/p/s/x.txt 644 Z
            """,
            id="parents from the context's root",
        ),
        pytest.param(
            """
            COPY --parents p/./q/r /d/
            """,
            """
            d/ 755
            d/q/ 755
            d/q/r/ 755
            d/q/r/x.txt 644 X
            d/q/r/y.md 644 Y
            """,
            id="parents behind a pivot",
        ),
        pytest.param(
            """
            COPY --parents ./p/q/./r/x.txt a.txt /d/
            """,
            """
            d/ 755
            d/a.txt 644 A
            d/r/ 755
            d/r/x.txt 644 X
            """,
            id="parents behind a pivot of several sources",
        ),
        pytest.param(
            """
            COPY --parents p/*/r/*.txt /d
            """,
            """
            d/ 755
            d/p/ 755
            d/p/q/ 755
            d/p/q/r/ 755
            d/p/q/r/x.txt 644 X
            """,
            id="parents of what wildcards find",
        ),
        pytest.param(
            """
            COPY --parents p/./*/x.txt /d/
            """,
            """
            d/ 755
            d/s/ 755
            d/s/x.txt 644 Z
            """,
            id="parents of what wildcards find behind a pivot",
        ),
        pytest.param(
            """
            COPY --parents p/**/x.txt /d/
            """,
            """
            d/ 755
            d/p/ 755
            d/p/q/ 755
            d/p/q/r/ 755
            d/p/q/r/x.txt 644 X
            d/p/s/ 755
            d/p/s/x.txt 644 Z
            """,
            id="parents of what is found at any depth",
        ),
        pytest.param(
            """
            COPY --parents p*/./q /d/
            """,
            """
            d/ 755
            d/q/ 755
            d/q/r/ 755
            d/q/r/x.txt 644 X
            d/q/r/y.md 644 Y
            """,
            id="parents of what wildcards find before a pivot",
        ),
        pytest.param(
            """
            COPY --parents p/none* /d/
            """,
            """
            d/ 755
            """,
            id="parents of nothing",
        ),
        pytest.param(
            """
            COPY --parents link links/abs /d/
            """,
            """
            d/ 755
            d/link -> a.txt
            d/links/ 755
            d/links/abs -> /a.txt
            """,
            id="parents of a link",
        ),
        pytest.param(
            """
            COPY --parents dir/*.md dir/sub /
            """,
            """
            dir/ 755
            dir/sub/ 755
            dir/sub/four.md 644 4
            dir/sub/three 644 3
            dir/two.md 644 2
            """,
            id="parents of several sources",
        ),
        pytest.param(
            """
            COPY --parents --chmod=700 --chown=3:4 p/s/x.txt /d/
            """,
            """
            d/ 700 3:4
            d/p/ 700 3:4
            d/p/s/ 700 3:4
            d/p/s/x.txt 700 3:4 Z
            """,
            id="parents with owner and mode",
        ),
        pytest.param(
            """
            COPY --parents --exclude=**/*.md p /d/
            """,
            """
            d/ 755
            d/p/ 755
            d/p/q/ 755
            d/p/q/r/ 755
            d/p/q/r/x.txt 644 X
            d/p/s/ 755
            d/p/s/x.txt 644 Z
            """,
            id="parents without what is excluded",
        ),
        pytest.param(
            """
            COPY --parents --exclude=p/q p /d/
            """,
            """
            d/ 755
            d/p/ 755
            d/p/s/ 755
            d/p/s/x.txt 644 Z
            """,
            id="parents without an excluded directory",
        ),
        pytest.param(
            """
            COPY --chmod=700 p /d/p
            COPY --parents p/s/x.txt /d/
            """,
            """
            d/ 700
            d/p/ 755
            d/p/q/ 700
            d/p/q/r/ 700
            d/p/q/r/x.txt 700 X
            d/p/q/r/y.md 700 Y
            d/p/s/ 755
            d/p/s/x.txt 644 Z
            """,
            id="parents that are there",
        ),
    ],
)
def test_what_is_copied(
    shop: Workshop, lines: Callable[[str], str], instructions: str, expected: str
) -> None:
    assert shop.listing(f"FROM scratch\n{lines(instructions)}\n") == lines(expected)
