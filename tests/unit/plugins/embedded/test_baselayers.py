"""Layers of images that builds start from, laid over each other."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import Reference
from okplug.oci import OCI_LAYER
from okplug.testing import FakeRegistry, ImageView, push_image
from okplug.testing.images import Node, layer_tar
from okplug_embedded.baselayers import StoredLayer, apply_layer
from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import FileSystem
from okplug_embedded.images import open_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from okplug_embedded.filesystem import Path

BASE = Reference("registry.test", "base")


def lay(*layers: bytes) -> FileSystem:
    """Return the tree of layers, the lowest first."""
    registry = FakeRegistry()
    tree = FileSystem()
    for data in layers:
        descriptor = registry.write_blob(BASE, io.BytesIO(data), OCI_LAYER)
        apply_layer(tree, StoredLayer(registry, BASE, descriptor, ""), lambda: None)
    return tree


def listing(tree: FileSystem, above: Path = ()) -> dict[str, str]:
    """Return path -> content, target or kind of all that is below a directory."""
    node = tree.get(above)
    found = {}
    for name in node.names() if node else ():
        path = (*above, name)
        found["/".join(path)] = shown(tree, path)
        found |= listing(tree, path)
    return found


def shown(tree: FileSystem, path: Path) -> str:
    node = tree.get(path)
    assert node is not None
    if node.entry.content is None:
        return f"-> {node.entry.target}" if node.entry.target else node.entry.kind
    with node.entry.content.open() as stream:
        return stream.read().decode()


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def packed(*members: tarfile.TarInfo) -> bytes:
    """Return an archive; files have as many zeros as their size says."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info in members:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    return buffer.getvalue()


# ------------------------------------------------------------------------------------ one layer


def test_files_folders_and_links() -> None:
    tree = lay(layer_tar({"d/": "", "d/f": "text", "l": Node("link", content="d/f")}))
    assert listing(tree) == {"d": "directory", "d/f": "text", "l": "-> d/f"}


def test_owners_modes_and_attributes_are_kept() -> None:
    info = member("f", mode=0o104755, uid=70_000, gid=80_000)
    info.pax_headers = {"SCHILY.xattr.user.b": "2", "SCHILY.xattr.user.a": "1", "comment": "no"}
    node = lay(packed(info)).get(("f",))
    assert node is not None
    assert (node.entry.mode, node.entry.owner) == (0o4755, (70_000, 80_000))
    assert node.entry.attributes == (("SCHILY.xattr.user.a", "1"), ("SCHILY.xattr.user.b", "2"))


def test_the_root_itself_may_be_a_member() -> None:
    tree = lay(packed(member("./", tarfile.DIRTYPE, mode=0o700, uid=5), member("./f")))
    node = tree.get(())
    assert node is not None
    assert (node.entry.kind, node.entry.mode, node.entry.owner) == ("directory", 0o700, (5, 0))
    assert node.names() == ["f"]


def test_folders_that_no_member_names() -> None:
    tree = lay(layer_tar({"a/b/f": "text"}))
    assert listing(tree) == {"a": "directory", "a/b": "directory", "a/b/f": "text"}


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(tarfile.FIFOTYPE, "named pipe"), (tarfile.CHRTYPE, "device"), (tarfile.BLKTYPE, "device")],
)
def test_special_files_keep_their_kind(kind: bytes, shown: str) -> None:
    assert listing(lay(packed(member("s", kind)))) == {"s": shown}


def test_compressed_layers() -> None:
    assert listing(lay(gzip.compress(layer_tar({"f": "text"})))) == {"f": "text"}


def test_a_link_above_a_member_is_followed() -> None:
    """Files that a package installs below ``lib`` lie below ``usr/lib`` where that is a link."""
    tree = lay(
        layer_tar({"usr/lib/": "", "lib": Node("link", content="usr/lib")}),
        layer_tar({"lib/f": "text"}),
    )
    assert listing(tree) == {
        "lib": "-> usr/lib",
        "usr": "directory",
        "usr/lib": "directory",
        "usr/lib/f": "text",
    }


# ------------------------------------------------------------------------------------ hard links


def test_hard_links_are_names_of_one_file() -> None:
    tree = lay(packed(member("d/f", mode=0o640), member("g", tarfile.LNKTYPE, linkname="d/f")))
    one, other = tree.get(("d", "f")), tree.get(("g",))
    assert one is not None
    assert other is not None
    assert one.entry == other.entry
    assert one.entry.inode is not None


def test_a_hard_link_to_itself_stays_what_it_is() -> None:
    tree = lay(packed(member("f"), member("f", tarfile.LNKTYPE, linkname="f")))
    assert listing(tree) == {"f": ""}


@pytest.mark.parametrize("target", ["nowhere", "d", "", "."])
def test_hard_links_to_what_is_no_file(target: str) -> None:
    with pytest.raises(InstructionError, match=r"^l is a hard link to what is no file$"):
        lay(packed(member("d", tarfile.DIRTYPE), member("l", tarfile.LNKTYPE, linkname=target)))


# ---------------------------------------------------------------------------------- several layers


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([{"f": "1"}, {"f": "2"}], {"f": "2"}, id="a file again"),
        pytest.param([{"d/f": "1"}, {"d": "2"}], {"d": "2"}, id="a file over a folder"),
        pytest.param(
            [{"d": "1"}, {"d/": "", "d/f": "2"}],
            {"d": "directory", "d/f": "2"},
            id="a folder over a file",
        ),
        pytest.param([{"f": "1", "g": "1"}, {".wh.f": ""}], {"g": "1"}, id="a file taken away"),
        pytest.param([{"d/e/f": "1"}, {".wh.d": ""}], {}, id="a folder taken away"),
        pytest.param(
            [{"d/f": "1", "d/g": "1"}, {"d/.wh.f": ""}],
            {"d": "directory", "d/g": "1"},
            id="a file in a folder taken away",
        ),
        pytest.param(
            [{"d/f": "1"}, {"d/g": "2", "d/.wh..wh..opq": ""}],
            {"d": "directory", "d/g": "2"},
            id="a folder emptied, whatever the order",
        ),
        pytest.param(
            [{"f": "1"}, {"f": "2", ".wh.f": ""}], {"f": "2"}, id="taken away and written"
        ),
        pytest.param([{"f": "1"}, {".wh.none": "", ".wh.": ""}], {"f": "1"}, id="nothing to take"),
        pytest.param(
            [{"f": "1"}, {".wh..wh.plnk": "", ".wh..wh.aufs": ""}],
            {"f": "1"},
            id="what a file system keeps for itself",
        ),
    ],
)
def test_layers_over_each_other(
    layers: Sequence[Mapping[str, str]], expected: Mapping[str, str]
) -> None:
    assert listing(lay(*map(layer_tar, layers))) == expected


_NAMES = st.sampled_from(
    ["a/c", "a/d", "b", "e/f/g", "a/.wh.c", ".wh.a", ".wh.b", "a/.wh..wh..opq", "e/.wh.f"]
)
_LAYERS = st.lists(st.dictionaries(_NAMES, st.sampled_from(["1", "2"]), max_size=4), max_size=4)


@given(_LAYERS)
def test_layers_give_what_a_plain_reader_gives(layers: list[dict[str, str]]) -> None:
    """The kit's reader of images knows nothing of this one."""
    registry = FakeRegistry()
    pushed = push_image(registry, BASE, files=layers)
    reference = BASE.with_digest(pushed.digest)
    tree = FileSystem()
    for layer in open_image(registry, reference, "linux/amd64").layers:
        apply_layer(tree, layer, lambda: None)
    expected = {
        path: node.content.decode()
        for path, node in ImageView.read(registry, reference).tree().items()
        if isinstance(node.content, bytes)
    }
    found = {path: text for path, text in listing(tree).items() if text in ("1", "2")}
    assert found == expected


# ---------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("name", ["../f", "d/../../f", "d/.."])
def test_names_that_lead_out_of_the_image(name: str) -> None:
    with pytest.raises(InstructionError, match=r"^.* leads out of the image$"):
        lay(packed(member(name)))


@pytest.mark.parametrize("kind", [b"Z", tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE])
def test_kinds_that_cannot_be_read(kind: bytes) -> None:
    data = bytearray(packed(member("f")))
    data[156:157] = kind
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    if kind == tarfile.CONTTYPE:  # an old name for a plain file
        assert listing(lay(bytes(data))) == {"f": ""}
        return
    with pytest.raises(InstructionError, match=r"which the embedded builder cannot read$"):
        lay(bytes(data))


def test_reading_can_be_ended() -> None:
    class StopError(Exception):
        """What the caller ends it with."""

    def check() -> None:
        raise StopError

    registry = FakeRegistry()
    descriptor = registry.write_blob(BASE, io.BytesIO(layer_tar({"f": ""})), OCI_LAYER)
    tree = FileSystem()
    with pytest.raises(StopError):
        apply_layer(tree, StoredLayer(registry, BASE, descriptor, ""), check)
    assert listing(tree) == {}
