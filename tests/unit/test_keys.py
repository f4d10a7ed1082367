"""What a key is made of, and what it is not made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.context import ContextFile
from okplug.dockerfile.model import ImageUse, Inherited, Instruction, Resolution, Stage
from okplug.errors import Location
from okplug.keys import (
    KeyInputs,
    KeyItem,
    KeyRecord,
    _key,
    _root,
    file_items,
    key_record,
)
from okplug.manifest.model import Image, Secret
from okplug.standins import fill_in

PLACE = Location(Path("/shop/okteto.yaml"), 2, 3)


@dataclass(frozen=True)
class Snapshot:
    """A context that says its digests."""

    digest: str = "d" * 32
    proof: str = "e" * 64
    root: Path = Path("/shop")
    ignored: tuple[str, ...] = ()
    files: tuple[ContextFile, ...] = ()

    def open(self, relpath: str) -> BinaryIO:
        """Have no files."""
        raise FileNotFoundError(relpath)


def image(**fields: object) -> Image:
    plain = Image("api", "", PLACE, Path("/shop"), Path("/shop/Dockerfile"))
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]  # the tests' own fields


def stage(base: str, *instructions: Instruction) -> Stage:
    origin = Instruction("FROM", 1, 1, text=base, words=(base,))
    return Stage(0, "", base, "", origin, instructions)


def resolution(*stages: Stage, **fields: object) -> Resolution:
    plain = Resolution(stages or (stage("scratch"),), (), (), "", (), Inherited())
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]  # the tests' own fields


def inputs(**fields: object) -> KeyInputs:
    plain = KeyInputs(image(), resolution(), "", {}, ("linux/amd64",), {})
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]  # the tests' own fields


def record(of: KeyInputs, context: Snapshot | None = None, **dependencies: KeyRecord) -> KeyRecord:
    named = {name.replace("__", ":"): value for name, value in dependencies.items()}
    return key_record(of, named, context or Snapshot())


def dependency(key: str = "1" * 32, root: str = "2" * 64) -> KeyRecord:
    return KeyRecord(key, root, ())


def test_a_key_is_32_hex_digits_and_a_root_64() -> None:
    one = record(inputs())
    assert len(one.key) == 32
    assert len(one.root) == 64
    int(one.key, 16)
    int(one.root, 16)


def test_golden_vector_of_the_framing() -> None:
    """Raise SCHEME when this changes: every key in every registry changes with it."""
    items = [KeyItem("arg", "A", "1"), KeyItem("files", "", "2", "3")]
    assert _key(items) == "83e2d1dc44041093e443bafb3d99b35e"
    assert _root(items) == "f037f8b0c369668bec5d6bb5e9b3a1b75741c3fc92050ba31bf8890392282a22"


@pytest.mark.parametrize(
    "other",
    [
        inputs(platforms=("linux/arm64",)),
        inputs(platforms=("linux/amd64", "linux/arm64")),
        inputs(syntax="docker/dockerfile:1"),
        inputs(contributed={"compiler": "gcc"}),
        inputs(source_date_epoch=0),
        inputs(image=image(target="x")),
        inputs(image=image(network="none")),
        inputs(image=image(ssh=("default",))),
        inputs(image=image(labels=(("a", "b"),))),
        inputs(image=image(annotations=(("a", "b"),))),
        inputs(image=image(extra_hosts=(("a", "b"),))),
        inputs(image=image(named_contexts=(("a", "b"),))),
        inputs(image=image(named_contexts=(("a", "b"),)), folders={"a": Snapshot()}),
        inputs(image=image(secrets=(Secret("t", "file", "/t", PLACE),))),
        inputs(resolution=resolution(args=(("A", "1"),))),
        inputs(resolution=resolution(stage("alpine"))),
        inputs(resolution=resolution(stage("scratch", Instruction("ENV", 2, 2, text="A=1")))),
    ],
)
def test_each_input_changes_key_and_root(other: KeyInputs) -> None:
    one, two = record(inputs()), record(other)
    assert one.key != two.key
    assert one.root != two.root


@pytest.mark.parametrize(
    "other",
    [
        inputs(image=image(name="other", folder="x", reference="okteto.dev/x:1")),
        inputs(image=image(context=Path("/elsewhere"), dockerfile=Path("/elsewhere/D"))),
        inputs(image=image(cache_from=("a",), export_cache=("b",))),
        inputs(image=image(tags=("a:1",), push=False)),
        inputs(
            resolution=resolution(
                dataclasses.replace(
                    stage("scratch"),
                    origin=Instruction("FROM", 9, 9, text="scratch", words=("scratch",)),
                )
            )
        ),
    ],
)
def test_names_places_and_lines_change_nothing(other: KeyInputs) -> None:
    assert record(other).key == record(inputs()).key
    assert record(other).root == record(inputs()).root


def test_the_source_of_a_secret_is_not_in_the_record() -> None:
    one = inputs(image=image(secrets=(Secret("t", "env", "TOKEN_NAME", PLACE),)))
    assert KeyItem("secret", "t", "env") in record(one).items
    assert "TOKEN_NAME" not in repr(record(one))


def test_files_count_with_their_quick_digest_in_the_key_and_their_proof_in_the_root() -> None:
    plain = record(inputs())
    other_proof = record(inputs(), Snapshot(proof="f" * 64))
    other_digest = record(inputs(), Snapshot(digest="0" * 32))
    assert plain.key == other_proof.key
    assert plain.root != other_proof.root
    assert plain.key != other_digest.key
    assert plain.root == other_digest.root


def test_a_dependency_counts_by_key_and_root_and_not_by_address() -> None:
    one = record(inputs(), libs__log=dependency())
    assert one.key != record(inputs()).key
    assert one.key == record(inputs(), other__name=dependency()).key
    assert one.key != record(inputs(), libs__log=dependency(key="3" * 32)).key
    assert one.root != record(inputs(), libs__log=dependency(root="4" * 64)).root
    assert [item.subject for item in one.items if item.kind == "dependency"] == ["libs:log"]


def from_named(reference: str) -> KeyInputs:
    return inputs(
        resolution=resolution(stage(reference), images=(ImageUse("FROM", reference, 1),)),
        images={reference: "libs:log"},
    )


def test_the_key_of_a_dependency_stands_where_its_reference_does() -> None:
    one = record(from_named("okteto.dev/log:1"), libs__log=dependency())
    two = record(from_named("okteto.dev/other:2"), libs__log=dependency())
    assert one.key == two.key
    values = [item.value for item in one.items if item.kind == "instruction"]
    assert values == [f"FROM image:{'1' * 32}"]


def test_an_argument_that_names_an_image_holds_the_images_key() -> None:
    args = (("BASE", "okplug-image:libs:log#IMAGE"), ("V", "1"))
    one = record(inputs(resolution=resolution(args=args)), libs__log=dependency())
    assert [item for item in one.items if item.kind == "arg"] == [
        KeyItem("arg", "BASE", f"image:{'1' * 32}#IMAGE"),
        KeyItem("arg", "V", "1"),
    ]


def test_what_stands_for_images_is_filled_wherever_it_stands() -> None:
    text = "a okplug-image:x/y:z#TAG b okplug-image::root#SHA"
    filled = fill_in(text, lambda address, field: f"<{address} {field}>")
    assert filled == "a <x/y:z TAG> b <:root SHA>"


def test_file_items_name_kind_and_content() -> None:
    files = (
        ContextFile("bin", "directory"),
        ContextFile("bin/run", "file", True, "", 3, "f" * 32, "s" * 64),  # noqa: FBT003  # a field
        ContextFile("link", "link", target="bin/run"),
        ContextFile("plain", "file", size=1, fingerprint="0" * 32, sha256="1" * 64),
    )
    assert file_items(Snapshot(files=files)) == (
        KeyItem("file", "bin", "directory"),
        KeyItem("file", "bin/run", f"file executable {'f' * 32}", "s" * 64),
        KeyItem("file", "link", "link bin/run"),
        KeyItem("file", "plain", f"file {'0' * 32}", "1" * 64),
    )


texts = st.text(max_size=6)
items = st.lists(st.builds(KeyItem, texts, texts, texts), max_size=5)


@given(items, items)
def test_different_items_never_share_what_is_hashed(one: list[KeyItem], two: list[KeyItem]) -> None:
    same = [(i.kind, i.name, i.value) for i in one] == [(i.kind, i.name, i.value) for i in two]
    assert (_key(one) == _key(two)) is same
    assert (_root(one) == _root(two)) is same


def test_a_named_context_that_is_a_folder_counts_by_its_files() -> None:
    def of(path: str, snapshot: Snapshot) -> KeyRecord:
        return record(inputs(image=image(named_contexts=(("a", path),)), folders={"a": snapshot}))

    one = of("./x", Snapshot())
    assert of("../elsewhere/x", Snapshot()) == one
    assert of("./x", Snapshot(digest="0" * 32)).key != one.key
    assert of("./x", Snapshot(proof="0" * 64)).root != one.root


def test_what_an_image_from_elsewhere_is_now_counts() -> None:
    one, two = (record(inputs(bases={"debian:13": f"sha256:{x * 64}"})) for x in "ab")
    assert len({one.key, two.key, record(inputs()).key}) == 3
    assert one.root != two.root
    assert KeyItem("base", "debian:13", f"sha256:{'a' * 64}") in one.items


def test_where_a_user_s_agent_is_does_not_count() -> None:
    here, there = (inputs(image=image(ssh=(f"git={path}",))) for path in ("/a", "/b"))
    assert record(here).key == record(there).key
    assert record(here).key != record(inputs(image=image(ssh=("default",)))).key


def test_an_image_of_the_workspace_may_be_named_in_any_way() -> None:
    images = {"parent": "libs:base"}
    keys = {
        record(
            inputs(image=image(named_contexts=(("parent", value),)), images=images),
            libs__base=dependency(),
        ).key
        for value in ("okplug-named://base", "docker-image://okteto.dev/base")
    }
    assert len(keys) == 1
