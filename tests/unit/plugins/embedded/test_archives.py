"""ADD of archives: what is unpacked, and what is refused because it leads out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import BuildError, CancelledError
from okplug_embedded.archives import Unpacker, is_archive
from okplug_embedded.contents import Text
from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import FILE, LINK, Entry, FileSystem, Owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from okplug_embedded.filesystem import Path as Names
    from tests.unit.plugins.embedded.conftest import Workshop


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def link(name: str, target: str) -> tarfile.TarInfo:
    return member(name, tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str, **fields: Any) -> tarfile.TarInfo:
    return member(name, tarfile.LNKTYPE, linkname=target, **fields)


def packed(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return an archive; a file without bytes of its own has its name in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in members:
            info, data = each if isinstance(each, tuple) else (each, each.name.encode())
            if info.isreg():
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            else:
                archive.addfile(info)
    return buffer.getvalue()


class Place:
    """A tree with the directory ``jail`` to unpack into."""

    def __init__(self) -> None:
        self.tree = FileSystem()
        self.tree.make_directories(("jail",))
        self.tree.make_directories(("etc",))
        self.tree.put(("etc", "passwd"), Entry(FILE, 0o644, content=Text(b"mine")))
        self.tree.forget_changes()
        self.spools: list[IO[bytes]] = []

    def unpack(self, data: bytes, owner: Owner | None = None) -> tuple[int, int]:
        """Unpack an archive into ``jail``; return what the unpacker does."""
        unpacker = Unpacker(self.tree, ("jail",), owner, self.keep, lambda: None)
        return unpacker.unpack(Text(data))

    def keep(self, spool: IO[bytes]) -> IO[bytes]:
        """Keep a temporary file open until the end of the test."""
        self.spools.append(spool)
        return spool

    def close(self) -> None:
        """Close the temporary files."""
        for spool in self.spools:
            spool.close()

    def text(self, *path: str) -> str:
        """Return the content of a file."""
        node = self.tree.get(path)
        assert node is not None
        assert node.entry.content is not None
        with node.entry.content.open() as stream:
            return stream.read().decode()

    def listing(self, above: Names = ()) -> list[str]:
        """Return the paths below a directory."""
        node = self.tree.get(above)
        found = []
        for name in node.names() if node else ():
            found += ["/".join((*above, name)), *self.listing((*above, name))]
        return found


@pytest.fixture
def place() -> Any:
    made = Place()
    yield made
    made.close()


# ----------------------------------------------------------------------------- what is unpacked

_TREE = packed(
    member("t", tarfile.DIRTYPE, mode=0o700, uid=3, gid=4),
    (member("t/one", mode=0o4750, uid=5, gid=6), b"1"),
    link("t/link", "one"),
    link("t/absolute", "/etc/passwd"),
    hard_link("t/again", "t/one", mode=0o4750, uid=5, gid=6),
    (member("deep/below/file"), b"2"),
)


@pytest.mark.parametrize(
    ("name", "compress"),
    [("t.tar", bytes), ("t.tgz", gzip.compress), ("t.bz2", bz2.compress), ("t", lzma.compress)],
)
def test_archives_are_unpacked_whatever_they_are_called(
    workshop: Workshop,
    lines: Callable[[str], str],
    name: str,
    compress: Callable[[bytes], bytes],
) -> None:
    workshop.write({name: compress(_TREE)})
    assert workshop.listing(f"FROM scratch\nADD {name} /x\n") == lines("""
        x/ 755
        x/deep/ 755
        x/deep/below/ 755
        x/deep/below/file 644 2
        x/t/ 700 3:4
        x/t/absolute -> /etc/passwd
        x/t/again 4750 5:6 1
        x/t/link -> one
        x/t/one 4750 5:6 1
    """)


def test_an_owner_for_all(workshop: Workshop, lines: Callable[[str], str]) -> None:
    workshop.write({"t.tar": _TREE})
    assert workshop.listing("FROM scratch\nADD --chown=7:8 t.tar /x\n") == lines("""
        x/ 755 7:8
        x/deep/ 755
        x/deep/below/ 755
        x/deep/below/file 644 7:8 2
        x/t/ 700 7:8
        x/t/absolute 7:8 -> /etc/passwd
        x/t/again 4750 7:8 1
        x/t/link 7:8 -> one
        x/t/one 4750 7:8 1
    """)


@pytest.mark.parametrize(
    "instruction", ["COPY t.tar /x/", "ADD --unpack=false t.tar /x/", "ADD t.tx[t] /x/t.tar"]
)
def test_files_that_are_not_unpacked(workshop: Workshop, instruction: str) -> None:
    workshop.write({"t.tar": _TREE, "t.txt": "no archive"})
    tree = workshop.build(f"FROM scratch\n{instruction}\n").tree()
    assert set(tree) == {"x", "x/t.tar"}


def test_hard_links_stay_hard_links(workshop: Workshop) -> None:
    workshop.write({"t.tar": _TREE})
    image = workshop.build("FROM scratch\nADD t.tar /x\n")
    with tarfile.open(fileobj=io.BytesIO(image.layers[0])) as archive:
        linked = [(each.name, each.linkname) for each in archive if each.islnk()]
    assert linked == [("x/t/one", "x/t/again")]


def test_a_hard_link_to_a_file_of_the_base_brings_it_along(workshop: Workshop) -> None:
    """A link in one layer to a file of another would not be found by all who unpack layers."""
    workshop.write({"t.tar": packed(hard_link("b", "a", mode=0o600)), "a": "base"})
    image = workshop.build("FROM scratch\nCOPY a /x/\nADD t.tar /x/\n")
    assert image.members(1) == ("x/a", "x/b")
    tree = image.tree()
    assert tree["x/a"] == tree["x/b"] == ("file", 0o600, 0, 0, b"base")


def test_counts(place: Place) -> None:
    assert place.unpack(_TREE) == (5, 2)
    assert place.text("jail", "t", "one") == "1"
    assert place.text("jail", "t", "again") == "1"


def test_later_members_take_the_place_of_earlier_ones(place: Place) -> None:
    data = packed((member("a"), b"1"), member("a", tarfile.DIRTYPE), (member("a/b"), b"2"))
    place.unpack(data)
    assert place.text("jail", "a", "b") == "2"


@pytest.mark.parametrize("name", [".", "./", "./."])
def test_the_top_of_an_archive_does_not_describe_the_place(place: Place, name: str) -> None:
    place.unpack(packed(member(name, tarfile.DIRTYPE, mode=0o700), member("./a")))
    node = place.tree.get(("jail",))
    assert node is not None
    assert (node.entry.mode, node.names()) == (0o755, ["a"])


def test_owners_of_the_archive_are_kept(place: Place) -> None:
    place.unpack(packed(member("a", uid=70_000, gid=80_000)))
    node = place.tree.get(("jail", "a"))
    assert node is not None
    assert node.entry.owner == (70_000, 80_000)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"text", False),
        (b"x" * 512, False),
        (bytes(1024), False),
        (gzip.compress(b"text"), False),
        (gzip.compress(b"x" * 600), False),
        (b"\x1f\x8b\x08 no gzip" * 100, False),
        (_TREE, True),
        (_TREE[:512], True),
        (lzma.compress(_TREE), True),
    ],
    ids=[
        *("nothing", "text", "a block of text", "zeros", "gzip of text", "gzip of a block"),
        *("no gzip", "tar", "the first block of a tar", "xz of a tar"),
    ],
)
def test_what_is_an_archive(data: bytes, expected: bool) -> None:  # noqa: FBT001  # a column
    assert is_archive(Text(data)) is expected


# ------------------------------------------------------------------------------ what leads out


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../etc/passwd", "a/../../etc/passwd", "..", "a/..", "//a"]
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE])
def test_names_that_lead_out(place: Place, name: str, kind: bytes) -> None:
    message = rf"^the archive's member {name} leads out of where it is unpacked$"
    with pytest.raises(InstructionError, match=message) as error:
        place.unpack(packed(member(name, kind, linkname="x" * (kind == tarfile.SYMTYPE))))
    assert error.value.hint == (
        "pack it again with relative names; GNU tar does so unless -P is given"
    )
    assert place.listing() == ["etc", "etc/passwd", "jail"]


@pytest.mark.parametrize("target", ["../..", "../../etc/passwd", "x/../../../etc", "./../.."])
def test_links_that_lead_out_of_the_image(place: Place, target: str) -> None:
    message = rf"^the archive's link a to {target} leads out of the image$"
    with pytest.raises(InstructionError, match=message):
        place.unpack(packed(link("a", target)))


@pytest.mark.parametrize("target", ["/etc", "../etc", "../../../etc", "../jail/../etc"])
def test_nothing_is_written_through_a_link_that_leads_out(place: Place, target: str) -> None:
    """A link above a member is followed below the place alone, as if that were the root."""
    place.tree.put(("jail", "out"), Entry(LINK, 0o777, target=target))
    place.unpack(packed((member("out/passwd"), b"theirs")))
    assert place.text("etc", "passwd") == "mine"
    assert place.text("jail", "etc", "passwd") == "theirs"


@pytest.mark.parametrize("target", ["/etc/passwd", "../etc/passwd", "a/../../etc/passwd"])
def test_hard_links_that_lead_out(place: Place, target: str) -> None:
    message = rf"^the archive's member {target} leads out of where it is unpacked$"
    with pytest.raises(InstructionError, match=message):
        place.unpack(packed(hard_link("a", target)))


def test_a_hard_link_over_a_link_that_leads_out(place: Place) -> None:
    place.tree.put(("jail", "out"), Entry(LINK, 0o777, target="/etc"))
    with pytest.raises(InstructionError, match=r"^a is a hard link to what is no file$"):
        place.unpack(packed(hard_link("a", "out/passwd")))
    assert place.text("etc", "passwd") == "mine"


@pytest.mark.parametrize("target", ["nowhere", "dir", ".", "", "./"])
def test_hard_links_to_what_is_no_file(place: Place, target: str) -> None:
    with pytest.raises(InstructionError, match=r"^a is a hard link to what is no file$"):
        place.unpack(packed(member("dir", tarfile.DIRTYPE), hard_link("a", target)))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (tarfile.CHRTYPE, "the archive's member dev/null is a device"),
        (tarfile.BLKTYPE, "the archive's member dev/null is a device"),
        (tarfile.FIFOTYPE, "the archive's member dev/null is a named pipe"),
        (b"Q", "dev/null is of an unknown kind, which the embedded builder cannot read"),
        (
            tarfile.GNUTYPE_SPARSE,
            "dev/null is a sparse file, which the embedded builder cannot read",
        ),
    ],
)
def test_devices_and_other_kinds(place: Place, kind: bytes, text: str) -> None:
    data = bytearray(packed((member("dev/null"), b"")))
    data[156:157] = kind
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    with pytest.raises(InstructionError, match=f"^{text}$"):
        place.unpack(bytes(data))


@pytest.mark.parametrize("name", [".wh.a", "a/.wh..wh..opq", ".wh./a", "a/.wh.b/c"])
def test_names_that_take_away(place: Place, name: str) -> None:
    message = (
        rf"^the archive's member {name} cannot be in an image: "
        r"\.wh\. marks what layers take away$"
    )
    with pytest.raises(InstructionError, match=message):
        place.unpack(packed(member(name)))


@pytest.mark.parametrize("above", ["file", "link/x"])
def test_members_below_what_is_no_directory(place: Place, above: str) -> None:
    data = packed(member("file"), link("link", "file"), member(f"{above}/below"))
    with pytest.raises(
        InstructionError, match=r"^/jail/file is a file, and a directory is needed$"
    ):
        place.unpack(data)


_NAMES = st.lists(st.sampled_from(["..", ".", "a", "b", "c"]), min_size=1, max_size=4).map("/".join)
_MEMBERS = st.one_of(
    _NAMES.map(member),
    _NAMES.map(lambda name: member(name, tarfile.DIRTYPE)),
    st.builds(link, _NAMES, st.one_of(_NAMES, _NAMES.map("/".__add__))),
    st.builds(hard_link, _NAMES, _NAMES),
)


@given(st.lists(_MEMBERS, max_size=6))
def test_no_archive_changes_what_lies_outside(members: list[tarfile.TarInfo]) -> None:
    """Whatever is in it: it is refused, or all that it writes is below the place."""
    place = Place()
    try:
        place.unpack(packed(*members))
    except InstructionError:
        pass
    finally:
        place.close()
    assert place.listing(("etc",)) == ["etc/passwd"]
    assert all(path[:1] == ("jail",) for path, _ in place.tree.take_changes().entries)
    root = place.tree.get(())
    assert root is not None
    assert root.names() == ["etc", "jail"]


# -------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed((member("a"), bytes(2000)))[:1000], "the tar archive is damaged: "),
        (gzip.compress(packed((member("a"), bytes(2000))))[:-9], "it cannot be decompressed: "),
    ],
    ids=["tar", "gzip"],
)
def test_a_damaged_archive(workshop: Workshop, data: bytes, message: str) -> None:
    """The error shows the instruction, and nothing is stored."""
    workshop.write({"t.tar": data})
    with pytest.raises(BuildError, match=message) as error:
        workshop.build("FROM scratch\nLABEL a=1\nADD t.tar /x\n")
    assert error.value.location is not None
    assert error.value.location.line == 3
    assert error.value.source == ("ADD t.tar /x",)
    assert workshop.registry.writes == 0


def test_zstd_is_refused(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    workshop.write({"t.tar.zst": b"\x28\xb5\x2f\xfd" + bytes(600)})
    message = "it is compressed with zstd, which this Python cannot read"
    with pytest.raises(BuildError, match=message) as error:
        workshop.build("FROM scratch\nADD t.tar.zst /x\n")
    assert error.value.hint == "compress it with gzip or xz, or use Python 3.14 or a BuildKit"
    assert "t.tar.zst" in workshop.build("FROM scratch\nCOPY t.tar.zst /\n").tree()


def test_cancelling_stops_within_an_archive() -> None:
    place = Place()
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 4:
            raise CancelledError

    data = packed(*((member(f"f{n}"), bytes(100_000)) for n in range(20)))
    unpacker = Unpacker(place.tree, ("jail",), None, place.keep, check)
    with pytest.raises(CancelledError):
        unpacker.unpack(Text(data))
    place.close()
