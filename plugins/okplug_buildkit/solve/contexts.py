"""What the names in a Dockerfile stand for: dependencies by digest, and named contexts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug import Reference, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from okplug import BuildRequest, ContextSnapshot, Registry


@dataclass(frozen=True, slots=True)
class Contexts:
    """What a build reads beside its context.

    :param values: name as the Dockerfile has it -> the daemon's word for what it stands for.
    :param images: name of a content store -> the images of one repository that it serves to the
        daemon.
    :param folders: name of a FileSync directory -> the files that it serves.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Sequence[Reference]] = field(default_factory=dict)
    folders: Mapping[str, ContextSnapshot] = field(default_factory=dict)


def contexts_of(request: BuildRequest, registry: Registry) -> Contexts:
    """Return what the names of one build stand for.

    A registry that the daemon cannot reach by itself serves its images from this side: those of the
    workspace, and others whose name it knows.

    :raises RegistryError: if the registry cannot be asked.
    """
    images = dict(request.images)
    bases = {name: base for name, base in request.bases.items() if name not in images}
    values = {name: f"docker-image://{base}" for name, base in bases.items()}
    if registry.is_remote:
        stores = {}
        values |= {name: f"docker-image://{image}" for name, image in images.items()}
    else:
        images.update(_kept_here(request, registry))
        stores = _stores(images.values())
        values |= {name: _layout(image) for name, image in images.items()}
    folders = {}
    named_images = request.image.image_contexts()
    for number, (name, value) in enumerate(request.image.named_contexts):
        if name in request.folders:
            folders[f"named-{number}"] = request.folders[name]
            values[name] = f"local:named-{number}"
        elif name not in values and named_images.get(name) != "":
            values[name] = value  # an image of the workspace is there already, if it is used
    return Contexts(values, stores, folders)


def _stores(images: Iterable[Reference]) -> dict[str, list[Reference]]:
    stores: dict[str, list[Reference]] = {}
    for image in images:
        stores.setdefault(f"oci:{image.repository}", []).append(image)
    return stores


def _layout(image: Reference) -> str:
    return f"oci-layout://{image.repository}@{image.digest}"


def _kept_here(request: BuildRequest, registry: Registry) -> Iterator[tuple[str, Reference]]:
    """Yield images from outside the workspace that the registry has nevertheless."""
    named = dict.fromkeys((name for name, _ in request.image.named_contexts), "")
    named |= request.image.image_contexts()
    for use in request.resolution.images:
        reference = request.bases.get(use.reference)
        text = named.get(use.reference, use.reference)
        if reference is None and (use.reference in request.images or not text):
            continue
        try:
            reference = reference or Reference.parse(text)
        except UsageError:
            continue  # the daemon will say what is wrong with it
        if not reference.tag and not reference.digest:
            reference = reference.with_tag("latest")
        descriptor = registry.resolve(reference)
        if descriptor is not None:
            yield use.reference, reference.with_tag("").with_digest(descriptor.digest)
