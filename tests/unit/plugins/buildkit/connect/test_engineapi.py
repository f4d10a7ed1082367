"""What an engine is asked for images, and what its refusals become."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.endpoints import Endpoint
from okplug_buildkit.connect.engineapi import EngineAPI
from tests.fakeengine import EngineImage, FakeEngine, digest_of, layer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME = "okplug.invalid/build:1"
IMAGE = EngineImage([layer_of(a="1"), layer_of(b="2")])


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine with one image."""
    with FakeEngine(images={NAME: IMAGE}) as engine:
        yield engine


def save(api: EngineAPI, name: str = NAME) -> bytes:
    with api.save(name) as stream:
        return stream.read()


def load(api: EngineAPI) -> None:
    api.load(io.BytesIO(b"x"), 1)


#: all that can be asked
CALLS: list[Callable[[EngineAPI], object]] = [
    load,
    save,
    lambda api: api.layers(NAME),
    lambda api: api.remove(NAME),
]


def test_the_layers_of_an_image(engine: FakeEngine) -> None:
    assert engine.api.layers(NAME) == tuple(digest_of(layer) for layer in IMAGE.layers)


def test_an_image_without_layers(engine: FakeEngine) -> None:
    engine.images[NAME] = EngineImage([])
    assert engine.api.layers(NAME) == ()


def test_an_image_is_handed_out(engine: FakeEngine) -> None:
    assert save(engine.api) == IMAGE.save()


def test_an_image_that_is_not_there(engine: FakeEngine) -> None:
    with pytest.raises(BuildError) as caught:
        save(engine.api, "none")
    assert caught.value.message == (
        f"the Docker engine at unix://{engine.path} says: No such image: none"
    )


def test_a_name_is_removed(engine: FakeEngine) -> None:
    engine.api.remove(NAME)
    assert engine.images == {}


def test_one_that_is_not_there_need_not_be_removed(engine: FakeEngine) -> None:
    engine.api.remove("none")
    assert list(engine.images) == [NAME]


@pytest.mark.parametrize(
    ("body", "problem"),
    [(b'{"message":"it is in use"}', "it is in use"), (b"", "status 409"), (b"[]", "status 409")],
)
def test_an_engine_that_refuses(engine: FakeEngine, body: bytes, problem: str) -> None:
    engine.failures["DELETE"] = 409, body
    with pytest.raises(BuildError, match=f" says: {problem}$"):
        engine.api.remove(NAME)


@pytest.mark.parametrize("call", CALLS)
def test_no_engine(tmp_path: Path, call: Callable[[EngineAPI], object]) -> None:
    api = EngineAPI(Endpoint(parse_address(f"unix://{tmp_path}/none")), {})
    with pytest.raises(BuildError, match=r"No such file or directory$|No such file") as caught:
        call(api)
    assert f"the Docker engine at unix://{tmp_path}/none" in caught.value.message
    assert caught.value.hint == "start the engine, or name it with DOCKER_HOST"


def test_what_is_under_way_can_be_interrupted(engine: FakeEngine) -> None:
    engine.hang = threading.Event()
    api = engine.api
    failures: list[BuildError] = []

    def ask() -> None:
        with pytest.raises(BuildError) as caught:
            save(api)
        failures.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    assert engine.is_asked.wait(30)
    api.interrupt()
    thread.join(30)
    assert len(failures) == 1


def test_after_an_interruption_nothing_long_begins(engine: FakeEngine) -> None:
    api = engine.api
    api.interrupt()
    with pytest.raises(BuildError, match="interrupted"):
        save(api)
    assert engine.requests == []


def test_what_is_left_can_be_removed_after_an_interruption(engine: FakeEngine) -> None:
    api = engine.api
    api.interrupt()
    api.remove(NAME)
    assert engine.images == {}
