"""What every registry backend promises, as tests for authors to subclass.

    class TestMyRegistry(RegistryContract):
        @pytest.fixture
        def registry(self) -> MyRegistry:
            return MyRegistry(...)

The registry must be empty, or ``repository`` must return references that nobody has used.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from typing import TYPE_CHECKING

import pytest

from okplug.backends import ROOT_ANNOTATION, Descriptor, Registry
from okplug.errors import RegistryError
from okplug.oci import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
)
from okplug.reference import Reference
from okplug.testing.content import (
    ABSENT,
    by_digest,
    digest_of,
    identity,
    manifest_of,
    read_bytes,
    write_bytes,
)
from okplug.testing.images import ImageView, push_image, push_index
from okplug.testing.referrers import ReferrersContract

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = {ROOT_ANNOTATION: "ab" * 32}


class RegistryContract(ReferrersContract):
    """The contract of ``okplug.Registry``; subclass it and give it a ``registry`` fixture."""

    @pytest.fixture
    def registry(self) -> Registry:
        """Return the registry to test."""
        raise NotImplementedError("override the fixture registry")

    @pytest.fixture
    def repository(self, registry: Registry) -> Callable[[str], Reference]:
        """Return what makes a reference, without tag, of a repository's name."""
        return lambda name: Reference(registry.host, name)

    @pytest.fixture
    def written(self, registry: Registry) -> Callable[[], object] | None:
        """Return a function whose result differs after each write; None if nothing can tell."""
        del registry
        return None

    @pytest.fixture
    def api(self, repository: Callable[[str], Reference]) -> Reference:
        """Return the tag that most tests use."""
        return repository("okteto/api").with_tag("1.0")

    @pytest.fixture
    def other(self, repository: Callable[[str], Reference]) -> Reference:
        """Return a tag in another repository."""
        return repository("cindy/api").with_tag("okteto")

    # ---------------------------------------------------------------------------------- of itself

    def test_it_says_what_it_is(self, registry: Registry) -> None:
        """It has a host, a description of one line and a limit of calls at once."""
        assert registry.host
        assert registry.describe()
        assert "\n" not in registry.describe()
        assert registry.concurrency >= 1
        assert registry.is_remote in {True, False}

    def test_a_repository_that_may_be_written_to(
        self,
        registry: Registry,
        api: Reference,
        other: Reference,
        written: Callable[[], object] | None,
    ) -> None:
        """The user may write, and nothing is left of finding that out."""
        write_bytes(registry, other, b"so that there is something")
        before = written() if written else None
        assert registry.is_writable(api) is True
        assert list(registry.tags(api)) == []
        assert (written() if written else None) == before

    # -------------------------------------------------------------------------------------- blobs

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000], ids=len)
    def test_blob_round_trip(self, registry: Registry, api: Reference, data: bytes) -> None:
        """What was written is read, under the digest that it really has."""
        descriptor = write_bytes(registry, api, data)
        assert (descriptor.media_type, descriptor.digest, descriptor.size) == (
            OCI_LAYER,
            digest_of(data),
            len(data),
        )
        assert registry.has_blob(api, descriptor.digest)
        assert read_bytes(registry, api, descriptor.digest) == data

    def test_big_blob_in_pieces(self, registry: Registry, api: Reference) -> None:
        """A blob of some megabytes streams in and out."""
        data = b"".join(hashlib.sha512(bytes([n])).digest() * 16384 for n in range(8))
        digest = write_bytes(registry, api, data).digest
        with registry.open_blob(api, digest) as stream:
            pieces = list(iter(lambda: stream.read(65536), b""))
        assert b"".join(pieces) == data
        assert len(pieces) > 1

    def test_a_blob_that_is_left_early(self, registry: Registry, api: Reference) -> None:
        """A reader may close a stream before its end."""
        digest = write_bytes(registry, api, b"0123456789" * 10000).digest
        with registry.open_blob(api, digest) as stream:
            assert stream.read(10) == b"0123456789"

    def test_blob_twice(self, registry: Registry, api: Reference) -> None:
        """Writing what is there is no error and changes nothing."""
        first = write_bytes(registry, api, b"same")
        assert write_bytes(registry, api, b"same") == first
        assert read_bytes(registry, api, first.digest) == b"same"

    def test_missing_blob(self, registry: Registry, api: Reference) -> None:
        """A blob that is not there is told so, and cannot be opened."""
        assert not registry.has_blob(api, ABSENT)
        with pytest.raises(RegistryError):
            read_bytes(registry, api, ABSENT)

    def test_a_blob_belongs_to_its_repository(
        self, registry: Registry, api: Reference, other: Reference
    ) -> None:
        """What one repository holds is not in another."""
        digest = write_bytes(registry, api, b"mine").digest
        assert not registry.has_blob(other, digest)

    def test_mount(self, registry: Registry, api: Reference, other: Reference) -> None:
        """A mounted blob is in both repositories; a missing one cannot be mounted."""
        digest = write_bytes(registry, api, b"shared").digest
        if registry.mount_blob(api, other, digest):
            assert read_bytes(registry, other, digest) == b"shared"
        else:
            assert not registry.has_blob(other, digest)
        assert read_bytes(registry, api, digest) == b"shared"
        assert not registry.mount_blob(api, other, ABSENT)
        assert not registry.has_blob(other, ABSENT)

    # ---------------------------------------------------------------------------------- manifests

    def test_nothing_is_there(self, registry: Registry, api: Reference) -> None:
        """An unknown tag, digest and repository are None, no tags, and nothing to delete."""
        absent = api.with_tag("").with_digest(ABSENT)
        for reference in (api, absent):
            assert registry.resolve(reference) is None
            assert registry.read_manifest(reference) is None
            assert registry.delete(reference) is False
        assert list(registry.tags(api)) == []

    def test_image_round_trip(self, registry: Registry, api: Reference) -> None:
        """An image that was pushed is found by tag and digest, and reads the same."""
        pushed = push_image(registry, api, files={"etc/name": "api\n"}, config={"Cmd": ["/api"]})
        for reference in (api, by_digest(api, pushed), api.with_digest(pushed.digest)):
            assert identity(registry.resolve(reference)) == identity(pushed)
            found = registry.read_manifest(reference)
            assert found is not None
            assert identity(found[0]) == identity(pushed)
            assert digest_of(found[1]) == pushed.digest
        view = ImageView.read(registry, api)
        assert view.config["config"] == {"Cmd": ["/api"]}
        assert view.tree() == {"etc/name": ("file", 0o644, 0, 0, b"api\n")}

    def test_a_digest_counts_more_than_a_tag(self, registry: Registry, api: Reference) -> None:
        """A reference with both is found by its digest, wherever the tag points."""
        old = push_image(registry, api, files={"a": "old"})
        push_image(registry, api, files={"a": "new"})
        assert identity(registry.resolve(api.with_digest(old.digest))) == identity(old)
        assert registry.resolve(api.with_digest(ABSENT)) is None

    def test_a_manifest_without_tag_has_none(self, registry: Registry, api: Reference) -> None:
        """What is written by digest gets no tag."""
        pushed = push_image(registry, api.with_tag(""), files={"a": "1"})
        assert registry.resolve(api) is None
        assert list(registry.tags(api)) == []
        assert identity(registry.resolve(by_digest(api, pushed))) == identity(pushed)

    def test_a_manifest_keeps_its_bytes(self, registry: Registry, api: Reference) -> None:
        """Bytes are stored as they are, unusual spacing, order and characters included."""
        config = registry.write_blob(api, io.BytesIO(b"{}"), OCI_CONFIG)
        document = manifest_of(config, annotations={"title": "Größe 漢字"})
        data = json.dumps(document, indent=3, ensure_ascii=False).encode() + b"\n"
        descriptor = registry.write_manifest(api, OCI_MANIFEST, data)
        found = registry.read_manifest(by_digest(api, descriptor))
        assert found is not None
        assert found[1] == data
        assert descriptor.digest == digest_of(data)

    def test_docker_manifest(self, registry: Registry, api: Reference) -> None:
        """Docker's manifests keep their media type."""
        config = registry.write_blob(api, io.BytesIO(b"{}"), OCI_CONFIG)
        data = json.dumps(manifest_of(config, media_type=DOCKER_MANIFEST)).encode()
        written = registry.write_manifest(api, DOCKER_MANIFEST, data)
        registry.tag(by_digest(api, written), api)
        found = registry.resolve(api)
        assert found is not None
        assert found.media_type == DOCKER_MANIFEST

    def test_a_manifest_needs_its_blobs(self, registry: Registry, api: Reference) -> None:
        """A manifest that refers to what is not there is refused."""
        config = Descriptor(OCI_CONFIG, ABSENT, 18)
        data = json.dumps(manifest_of(config)).encode()
        with pytest.raises(RegistryError):
            registry.write_manifest(api, OCI_MANIFEST, data)
        assert registry.resolve(api.with_tag("").with_digest(digest_of(data))) is None

    def test_an_index_needs_its_manifests(self, registry: Registry, api: Reference) -> None:
        """An index that refers to what is not there is refused."""
        absent = Descriptor(OCI_MANIFEST, ABSENT, 18)
        with pytest.raises(RegistryError):
            push_index(registry, api, {"linux/amd64": absent})
        assert registry.resolve(api) is None

    def test_the_root_is_kept(self, registry: Registry, api: Reference) -> None:
        """The annotation that hits are verified with comes with the tag or in the manifest."""
        push_image(registry, api, files={"a": "1"}, annotations=_ROOT)
        found = registry.read_manifest(api)
        assert found is not None
        assert json.loads(found[1])["annotations"] == _ROOT
        resolved = registry.resolve(api)
        assert resolved is not None
        assert resolved.annotations.get(ROOT_ANNOTATION, _ROOT[ROOT_ANNOTATION]) == "ab" * 32

    # --------------------------------------------------------------------------------------- tags

    def test_a_tag_moves(self, registry: Registry, api: Reference) -> None:
        """A tag finds the last image that it was pointed at; the one before keeps its digest."""
        old = push_image(registry, api, files={"a": "old"})
        new = push_image(registry, api, files={"a": "new"})
        assert identity(registry.resolve(api)) == identity(new) != identity(old)
        assert list(registry.tags(api)) == ["1.0"]

    def test_tag_by_tag(self, registry: Registry, api: Reference) -> None:
        """A tag can be pointed at what another tag finds."""
        pushed = push_image(registry, api, files={"a": "1"})
        latest = api.with_tag("latest")
        assert identity(registry.tag(api, latest)) == identity(pushed)
        assert identity(registry.resolve(latest)) == identity(pushed)

    def test_tag_in_another_repository(
        self, registry: Registry, api: Reference, other: Reference
    ) -> None:
        """The whole image is in the other repository afterwards, under the same digest."""
        pushed = push_image(
            registry, api, files=[{"a": "1"}, {"b": "2"}], config={"User": "nobody"}
        )
        assert identity(registry.tag(by_digest(api, pushed), other)) == identity(pushed)
        assert identity(registry.resolve(other)) == identity(pushed)
        assert ImageView.read(registry, other) == ImageView.read(registry, api)
        registry.delete(api)
        assert set(ImageView.read(registry, other).tree()) == {"a", "b"}

    def test_tag_of_an_index(self, registry: Registry, api: Reference, other: Reference) -> None:
        """Every platform goes along, and the index keeps its digest."""
        untagged = api.with_tag("")
        images = {
            platform: push_image(registry, untagged, files={"arch": platform}, platform=platform)
            for platform in ("linux/amd64", "linux/arm64/v8")
        }
        index = push_index(registry, api, images, annotations=_ROOT)
        assert index.media_type == OCI_INDEX
        assert identity(registry.tag(api, other)) == identity(index)
        for platform in images:
            view = ImageView.read(registry, other, platform)
            assert view.tree()["arch"].content == platform.encode()

    def test_tag_again_writes_nothing(
        self,
        registry: Registry,
        api: Reference,
        other: Reference,
        written: Callable[[], object] | None,
    ) -> None:
        """A tag that points there already is left alone."""
        pushed = push_image(registry, api, files={"a": "1"}, annotations=_ROOT)
        registry.tag(api, other)
        before = written() if written else None
        assert identity(registry.tag(by_digest(api, pushed), other)) == identity(pushed)
        assert identity(registry.tag(api, api)) == identity(pushed)
        assert (written() if written else None) == before
        if written:
            registry.tag(api, other.with_tag("else"))
            assert written() != before, "the fixture written tells no difference"

    def test_tag_of_nothing(self, registry: Registry, api: Reference, other: Reference) -> None:
        """What is not there cannot be tagged, and the target stays as it was."""
        for source in (api, api.with_tag("").with_digest(ABSENT)):
            with pytest.raises(RegistryError):
                registry.tag(source, other)
        assert registry.resolve(other) is None

    def test_tags_are_sorted(self, registry: Registry, api: Reference) -> None:
        """Tags come in the order of their characters; other repositories' do not count."""
        pushed = push_image(registry, api, files={"a": "1"})
        for tag in ("latest", "10", "V2", "_x", "b.1-2", "ab" * 16):
            registry.tag(by_digest(api, pushed), api.with_tag(tag))
        assert list(registry.tags(api)) == sorted(
            ["1.0", "latest", "10", "V2", "_x", "b.1-2", "ab" * 16]
        )

    # ------------------------------------------------------------------------------------- delete

    def test_delete_a_tag(self, registry: Registry, api: Reference) -> None:
        """The tag is gone, another tag of the image still finds it."""
        push_image(registry, api, files={"a": "1"})
        registry.tag(api, api.with_tag("kept"))
        assert registry.delete(api) is True
        assert registry.resolve(api) is None
        assert list(registry.tags(api)) == ["kept"]
        assert set(ImageView.read(registry, api.with_tag("kept")).tree()) == {"a"}
        assert registry.delete(api) is False

    def test_delete_a_manifest(self, registry: Registry, api: Reference) -> None:
        """The manifest is gone, and its tags find nothing; other images stay."""
        gone = push_image(registry, api, files={"a": "1"})
        registry.tag(api, api.with_tag("too"))
        push_image(registry, api.with_tag("kept"), files={"a": "2"})
        assert registry.delete(by_digest(api, gone)) is True
        assert registry.resolve(by_digest(api, gone)) is None
        found = [tag for tag in registry.tags(api) if registry.resolve(api.with_tag(tag))]
        assert found == ["kept"]
        assert ImageView.read(registry, api.with_tag("kept")).tree()["a"].content == b"2"
        assert registry.delete(by_digest(api, gone)) is False

    def test_an_image_comes_back(self, registry: Registry, api: Reference) -> None:
        """What was deleted can be pushed again."""
        first = push_image(registry, api, files={"a": "1"})
        registry.delete(by_digest(api, first))
        assert push_image(registry, api, files={"a": "1"}) == first
        assert set(ImageView.read(registry, api).tree()) == {"a"}

    # ------------------------------------------------------------------------------ names, threads

    @pytest.mark.parametrize(
        "name", ["x", "a/b/c/d", "a.b_c__d--e/f", "a/blobs", "a/index.json", "a/oci-layout", "0"]
    )
    def test_names(
        self, registry: Registry, repository: Callable[[str], Reference], name: str
    ) -> None:
        """Every repository that the grammar allows is one, those below others too."""
        outer, inner = repository("a").with_tag("t"), repository(name).with_tag("t")
        push_image(registry, outer, files={"a": "outer"})
        push_image(registry, inner, files={"a": "inner"})
        assert ImageView.read(registry, outer).tree()["a"].content == b"outer"
        assert ImageView.read(registry, inner).tree()["a"].content == b"inner"

    @pytest.mark.parametrize("tag", ["A", "a", "_", "1.", "x" * 128, "v1.0-rc.1_2"])
    def test_tag_names(self, registry: Registry, api: Reference, tag: str) -> None:
        """Every tag that the grammar allows is one, and case counts."""
        push_image(registry, api.with_tag("a.other"), files={"a": "other"})
        pushed = push_image(registry, api.with_tag(tag), files={"a": tag})
        assert identity(registry.resolve(api.with_tag(tag))) == identity(pushed)
        assert tag in list(registry.tags(api))

    def test_file_names_of_all_scripts(self, registry: Registry, api: Reference) -> None:
        """What is in layers is none of a registry's business."""
        push_image(registry, api, files={"données/漢字 x": "é\n"})
        assert set(ImageView.read(registry, api).tree()) == {"données/漢字 x"}

    def test_writers_at_once(self, registry: Registry, api: Reference) -> None:
        """Images pushed by several threads are all there, with all their tags."""
        errors: list[Exception] = []

        def push(worker: int) -> None:
            try:
                for number in range(4):
                    tag = api.with_tag(f"t{worker}-{number}")
                    push_image(registry, tag, files={"own": f"{tag}", "shared": "x" * 1000})
                    registry.tag(tag, api.with_tag("last"))
            except Exception as error:  # noqa: BLE001  # a thread's failure must fail the test
                errors.append(error)

        threads = [threading.Thread(target=push, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        expected = [f"t{worker}-{number}" for worker in range(4) for number in range(4)]
        assert list(registry.tags(api)) == sorted([*expected, "last"])
        for tag in (*expected, "last"):
            own = ImageView.read(registry, api.with_tag(tag)).tree()["own"].content
            assert own == f"{api.with_tag(tag)}".encode() or tag == "last"
