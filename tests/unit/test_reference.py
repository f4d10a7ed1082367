"""References: the grammar as a table, its laws as properties, and what errors say."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import UsageError
from okplug.reference import Reference

SHA256 = f"sha256:{'0123456789abcdef' * 4}"
SHA512 = f"sha512:{'0123456789abcdef' * 8}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("alpine", "docker.io", "library/alpine", "", ""),
        ("alpine:3.20", "docker.io", "library/alpine", "3.20", ""),
        ("foo/bar", "docker.io", "foo/bar", "", ""),
        ("foo/bar/baz:x", "docker.io", "foo/bar/baz", "x", ""),
        ("docker.io/alpine", "docker.io", "library/alpine", "", ""),
        ("index.docker.io/alpine", "docker.io", "library/alpine", "", ""),
        ("docker.io/library/alpine", "docker.io", "library/alpine", "", ""),
        ("localhost/foo", "localhost", "foo", "", ""),
        ("localhost:5000/foo:1", "localhost:5000", "foo", "1", ""),
        ("host:5000/x", "host:5000", "x", "", ""),
        ("host:5000", "docker.io", "library/host", "5000", ""),
        ("ghcr.io/a/b:c", "ghcr.io", "a/b", "c", ""),
        ("GHCR.io/a", "GHCR.io", "a", "", ""),
        ("127.0.0.1/x", "127.0.0.1", "x", "", ""),
        ("[::1]/x", "[::1]", "x", "", ""),
        ("[::1]:5000/x:y", "[::1]:5000", "x", "y", ""),
        ("[2001:db8::FF]:443/a/b", "[2001:db8::FF]:443", "a/b", "", ""),
        ("a.b/c", "a.b", "c", "", ""),
        ("a-b/c", "docker.io", "a-b/c", "", ""),
        ("a.b_c__d---e", "docker.io", "library/a.b_c__d---e", "", ""),
        ("foo:Tag_1.0-RC", "docker.io", "library/foo", "Tag_1.0-RC", ""),
        ("foo:_", "docker.io", "library/foo", "_", ""),
        (f"foo:{'t' * 128}", "docker.io", "library/foo", "t" * 128, ""),
        (f"foo@{SHA256}", "docker.io", "library/foo", "", SHA256),
        (f"r.io/foo:1@{SHA256}", "r.io", "foo", "1", SHA256),
        (f"r.io/foo@{SHA512}", "r.io", "foo", "", SHA512),
        (f"r.io/foo@sha384:{'a' * 96}", "r.io", "foo", "", f"sha384:{'a' * 96}"),
        (f"r.io/{'a' * 255}", "r.io", "a" * 255, "", ""),
        (f"r.io/{'a' * 64}", "r.io", "a" * 64, "", ""),
        (f"{'a' * 63}", "docker.io", f"library/{'a' * 63}", "", ""),
        (f"{'a' * 64}:1", "docker.io", f"library/{'a' * 64}", "1", ""),
    ],
)
def test_what_a_reference_means(
    text: str, registry: str, repository: str, tag: str, digest: str
) -> None:
    assert Reference.parse(text) == Reference(registry, repository, tag, digest)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected lower-case letters and digits, with . _ __ or - between, not ''"),
        ("Foo", "expected lower case, not 'Foo'"),
        ("Foo/bar", "expected lower case, not 'Foo'"),
        ("foo/Bar", "expected lower case, not 'Bar'"),
        ("r.io/foo/BAR:1", "expected lower case, not 'BAR'"),
        ("foo///bar", "expected lower-case letters and digits, with . _ __ or - between, not ''"),
        ("foo/", "expected lower-case letters and digits, with . _ __ or - between, not ''"),
        ("r.io/", "expected lower-case letters and digits, with . _ __ or - between, not ''"),
        ("/foo", "expected lower-case letters and digits, with . _ __ or - between, not ''"),
        ("a..b", "expected lower-case letters and digits, with . _ __ or - between, not 'a..b'"),
        ("a___b", "expected lower-case letters and digits, with . _ __ or - between, not 'a___b'"),
        ("-a", "expected lower-case letters and digits, with . _ __ or - between, not '-a'"),
        ("a-", "expected lower-case letters and digits, with . _ __ or - between, not 'a-'"),
        ("a b", "expected lower-case letters and digits, with . _ __ or - between, not 'a b'"),
        ("größe", "expected lower-case letters and digits, with . _ __ or - between, not 'größe'"),
        ("foo\n", "expected lower-case letters and digits, with . _ __ or - between, not 'foo\\n'"),
        ("foo:", "expected a tag, not ''"),
        ("a:b:c", "expected a tag, not 'b:c'"),
        ("foo:-1", "expected a tag, not '-1'"),
        ("foo:.1", "expected a tag, not '.1'"),
        ("foo:1\n", "expected a tag, not '1\\n'"),
        (f"foo:{'t' * 129}", f"expected a tag, not '{'t' * 80}...'"),
        ("foo@", "expected a digest, not ''"),
        ("x@sha256:abc", "expected a digest, not 'sha256:abc'"),
        ("x@md5:" + "a" * 32, f"expected a digest, not 'md5:{'a' * 32}'"),
        (f"x@{SHA256}0", f"expected a digest, not '{SHA256}0'"),
        (f"x@{SHA256[:-1]}F", f"expected a digest, not '{SHA256[:-1]}F'"),
        ("x@y@z", "expected a digest, not 'y@z'"),
        ("https://r.io/foo", "expected a host, not 'https:'"),
        ("r_x.io/foo", "expected a host, not 'r_x.io'"),
        ("-r.io/foo", "expected a host, not '-r.io'"),
        ("r.io:port/foo", "expected a host, not 'r.io:port'"),
        ("[::1/foo", "expected a host, not '[::1'"),
        (f"r.io/{'a' * 256}", "its path has 256 characters, expected at most 255"),
        ("0123456789abcdef" * 4, "64 hex digits are the id of an image"),
    ],
)
def test_what_is_no_reference(text: str, problem: str) -> None:
    shown = repr(text if len(text) <= 80 else f"{text[:80]}...")
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)
    assert caught.value.message == f"{shown} is no image reference: {problem}"
    assert caught.value.hint
    assert caught.value.location is None


def test_upper_case_has_its_remedy() -> None:
    with pytest.raises(UsageError) as caught:
        Reference.parse("MyTeam/app")
    assert caught.value.hint == "write myteam; a host has a dot or a port, such as MyTeam:443"


def test_a_scheme_has_its_remedy() -> None:
    with pytest.raises(UsageError) as caught:
        Reference.parse("docker://alpine")
    assert caught.value.hint == (
        "a host is letters, digits, - and ., such as registry.example.com:5000; no scheme"
    )


@pytest.mark.parametrize(
    ("text", "default", "full"),
    [
        ("foo", "localhost", "localhost/foo"),
        ("foo/bar:1", "r.example:5000", "r.example:5000/foo/bar:1"),
        ("ghcr.io/foo", "localhost", "ghcr.io/foo"),
        ("foo", "index.docker.io", "docker.io/library/foo"),
    ],
)
def test_another_default_registry(text: str, default: str, full: str) -> None:
    assert str(Reference.parse(text, default)) == full


def test_a_wrong_default_registry_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected a host, not 'https://r\.io'"):
        Reference.parse("foo", "https://r.io")


def test_parts_can_be_exchanged() -> None:
    reference = Reference.parse(f"r.io/a/b:1@{SHA256}")
    assert str(reference) == f"r.io/a/b:1@{SHA256}"
    assert str(reference.with_tag("2")) == f"r.io/a/b:2@{SHA256}"
    assert str(reference.with_tag("").with_digest(SHA512)) == f"r.io/a/b@{SHA512}"
    assert str(reference.with_digest("")) == "r.io/a/b:1"
    assert str(reference.repository_only()) == "r.io/a/b"


def test_it_is_a_value() -> None:
    reference = Reference("r.io", "a")
    assert reference == Reference("r.io", "a", "", "")
    assert len({reference, Reference("r.io", "a"), reference.with_tag("1")}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        reference.tag = "2"  # type: ignore[misc]  # what is tested
    assert not hasattr(reference, "__dict__")


labels = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
hosts = st.builds(
    lambda host, port: f"{host}{port}",
    st.one_of(
        st.lists(labels, min_size=2, max_size=4).map(".".join),
        st.just("localhost"),
        st.from_regex(r"\[[0-9a-fA-F:]{2,20}\]", fullmatch=True).filter(lambda text: ":" in text),
    ),
    st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}")),
)
components = st.from_regex(r"[a-z0-9]{1,3}((\.|_|__|-{1,3})[a-z0-9]{1,3}){0,3}", fullmatch=True)
paths = st.lists(components, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
digests = st.sampled_from([("sha256", 64), ("sha384", 96), ("sha512", 128)]).flatmap(
    lambda kind: st.text("0123456789abcdef", min_size=kind[1], max_size=kind[1]).map(
        lambda digits: f"{kind[0]}:{digits}"
    )
)
absent = st.just("")


@given(hosts, paths, absent | tags, absent | digests)
def test_the_canonical_text_means_the_same(host: str, path: str, tag: str, digest: str) -> None:
    reference = Reference(host, path, tag, digest)
    assert Reference.parse(str(reference)) == reference


@given(paths, absent | tags, absent | digests)
def test_what_was_parsed_parses_again(path: str, tag: str, digest: str) -> None:
    reference = Reference.parse(str(Reference("docker.io", path, tag, digest)))
    assert Reference.parse(str(reference)) == reference


@given(st.text() | st.text("aA0.:/@_-[]% \n", max_size=20) | st.binary().map(repr))
def test_any_text_is_a_reference_or_an_error_that_users_see(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except UsageError as error:
        hint, message = error.hint, error.message
    else:
        hint, message = "none needed", ""
        assert Reference.parse(str(reference)) == reference
    assert hint
    assert "\n" not in message
