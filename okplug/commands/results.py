"""Options of ``okplug build`` for the programs that run after it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from okplug.config import Config, Parser
    from okplug.plan import Plan, Report


@hookimpl(trylast=True)  # the command is there
def okplug_addoption(parser: Parser) -> None:
    """Add the options."""
    if "build" not in parser.commands:
        return
    command = parser.command("build")
    command.add_argument(
        "--env-file",
        metavar="FILE",
        help="write variables such as OKTETO_BUILD_API_IMAGE of each selected image as NAME=VALUE, "
        "- for standard output",
    )
    command.add_argument(
        "--metadata-file",
        metavar="FILE",
        help="write digests and tags as JSON with the keys of docker buildx bake, - for standard "
        "output",
    )
    command.add_argument(
        "--iidfile",
        metavar="FILE",
        help="write the digest of the one selected image, - for standard output",
    )
    command.add_argument(
        "--github-output",
        action=argparse.BooleanOptionalAction,
        help="add the same variables, and the JSON as metadata, to the file that GITHUB_OUTPUT "
        "names; in a step of GitHub Actions this is the default",
    )


@hookimpl
def okplug_configure(config: Config) -> None:
    """Look whether there is anywhere to write to.

    :raises UsageError: if not.
    """
    if vars(config.options).get("github_output") and not config.environ.get("GITHUB_OUTPUT"):
        raise UsageError(
            "--github-output: the variable GITHUB_OUTPUT is not set",
            hint="it is in steps of GitHub Actions; --env-file FILE writes the same elsewhere",
        )


@hookimpl(trylast=True)  # nobody changes the plan any more
def okplug_plan_modify(plan: Plan, config: Config) -> None:
    """Look whether the variables of all images can be told apart.

    :raises UsageError: if the user asks for variables that cannot be.
    """
    options = vars(config.options)
    if options.get("iidfile") and len(plan.asked) != 1:
        raise UsageError(
            f"--iidfile is for one image, and {len(plan.asked)} are selected",
            hint="select one, or write --metadata-file FILE, which has all of them",
        )
    if not options.get("env_file") and not _github_output(config):
        return
    from okplug.resultfiles import clashes

    found = clashes(step.image for step in plan.steps.values() if step.address in plan.asked)
    for name, addresses in found.items():
        message = f"OKTETO_BUILD_{name}_IMAGE may be any of {', '.join(addresses)}"
        if options.get("env_file") or options.get("github_output"):
            raise UsageError(message, hint="select one of them, or rename the others")
        config.warn(f"{message}; it is not written to GITHUB_OUTPUT")


@hookimpl
def okplug_finish(report: Report, config: Config) -> None:
    """Write what was asked for.

    :raises UsageError: if a file cannot be written.
    """
    if report.command != "build":
        return
    options = vars(config.options)
    env_file, metadata_file = options.get("env_file"), options.get("metadata_file")
    output = _github_output(config)
    iid_file = options.get("iidfile")
    if not (env_file or metadata_file or iid_file or output):
        return
    from okplug import resultfiles
    from okplug.resultdocument import write_document, write_result

    if env_file:
        write_result(resultfiles.env_text(resultfiles.variables(report)), env_file, config.cwd)
    if metadata_file:
        write_document(resultfiles.metadata(report), metadata_file, config.cwd)
    digest = resultfiles.image_digest(report)
    if iid_file and digest:
        write_result(digest, iid_file, config.cwd)
    if output:
        resultfiles.append_github_output(config.cwd / output, report)


def _github_output(config: Config) -> str:
    """Return the file for GitHub's outputs, ``""`` if there is none or it is not wanted."""
    wanted = vars(config.options).get("github_output")
    if wanted is None:
        wanted = config.environ.get("GITHUB_ACTIONS") == "true"
    return config.environ.get("GITHUB_OUTPUT", "") if wanted and config.command == "build" else ""
