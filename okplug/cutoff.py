"""Early cutoff: an image stays what it is if what it is built from comes out as it was.

The key of an image is made of the keys of its dependencies, and so is known before anything is
built. Once they are there, the image has a second key, its *result key*, with the content of each
dependency in place of its key. An image is stored under both. If a dependency was built again and
its content is what it was, then the result key finds the image, and nothing is built; what is found
is stored once more under the new key, with the new root and the same layers and configuration.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from okplug.backends import RESULT_ANNOTATION, ROOT_ANNOTATION, Artifact
from okplug.contents import content_digest
from okplug.errors import RegistryError
from okplug.naming import RESULT_PREFIX
from okplug.oci import read_document
from okplug.results import NAMES_DIGEST
from okplug.standins import fields_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.backends import Descriptor, Registry
    from okplug.config import Config
    from okplug.graph import Node
    from okplug.keyring import Keyring
    from okplug.plan import Step
    from okplug.reference import Reference

#: hex digits of a sha256
_ROOT_LENGTH = 64


class Cutoff:
    """Finds and keeps the images of one run by their result keys; from several threads.

    :param artifacts: the images that are there, by address.
    """

    def __init__(
        self,
        config: Config,
        keyring: Keyring,
        registry: Registry,
        artifacts: Mapping[str, Artifact],
    ) -> None:
        self._keyring = keyring
        self._registry = registry
        self._artifacts = artifacts
        self._verify = config.flag("verify_hits")
        self._contents: dict[str, str | None] = {}

    def with_result(self, step: Step) -> Step:
        """Return the step with its result key, without one if it has none.

        :raises RegistryError: if the registry cannot be read.
        """
        names = self._keyring.graph.ingredients(step.address)
        if not names or bakes_digest(self._keyring.graph.node(step.address)):
            return dataclasses.replace(step, result=None)
        found = {name: self._content(self._artifacts[name].reference) for name in names}
        contents = {name: content for name, content in found.items() if content}
        is_known = len(contents) == len(found)
        result = self._keyring.result(step.address, contents) if is_known else None
        return dataclasses.replace(step, result=result)

    def _content(self, image: Reference) -> str | None:
        if image.digest not in self._contents:
            self._contents[image.digest] = content_digest(self._registry, image)
        return self._contents[image.digest]

    def find(self, step: Step, key_tag: Reference) -> Artifact | None:
        """Return the image that the result key finds, stored with the root of the step's own key.

        It takes one request if there is none.

        :param key_tag: the tag of the step's key, as it is to be.
        :raises RegistryError: if the registry fails.
        """
        if step.result is None:
            return None
        for place in dict.fromkeys((step.shared.repository_only(), key_tag.repository_only())):
            found = self._registry.read_manifest(result_tag(place, step))
            if found is None or (data := self._with_root(step, found)) is None:
                continue
            image = Artifact(place.with_digest(found[0].digest), found[0])
            return self._store_again(step, image, data, key_tag)
        return None

    def _with_root(self, step: Step, found: tuple[Descriptor, bytes]) -> bytes | None:
        """Return a manifest or index with the root of the step in the place of its own.

        Not another byte differs: a build of the image would give the same, but for its history.

        :return: None if it does not say that it was made of what the result key says.
        """
        assert step.result is not None
        descriptor, data = found
        annotations = read_document(data, descriptor.media_type).annotations
        root = annotations.get(ROOT_ANNOTATION, "").encode()
        if len(root) != _ROOT_LENGTH or data.count(root) != 1:
            return None
        if self._verify and annotations.get(RESULT_ANNOTATION) != step.result.root:
            return None
        return data.replace(root, step.record.root.encode())

    def _store_again(
        self, step: Step, image: Artifact, data: bytes, key_tag: Reference
    ) -> Artifact:
        """Store a manifest or index, whose parts an image has, in the repository of the key."""
        place = key_tag.repository_only()
        if image.reference.repository != place.repository:  # which brings the parts there
            self._registry.tag(image.reference, result_tag(place, step))
        stored = self._registry.write_manifest(place, image.descriptor.media_type, data)
        return Artifact(place.with_digest(stored.digest), stored)

    def keep(self, step: Step, image: Artifact, key_tag: Reference) -> None:
        """Have the step's result key find an image.

        Where tags may not move, what it finds already was made of the same.

        :raises RegistryError: if the registry does not take the tag, and there is none.
        """
        if step.result is None:
            return
        tag = result_tag(key_tag, step)
        try:
            self._registry.tag(image.reference, tag)
        except RegistryError:
            if self._registry.resolve(tag) is None:
                raise


def result_tag(repository: Reference, step: Step) -> Reference:
    """Return the tag of a step's result key in a repository."""
    assert step.result is not None
    return repository.with_tag(f"{RESULT_PREFIX}{step.result.key}")


def bakes_digest(node: Node) -> bool:
    """Tell whether a digest of another image may be in the image, or decide what is.

    That is so if a stage declares an argument that has it; a FROM line alone does not keep it. What
    a foreign frontend does with arguments, nobody knows.
    """
    resolution = node.resolution
    if resolution.whole_context:
        return any(map(_names_digest, node.args.values()))
    instructions = (each for stage in resolution.stages for each in stage.instructions)
    declared = {
        name
        for instruction in (*instructions, *resolution.triggers)
        if instruction.name == "ARG"
        for name, _ in instruction.pairs
    }
    return any(
        name.partition("@")[0] in declared and _names_digest(value)
        for name, value in resolution.args
    )


def _names_digest(value: str) -> bool:
    return not fields_in(value).isdisjoint(NAMES_DIGEST)
