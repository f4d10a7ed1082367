"""What users read when the file system refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from okplug.errors import RegistryError
from okplug_layout.failures import storage_error, storage_errors

PATH = Path("/srv/images/x")
ELSEWHERE = "or set registry to layout:FOLDER with another folder"


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, f"free some space there, {ELSEWHERE}"),
        (errno.EDQUOT, f"free some space there, {ELSEWHERE}"),
        (errno.EROFS, f"make it yours to write, {ELSEWHERE}"),
        (errno.EACCES, f"make it yours to write, {ELSEWHERE}"),
        (errno.ENOTDIR, f"a file is where a folder is needed: move it away, {ELSEWHERE}"),
        (errno.EISDIR, f"a folder is where a file is needed: move it away, {ELSEWHERE}"),
        (
            errno.ENOLCK,
            f"its file system has no file locks; take a local disk: {ELSEWHERE[3:]}",
        ),
        (
            errno.ENAMETOOLONG,
            "give the image a shorter name, or the registry's folder a shorter path",
        ),
        (errno.EIO, f"the disk fails: look at the system's log, {ELSEWHERE}"),
        (errno.EBUSY, f"look after the folder, {ELSEWHERE}"),
    ],
)
def test_each_reason_has_its_remedy(number: int, hint: str) -> None:
    error = storage_error(OSError(number, os.strerror(number)), "write", PATH)
    assert error.message == f"cannot write /srv/images/x: {os.strerror(number)}"
    assert error.hint == hint
    assert error.location is None


def test_an_error_without_a_number() -> None:
    assert storage_error(OSError("odd"), "read", PATH).message == "cannot read /srv/images/x: odd"


def test_only_the_operating_systems_errors_are_turned() -> None:
    with pytest.raises(RegistryError) as caught, storage_errors("lock", PATH):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(KeyError), storage_errors("lock", PATH):
        raise KeyError
