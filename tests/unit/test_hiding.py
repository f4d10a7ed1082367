"""Values that are in no record."""

from __future__ import annotations

from okplug.hiding import HIDDEN, align, hide
from okplug.keydiff import changes
from okplug.keys import KeyItem, KeyRecord
from okplug.masking import Masks


def record(*items: KeyItem, key: str = "k") -> KeyRecord:
    return KeyRecord(key, "root", items)


def masks(*values: str) -> Masks:
    made = Masks()
    made.add(values)
    return made


def hidden(item: KeyItem, *values: str) -> str:
    return hide(record(item), masks(*values)).items[0].value


def test_without_values_a_record_is_what_it_is() -> None:
    given = record(KeyItem("arg", "A", "hunter2"))
    assert hide(given, Masks()) is given


def test_a_value_has_a_digest_in_its_place() -> None:
    value = hidden(KeyItem("arg", "TOKEN", "pre-hunter2"), "hunter2")
    assert value.startswith(HIDDEN)
    assert "hunter2" not in value


def test_key_and_root_stay() -> None:
    made = hide(record(KeyItem("arg", "A", "hunter2")), masks("hunter2"))
    assert (made.key, made.root) == ("k", "root")


def test_what_holds_no_value_stays() -> None:
    assert hidden(KeyItem("arg", "A", "plain"), "hunter2") == "plain"
    assert hidden(KeyItem("label", "A", "1.2"), "hunter2") == "1.2"


def test_digests_of_files_and_dependencies_stay() -> None:
    for kind in ("file", "files", "dependency", "base", "platform"):
        assert hidden(KeyItem(kind, "a", "abcd1234"), "abcd") == "abcd1234"


def test_equal_values_have_equal_digests_for_everybody() -> None:
    one = hidden(KeyItem("arg", "A", "pre-hunter2"), "hunter2")
    other = hidden(KeyItem("arg", "A", "pre-hunter2"), "pre", "else")
    assert one == other
    assert one != hidden(KeyItem("arg", "A", "pre-hunter3"), "hunter3")


def test_who_has_a_value_from_elsewhere_sees_no_difference() -> None:
    mine = record(KeyItem("arg", "A", "hunter2"), KeyItem("arg", "B", "1"))
    theirs = hide(
        record(KeyItem("arg", "A", "hunter2"), KeyItem("arg", "B", "2")), masks("hunter2")
    )
    for old, new in ((theirs, mine), (mine, theirs)):
        (change,) = changes(old, new)
        assert change.subject == "B"
    assert align(mine, mine) == (mine, mine)


def test_instructions_are_compared_wherever_they_stand() -> None:
    run = KeyItem("instruction", "0000/000001", "RUN hunter2", subject="Dockerfile:2")
    moved = KeyItem("instruction", "0000/000002", "RUN hunter2", subject="Dockerfile:3")
    new = KeyItem("instruction", "0000/000001", "RUN true", subject="Dockerfile:2")
    (change,) = changes(hide(record(run), masks("hunter2")), record(new, moved))
    assert (change.how, change.subject) == ("added", "Dockerfile:2")


def test_a_change_of_a_hidden_value_says_no_more() -> None:
    old = hide(record(KeyItem("arg", "TOKEN", "hunter2")), masks("hunter2"))
    new = hide(record(KeyItem("arg", "TOKEN", "hunter3")), masks("hunter3"))
    (change,) = changes(old, new)
    assert str(change) == "build argument TOKEN changed: *** -> ***"
    (change,) = changes(old, record(KeyItem("arg", "TOKEN", "1.2")))
    assert str(change) == "build argument TOKEN changed: *** -> 1.2"
