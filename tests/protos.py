"""Generate the modules of BuildKit's messages, or check them with ``--check``.

It needs grpcio-tools in the version that the dependency group ``protos`` names: generated code may
be older than the protobuf that runs it, never newer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"
#: below ``PLUGINS``, so that the generated modules import each other by their full names
SOURCES = Path("okplug_buildkit/proto")


def main() -> int:
    """Write or check; the exit code is 1 if the check finds a module that is not as generated."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        differing = differences(Path(folder, SOURCES), PLUGINS / SOURCES)
        if "--check" not in sys.argv:
            for name in differing:
                replace(Path(folder, SOURCES, name), PLUGINS / SOURCES / name)
            return 0
    for name in differing:
        sys.stderr.write(f"plugins/{SOURCES}/{name} is out of date: run python tests/protos.py\n")
    return 1 if differing else 0


def generate(target: Path) -> None:
    """Compile every ``.proto`` file to a module and its stub below *target*."""
    sources = [
        str(path.relative_to(PLUGINS)) for path in sorted((PLUGINS / SOURCES).glob("*.proto"))
    ]
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I", "."),
            *(f"--python_out={target}", f"--pyi_out={target}", *sources),
        ],
        cwd=PLUGINS,
        check=True,
    )


def differences(generated: Path, committed: Path) -> list[str]:
    """Return the names of the modules that are not the same in both folders."""
    contents = [
        {path.name: path.read_bytes() for path in folder.glob("*_pb2.py*")}
        for folder in (generated, committed)
    ]
    names = sorted(contents[0].keys() | contents[1].keys())
    return [name for name in names if contents[0].get(name) != contents[1].get(name)]


def replace(generated: Path, committed: Path) -> None:
    """Make a committed module what was generated; it goes if nothing was."""
    if generated.exists():
        committed.write_bytes(generated.read_bytes())
    else:
        committed.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
