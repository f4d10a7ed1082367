"""``okplug gc``: remove images under keys that nobody needs any more."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from okplug.commands.arguments import add_key_arguments
from okplug.errors import ExitCode, UsageError
from okplug.hookspecs import hookimpl
from okplug.terminal.text import counted, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug.backends import Registry
    from okplug.config import Config, Parser
    from okplug.garbage import Garbage
    from okplug.gitrefs import Commit
    from okplug.keptkeys import KeptKeys
    from okplug.storedimages import StoredImage

DESCRIPTION = """\
Remove the images that are shared under keys which nobody computes any more and nobody built lately.

A key is kept if the images here have it as they are now, or in the commits of --keep-refs; if it is
among the --keep-last newest of its image; and if it is younger than --keep-days, or of unknown age,
which only --keep-days 0 lets go. The tag of a result key goes with its image. Other tags that are
no keys stay, and so do the tags of users, who have the images in repositories of their own.

The keys of commits are those of a clean checkout, with the platform, the build arguments and the
environment of this command. Bytes are freed when the registry collects its own garbage.
"""

EPILOG = """\
examples:
  okplug gc --keep-refs 'main,release/*' --dry-run          what could go, and how much that is
  okplug gc --keep-refs 'main,release/*' --keep-days 90     remove it, once you have said yes
  okplug gc --keep-refs main --keep-last 0 --keep-days 0    keep nothing but the keys of main
"""

_LAST, _DAYS = 10, 30
_WIDTH = 9


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "gc",
        help="remove shared images that nobody needs any more",
        description=DESCRIPTION,
        handler=run,
    )
    command.epilog = EPILOG
    command.add_argument(
        "--keep-refs",
        action="extend",
        type=_words,
        default=[],
        metavar="REFS",
        help="keep what these branches, tags and commits compute: names or patterns, with commas",
    )
    command.add_argument(
        "--keep-last",
        type=_number,
        default=_LAST,
        metavar="N",
        help=f"keep the N newest of each image ({_LAST})",
    )
    command.add_argument(
        "--keep-days",
        type=_number,
        default=_DAYS,
        metavar="D",
        help=f"keep what is younger than D days ({_DAYS}); 0 also removes what is of unknown age",
    )
    command.add_argument("--dry-run", action="store_true", help="only tell what would be removed")
    command.add_argument(
        "-f", "--force", action="store_true", help="do not ask whether it is meant"
    )
    add_key_arguments(command)


def run(config: Config) -> int:
    """Look, tell, ask and remove.

    :raises OkplugError: if the keys of a commit cannot be computed, or the registry refuses; what
        was removed until then is told.
    """
    from okplug.keptkeys import KeptKeys

    options = config.options
    if not (options.dry_run or options.force or _is_terminal()):
        raise UsageError(
            "okplug gc asks before it removes anything, and here is nobody to ask",
            hint="--dry-run shows what it would be; --force removes it",
        )
    kept = KeptKeys(config)
    commits = _gather(config, kept)
    assert kept.registry is not None
    garbage = _find(config, kept, kept.registry)
    _tell(garbage, commits)
    if options.dry_run or not garbage.images:
        _tell_sum("would remove", garbage, garbage.images)
        return ExitCode.OK
    if not options.force and not _is_meant():
        sys.stderr.write("nothing was removed\n")
        return ExitCode.FAILED
    return _remove(kept.registry, garbage)


def _gather(config: Config, kept: KeptKeys) -> Sequence[Commit]:
    """Compute the keys that are kept, and return the commits that have them."""
    kept.add_checkout()
    if not config.options.keep_refs:
        return ()
    from okplug.gitrefs import GitRepository

    repository = GitRepository(config.root, config.environ)
    commits = repository.commits(config.options.keep_refs)
    kept.add_commits(repository, commits)
    return commits


def _find(config: Config, kept: KeptKeys, registry: Registry) -> Garbage:
    from datetime import UTC, datetime

    from okplug.garbage import Rules, find_garbage
    from okplug.storedimages import read_images

    keys = {reference.repository: found for reference, found in kept.keys.items()}
    rules = Rules(keys, config.options.keep_last, config.options.keep_days)
    return find_garbage(read_images(registry, list(kept.keys)), rules, datetime.now(UTC))


def _tell(garbage: Garbage, commits: Sequence[Commit]) -> None:
    names = ["the checkout", *(name for commit in commits for name in commit.names)]
    sys.stdout.write(f"keys are kept of {', '.join(names)}\n")
    sizes = garbage.sizes()
    for image in garbage.images:
        age = image.created.date().isoformat() if image.created else "no date"
        sys.stdout.write(f"{size(sizes[image.tag]):>{_WIDTH}}  {age:10}  {image.tag}\n")
    sys.stdout.flush()


def _tell_sum(what: str, garbage: Garbage, images: Sequence[StoredImage]) -> None:
    if not garbage.images:
        sys.stdout.write(f"nothing to remove: {counted(len(garbage.kept), 'tag')} kept\n")
        return
    number = len(garbage.images) + len(garbage.kept)
    sizes = garbage.sizes()
    freed = sum(sizes[image.tag] for image in images)
    sys.stdout.write(
        f"{what} {len(images)} of {counted(number, 'tag')}, which frees {size(freed)}\n"
    )


def _remove(registry: Registry, garbage: Garbage) -> int:
    from okplug.garbage import remove

    gone: list[StoredImage] = []
    try:
        gone.extend(remove(registry, garbage))  # what is gone before an error is in the list
    finally:
        _tell_sum("removed", garbage, gone)
    return ExitCode.OK


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _is_meant() -> bool:
    sys.stderr.write("Remove them? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise argparse.ArgumentTypeError("expected names or patterns, with commas between")
    return words


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, not {text!r}")
    return int(text)
