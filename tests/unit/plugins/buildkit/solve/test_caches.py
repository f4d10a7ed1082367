"""Texts that name caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import UsageError
from okplug_buildkit.solve.caches import Cache, CacheReader

READER = CacheReader(Path("/shop"), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r.example.com/cache", Cache("registry", {"ref": "r.example.com/cache"})),
        ("ref=r.example.com/c:1", Cache("registry", {"ref": "r.example.com/c:1"})),
        ("type=registry,ref=a/b", Cache("registry", {"ref": "a/b"})),
        (
            "type=local,src=cache,tag=v1",
            Cache("local", {"src": "/shop/cache", "tag": "v1"}, Path("/shop/cache")),
        ),
        ("type=local,src=/abs", Cache("local", {"src": "/abs"}, Path("/abs"))),
        ("type=s3,name=x", Cache("s3", {"name": "x"})),
    ],
)
def test_imports(text: str, expected: Cache) -> None:
    assert READER.imported(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b:c", Cache("registry", {"ref": "a/b:c", "mode": "max"})),
        ("type=registry,ref=a/b,mode=min", Cache("registry", {"ref": "a/b", "mode": "min"})),
        ("inline", Cache("inline", {})),
        ("type=inline", Cache("inline", {})),
        ("type=local,dest=c", Cache("local", {"dest": "/shop/c"}, Path("/shop/c"))),
    ],
)
def test_exports(text: str, expected: Cache) -> None:
    assert READER.exported(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "type=ftp,ref=x",
            (
                "the cache 'type=ftp' is wrong: there is no type 'ftp'\n"
                "  hint: the types are registry, inline, local, gha, s3, azblob"
            ),
        ),
        (
            "type=local",
            (
                "the cache 'type=local' is wrong: a local cache needs src=FOLDER\n"
                "  hint: add ,src=FOLDER"
            ),
        ),
        (
            "type=registry",
            (
                "the cache 'type=registry' is wrong: a registry cache needs ref=REFERENCE\n"
                "  hint: add ,ref=REFERENCE"
            ),
        ),
        (
            "type=registry,mode",
            "the cache 'type=registry' is wrong: 'mode' has no value\n  hint: write mode=VALUE",
        ),
        (
            "type=inline",
            (
                "the cache 'type=inline' is wrong: an inline cache is imported by its image\n"
                "  hint: write type=registry"
            ),
        ),
        (
            '"type=local',
            (
                "the cache '\"type=local' is wrong: unexpected end of data\n"
                '  hint: quote a whole field: type=registry,"ref=a,b"'
            ),
        ),
    ],
)
def test_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        READER.imported(text)
    assert str(caught.value) == message


def test_a_reference_that_is_none() -> None:
    with pytest.raises(UsageError, match="is no image reference"):
        READER.imported("type=registry,ref=A B")


def test_attributes_from_the_environment() -> None:
    environ = {
        "ACTIONS_RUNTIME_TOKEN": "secret",
        "ACTIONS_CACHE_URL": "https://cache.example.com",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_REGION": "eu",
    }
    reader = CacheReader(Path("/shop"), environ)
    assert reader.exported("type=gha,scope=main").attributes == {
        "scope": "main",
        "token": "secret",
        "url": "https://cache.example.com",
    }
    assert reader.imported("type=s3,bucket=b,region=us").attributes == {
        "bucket": "b",
        "region": "us",
        "access_key_id": "id",
        "secret_access_key": "key",
    }


def test_no_token_is_shown() -> None:
    reader = CacheReader(Path("/shop"), {"ACTIONS_RUNTIME_TOKEN": "hidden"})
    assert "hidden" not in repr(reader.imported("type=gha"))
    with pytest.raises(UsageError) as caught:
        reader.imported("type=gha,token=hidden,mode")
    assert "hidden" not in str(caught.value)


def test_folders_that_are_written_to_are_announced() -> None:
    announced: list[Path] = []
    reader = CacheReader(Path("/shop"), {}, announced.append)
    for text in ("type=local,dest=c", "type=registry,ref=a/b", "inline"):
        reader.exported(text)
    reader.imported("type=local,src=other")
    assert announced == [Path("/shop/c")]
