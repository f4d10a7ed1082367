"""What an edit does: the key before and after, and the image built from nothing before and after."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from okplug.backends import RESULT_ANNOTATION, ROOT_ANNOTATION
from okplug.contents import content_digest
from okplug.reference import Reference
from tests.matrix.model import NEW, PLAIN, REFUSED, SAME

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.testing import Outcome
    from tests.matrix.model import Edit, Scene

#: all that an image is: each of its documents, of which okplug's own annotations are no part
Image: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True)
class Sight:
    """A key with the image that was built under it.

    :param result: stands for its result key, ``""`` if it has none.
    :param content: what counts of the image to whatever is built from it.
    """

    key: str
    image: Image
    result: str
    content: str | None


def try_edit(edit: Edit, scene: Scene) -> tuple[str, str]:
    """Return what becomes of the key and of the image: ``same`` or ``new``, or ``refused``."""
    with scene.undo:
        scene.workspace.write({**PLAIN, **edit.files})
        edit.before(scene)
        first = look(scene)
        edit.change(scene)
        second = look(scene)
        if first is None or second is None:
            return REFUSED, REFUSED
        assert fresh_key(scene) == second.key, "the key depends on what okplug remembers"
        if first.result == second.result != "" and not edit.is_trusted:
            assert first.content == second.content, "the result key finds another image"
    return (
        NEW if first.key != second.key else SAME,
        NEW if first.image != second.image else SAME,
    )


def look(scene: Scene) -> Sight | None:
    """Build from nothing, and return what came of it; None if the builder will not."""
    outcome = scene.workspace.run("build", "--no-cache", "--json", "-", *scene.options, scene.image)
    if _is_refused(outcome):
        return None
    outcome.assert_ok()
    (built,) = (
        each
        for each in json.loads(outcome.stdout)["images"]
        if each["address"].endswith(f":{scene.image}")
    )
    repository = Reference.parse(built["references"]["global"]).with_tag("")
    reference = repository.with_digest(built["digest"])
    return Sight(
        built["key"],
        tuple(read_image(scene.registry, reference)),
        read_manifest(scene.registry, reference)["annotations"].get(RESULT_ANNOTATION, ""),
        content_digest(scene.registry, reference),
    )


def _is_refused(outcome: Outcome) -> bool:
    reasons = ("name a BuildKit with", "has an ONBUILD instruction that reads")
    return outcome.exit_code != 0 and any(reason in outcome.stderr for reason in reasons)


def fresh_key(scene: Scene) -> str:
    """Return the key as it is for somebody who has never run okplug in the workspace."""
    shutil.rmtree(scene.root / ".okplug")
    outcome = scene.workspace.run("hash", "--json", *scene.options, scene.image).assert_ok()
    (found,) = json.loads(outcome.stdout)["images"]
    key: str = found["key"]
    return key


def read_manifest(registry: Registry, reference: Reference) -> dict[str, Any]:
    """Return a manifest or index."""
    found = registry.read_manifest(reference)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def read_image(registry: Registry, reference: Reference) -> list[str]:
    """Return all documents of an image, or of the images of an index."""
    document = read_manifest(registry, reference)
    annotations = document.get("annotations", {})
    for of_the_key in (ROOT_ANNOTATION, RESULT_ANNOTATION):
        annotations.pop(of_the_key, None)
    children = document.get("manifests", ())
    if not children:
        return [json.dumps(document, sort_keys=True)]
    images = [read_image(registry, reference.with_digest(each["digest"])) for each in children]
    platforms = [each.get("platform") for each in children]
    return [json.dumps([annotations, platforms]), *chain.from_iterable(images)]
