"""The command line's entry, and the one place where exceptions end.

Nothing is imported at the top: ``okplug --version`` should cost no more than Python does.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from okplug.errors import ExitCode
    from okplug.masking import Masks
    from okplug.rounds import Rounds


_DEBUG_LEVELS = {("-l", "debug"), ("--log-level", "debug")}


def main(
    argv: Sequence[str],
    plugins: Sequence[object] = (),
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> int:
    """Run a command line and return its exit code; exceptions are printed, none escapes.

    Nothing survives the call: it can be made again and again in one process.

    :param argv: the words without the program's name.
    :param plugins: objects or modules to register as plugins of this run.
    :param environ: the environment; None for the process's.
    :param cwd: where the user is; None for the process's.
    """
    if _asks_for_version(argv):
        from okplug import __version__

        sys.stdout.write(f"okplug {__version__}\n")
        return 0
    import os

    from okplug.rounds import Rounds

    if environ is None:
        environ = dict(os.environ)
    rounds = Rounds()
    try:
        code = _guarded(argv, plugins, environ, cwd or "", rounds)
        while rounds.goes_on:
            rounds.number += 1
            code = _guarded(argv, plugins, environ, cwd or "", rounds)
    except KeyboardInterrupt:  # between two runs
        return int(_print_interruption(rounds))
    finally:
        rounds.close()
    return code


def entry_point() -> int:
    """Run the process's command line; what is printed is out when it returns."""
    import gc
    import io
    import signal

    # what a plan is made of lives until its end: looking for garbage often costs a tenth of a run,
    # and looking once a tenth of a short one
    gc.set_threshold(250_000)
    signal.signal(signal.SIGTERM, _interrupt)
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # names of files that are no text go out as the bytes that they are
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        code = main(sys.argv[1:])
    except (KeyboardInterrupt, RuntimeError) as error:  # while the first modules are imported
        if not _is_interruption(error):
            raise
        from okplug.errors import ExitCode

        sys.stderr.write("interrupted\n")
        code = ExitCode.INTERRUPTED
    # ``python -m`` ends by SIGINT, not with our code, if the last exec() was interrupted, of which
    # dataclasses and named tuples are made: so another one comes last
    exec("")  # noqa: S102  # a constant
    gc.freeze()  # Python looks for garbage once more before it ends, which would cost as much
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"error: standard output: {error.strerror}\n")
        _close_stdout()
        return code or 1
    return code


def _open_closed_streams() -> None:
    """Have somewhere to write to when the process was started without, as ``>&-`` does."""
    import os

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            null = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # until the end
            setattr(sys, name, null)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Take a polite request to end, such as a container's, for Ctrl-C."""
    raise KeyboardInterrupt


def _is_interruption(error: BaseException) -> bool:
    """Tell whether it is Ctrl-C, which Python wraps, until 3.12, if a class is just being made."""
    return isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)


def _asks_for_version(argv: Sequence[str]) -> bool:
    for word in argv:
        if word == "--":
            return False
        if word == "--version":
            return True
    return False


def _asks_for_traceback(argv: Sequence[str]) -> bool:
    """Tell whether ``--debug`` or ``--log-level debug`` is there, whatever else is wrong."""
    if {"--debug", "--log-level=debug", "-ldebug"}.intersection(argv):
        return True
    pairs = (tuple(argv[index : index + 2]) for index in range(len(argv)))
    return not _DEBUG_LEVELS.isdisjoint(pairs)


def _guarded(
    argv: Sequence[str],
    plugins: Sequence[object],
    environ: Mapping[str, str],
    cwd: str | os.PathLike[str],
    rounds: Rounds,
) -> int:
    """Run the command line once, with ``--watch`` as soon as there is a reason to."""
    from pathlib import Path

    from okplug.errors import ExitCode, OkplugError
    from okplug.masking import Masks
    from okplug.startup import DEBUG, read_start, run

    wants_traceback = _asks_for_traceback(argv) or bool(environ.get(DEBUG))
    here = Path("/")
    masks = Masks()
    try:
        here = _current_folder() / cwd
        start = read_start(argv, here)
        here = start.cwd
        if rounds.number:
            from okplug.watching import await_change

            await_change(rounds)
        return run(start, plugins, environ, masks, rounds)
    except OkplugError as error:
        masks.error(error)
        if rounds.fail(error):
            _print_error(error, here, masks if wants_traceback else None)
        return int(error.exit_code)
    except BrokenPipeError:
        rounds.is_over = True
        _close_stdout()
        return int(ExitCode.FAILED)
    except SystemExit as exit_:  # argparse's way to end after --help
        return rounds.exit(exit_.code if isinstance(exit_.code, int) else 0)
    except Exception as error:  # noqa: BLE001  # the one boundary
        if not _is_interruption(error):
            rounds.fail(error)
            return int(_print_fault(error, masks, wants_traceback=wants_traceback))
    except KeyboardInterrupt:
        pass
    return int(_print_interruption(rounds))


def _current_folder() -> Path:
    from pathlib import Path

    from okplug.errors import UsageError

    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError(
            "the current folder is not there any more", hint="change to another one"
        ) from error


def _is_of_full_disk(error: Exception) -> bool:
    import errno

    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def _print_interruption(rounds: Rounds) -> ExitCode:
    """Say that something was cut short; the end of a wait is no such thing."""
    from okplug.errors import ExitCode

    if not rounds.interrupt():
        return ExitCode.OK
    sys.stderr.write("interrupted\n")
    return ExitCode.INTERRUPTED


def _print_error(error: Exception, cwd: Path, traced: Masks | None) -> None:
    """Print what a user can understand.

    :param traced: for the traceback, None if it is not wanted.
    """
    from okplug.messages import shorten_paths

    if traced is not None:
        _print_traceback(error, traced)
    sys.stderr.write(f"error: {shorten_paths(str(error), cwd)}\n")


def _print_fault(error: Exception, masks: Masks, *, wants_traceback: bool) -> ExitCode:
    """Print what is a fault of okplug or of a plugin, not of the user, or a full disk."""
    from okplug.errors import ExitCode

    if wants_traceback:
        _print_traceback(error, masks)
    if _is_of_full_disk(error):
        sys.stderr.write(
            f"error: {masks.sentence(str(error))}\n  hint: free some space, and run it again\n"
        )
        return ExitCode.FAILED
    where = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
    text = masks.sentence(str(error))
    sys.stderr.write(f"internal error{where}: {type(error).__name__}: {text}\n")
    if not wants_traceback:
        sys.stderr.write("  hint: --debug or OKPLUG_DEBUG=1 shows where\n")
    return ExitCode.INTERNAL_ERROR


def _print_traceback(error: Exception, masks: Masks) -> None:
    import traceback

    text = "".join(traceback.format_exception(error))
    sys.stderr.write(masks.sentence(text))


def _close_stdout() -> None:
    """Let nothing more be written to a pipe that nobody reads, not even when Python ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
