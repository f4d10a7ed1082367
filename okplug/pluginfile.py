"""Load an ``okplugfile.py``: a plugin that is a file of the workspace."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from okplug.errors import Location, OkplugError, PluginError

if TYPE_CHECKING:
    from types import TracebackType

PLUGIN_FILE = "okplugfile.py"


def load_plugin_file(path: Path) -> ModuleType:
    """Run the file as a module of its own, whose name is unique to its path.

    No ``__pycache__`` is written beside it: it would become part of contexts.

    :raises PluginError: located in the file, if it cannot be read or run.
    """
    import hashlib

    name = f"okplugfile_{hashlib.sha256(bytes(path)).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where dataclasses and pickle look their module up
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102  # running the file is what it is for
    except Exception as error:
        del sys.modules[name]
        raise _located(path, error) from error
    return module


def _located(path: Path, error: Exception) -> OkplugError:
    match error:
        case OkplugError():
            return error
        case SyntaxError():
            place = Location(Path(error.filename or path), error.lineno or 0, error.offset or 0)
            return PluginError(f"not Python: {error.msg}", location=place)
        case OSError() if error.filename == str(path):
            return PluginError(f"cannot be read: {error.strerror}", location=Location(path))
    line = _last_line(path, error.__traceback__)
    return PluginError(f"{type(error).__name__}: {error}", location=Location(path, line))


def _last_line(path: Path, trace: TracebackType | None) -> int:
    """Return the last line of the file that was at work, 0 if none was."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
