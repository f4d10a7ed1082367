"""Options that commands share because they change keys or verdicts."""

from __future__ import annotations

import argparse


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can put into keys."""
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        type=_name_and_value,
        metavar="NAME=VALUE",
        help="a build argument for every image that declares it; wins over the manifest",
    )


def add_verdict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what decides whether an image is built."""
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="build everything anew: ask neither the registry nor the builder's cache",
    )


def _name_and_value(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name, value
