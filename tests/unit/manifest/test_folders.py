from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import ManifestError
from okplug.manifest.folders import folder_below, manifest_folder


def test_the_folder_around_okteto_is_the_manifests() -> None:
    assert manifest_folder(Path("/r/a/.okteto/okteto.yml")) == Path("/r/a")
    assert manifest_folder(Path("/r/a/okteto.yml")) == Path("/r/a")


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/r/x.yml", ""), ("/r/.okteto/x.yml", ""), ("/r/a/b/x.yml", "a/b"), ("/r/a/.okteto/x", "a")],
)
def test_it_is_told_from_the_root(path: str, folder: str) -> None:
    assert folder_below(Path(path), Path("/r")) == folder


@pytest.mark.parametrize("path", ["/x.yml", "/rr/x.yml", "/.okteto/x.yml"])
def test_a_manifest_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ManifestError) as caught:
        folder_below(Path(path), Path("/r"))
    assert str(caught.value) == f"{path}: the manifest is not in the workspace /r"
