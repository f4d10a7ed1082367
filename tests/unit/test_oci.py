"""What is read from manifests and indexes, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from okplug.backends import Descriptor
from okplug.errors import RegistryError
from okplug.oci import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Document,
    is_sha256,
    read_descriptor,
    read_document,
)

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
CONFIG = {"mediaType": OCI_CONFIG, "digest": A, "size": 1}
LAYER = {"mediaType": OCI_LAYER, "digest": B, "size": 2}
FOREIGN = {"mediaType": OCI_LAYER, "digest": C, "size": 3, "urls": ["https://example.com/layer"]}
MANIFEST = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
INDEX = {"schemaVersion": 2, "manifests": [{"mediaType": OCI_MANIFEST, "digest": C, "size": 4}]}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_manifest() -> None:
    document = {**MANIFEST, "mediaType": OCI_MANIFEST, "annotations": {"a": "b", "c": 1}}
    assert read_document(encoded(document)) == Document(
        OCI_MANIFEST,
        blobs=(Descriptor(OCI_CONFIG, A, 1), Descriptor(OCI_LAYER, B, 2)),
        annotations={"a": "b"},
        artifact_type=OCI_CONFIG,
    )


def test_what_a_document_is_about() -> None:
    found = read_document(encoded({**MANIFEST, "subject": CONFIG, "artifactType": "text/x"}))
    assert (found.subject, found.artifact_type) == (Descriptor(OCI_CONFIG, A, 1), "text/x")
    found = read_document(encoded({**INDEX, "subject": CONFIG}))
    assert (found.subject, found.artifact_type) == (Descriptor(OCI_CONFIG, A, 1), "")
    assert read_document(encoded({**MANIFEST, "subject": None})).subject is None


@pytest.mark.parametrize("subject", [{}, "x", [], {"mediaType": OCI_MANIFEST, "digest": A}])
def test_a_subject_that_is_no_descriptor(subject: object) -> None:
    with pytest.raises(RegistryError, match="descriptor"):
        read_document(encoded({**MANIFEST, "subject": subject}))


@pytest.mark.parametrize(
    ("name", "media_type"), [("layers", OCI_MANIFEST), ("manifests", OCI_INDEX)]
)
def test_null_is_a_list_without_items(name: str, media_type: str) -> None:
    found = read_document(encoded({"config": CONFIG, name: None}))
    assert (found.media_type, found.manifests) == (media_type, ())


def test_an_index() -> None:
    assert read_document(encoded({**INDEX, "mediaType": OCI_INDEX})) == Document(
        OCI_INDEX, manifests=(Descriptor(OCI_MANIFEST, C, 4),)
    )


def test_a_layer_that_is_elsewhere_is_not_kept() -> None:
    found = read_document(encoded({**MANIFEST, "layers": [LAYER, FOREIGN]}))
    assert [blob.digest for blob in found.blobs] == [A, B]


@pytest.mark.parametrize(
    ("document", "said", "media_type"),
    [
        (MANIFEST, "", OCI_MANIFEST),
        (INDEX, "", OCI_INDEX),
        (MANIFEST, DOCKER_MANIFEST, DOCKER_MANIFEST),
        ({**MANIFEST, "mediaType": DOCKER_MANIFEST}, "", DOCKER_MANIFEST),
        ({**INDEX, "mediaType": DOCKER_INDEX}, DOCKER_INDEX, DOCKER_INDEX),
        ({**INDEX, "annotations": None}, OCI_INDEX, OCI_INDEX),
    ],
)
def test_which_kind_it_is(document: dict[str, Any], said: str, media_type: str) -> None:
    assert read_document(encoded(document), said).media_type == media_type


@pytest.mark.parametrize(
    ("data", "said", "message"),
    [
        (b"[]", "", "a manifest is no JSON object"),
        (b" " * (4 * 1024 * 1024 + 1), "", "a manifest of 4194305 bytes: expected at most 4 MiB"),
        (encoded({**MANIFEST, "mediaType": OCI_MANIFEST}), OCI_INDEX,
         f"a manifest says that it is '{OCI_MANIFEST}', and was given as '{OCI_INDEX}'"),
        (encoded({**MANIFEST, "mediaType": "text/plain"}), "",
         "expected an image's manifest or index, not 'text/plain'"),
        (encoded({**MANIFEST, "mediaType": ["x"]}), "",
         "expected an image's manifest or index, not ['x']"),
        (encoded({}), "", f"a document of type {OCI_MANIFEST} has not the fields of one"),
        (encoded({**INDEX, "mediaType": OCI_MANIFEST}), "",
         f"a document of type {OCI_MANIFEST} has not the fields of one"),
        (encoded({**INDEX, **MANIFEST}), "",
         "a document has the fields of both a manifest and an index"),
        (encoded({**MANIFEST, "layers": {}}), "", "the layers of a manifest are no list"),
        (encoded({"manifests": 1}), "", "the manifests of an index are no list"),
        (encoded({"layers": []}), "", "expected a descriptor, not None"),
        (encoded({**MANIFEST, "layers": ["x"]}), "", "expected a descriptor, not 'x'"),
        (encoded({**MANIFEST, "config": {}}), "", "a descriptor lacks its mediaType or digest"),
        (encoded({**MANIFEST, "config": {**CONFIG, "digest": "abc"}}), "",
         "a descriptor lacks its mediaType or digest"),
        (encoded({**MANIFEST, "config": {**CONFIG, "size": True}}), "",
         f"the descriptor of {A} lacks its size"),
        (encoded({**MANIFEST, "config": {**CONFIG, "size": -1}}), "",
         f"the descriptor of {A} lacks its size"),
    ],
)  # fmt: skip
def test_what_is_refused(data: bytes, said: str, message: str) -> None:
    with pytest.raises(RegistryError) as caught:
        read_document(data, said)
    assert caught.value.message == message


@pytest.mark.parametrize("data", [b"\xff", b"{", b"", b"\x00", b"{'a': 1}"])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(RegistryError, match=r"^a manifest is no JSON: "):
        read_document(data)


def test_json_that_lies_too_deep_is_an_error_and_no_crash() -> None:
    with pytest.raises(RegistryError, match=r"^a manifest is no JSON: maximum recursion depth"):
        read_document(b"[" * 100_000)


def test_a_descriptor_keeps_its_annotations() -> None:
    given = {**LAYER, "annotations": {"title": "a.tar", "number": 1}}
    assert read_descriptor(given) == Descriptor(OCI_LAYER, B, 2, {"title": "a.tar"})


def test_a_digest() -> None:
    assert is_sha256(A)


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n",
        A[:-1],
        A.upper(),
        "sha256:" + "g" * 64,
        "sha512:" + "a" * 128,
        "sha256:../../../etc/passwd",
        "",
    ],
)
def test_what_is_no_digest(text: str) -> None:
    assert not is_sha256(text)
