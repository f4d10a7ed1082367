"""What every registry backend promises about what refers to an image, such as a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.oci import read_document
from okplug.testing.content import ABSENT, by_digest, identity, push_artifact, read_bytes
from okplug.testing.images import push_image, push_index

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.reference import Reference


class ReferrersContract:
    """A part of ``RegistryContract``, whose fixtures it uses.

    A registry that keeps no lists says so by its fixture ``lists_referrers``.
    """

    @pytest.fixture
    def lists_referrers(self) -> bool:
        """Return whether it keeps lists of what refers to an image; without, it returns none."""
        return True

    def test_what_refers_to_an_image(
        self, registry: Registry, api: Reference, *, lists_referrers: bool
    ) -> None:
        """It is found by the image's tag and digest, by its kind, and is read by its digest."""
        image = push_image(registry, api, files={"a": "1"})
        other = push_image(registry, api.with_tag("2.0"), files={"a": "2"})
        assert registry.referrers(api) == ()
        note = push_artifact(registry, api, image, b"a note", "application/x.note")
        sign = push_artifact(registry, api, image, b"a sign", "application/x.sign")
        push_artifact(registry, api, other, b"a note", "application/x.note")
        expected = {note.digest: note.size, sign.digest: sign.size} if lists_referrers else {}
        for reference in (api, by_digest(api, image)):
            found = {entry.digest: entry.size for entry in registry.referrers(reference)}
            assert found == expected
        for entry in registry.referrers(api):
            assert entry.annotations in ({}, {"about": "a"})
        kinds = registry.referrers(api, "application/x.note")
        assert [entry.digest for entry in kinds] == ([note.digest] if lists_referrers else [])
        assert registry.referrers(api, "application/x.else") == ()
        read = registry.read_manifest(by_digest(api, note))
        assert read is not None
        layer = read_document(read[1]).blobs[-1].digest
        assert read_bytes(registry, api, layer) == b"a note"

    def test_what_refers_has_no_tag(self, registry: Registry, api: Reference) -> None:
        """Tags are of images alone, and they find them as before."""
        image = push_image(registry, api, files={"a": "1"})
        push_artifact(registry, api, image, b"a note")
        assert list(registry.tags(api)) == ["1.0"]
        assert identity(registry.resolve(api)) == identity(image)

    def test_what_refers_is_listed_once(
        self, registry: Registry, api: Reference, *, lists_referrers: bool
    ) -> None:
        """Whoever writes the same again changes nothing."""
        image = push_image(registry, api, files={"a": "1"})
        for _ in range(2):
            push_artifact(registry, api, image, b"a note")
        assert len(registry.referrers(api)) == lists_referrers

    def test_what_refers_to_an_index(
        self, registry: Registry, api: Reference, *, lists_referrers: bool
    ) -> None:
        """It refers to the whole, and to none of the platforms."""
        child = push_image(registry, api.with_tag(""), files={"a": "1"})
        index = push_index(registry, api, {"linux/amd64": child})
        push_artifact(registry, api, index, b"a note")
        assert len(registry.referrers(api)) == lists_referrers
        assert registry.referrers(by_digest(api, child)) == ()

    def test_nothing_refers_to_nothing(self, registry: Registry, api: Reference) -> None:
        """Of what is not there, or never was, there is no list."""
        assert registry.referrers(api) == ()
        assert registry.referrers(api.with_tag("").with_digest(ABSENT)) == ()

    def test_what_refers_goes_with_the_image(self, registry: Registry, api: Reference) -> None:
        """A deleted manifest takes along what was only about it, and nothing else.

        What is pushed again is a new image, which nothing refers to.
        """
        image = push_image(registry, api, files={"a": "1"})
        kept = push_image(registry, api.with_tag("kept"), files={"a": "2"})
        push_artifact(registry, api, image, b"gone")
        stays = push_artifact(registry, api, kept, b"stays")
        assert registry.delete(by_digest(api, image)) is True
        assert registry.referrers(by_digest(api, image)) == ()
        assert [entry.digest for entry in registry.referrers(api.with_tag("kept"))] in (
            [stays.digest],
            [],
        )
        assert push_image(registry, api, files={"a": "1"}) == image
        assert registry.referrers(api) == ()
        assert registry.resolve(by_digest(api, stays)) is not None
