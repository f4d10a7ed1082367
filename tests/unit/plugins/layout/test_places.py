"""Where things are, and names that could lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import RegistryError
from okplug.reference import Reference
from okplug_layout.places import Places

PLACES = Places(Path("/srv/images"))


@pytest.mark.parametrize(
    ("registry", "repository", "layout"),
    [
        ("localhost", "okteto/api", "/srv/images/localhost/okteto/api"),
        ("r.example:5000", "a", "/srv/images/r.example+5000/a"),
        ("[::1]:5000", "a/b/c", "/srv/images/[++1]+5000/a/b/c"),
        ("localhost", "a/blobs", "/srv/images/localhost/a/blobs+"),
        ("localhost", "index.json/oci-layout", "/srv/images/localhost/index.json+/oci-layout+"),
        ("localhost", "sha256", "/srv/images/localhost/sha256"),
    ],
)
def test_a_repository_is_a_folder(registry: str, repository: str, layout: str) -> None:
    assert PLACES.layout(Reference(registry, repository)) == Path(layout)


def test_what_is_in_it() -> None:
    reference = Reference("r.example:5000", "okteto/api", "1.0")
    digest = f"sha256:{'a' * 64}"
    assert PLACES.index(reference) == Path("/srv/images/r.example+5000/okteto/api/index.json")
    assert PLACES.blob(reference, digest) == Path(
        f"/srv/images/r.example+5000/okteto/api/blobs/sha256/{'a' * 64}"
    )
    assert PLACES.pooled(digest) == Path(f"/srv/images/.blobs/sha256/{'a' * 64}")
    assert PLACES.lock(reference) == Path("/srv/images/.locks/r.example+5000/okteto+api")


@pytest.mark.parametrize(
    ("registry", "repository"),
    [
        ("localhost", ""),
        ("localhost", "cindy/"),
        ("localhost", "../x"),
        ("localhost", "a/../../x"),
        ("localhost", "a/./b"),
        ("localhost", "/etc"),
        ("localhost", ".locks"),
        ("localhost", "a/blobs+"),
        ("localhost", "a\0b"),
        ("localhost", "a\n"),
        ("", "a"),
        (".blobs", "a"),
        ("..", "a"),
        ("a/b", "a"),
        ("a+b", "a"),
    ],
)
def test_what_could_lead_elsewhere_is_refused(registry: str, repository: str) -> None:
    with pytest.raises(RegistryError) as caught:
        PLACES.layout(Reference(registry, repository))
    assert caught.value.message == f"{registry}/{repository} is no name of a repository"


components = st.from_regex(r"[a-z0-9]{1,2}((\.|_|__|-)[a-z0-9]{1,2}){0,2}", fullmatch=True)
names = st.lists(
    components | st.sampled_from(["blobs", "sha256", "index.json", "oci-layout"]),
    min_size=1,
    max_size=4,
).map("/".join)


@given(names, names)
def test_no_two_repositories_share_a_path(one: str, two: str) -> None:
    first, second = (Reference("localhost", name) for name in (one, two))
    owned = {PLACES.index(first), PLACES.layout(first) / "oci-layout", PLACES.blobs(first)}
    also = {PLACES.index(second), PLACES.layout(second) / "oci-layout", PLACES.blobs(second)}
    if one != two:
        assert PLACES.lock(first) != PLACES.lock(second)
        assert not owned & also
        folders = {path for place in also for path in place.parents}
        assert not owned & folders
