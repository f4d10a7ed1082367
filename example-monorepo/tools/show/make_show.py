#!/usr/bin/env python3
"""Write ``show``, a static program for Linux on x86-64 that prints the file it is given.

It is made by hand, 64 bytes of ELF header, 56 of program header and the machine code below, so that
the example needs no compiler. It exits with 1 when there is no argument or the file cannot be
opened.
"""

from __future__ import annotations

import struct
from pathlib import Path

LOAD_ADDRESS = 0x400000
HEADERS = 64 + 56

CODE = bytes.fromhex(
    "488b7c2410"  # mov rdi, [rsp+16]      the first argument
    "4885ff"  # test rdi, rdi
    "743c"  # jz fail
    "31f6"  # xor esi, esi           O_RDONLY
    "b802000000"  # mov eax, 2             open
    "0f05"  # syscall
    "85c0"  # test eax, eax
    "782f"  # js fail
    "89c3"  # mov ebx, eax
    "4881ec00100000"  # sub rsp, 4096
    # read:
    "89df"  # mov edi, ebx
    "4889e6"  # mov rsi, rsp
    "ba00100000"  # mov edx, 4096
    "31c0"  # xor eax, eax           read
    "0f05"  # syscall
    "85c0"  # test eax, eax
    "7e10"  # jle done
    "89c2"  # mov edx, eax
    "bf01000000"  # mov edi, 1             standard output
    "b801000000"  # mov eax, 1             write
    "0f05"  # syscall
    "ebde"  # jmp read
    # done:
    "31ff"  # xor edi, edi
    "eb05"  # jmp exit
    # fail:
    "bf01000000"  # mov edi, 1
    # exit:
    "b83c000000"  # mov eax, 60            exit
    "0f05"  # syscall
)


def program() -> bytes:
    """Return the whole file: ELF header, one loadable segment, code."""
    size = HEADERS + len(CODE)
    entry = LOAD_ADDRESS + HEADERS
    identification = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, 0x1000)
    return identification + header + segment + CODE


if __name__ == "__main__":
    target = Path(__file__).with_name("show")
    target.write_bytes(program())
    target.chmod(0o755)
