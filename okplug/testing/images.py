"""Small images for tests: written into any registry, and read back as the tree of their files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from okplug.oci import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, read_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug.backends import Descriptor, Registry
    from okplug.reference import Reference

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
#: how data begin that are compressed with zstd, which only new Pythons know
_ZSTD = b"\x28\xb5\x2f\xfd"

_TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
}
_TAR_TYPES = {kind: tar_type for tar_type, kind in _TYPES.items()}


class Node(NamedTuple):
    """One path of an image's file system; it compares with plain tuples.

    :param kind: ``file``, ``directory``, ``link``, ``fifo`` or a ``... device``.
    :param content: the bytes of a file, the text of a link, ``""`` for others.
    """

    kind: str = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    content: bytes | str = b""


Files: TypeAlias = "Mapping[str, str | bytes | Node]"


def push_image(
    registry: Registry,
    reference: Reference,
    *,
    files: Files | Sequence[Files] = (),
    config: Mapping[str, object] | None = None,
    platform: str = "linux/amd64",
    annotations: Mapping[str, str] | None = None,
) -> Descriptor:
    """Write an image, tag it if the reference has a tag, and return its descriptor.

    Equal arguments give equal digests.

    :param files: path -> content, of one layer or of each; a path that ends with ``/`` is a folder.
    :param config: the ``config`` object of the image's configuration, such as ``{"Cmd": ["/x"]}``.
    """
    layers = [layer_tar(layer) for layer in ([files] if isinstance(files, Mapping) else files)]
    blobs = [
        registry.write_blob(reference, io.BytesIO(gzip.compress(layer, mtime=0)), OCI_LAYER_GZIP)
        for layer in layers
    ]
    configuration = _configuration(platform, config or {}, layers)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _plain(
            registry.write_blob(reference, io.BytesIO(_json(configuration)), OCI_CONFIG)
        ),
        "layers": [_plain(blob) for blob in blobs],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return _publish(registry, reference, OCI_MANIFEST, manifest)


def push_index(
    registry: Registry,
    reference: Reference,
    images: Mapping[str, Descriptor],
    *,
    annotations: Mapping[str, str] | None = None,
) -> Descriptor:
    """Write an index of images that are there, tag it if the reference has a tag.

    :param images: platform -> the image's descriptor.
    """
    manifests = [
        {**_plain(image), "platform": _platform(platform)} for platform, image in images.items()
    ]
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": manifests,
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return _publish(registry, reference, OCI_INDEX, index)


def layer_tar(files: Files) -> bytes:
    """Return an uncompressed layer with all times 0, in the order of *files*."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, given in files.items():
            node = _node(path, given)
            member = tarfile.TarInfo(path.strip("/"))
            member.type, member.mode = _TAR_TYPES[node.kind], node.mode
            member.uid, member.gid = node.uid, node.gid
            if isinstance(node.content, bytes):
                member.size = len(node.content)
                archive.addfile(member, io.BytesIO(node.content))
            else:
                member.linkname = node.content
                archive.addfile(member)
    return buffer.getvalue()


def _node(path: str, given: str | bytes | Node) -> Node:
    if isinstance(given, Node):
        return given
    if path.endswith("/"):
        return Node("directory", 0o755, content="")
    return Node(content=given.encode() if isinstance(given, str) else given)


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image of one platform as a registry has it, all digests checked.

    :param manifest: as it was decoded.
    :param config: the whole configuration; what containers start with is ``config["config"]``.
    :param layers: uncompressed, the lowest first.
    """

    descriptor: Descriptor
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    layers: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def read(cls, registry: Registry, reference: Reference, platform: str = "") -> ImageView:
        """Read the image that the reference finds.

        :param platform: which image of an index; ``""`` for one that stands alone.
        :raises AssertionError: if it is not there, contradicts itself, or is compressed with zstd.
        """
        found = registry.read_manifest(reference)
        assert found is not None, f"{reference} is not there"
        descriptor, data = found
        document = json.loads(data)
        if read_document(data, descriptor.media_type).manifests:
            digest = _choose(document["manifests"], platform)
            return cls.read(registry, reference.with_tag("").with_digest(digest))
        config = json.loads(_blob(registry, reference, document["config"]))
        layers = tuple(_layer(registry, reference, layer) for layer in document["layers"] or ())
        found_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        assert (config["rootfs"]["diff_ids"] or []) == found_ids, (
            "diff_ids are not those of the layers"
        )
        return cls(descriptor, document, config, layers)

    def members(self, layer: int) -> tuple[str, ...]:
        """Return the names in a layer's archive, as they stand there."""
        with tarfile.open(fileobj=io.BytesIO(self.layers[layer])) as archive:
            return tuple(archive.getnames())

    def tree(self) -> dict[str, Node]:
        """Return path -> node after all layers, without slashes around paths, sorted."""
        tree: dict[str, Node] = {}
        for layer in self.layers:
            _apply(tree, layer)
        return dict(sorted(tree.items()))


def _apply(tree: dict[str, Node], layer: bytes) -> None:
    """Lay a layer over a tree: its whiteouts first, since they are about what lies below it."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        members = [(_normal(member.name), member) for member in archive]
        for path, _ in members:
            folder, _, name = path.rpartition("/")
            if name == _OPAQUE:
                _remove_below(tree, folder)
            elif name.startswith(_WHITEOUT):
                removed = f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/")
                tree.pop(removed, None)
                _remove_below(tree, removed)
        for path, member in members:
            if path and not path.rpartition("/")[2].startswith(_WHITEOUT):
                _put(tree, path, _read(tree, archive, member))


def _normal(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", "."})


def _remove_below(tree: dict[str, Node], folder: str) -> None:
    for path in [path for path in tree if not folder or path.startswith(f"{folder}/")]:
        del tree[path]


def _put(tree: dict[str, Node], path: str, node: Node) -> None:
    if node.kind != "directory":
        _remove_below(tree, path)
    tree[path] = node


def _read(tree: Mapping[str, Node], archive: tarfile.TarFile, member: tarfile.TarInfo) -> Node:
    if member.islnk():
        return tree[_normal(member.linkname)]
    kind = _TYPES[member.type]
    content: bytes | str = member.linkname
    if kind == "file":
        stream = archive.extractfile(member)
        assert stream is not None
        content = stream.read()
    return Node(kind, member.mode, member.uid, member.gid, content)


def _choose(manifests: Sequence[Mapping[str, Any]], platform: str) -> str:
    for descriptor in manifests:
        if not platform or descriptor.get("platform") == _platform(platform):
            return str(descriptor["digest"])
    raise AssertionError(f"the index has no image for {platform}")


def _blob(registry: Registry, reference: Reference, descriptor: Mapping[str, Any]) -> bytes:
    with registry.open_blob(reference, descriptor["digest"]) as stream:
        data = stream.read()
    assert len(data) == descriptor["size"], f"the size of {descriptor['digest']} is wrong"
    return data


def _layer(registry: Registry, reference: Reference, descriptor: Mapping[str, Any]) -> bytes:
    data = _blob(registry, reference, descriptor)
    assert not data.startswith(_ZSTD), "a layer is compressed with zstd, which a view does not read"
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _configuration(
    platform: str, config: Mapping[str, object], layers: Sequence[bytes]
) -> dict[str, object]:
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    return {
        **_platform(platform),
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "push_image"} for _ in layers],
    }


def _platform(text: str) -> dict[str, str]:
    names = ("os", "architecture", "variant")
    return dict(zip(names, text.split("/"), strict=False))


def _plain(descriptor: Descriptor) -> dict[str, object]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _publish(
    registry: Registry, reference: Reference, media_type: str, document: Mapping[str, object]
) -> Descriptor:
    descriptor = registry.write_manifest(reference, media_type, _json(document))
    if reference.tag:
        registry.tag(reference.with_tag("").with_digest(descriptor.digest), reference)
    return descriptor
