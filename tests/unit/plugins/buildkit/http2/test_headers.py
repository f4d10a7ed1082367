"""Header fields: what hpack encodes is read, what is written hpack decodes."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.http2 import headers
from okplug_buildkit.http2.frames import ErrorCode, ProtocolError
from okplug_buildkit.http2.headers import Fields, HeaderReader, write_headers

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=40)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=400)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


def decode(block: bytes) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in hpack.Decoder().decode(block)]


def read(reader: HeaderReader, block: bytes, stream: int = 1) -> Fields:
    reader.begin(stream, is_last=False)
    fields = reader.add(memoryview(block), is_complete=True)
    assert fields is not None
    return fields


@given(FIELDS)
def test_what_is_written_can_be_decoded(fields: list[tuple[str, str]]) -> None:
    assert decode(write_headers(fields)) == fields


@pytest.mark.parametrize("size", [0, 126, 127, 128, 254, 255, 256, 16383, 16384, 60000])
def test_sizes_around_those_of_integers(size: int) -> None:
    fields = [("name", "x" * size)]
    assert decode(write_headers(fields)) == fields


def test_what_is_written_stays_out_of_the_table_of_the_peer() -> None:
    decoder = hpack.Decoder()
    decoder.decode(write_headers([("grpc-status", "0")]))
    assert len(decoder.header_table.dynamic_entries) == 0


@given(blocks=st.lists(FIELDS, max_size=4), huffman=st.booleans())
def test_blocks_of_one_connection_build_on_each_other(
    *, blocks: list[list[tuple[str, str]]], huffman: bool
) -> None:
    encoder, reader = hpack.Encoder(), HeaderReader()
    for fields in blocks:
        assert read(reader, encoder.encode(fields, huffman=huffman)).values == fields


@given(fields=FIELDS, place=st.integers(0, 3000), is_last=st.booleans())
def test_a_block_may_come_in_pieces(
    *, fields: list[tuple[str, str]], place: int, is_last: bool
) -> None:
    reader = HeaderReader()
    block = memoryview(hpack.Encoder().encode(fields))
    reader.begin(7, is_last=is_last)
    assert reader.add(block[:place], is_complete=False) is None
    assert reader.stream == 7
    assert reader.add(block[place:], is_complete=True) == Fields(7, fields, is_last)
    assert reader.stream == 0


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    block = hpack.Encoder().encode([(b"dir-name", "Gr\u00f6\u00dfe".encode() + b"\xff")])
    assert read(HeaderReader(), block).values == [("dir-name", "Gr\u00f6\u00dfe\udcff")]


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\xff", id="an integer without end"),
        pytest.param(b"\x80", id="index 0"),
        pytest.param(b"\xfe", id="an index beyond the tables"),
        pytest.param(b"\x00\x03ab", id="a name that is cut off"),
        pytest.param(b"\x3f\xff\xff\x7f", id="a table too large"),
    ],
)
def test_what_cannot_be_decoded_is_refused(block: bytes) -> None:
    with pytest.raises(ProtocolError, match="header fields that cannot be decoded") as caught:
        read(HeaderReader(), block)
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


def test_a_block_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "LARGEST_BLOCK", 1000)
    reader = HeaderReader()
    reader.begin(1, is_last=False)
    assert reader.add(memoryview(bytes(1000)), is_complete=False) is None
    with pytest.raises(ProtocolError, match="too many header fields") as caught:
        reader.add(memoryview(b"x"), is_complete=False)
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_small_block_may_not_say_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "LARGEST_BLOCK", 10000)
    encoder = hpack.Encoder()
    block = encoder.encode([("name", "x" * 3000)] * 100)
    with pytest.raises(ProtocolError, match="cannot be decoded"):
        read(HeaderReader(), block)


def test_many_patterns_fit() -> None:
    fields = [("exclude-patterns", f"folder-{number}/**/*.log") for number in range(20000)]
    assert read(HeaderReader(), hpack.Encoder().encode(fields)).values == fields
