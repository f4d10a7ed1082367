"""``okplug init``: first manifests for the Dockerfiles of a repository."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug.errors import ExitCode, UsageError
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from okplug.config import Config, Parser

DESCRIPTION = """\
Write an okteto.yaml beside each Dockerfile that no manifest and no compose file of the workspace
names, and show the graph.

Dockerfiles are Dockerfile, Containerfile, NAME.Dockerfile and Dockerfile.NAME. An image is called
like its folder or that NAME. Its context is the nearest folder, from the Dockerfile's own upwards,
that has all that it copies. An image that a FROM, a COPY --from or a build argument calls like
another one is built from that one. A manifest that is there is never changed without --force.
"""

EPILOG = """\
examples:
  okplug init --dry-run               what would be written
  okplug init -o exclude=testdata/    without the Dockerfiles in some folders
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "init", help="write manifests for Dockerfiles", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    command.add_argument(
        "--dry-run", action="store_true", help="print what would be written, and write nothing"
    )
    command.add_argument(
        "--force",
        action="store_true",
        help="write okteto manifests beside Dockerfiles anew; what they hold is lost",
    )


def run(config: Config) -> int:
    """Write the manifests and print the graph."""
    from okplug.drafting.draft import draft_manifests
    from okplug.messages import shorten_paths

    is_forced = config.options.force
    draft = draft_manifests(config, is_forced=is_forced)
    for warning in draft.warnings:
        config.warn(shorten_paths(warning, config.cwd))
    if config.options.dry_run:
        _print(config.root, draft.texts)
        return ExitCode.OK
    for path, text in draft.texts.items():
        _write(path, text, is_forced=is_forced)
        sys.stdout.write(f"wrote {path.relative_to(config.root)}\n")
    _warn_of_no_root(config)
    return _show_graph(config, is_anything_written=bool(draft.texts))


def _print(root: Path, texts: Mapping[Path, str]) -> None:
    documents = [f"# {path.relative_to(root)}\n{text}" for path, text in texts.items()]
    sys.stdout.write("\n".join(documents) or "nothing to write\n")


def _write(path: Path, text: str, *, is_forced: bool) -> None:
    try:
        with path.open("w" if is_forced else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _warn_of_no_root(config: Config) -> None:
    """Say what makes this folder the root wherever in it okplug is started."""
    from okplug.settingsfile import has_root

    if not has_root(config.root):
        config.warn(
            f"from a folder below, okplug will not find {config.root}: it is no checkout and has "
            "no okplug.toml; an empty one will do"
        )


def _show_graph(config: Config, *, is_anything_written: bool) -> int:
    from okplug.collect import collect
    from okplug.graphformats import ASCII, Lines, View, as_text

    graph = collect(config).graph
    addresses = [image.address for image in graph.images()]
    if not addresses:
        sys.stdout.write("no Dockerfile was found\n")
        return ExitCode.NOTHING_SELECTED
    can_draw = (sys.stdout.encoding or "").lower().startswith("utf")
    view = View.of(graph, addresses, config.root)
    sys.stdout.write("\n" if is_anything_written else "nothing to write\n\n")
    sys.stdout.write(as_text(view, Lines() if can_draw else ASCII))
    return ExitCode.OK
