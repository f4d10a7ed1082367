"""The key of an image, and the record of all that went into it.

A key answers one question: would this build give the same image? It is xxh3-128 over the items of
the record, each field framed with its length, the items sorted. The root is sha256 over the same
items with the sha256 of files and the roots of dependencies in place of their quick digests; it is
what a registry's image is held against before it is reused.

Whatever changes the bytes that are hashed here must change ``SCHEME``: then no key of one scheme
can be taken for a key of another.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import xxhash

from okplug.dockerfile import instruction_text
from okplug.manifest.model import NAMED
from okplug.standins import fill_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from okplug.context import ContextSnapshot
    from okplug.dockerfile.model import Instruction, Resolution
    from okplug.manifest.model import Image

SCHEME = "okplug-key-2"


@dataclass(frozen=True, slots=True, order=True)
class KeyItem:
    """One thing that determines an image.

    :param kind: ``instruction``, ``arg``, ``dependency``, ``files`` and so on.
    :param name: tells it from others of its kind; part of the key.
    :param value: part of the key.
    :param proof: what stands for *value* in the root, ``""`` when the value does.
    :param subject: what people know it by, such as an address or a line; part of nothing.
    """

    kind: str
    name: str
    value: str
    proof: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key with its root and the items that both are made of."""

    key: str
    root: str
    items: tuple[KeyItem, ...]


@dataclass(frozen=True, slots=True)
class KeyInputs:
    """What the key of one image is made from, beside its dependencies and files.

    :param images: reference as the Dockerfile has it -> address of the dependency that it names.
    :param platforms: ``os/arch[/variant]``, at least one.
    :param contributed: what plugins add.
    :param folders: named context -> the files of the folder that it stands for.
    :param bases: reference as the Dockerfile has it -> digest of the image from elsewhere that it
        names now.
    """

    image: Image
    resolution: Resolution
    syntax: str
    images: Mapping[str, str]
    platforms: tuple[str, ...]
    contributed: Mapping[str, str]
    source_date_epoch: int | None = None
    folders: Mapping[str, ContextSnapshot] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)


def key_record(
    inputs: KeyInputs, dependencies: Mapping[str, KeyRecord], context: ContextSnapshot
) -> KeyRecord:
    """Return the key of an image with its record.

    :param dependencies: the record of every image that it depends on, by address.
    """
    items = sorted(
        [
            *_instruction_items(inputs, dependencies),
            *_argument_items(inputs, dependencies),
            *_setting_items(inputs),
            *_context_items(inputs),
            *(KeyItem("base", name, digest) for name, digest in inputs.bases.items()),
            *(KeyItem("plugin", name, value) for name, value in inputs.contributed.items()),
            *(
                KeyItem("dependency", "", record.key, record.root, address)
                for address, record in dependencies.items()
            ),
            KeyItem("files", "", context.digest, context.proof),
        ]
    )
    return KeyRecord(_key(items), _root(items), tuple(items))


def file_items(context: ContextSnapshot) -> tuple[KeyItem, ...]:
    """Return an item per file of the context: what the one item ``files`` stands for."""
    return tuple(
        KeyItem(
            "file",
            entry.relpath,
            f"{entry.kind}{' executable' if entry.executable else ''} "
            f"{entry.fingerprint or entry.target}".rstrip(),
            entry.sha256,
        )
        for entry in context.files
    )


def _key(items: Iterable[KeyItem]) -> str:
    digest = xxhash.xxh3_128(_frame(SCHEME))
    for item in items:
        digest.update(_frame(item.kind) + _frame(item.name) + _frame(item.value))
    return digest.hexdigest()


def _root(items: Iterable[KeyItem]) -> str:
    digest = hashlib.sha256(_frame(SCHEME))
    for item in items:
        digest.update(_frame(item.kind) + _frame(item.name) + _frame(item.proof or item.value))
    return digest.hexdigest()


def _frame(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(data)) + data


def _instruction_items(
    inputs: KeyInputs, dependencies: Mapping[str, KeyRecord]
) -> Iterator[KeyItem]:
    file = inputs.image.dockerfile.name
    named: dict[int, dict[str, str]] = {}
    for use in inputs.resolution.images:
        if use.reference in inputs.images:
            key = dependencies[inputs.images[use.reference]].key
            named.setdefault(use.line, {})[use.reference] = f"image:{key}"
    for position, stage in enumerate(inputs.resolution.stages):
        for number, instruction in enumerate((stage.origin, *stage.instructions)):
            yield KeyItem(
                "instruction",
                f"{position:04d}/{number:06d}",
                _instruction_value(instruction, named.get(instruction.line, {})),
                subject=f"{file}:{instruction.line}",
            )


def _instruction_value(instruction: Instruction, keys: Mapping[str, str]) -> str:
    """Put a dependency's key where its reference stands: a new name is not a new image."""
    text = instruction_text(instruction)
    for reference in sorted(keys, key=len, reverse=True):
        text = text.replace(reference, keys[reference])
    return text


def _argument_items(inputs: KeyInputs, dependencies: Mapping[str, KeyRecord]) -> Iterator[KeyItem]:
    def key_of(address: str, field: str) -> str:
        return f"image:{dependencies[address].key}#{field}"

    for name, value in inputs.resolution.args:
        yield KeyItem("arg", name, fill_in(value, key_of))


def _setting_items(inputs: KeyInputs) -> Iterator[KeyItem]:
    image = inputs.image
    yield KeyItem("platform", "", ",".join(inputs.platforms))
    for kind, value in (
        ("target", image.target),
        ("network", image.network),
        ("syntax", inputs.syntax),
    ):
        if value:
            yield KeyItem(kind, "", value)
    if inputs.source_date_epoch is not None:
        yield KeyItem("source-date-epoch", "", str(inputs.source_date_epoch))
    for secret in image.secrets:
        yield KeyItem("secret", secret.id, secret.kind)
    for name in image.ssh:
        yield KeyItem("ssh", name.partition("=")[0], "")  # each user's agent is elsewhere
    for kind, pairs in (
        ("label", image.labels),
        ("annotation", image.annotations),
        ("host", image.extra_hosts),
    ):
        for name, value in pairs:
            yield KeyItem(kind, name, value)


def _context_items(inputs: KeyInputs) -> Iterator[KeyItem]:
    for name, value in inputs.image.named_contexts:
        if name in inputs.images or value.startswith(NAMED):
            continue  # an image of the workspace, whose key is in the instructions that use it
        files = inputs.folders.get(name)
        if files is None:
            yield KeyItem("context", name, value)
        else:  # wherever they are
            yield KeyItem("context", name, files.digest, files.proof)
