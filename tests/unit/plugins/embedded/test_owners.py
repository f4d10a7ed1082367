"""``--chown`` and USER: numbers, and the names that an image knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_embedded.contents import Text
from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import DIRECTORY, FILE, LINK, Entry, FileSystem, Owner
from okplug_embedded.owners import UnknownNameError, read_owner

PASSWD = """root:x:0:0:root:/root:/bin/sh
# a comment
shop:x:1000:2000:Shop,,,:/srv/shop:/bin/false
broken:x
odd:x:many:few::/:
large:x:4294967296:1::/:
shop:x:1:1::/:
number:x:0012:0034::/:
"""
GROUP = """root:x:0:
staff:x:50:shop,cindy
"""


def image(passwd: str | None = PASSWD, group: str | None = GROUP) -> FileSystem:
    tree = FileSystem()
    tree.put(("etc",), Entry(DIRECTORY, 0o755))
    for name, text in (("passwd", passwd), ("group", group)):
        if text is not None:
            content = Text(text.encode("utf-8", "surrogateescape"))
            tree.put(("etc", name), Entry(FILE, 0o644, content=content))
    return tree


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("0", Owner(0, 0)),
        ("7", Owner(7, 7)),
        ("7:8", Owner(7, 8)),
        ("007:08", Owner(7, 8)),
        ("2147483647", Owner(2147483647, 2147483647)),
        ("root", Owner(0, 0)),
        ("root:root", Owner(0, 0)),
        ("7:root", Owner(7, 0)),
        ("root:8", Owner(0, 8)),
        ("7:", Owner(7, 0)),
        (":8", Owner(0, 8)),
    ],
)
def test_numbers_and_root_need_no_image(text: str, owner: Owner) -> None:
    assert read_owner(text, FileSystem()) == owner


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("shop", Owner(1000, 2000)),
        ("shop:staff", Owner(1000, 50)),
        ("shop:8", Owner(1000, 8)),
        ("shop:", Owner(1000, 0)),
        ("7:staff", Owner(7, 50)),
        (":staff", Owner(0, 50)),
        ("number", Owner(12, 34)),
    ],
)
def test_names_of_the_image(text: str, owner: Owner) -> None:
    assert read_owner(text, image()) == owner


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "nobody",
            "/etc/passwd of the image has no user 'nobody'",
            "it has root, shop, odd, large, shop; or write numbers",
        ),
        (
            "shop:nogroup",
            "/etc/group of the image has no group 'nogroup'",
            "it has root, staff; or write numbers",
        ),
        (
            "-1",
            "/etc/passwd of the image has no user '-1'",
            "it has root, shop, odd, large, shop; or write numbers",
        ),
        (
            "1:2:3",
            "/etc/group of the image has no group '2:3'",
            "it has root, staff; or write numbers",
        ),
        (
            "broken",
            "/etc/passwd of the image has no user 'broken'",
            "it has root, shop, odd, large, shop; or write numbers",
        ),
    ],
)
def test_names_that_the_image_does_not_know(text: str, message: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        read_owner(text, image())
    assert (str(caught.value), caught.value.hint) == (message, hint)


@pytest.mark.parametrize("tree", [FileSystem(), image(None, None)], ids=["scratch", "without"])
def test_an_image_without_names(tree: FileSystem) -> None:
    with pytest.raises(UnknownNameError) as caught:
        read_owner("shop", tree)
    assert caught.value.hint == "write numbers"


@pytest.mark.parametrize("text", ["2147483648", "7:9999999999", "odd", "large"])
def test_numbers_out_of_range(text: str) -> None:
    with pytest.raises(InstructionError, match="is no number of a user or group: expected 0 to"):
        read_owner(text, image())


def test_the_files_are_found_over_links() -> None:
    tree = image()
    etc = tree.get(("etc", "passwd"))
    assert etc is not None
    tree.put(("passwd",), etc.entry)
    tree.put(("etc", "passwd"), Entry(LINK, 0o777, target="../../passwd"))
    assert read_owner("shop", tree) == Owner(1000, 2000)


def test_a_directory_in_the_place_of_the_file_has_no_names() -> None:
    tree = image(None)
    tree.put(("etc", "passwd"), Entry(DIRECTORY, 0o755))
    with pytest.raises(UnknownNameError):
        read_owner("shop", tree)


def test_a_huge_file_is_not_read() -> None:
    tree = image("x" * ((10 << 20) + 1))
    with pytest.raises(InstructionError, match=r"^/etc/passwd of the image has more than 10 MiB$"):
        read_owner("shop", tree)


def test_bytes_that_are_no_text_are_passed_over() -> None:
    assert read_owner("shop", image("\udcff:x:1:2::/:\nshop:x:3:4::/:\n")) == Owner(3, 4)


@given(st.text(alphabet="abz019:-_ \n", max_size=12))
def test_any_text_is_an_owner_or_a_clear_error(text: str) -> None:
    try:
        owner = read_owner(text, image())
    except InstructionError:
        return
    assert 0 <= owner.uid < 2**31
    assert 0 <= owner.gid < 2**31
