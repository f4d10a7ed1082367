"""Disks that are full or read-only, and folders that are none: clear errors, nothing half-written."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug.oci import OCI_LAYER
from okplug.reference import Reference
from okplug.testing import ImageView, push_image
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    Fault = Callable[[int], Callable[..., None]]

OTHER = Reference("localhost", "cindy/api", "okteto")


def names(folder: Path) -> set[str]:
    """Return what other tools could take for content: everything but locks and empty folders."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("function", ["write", "fsync", "link", "replace"])
def test_a_disk_that_fails_leaves_nothing_half(
    folder: Path,
    api: Reference,
    monkeypatch: pytest.MonkeyPatch,
    os_error: Fault,
    function: str,
    number: int,
) -> None:
    registry = LayoutRegistry(folder)
    old = push_image(registry, api, files={"a": "old"})
    before = names(folder)
    monkeypatch.setattr(os, function, os_error(number))
    with pytest.raises(RegistryError) as caught:
        push_image(registry, api, files={"a": "new"})
    monkeypatch.undo()
    assert caught.value.message.startswith("cannot write ")
    assert caught.value.message.endswith(f": {os.strerror(number)}")
    assert caught.value.location is None
    assert caught.value.hint
    assert registry.resolve(api) == old
    assert ImageView.read(registry, api).tree()["a"].content == b"old"
    if function in {"write", "fsync", "link"}:
        assert names(folder) == before
    new = push_image(registry, api, files={"a": "new"})
    assert LayoutRegistry(folder).resolve(api) == new


@pytest.mark.parametrize("calls", range(30))
def test_a_disk_that_gets_full_at_any_moment(
    folder: Path, api: Reference, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Each call that changes the disk fails once, with all that follow it."""
    registry = LayoutRegistry(folder)
    left = [calls]

    def failing_later(plain: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return plain(*arguments, **named)

        return call

    for function in ("write", "fsync", "link", "replace"):
        monkeypatch.setattr(os, function, failing_later(getattr(os, function)))
    failed = False
    try:
        push_image(registry, api, files={"a": "1"})
        registry.tag(api, OTHER)
    except RegistryError as error:
        failed = "No space left on device" in error.message
    monkeypatch.undo()
    assert failed == (left[0] < 0)
    again = LayoutRegistry(folder)
    for tag in (api, OTHER):
        if again.resolve(tag):
            assert set(ImageView.read(again, tag).tree()) == {"a"}
    assert list((folder / ".incoming").iterdir()) == []
    push_image(again, api, files={"a": "1"})
    again.tag(api, OTHER)
    assert set(ImageView.read(again, OTHER).tree()) == {"a"}


def test_a_folder_that_is_a_file(folder: Path, api: Reference) -> None:
    folder.write_text("not a folder")
    registry = LayoutRegistry(folder)
    calls: list[Callable[[], object]] = [
        lambda: registry.resolve(api),
        lambda: list(registry.tags(api)),
        lambda: registry.has_blob(api, f"sha256:{'0' * 64}"),
        lambda: registry.open_blob(api, f"sha256:{'0' * 64}"),
        lambda: registry.resolve(api.with_digest(f"sha256:{'0' * 64}")),
        lambda: registry.write_blob(api, io.BytesIO(b"x"), OCI_LAYER),
        lambda: push_image(registry, api, files={"a": "1"}),
    ]
    for call in calls:
        with pytest.raises(RegistryError) as caught:
            call()
        assert caught.value.message.startswith(("cannot read ", "cannot write ", "cannot lock "))
        assert caught.value.hint == (
            "a file is where a folder is needed: move it away, "
            "or set registry to layout:FOLDER with another folder"
        )


def test_a_folder_that_cannot_be_made(
    folder: Path, api: Reference, monkeypatch: pytest.MonkeyPatch, os_error: Fault
) -> None:
    monkeypatch.setattr(os, "mkdir", os_error(errno.EACCES))
    with pytest.raises(RegistryError) as caught:
        push_image(LayoutRegistry(folder), api, files={"a": "1"})
    assert caught.value.message.endswith(": Permission denied")
    assert caught.value.hint.startswith("make it yours to write, ")


def test_blobs_that_must_not_be_read(
    registry: LayoutRegistry, api: Reference, monkeypatch: pytest.MonkeyPatch, os_error: Fault
) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", os_error(errno.EACCES))
        with pytest.raises(RegistryError, match=r"^cannot read .*: Permission denied"):
            registry.open_blob(api, pushed.digest)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", os_error(errno.EACCES))
        with pytest.raises(RegistryError, match=r"^cannot read .*: Permission denied"):
            registry.resolve(api)
        with pytest.raises(RegistryError, match=r"^cannot read .*: Permission denied"):
            registry.resolve(by_digest(api, pushed.digest))


def by_digest(reference: Reference, digest: str) -> Reference:
    return reference.with_tag("").with_digest(digest)


def test_a_disk_that_can_only_be_read(
    registry: LayoutRegistry, api: Reference, monkeypatch: pytest.MonkeyPatch, os_error: Fault
) -> None:
    """All that needs no writing works."""
    pushed = push_image(registry, api, files={"a": "1"})
    for function in ("write", "utime", "link", "replace", "mkdir", "unlink"):
        monkeypatch.setattr(os, function, os_error(errno.EROFS))
    assert registry.resolve(api) == pushed
    assert registry.has_blob(api, pushed.digest)
    assert not registry.has_blob(api, f"sha256:{'0' * 64}")
    assert set(ImageView.read(registry, api).tree()) == {"a"}
    assert registry.tag(by_digest(api, pushed.digest), api) == pushed
    assert list(registry.tags(api)) == ["1.0"]
    with pytest.raises(RegistryError, match="Read-only file system"):
        registry.tag(api, api.with_tag("2.0"))


def test_errors_of_the_one_who_writes_are_not_the_folders(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    class Broken(io.BytesIO):
        """A source that fails in the middle."""

        def read(self, size: int | None = -1, /) -> bytes:
            """Give some bytes once."""
            del size
            if self.tell():
                raise OSError(errno.EIO, "the source fails")
            self.seek(1)
            return b"some"

    with pytest.raises(OSError, match="the source fails"):
        registry.write_blob(api, Broken(), OCI_LAYER)
    assert list((folder / ".incoming").iterdir()) == []
    assert list((folder / "localhost/okteto/api/blobs/sha256").iterdir()) == []


def test_a_copy_is_checked_too(
    registry: LayoutRegistry,
    folder: Path,
    api: Reference,
    monkeypatch: pytest.MonkeyPatch,
    os_error: Fault,
) -> None:
    """Where blobs cannot be linked, a damaged one is not copied."""
    push_image(registry, api, files={"a": "1"})
    layer = ImageView.read(registry, api).manifest["layers"][0]["digest"]
    path = folder / "localhost/okteto/api/blobs/sha256" / layer.removeprefix("sha256:")
    path.write_bytes(bytes(path.stat().st_size))
    monkeypatch.setattr(os, "link", os_error(errno.EPERM))
    with pytest.raises(RegistryError, match=r" is damaged: "):
        registry.tag(api, OTHER)
    assert registry.resolve(OTHER) is None
    assert not registry.has_blob(OTHER, layer)


def test_the_pool_may_lose_a_blob_at_any_moment(
    registry: LayoutRegistry, folder: Path, api: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes the last image that has it, just before it is linked."""
    written = registry.write_blob(api, io.BytesIO(b"x"), OCI_LAYER)
    pooled = folder / ".blobs" / "sha256" / written.digest.removeprefix("sha256:")
    plain = os.link

    def link(source: Path, target: Path) -> None:
        if source == pooled:
            pooled.unlink(missing_ok=True)
        plain(source, target)

    monkeypatch.setattr(os, "link", link)
    registry.write_blob(OTHER, io.BytesIO(b"x"), OCI_LAYER)
    with registry.open_blob(OTHER, written.digest) as stream:
        assert stream.read() == b"x"
    assert pooled.exists()


def test_a_blob_may_go_while_it_is_mounted(
    registry: LayoutRegistry, folder: Path, api: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = registry.write_blob(api, io.BytesIO(b"x"), OCI_LAYER)
    registry.write_blob(OTHER, io.BytesIO(b"y"), OCI_LAYER)
    path = folder / "localhost/okteto/api/blobs/sha256" / written.digest.removeprefix("sha256:")
    plain = os.link

    def link(source: Path, target: Path) -> None:
        path.unlink()
        plain(source, target)

    monkeypatch.setattr(os, "link", link)
    assert registry.mount_blob(api, OTHER, written.digest) is False
    assert not registry.has_blob(OTHER, written.digest)
