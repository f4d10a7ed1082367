"""Options that commands share because they change images, keys or verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from okplug.optionvalues import (
    read_build_arg,
    read_host,
    read_pair,
    read_platforms,
    read_secret,
    read_target,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


class _Option(NamedTuple):
    """An option that may be given several times."""

    names: tuple[str, ...]
    metavar: str
    help: str
    read: Callable[[str], object] = str
    dest: str = ""


_OPTIONS = (
    _Option(
        ("--build-arg",),
        "NAME=VALUE",
        "a build argument for every image that declares it, or ADDRESS.NAME=VALUE for one; without "
        "a value it is that of the environment; wins over the manifest",
        read_build_arg,
    ),
    _Option(
        ("--target",),
        "STAGE",
        "the stage to build of the one selected image, or ADDRESS=STAGE",
        read_target,
    ),
    _Option(
        ("--platform",),
        "PLATFORM",
        "the platforms of the selected images, and of what they need that names none, with commas "
        "between them; or ADDRESS=PLATFORM",
        read_platforms,
        "platforms",
    ),
    _Option(
        ("--secret",),
        "id=ID,src=FILE",
        "a secret for every image that mounts its id; env=NAME in place of src takes it from the "
        "environment",
        read_secret,
    ),
    _Option(
        ("--ssh",),
        "ID[=SOCKET]",
        "an SSH agent for every image that mounts its id; default is the id of mounts without one, "
        "and SSH_AUTH_SOCK names the socket",
    ),
    _Option(("--label",), "NAME=VALUE", "a label of the selected images", read_pair),
    _Option(
        ("--annotation",),
        "NAME=VALUE",
        "an annotation of the selected images' manifests",
        read_pair,
    ),
    _Option(
        ("--add-host",),
        "HOST:ADDRESS",
        "an entry of the hosts file while the selected images are built",
        read_host,
    ),
    _Option(
        ("--cache-from",),
        "CACHE",
        "caches that BuildKit imports for the selected images, in place of their manifests'",
    ),
    _Option(
        ("--export-cache", "--cache-to"),
        "CACHE",
        "caches that BuildKit exports of the one selected image, in place of its manifest's; "
        "inline is for any number of them",
    ),
)


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say of images in place of their manifests."""
    for option in _OPTIONS:
        parser.add_argument(
            *option.names,
            dest=option.dest or option.names[0].lstrip("-").replace("-", "_"),
            action="append",
            default=[],
            type=option.read,
            metavar=option.metavar,
            help=option.help,
        )
    parser.add_argument(
        "--network",
        choices=("default", "none", "host"),
        help="the network of the selected images' instructions",
    )


def add_watch_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Add what makes a command go on after its first run.

    :param what: what it does with each change.
    """
    parser.add_argument(
        "--watch",
        action="store_true",
        help=f"go on until Ctrl-C: wait for files to change, and {what}",
    )


def add_verdict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what decides whether an image is built."""
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="build everything anew: ask neither the registry nor the builder's cache",
    )
