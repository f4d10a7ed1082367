"""``okplug validate``: everything that is wrong with the manifests."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import ExitCode, Location, ManifestError, UsageError
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from okplug.config import Config, Parser
    from okplug.manifest.discover import Discovery

DESCRIPTION = """\
Read manifests and compose files, and print everything that is wrong with them: of an okteto
manifest every error, of another file the first one. Without a FILE all of the workspace is read,
its Dockerfiles and the graph included. The exit code is 4 if something is wrong.
"""

EPILOG = """\
examples:
  okplug validate                          the whole workspace
  okplug validate services/*/okteto.yaml   some of its manifests
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "validate", help="tell what is wrong with manifests", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    command.add_argument("files", metavar="FILE", nargs="*", help="a manifest or a compose file")


def run(config: Config) -> int:
    """Print the errors, or how much is right."""
    if config.options.files:
        summary, errors = _judge_files(config)
    else:
        summary, errors = _judge_workspace(config)
    if not errors:
        sys.stdout.write(f"{summary}: nothing is wrong\n")
        return ExitCode.OK
    from okplug.messages import shorten_paths

    for error in errors:
        config.masks.error(error)
        sys.stderr.write(f"error: {shorten_paths(str(error), config.cwd)}\n")
    return ExitCode.USAGE_ERROR


def _judge_files(config: Config) -> tuple[str, list[ManifestError]]:
    from okplug.terminal.text import counted

    paths = list(dict.fromkeys(_path(text, config) for text in config.options.files))
    config.plugins.load_folder_plugins(_discovered(config).plugin_files)
    errors = [error for path in paths for error in _errors_of(path, config)]
    return counted(len(paths), "file"), errors


def _judge_workspace(config: Config) -> tuple[str, list[ManifestError]]:
    from okplug.collect import collect
    from okplug.terminal.text import counted

    try:
        found = collect(config)
    except ManifestError as first:
        paths = _discovered(config).manifests
        errors = [error for path in paths for error in _errors_of(path, config)]
        return "", errors or [first]  # what no file has alone is of the graph
    images = counted(len(found.graph.images()), "image")
    return f"{images} of {counted(len(found.manifests), 'manifest')}", []


def _discovered(config: Config) -> Discovery:
    from okplug.manifest.discover import find_manifests

    return find_manifests(config.root, config.words("manifests"), config.words("exclude"))


def _path(text: str, config: Config) -> Path:
    path = Path(os.path.normpath(config.cwd / text))
    if not path.is_file():
        raise UsageError(f"{text}: there is no such file", hint="name a manifest")
    if not path.is_relative_to(config.root):
        raise UsageError(
            f"{text}: the file is not in the workspace {config.root}",
            hint=f"okplug -C {path.parent} works on the workspace of that folder",
        )
    return path


def _errors_of(path: Path, config: Config) -> list[ManifestError]:
    from okplug.manifest.kinds import kind_of

    try:
        manifest = config.plugins.collect_manifest(path, config)
    except ManifestError as first:
        return (_all_errors(path, config) if kind_of(path) == "okteto" else []) or [first]
    if manifest is None:
        return [ManifestError("no plugin reads this file", location=Location(path))]
    for warning in manifest.warnings:
        config.warn(warning)
    return []


def _all_errors(path: Path, config: Config) -> list[ManifestError]:
    from okplug.manifest.allerrors import find_errors
    from okplug.manifest.document import read_bytes, read_sections
    from okplug.manifest.plugin import read_okteto

    try:
        sections = read_sections(read_bytes(path), path)
    except ManifestError:
        return []  # what is no YAML has one error
    return find_errors(path, sections, partial(read_okteto, path, config))
