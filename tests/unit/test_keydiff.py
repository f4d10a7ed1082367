"""What differs between two records, in words."""

from __future__ import annotations

import pytest

from okplug.keydiff import Change, changed_dependencies, changes, record_from_json, record_to_json
from okplug.keys import KeyItem, KeyRecord


def record(*items: KeyItem, key: str = "k") -> KeyRecord:
    return KeyRecord(key, "r", items)


def texts(old: KeyRecord, new: KeyRecord) -> list[str]:
    return [str(change) for change in changes(old, new)]


def file(name: str, value: str) -> KeyItem:
    return KeyItem("file", name, value)


def test_equal_records_do_not_differ() -> None:
    one = record(file("a", "file 1"), KeyItem("arg", "V", "1"))
    assert changes(one, one) == ()


@pytest.mark.parametrize(
    ("was", "now", "text"),
    [
        ("file 11", "file 22", "src/a changed"),
        ("file 11", "file executable 11", "src/a changed: now executable"),
        ("file executable 11", "file 11", "src/a changed: no longer executable"),
        ("file executable 11", "file 22", "src/a changed: content, no longer executable"),
        ("file 11", "file executable 22", "src/a changed: content, now executable"),
        ("file executable 11", "file executable 22", "src/a changed"),
        ("file 11", "link b", "src/a changed: file -> link"),
        ("link b", "link c", "src/a changed: b -> c"),
        ("directory", "file 11", "src/a changed: directory -> file"),
    ],
)
def test_a_file_says_what_changed_of_it(was: str, now: str, text: str) -> None:
    assert texts(record(file("src/a", was)), record(file("src/a", now))) == [text]


def test_files_are_named_and_the_item_that_stands_for_them_is_not() -> None:
    old = record(KeyItem("files", "", "1"), file("a", "file 1"), file("b", "file 1"))
    new = record(KeyItem("files", "", "2"), file("b", "file 2"), file("c", "file 1"))
    assert texts(old, new) == ["a removed", "b changed", "c added"]


def test_without_files_the_item_that_stands_for_them_is_all_there_is_to_say() -> None:
    old, new = record(KeyItem("files", "", "1")), record(KeyItem("files", "", "2"))
    assert texts(old, new) == ["files changed"]


def test_values_are_shown_for_what_is_no_file() -> None:
    old = record(KeyItem("arg", "GO", "1.20"), KeyItem("label", "team", "a"))
    new = record(KeyItem("arg", "GO", "1.21"), KeyItem("ssh", "default", ""))
    assert texts(old, new) == [
        "build argument GO changed: 1.20 -> 1.21",
        "label team removed",
        "ssh id default added",
    ]


def test_a_long_value_is_cut() -> None:
    old, new = record(KeyItem("arg", "A", "x" * 70)), record(KeyItem("arg", "A", "y"))
    assert texts(old, new) == [f"build argument A changed: {'x' * 57}... -> y"]


def test_of_long_values_the_difference_is_shown() -> None:
    begin = "RUN apt-get update && apt-get install --yes curl git make && "
    old = record(KeyItem("instruction", "0/0", f"{begin}make all", subject="Dockerfile:3"))
    new = record(KeyItem("instruction", "0/0", f"{begin}make test", subject="Dockerfile:3"))
    assert texts(old, new) == [
        "instruction Dockerfile:3 changed: ...t make && make all -> ...t make && make test"
    ]


def test_what_is_appended_to_a_long_value_is_shown() -> None:
    old, new = record(KeyItem("arg", "A", "x" * 50)), record(KeyItem("arg", "A", "x" * 50 + "y"))
    assert texts(old, new) == [f"build argument A changed: ...{'x' * 15} -> ...{'x' * 15}y"]


def test_a_dependency_is_known_by_its_address_and_its_keys_are_not_shown() -> None:
    old = record(KeyItem("dependency", "", "1" * 32, "r", "libs:log"))
    new = record(KeyItem("dependency", "", "2" * 32, "r", "libs:log"))
    assert texts(old, new) == ["dependency libs:log changed"]
    assert changes(old, new)[0] == Change("dependency", "changed", "libs:log")


def instructions(*values: str) -> KeyRecord:
    return record(
        *(
            KeyItem("instruction", f"0000/{n:06d}", value, subject=f"Dockerfile:{n + 1}")
            for n, value in enumerate(values)
        )
    )


def test_an_instruction_that_is_put_in_is_the_only_one_that_differs() -> None:
    old = instructions("FROM scratch", "COPY a /", "CMD x")
    new = instructions("FROM scratch", "ENV A=1", "COPY a /", "CMD x")
    assert texts(old, new) == ["instruction Dockerfile:2 added: ENV A=1"]


def test_a_changed_and_a_removed_instruction() -> None:
    old = instructions("FROM scratch", "COPY a /", "CMD x", "USER 1")
    new = instructions("FROM scratch", "COPY b /", "CMD x")
    assert texts(old, new) == [
        "instruction Dockerfile:2 changed: COPY a / -> COPY b /",
        "instruction Dockerfile:4 removed: USER 1",
    ]


def test_an_instruction_is_told_as_another_of_its_kind() -> None:
    old = instructions("FROM scratch", "COPY a /", "RUN one")
    new = instructions("FROM scratch", "ARG X", "COPY b /", "ENV Y=1", "RUN two")
    assert texts(old, new) == [
        "instruction Dockerfile:2 added: ARG X",
        "instruction Dockerfile:3 changed: COPY a / -> COPY b /",
        "instruction Dockerfile:4 added: ENV Y=1",
        "instruction Dockerfile:5 changed: RUN one -> RUN two",
    ]


def test_an_instruction_of_another_kind_takes_the_place_of_one() -> None:
    old = instructions("FROM scratch", "ARG X=1", "CMD x")
    new = instructions("FROM scratch", "ENV X=1", "CMD x")
    assert texts(old, new) == ["instruction Dockerfile:2 changed: ARG X=1 -> ENV X=1"]


def test_two_instructions_for_one_are_a_change_and_an_addition() -> None:
    old = instructions("FROM scratch", "COPY a /")
    new = instructions("FROM scratch", "COPY b /", "COPY c /")
    assert texts(old, new) == [
        "instruction Dockerfile:2 changed: COPY a / -> COPY b /",
        "instruction Dockerfile:3 added: COPY c /",
    ]


def test_a_record_survives_being_written_even_with_names_that_are_no_text() -> None:
    one = record(KeyItem("arg", "A", "1", "p", "s"))
    extra = file("caf\udce9", "file 1")
    assert record_from_json(record_to_json(one, [extra])) == record(*one.items, extra)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"scheme":"okplug-key-0","key":"k","root":"r","items":[]}',
        b'{"scheme":"okplug-key-2","key":"k","root":"r","items":[1]}',
        b'{"scheme":"okplug-key-2","key":"k","root":"r","items":[["a"]]}',
    ],
)
def test_what_is_no_record_of_this_scheme_is_none(data: bytes) -> None:
    assert record_from_json(data) is None


def dependant(key: str, argument: str) -> KeyRecord:
    return record(
        KeyItem("dependency", "", key, "r", "libs:log"),
        KeyItem("arg", "LOG", argument),
        KeyItem("instruction", "0000/000000", f"FROM image:{key}", subject="Dockerfile:1"),
    )


def test_a_changed_dependency_is_told_once() -> None:
    old, new = "1" * 32, "2" * 32
    before, after = dependant(old, f"image:{old}#IMAGE"), dependant(new, f"image:{new}#IMAGE")
    assert texts(before, after) == ["dependency libs:log changed"]


def test_an_argument_that_names_another_image_is_told() -> None:
    one, two = "1" * 32, "2" * 32
    before, after = dependant(one, f"image:{one}#IMAGE"), dependant(one, f"image:{two}#IMAGE")
    assert texts(before, after) == [
        f"build argument LOG changed: image:{one}#IMAGE -> image:{two}#IMAGE"
    ]


BASE = Change("dependency", "changed", "base:base")
LOG = Change("dependency", "changed", "libs:log")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((), ()),
        ((BASE,), ("base:base",)),
        ((BASE, LOG), ("base:base", "libs:log")),
        ((BASE, Change("dependency", "added", "libs:new")), ()),
        ((Change("dependency", "removed", "libs:old"),), ()),
        ((Change("file", "changed", "base:base"), BASE), ()),
        ((BASE, Change("arg", "changed", "V")), ()),
    ],
)
def test_dependencies_that_changed_alone(
    found: tuple[Change, ...], expected: tuple[str, ...]
) -> None:
    assert changed_dependencies(found) == expected
