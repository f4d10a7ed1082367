"""What the registry knows of the keys of a run and of the user's own tags, asked at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from okplug.backends import ROOT_ANNOTATION, Artifact
from okplug.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from okplug.backends import Registry
    from okplug.keys import KeyRecord
    from okplug.reference import Reference

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the registry says about a key.

    :param artifact: the image, None if it must be built.
    :param reason: why it must be, ``""`` if the key is merely unknown.
    :param failure: why the registry cannot be asked, ``""`` if it can.
    """

    artifact: Artifact | None = None
    reason: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What one round of questions came to.

    :param keys: by address.
    :param tags: the digests that tags point at; of others nothing is known.
    """

    keys: dict[str, Lookup] = field(default_factory=dict)
    tags: dict[Reference, str] = field(default_factory=dict)


def look_up(
    registry: Registry,
    shared: Mapping[str, tuple[Reference, KeyRecord]],
    tags: Iterable[Reference] = (),
    *,
    verify: bool,
    at_once: bool = True,
) -> Found:
    """Ask the registry for every key and every tag in one round.

    :param tags: of this registry.
    :param verify: hold the root that an image was published with against the record's.
    :param at_once: ask as much at the same time as the registry allows, else one by one.
    """
    own = tuple(tags)
    keys: list[Callable[[], Lookup]] = [
        partial(_ask, registry, reference, record, verify=verify)
        for reference, record in shared.values()
    ]
    digests = [partial(_digest, registry, tag) for tag in own]
    concurrency = registry.concurrency if at_once else 1
    answers: list[Lookup | str | None] = _all_at_once([*keys, *digests], concurrency)
    return Found(
        {
            address: answer
            for address, answer in zip(shared, answers, strict=False)
            if isinstance(answer, Lookup)
        },
        {
            tag: answer
            for tag, answer in zip(own, answers[len(keys) :], strict=True)
            if isinstance(answer, str)
        },
    )


def _all_at_once(questions: Sequence[Callable[[], _T]], concurrency: int) -> list[_T]:
    if concurrency <= 1 or len(questions) <= 1:
        return [question() for question in questions]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(concurrency, len(questions))) as pool:
        return [future.result() for future in [pool.submit(question) for question in questions]]


def _digest(registry: Registry, tag: Reference) -> str | None:
    """Return where a tag points; one that cannot be asked for will be when it is moved."""
    try:
        descriptor = registry.resolve(tag)
    except RegistryError:
        return None
    return descriptor.digest if descriptor else None


def _ask(registry: Registry, reference: Reference, record: KeyRecord, *, verify: bool) -> Lookup:
    """Look one key up; a registry that cannot be asked is a miss, never a hit."""
    try:
        descriptor = registry.resolve(reference)
        if descriptor is None:
            return Lookup()
        root = descriptor.annotations.get(ROOT_ANNOTATION)
        if verify and root is None:
            root = _published_root(registry, reference)
    except RegistryError as error:
        reason = f"the registry cannot be asked: {error.message}"
        return Lookup(reason=reason, failure=error.message)
    if verify and root != record.root:
        return Lookup(reason=f"{reference} was made from other content than its key says")
    artifact = Artifact(reference.with_digest(descriptor.digest).with_tag(""), descriptor)
    return Lookup(artifact)


def _published_root(registry: Registry, reference: Reference) -> str | None:
    from okplug.oci import read_document

    found = registry.read_manifest(reference)
    if found is None:
        return None
    return read_document(found[1], found[0].media_type).annotations.get(ROOT_ANNOTATION)
