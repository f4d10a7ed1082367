"""What ``--load`` and ``--output`` ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug import UsageError
from okplug_buildkit.solve.csvfields import split_fields

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

#: type -> where it is written to
_TYPES = {"local": "a folder", "tar": "a file", "oci": "a file", "docker": "a file"}
STDOUT = "-"


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """One place to write an image to.

    :param type: ``local`` (its files), ``tar`` (its files as an archive), ``oci`` or ``docker``
        (the image as an archive that can be loaded).
    :param path: None for standard output.
    """

    type: str
    path: Path | None

    @property
    def is_unpacked(self) -> bool:
        """It has the files of the image rather than its parts."""
        return self.type in ("local", "tar")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command."""
    parser.add_argument(
        "--load",
        action="store_true",
        help="load the selected images into the Docker engine as well, built or reused",
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="OUTPUT",
        help="write the one selected image to another place as well: type=local,dest=FOLDER or "
        "FOLDER (its files), type=tar, type=oci or type=docker with dest=FILE, or - for standard "
        "output",
    )


def read_outputs(texts: Iterable[str], folder: Path) -> tuple[WantedOutput, ...]:
    """Read the values of ``--output``.

    :param folder: what paths are relative to.
    :raises UsageError: if one is wrong, or several are for standard output.
    """
    outputs = tuple(_read(text, folder) for text in texts)
    if sum(output.path is None for output in outputs) > 1:
        raise UsageError(
            "several outputs go to standard output", hint="give all but one of them dest=FILE"
        )
    return outputs


def _read(text: str, folder: Path) -> WantedOutput:
    kind, dest = _fields(text)
    if kind not in _TYPES:
        raise _wrong(text, f"there is no type {kind!r}", f"the types are {', '.join(_TYPES)}")
    if not dest and kind != "local":
        dest = STDOUT
    if not dest or (dest == STDOUT and kind == "local"):
        raise _wrong(text, "files go to a folder", "write type=local,dest=FOLDER")
    return WantedOutput(kind, None if dest == STDOUT else folder / dest)


def _fields(text: str) -> tuple[str, str]:
    """Return type and destination; a bare path is a folder, and ``-`` an archive of files."""
    try:
        pairs = split_fields(text)
    except ValueError as error:
        raise _wrong(text, str(error), "quote a whole field") from None
    if len(pairs) == 1 and pairs[0][1] is None:
        return ("tar", STDOUT) if text == STDOUT else ("local", text)
    fields = dict(pairs)
    kind, dest = fields.pop("type", None), fields.pop("dest", None)
    if fields:
        name = next(iter(fields))
        raise _wrong(text, f"{name!r} is no field of an output", "the fields are type and dest")
    if not kind:
        raise _wrong(text, "it has no type", f"write type=TYPE, one of {', '.join(_TYPES)}")
    return kind, dest or ""


def _wrong(text: str, problem: str, hint: str) -> UsageError:
    return UsageError(f"the output {text!r} is wrong: {problem}", hint=hint)
