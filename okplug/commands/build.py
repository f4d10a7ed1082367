"""``okplug build``, and what building one image is unless a plugin does it otherwise."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from okplug.commands.arguments import (
    add_key_arguments,
    add_verdict_arguments,
    add_watch_argument,
)
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from okplug.backends import Artifact
    from okplug.config import Config, Parser
    from okplug.plan import Report, Step

DESCRIPTION = """\
Build the selected images, and the images that they are built from, in graph order.

An image whose key the registry has is not built: your own tag is pointed at it. Every other image
is built as soon as all that it depends on is there, stored, and tagged with its key for everybody.
After a failure the images that do not depend on the failed one are still built. With
--all-or-nothing your own tags move at the end, and only if nothing failed.
"""

EPILOG = """\
examples:
  okplug build                      all images of the workspace
  okplug build services/api         one folder's images
  okplug build services:: -x        all below services, stop at the first failure
  okplug build -k 'api and not db'  by name
  okplug build api --target dev     another stage of one image
  okplug build app -t NAME:1        the Dockerfile in app, where nothing has a manifest
  okplug build api --watch          and again whenever a file of it changes
"""

#: options that name files to write
_OUTPUTS = ("json", "env_file", "metadata_file", "iidfile")


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "build", help="build the images that changed", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    add_selection_arguments(command)
    add_key_arguments(command)
    add_verdict_arguments(command)
    add_watch_argument(command, "build what they change")
    command.add_argument(
        "-x",
        "--exitfirst",
        dest="max_failures",
        action="store_const",
        const=1,
        default=0,
        help="start no further image after the first failure",
    )
    command.add_argument(
        "--maxfail",
        dest="max_failures",
        type=_positive,
        metavar="N",
        help="start no further image after N failures",
    )
    command.add_argument(
        "-t",
        "--tag",
        action="append",
        default=[],
        metavar="REFERENCE",
        help="a tag for the one selected image, built or reused, in place of your own; okteto.dev/ "
        "and okteto.global/ stand for the namespaces; may be repeated",
    )
    command.add_argument(
        "--push",
        action="store_true",
        help="give the selected images your own tags, also where a manifest has push: false or "
        "there is only a Dockerfile; without it, all others get them",
    )
    command.add_argument(
        "--all-or-nothing",
        action="store_true",
        help="move your own tags only when every image is there, and then all of them; keys are "
        "shared as each image finishes",
    )
    command.add_argument(
        "--json", metavar="FILE", help="write the result as JSON, - for standard output"
    )


def run(config: Config) -> int:
    """Build."""
    from okplug.session import build

    if config.rounds is None:
        return build(config)
    from okplug.watching import looking_for_news

    _announce_outputs(config)
    with looking_for_news(config) as is_news:
        return build(config) if is_news else ExitCode.OK


def _announce_outputs(config: Config) -> None:
    for name in _OUTPUTS:
        target = getattr(config.options, name, None)
        if target and target != "-":
            config.announce_output(config.cwd / target)


@hookimpl(trylast=True)
def okplug_build(step: Step) -> Artifact:
    """Hand the image to the builder."""
    assert step.task is not None
    return step.task.builder.build(step.task.request, step.task.registry, step.task.control)


@hookimpl
def okplug_finish(report: Report, config: Config) -> None:
    """Write the result document."""
    target = getattr(config.options, "json", None)
    if report.command == "build" and target:
        from okplug.resultdocument import result_document, write_document

        write_document(result_document(report), target, config.cwd)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, not {text!r}")
    return int(text)
