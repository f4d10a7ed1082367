"""Bytes go both ways, whatever their number and speed, in the clear and through TLS."""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.connect.splice import Splice
from okplug_buildkit.connect.tls import TLSFiles, load_tls
from tests.processortime import processor_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.certificates import Authority

WAIT = 20
NAMES = ("ca", "cert", "key")


def pairs() -> tuple[socket.socket, socket.socket, socket.socket, socket.socket]:
    """Return two pairs; the inner ends are for the splice."""
    left, near = socket.socketpair()
    far, right = socket.socketpair()
    for outer in (left, right):
        outer.settimeout(WAIT)
    return left, near, far, right


def read(stream: socket.socket, size: int) -> bytes:
    """Read exactly that much."""
    data = bytearray()
    while len(data) < size:
        part = stream.recv(size - len(data))
        assert part
        data += part
    return bytes(data)


def exchange(left: socket.socket, right: socket.socket, data: bytes) -> None:
    """Send a lot both ways at once, and see that it arrives."""
    senders = [threading.Thread(target=end.sendall, args=(data,)) for end in (left, right)]
    got: dict[str, bytes] = {}
    receivers = [
        threading.Thread(target=lambda n=name, e=end: got.update({n: read(e, len(data))}))
        for name, end in (("left", left), ("right", right))
    ]
    for thread in [*senders, *receivers]:
        thread.start()
    for thread in [*senders, *receivers]:
        thread.join(WAIT)
    assert got == {"left": data, "right": data}


def until_over(splice: Splice) -> None:
    deadline = time.monotonic() + WAIT
    while not splice.is_over():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_lot_goes_both_ways_at_once() -> None:
    left, near, far, right = pairs()
    splice = Splice(near, far)
    with left, right, closing(splice):
        exchange(left, right, random.Random(1).randbytes(5_000_000))
        assert not splice.is_over()
    assert splice.complaint() == ""


@pytest.mark.parametrize("end", [0, 1])
def test_the_end_of_one_side_ends_the_other(end: int) -> None:
    left, near, far, right = pairs()
    splice = Splice(near, far)
    ends = (left, right)
    ends[end].sendall(b"last words")
    ends[end].close()
    with ends[1 - end] as other:
        assert read(other, 10) == b"last words"
        assert other.recv(1) == b""
    until_over(splice)
    splice.close()
    assert near.fileno() == far.fileno() == -1


def test_closing_ends_both_sides() -> None:
    left, near, far, right = pairs()
    splice = Splice(near, far)
    with left, right:
        splice.close()
        splice.close()
        assert (left.recv(1), right.recv(1)) == (b"", b"")
    assert splice.is_over()


def test_closing_does_not_wait_for_who_reads_nothing() -> None:
    left, near, far, right = pairs()
    splice = Splice(near, far)
    with left, right:
        left.settimeout(0.2)
        with pytest.raises(TimeoutError):
            left.sendall(b"x" * 50_000_000)
        splice.close()
    assert splice.is_over()


def test_waiting_for_a_slow_reader_costs_no_time_of_the_processor() -> None:
    left, near, far, right = pairs()
    splice = Splice(near, far)
    with left, right, closing(splice):
        left.settimeout(0.1)
        with pytest.raises(TimeoutError):
            left.sendall(b"x" * 50_000_000)
        assert processor_time(lambda: time.sleep(0.3)) < 0.15


def secured(authority: Authority, connect: Callable[[], socket.socket]) -> ssl.SSLSocket:
    tls = load_tls(TLSFiles(authority.ca), NAMES)
    return tls.context("h2").wrap_socket(connect(), server_hostname="127.0.0.1")


def test_one_side_may_be_encrypted(authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
    left, near = socket.socketpair()
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            plain, _ = listener.accept()
            accepted.append(context.wrap_socket(plain, server_side=True))

        server = threading.Thread(target=serve)
        server.start()
        far = secured(authority, lambda: socket.create_connection(listener.getsockname()))
        server.join(WAIT)
    right = accepted[0]
    left.settimeout(WAIT)
    right.settimeout(WAIT)
    splice = Splice(near, far)
    data = random.Random(2).randbytes(3_000_000)
    with left, right, closing(splice):
        left_to_right = threading.Thread(target=left.sendall, args=(data,))
        left_to_right.start()
        assert read(right, len(data)) == data
        left_to_right.join(WAIT)
        right_to_left = threading.Thread(target=right.sendall, args=(data,))
        right_to_left.start()
        assert read(left, len(data)) == data
        right_to_left.join(WAIT)
