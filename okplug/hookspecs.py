"""All hooks of okplug, in the order of a run: the map of the program.

    start     okplug_addoption, okplug_configure
    collect   okplug_collect_manifest per file, okplug_graph_modify once
    key       okplug_key_inputs per image
    backends  okplug_registry per host, okplug_builder once
    plan      okplug_plan_modify once
    build     okplug_build per image, in worker threads; okplug_publish after each that was built,
              okplug_deliver after each that was asked for
    report    okplug_event per event, in one thread of its own; okplug_finish once
    end       okplug_unconfigure, always

A hook is of one kind. *Observe* returns None. *Contribute* returns a value; those of all plugins
count, in the order of the plugins' names. *Decide* returns a value or None; the first that is not
None counts and the others are not asked.

An ``okplugfile.py`` in a folder is asked only for the images at and below that folder; it may
implement the hooks that are called per image or per manifest: ``okplug_collect_manifest``,
``okplug_key_inputs``, ``okplug_build``, ``okplug_publish``, ``okplug_deliver``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from okplug.backends import Artifact, BuildControl, Builder, Registry
    from okplug.config import Config, Parser
    from okplug.events import Event
    from okplug.graph import ImageGraph
    from okplug.manifest.model import Image, Manifest
    from okplug.plan import Plan, Report, Step

hookspec = pluggy.HookspecMarker("okplug")
hookimpl = pluggy.HookimplMarker("okplug")

# -------------------------------------------------------------------------------------------- start


@hookspec
def okplug_addoption(parser: Parser) -> None:
    """Add commands, options and settings; observe, called once before the command line is read."""


@hookspec
def okplug_configure(config: Config) -> None:
    """Set up what the plugin needs for this run; observe, called once the settings are known."""


# ------------------------------------------------------------------------------------------ collect


@hookspec(firstresult=True)
def okplug_collect_manifest(path: Path, config: Config) -> Manifest | None:
    """Read a manifest; decide, called for each file whose name is in the ``manifests`` setting.

    :param path: absolute path of the file.
    :raises ManifestError: if the file is meant for this plugin and is wrong.
    """


@hookspec
def okplug_graph_modify(graph: ImageGraph, config: Config) -> None:
    """Add, drop and annotate images and edges; observe, called once when the graph is complete."""


# ---------------------------------------------------------------------------------------------- key


@hookspec
def okplug_key_inputs(image: Image, config: Config) -> Mapping[str, str] | None:
    """Add to the key of an image; contribute, called once per image.

    :return: name and value of each further input; both go into the key and its record, so they must
        not be secret.
    """


# ----------------------------------------------------------------------------------------- backends


@hookspec(firstresult=True)
def okplug_registry(host: str, config: Config) -> Registry | None:
    """Return the registry that serves a host; decide, called once per host.

    The configured registry is asked for before ``okplug_configure``: it has the administrator's
    variables, without which the settings are not known.

    :param host: the ``registry`` setting as it is written, or the host of a reference in a manifest
        or Dockerfile.
    """


@hookspec(firstresult=True)
def okplug_builder(config: Config) -> Builder | None:
    """Return the builder; decide, called once when the first image is to be checked or built."""


# --------------------------------------------------------------------------------------------- plan


@hookspec
def okplug_plan_modify(plan: Plan, config: Config) -> None:
    """Deselect or reorder steps before anything is built; observe, called once."""


# -------------------------------------------------------------------------------------------- build


@hookspec(firstresult=True)
def okplug_build(step: Step, config: Config) -> Artifact | None:
    """Build one image; decide, called in a worker thread, at once for several images.

    The core's own implementation comes last and hands the step to the builder; wrap the hook to add
    to every build.
    """


@hookspec
def okplug_publish(step: Step, artifact: Artifact, config: Config) -> None:
    """Act on an image that has been built and tagged; observe, in the build's worker thread.

    It is also called for an image that is reused under a new key because its dependencies came out
    equal: its layers are known, but the digest of its manifest or index is new.

    This is the place to sign, scan and notify. An exception fails the step; its tags stay. With
    ``--all-or-nothing`` the user's own tags move later.
    """


@hookspec
def okplug_deliver(step: Step, artifact: Artifact, config: Config, control: BuildControl) -> None:
    """Bring an image that the user asked for to where it is used; observe, in a worker thread.

    Called for each selected image, built or reused, once its tags are written: to load it into an
    engine, say, or to unpack it. An exception fails the step; its tags stay. With
    ``--all-or-nothing`` it is called for all of them at the end, and not if one failed.

    :param control: tells of an interruption; what may take long looks there, and ends with
        ``CancelledError``.
    """


# ------------------------------------------------------------------------------------------- report


@hookspec
def okplug_event(event: Event) -> None:
    """Follow the run; observe, called for each event in order, always from the same thread."""


@hookspec
def okplug_finish(report: Report, config: Config) -> None:
    """Write summaries and files; observe, called once after the last event, failed or not."""


# ---------------------------------------------------------------------------------------------- end


@hookspec
def okplug_unconfigure(config: Config) -> None:
    """Release what ``okplug_configure`` took; observe, always called."""
