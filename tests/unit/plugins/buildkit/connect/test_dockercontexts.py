"""Docker's contexts, as files of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import UsageError
from okplug_buildkit.connect.dockercontexts import DockerContext, find_context
from okplug_buildkit.connect.tls import TLSFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., dict[str, str]]


def name_of(environ: dict[str, str], **more: str) -> str:
    found = find_context({**environ, **more})
    return found.name if found else ""


def test_without_files_it_is_the_default(tmp_path: Path) -> None:
    assert find_context({"HOME": str(tmp_path)}) is None
    assert find_context({"HOME": str(tmp_path), "DOCKER_CONTEXT": " "}) is None
    assert find_context({"HOME": str(tmp_path), "DOCKER_CONTEXT": "default"}) is None


def test_which_counts(docker_contexts: Make) -> None:
    docker_contexts("a", "tcp://a:1", current=True)
    environ = docker_contexts("b", "tcp://b:1")
    assert name_of(environ) == "a"
    assert name_of(environ, DOCKER_CONTEXT="b") == "b"
    assert name_of(environ, DOCKER_CONTEXT="default") == ""
    assert name_of(environ, DOCKER_CONTEXT="b", DOCKER_HOST="tcp://c:1") == ""


def test_they_are_at_home(docker_contexts: Make, tmp_path: Path) -> None:
    environ = docker_contexts("a", "tcp://a:1", current=True)
    Path(environ["DOCKER_CONFIG"]).rename(tmp_path / ".docker")
    assert name_of({"HOME": str(tmp_path)}) == "a"


def test_its_files_for_tls_are_those_that_are_there(docker_contexts: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    files = {"ca.pem": tmp_path / "file", "key.pem": tmp_path / "file"}
    environ = docker_contexts("\u00fc/ \u20ac", "tcp://a:1", current=True, tls=files)
    found = find_context(environ)
    assert found is not None
    folder = next(Path(environ["DOCKER_CONFIG"]).glob("contexts/tls/*/docker"))
    tls = TLSFiles(folder / "ca.pem", None, folder / "key.pem")
    assert found == DockerContext("\u00fc/ \u20ac", "tcp://a:1", tls)


def test_without_such_files_there_is_no_tls(docker_contexts: Make) -> None:
    found = find_context(docker_contexts("a", "tcp://a:1", current=True))
    assert found is not None
    assert not found.tls


def test_one_that_is_not_there(docker_contexts: Make) -> None:
    environ = docker_contexts("a", "tcp://a:1")
    with pytest.raises(UsageError) as caught:
        name_of(environ, DOCKER_CONTEXT="b")
    assert caught.value.message == "there is no Docker context 'b'"
    assert "docker context ls" in caught.value.hint


def test_one_that_skips_verification(docker_contexts: Make) -> None:
    environ = docker_contexts("a", "tcp://a:1", current=True, SkipTLSVerify=True)
    with pytest.raises(UsageError, match="wants no look at the engine's certificate") as caught:
        find_context(environ)
    assert caught.value.location is not None
    assert caught.value.location.path.name == "meta.json"


@pytest.mark.parametrize("document", [{}, [], {"Endpoints": {}}, {"Endpoints": {"docker": "x"}}])
def test_one_without_an_engine(docker_contexts: Make, document: object) -> None:
    environ = docker_contexts("a", "", current=True)
    (meta,) = Path(environ["DOCKER_CONFIG"]).glob("contexts/meta/*/meta.json")
    meta.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="the Docker context 'a' names no engine"):
        find_context(environ)


@pytest.mark.parametrize("text", ["[]", "{}", '{"currentContext": ""}', '{"currentContext": null}'])
def test_a_configuration_that_chooses_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert find_context({"DOCKER_CONFIG": str(tmp_path)}) is None


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(UsageError, match="this is no JSON") as caught:
        find_context({"DOCKER_CONFIG": str(tmp_path)})
    assert caught.value.location is not None
    assert caught.value.location.path == path
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="cannot read: Is a directory"):
        find_context({"DOCKER_CONFIG": str(tmp_path)})
