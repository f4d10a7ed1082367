from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.config import Config, Warned
from okplug.rounds import Rounds

if TYPE_CHECKING:
    from okplug.testing import Workspace


@pytest.fixture
def config(workspace: Workspace) -> Config:
    """A configuration with one value of each kind."""
    return workspace.config(
        settings={"names": "{folder}", "verify_hits": False, "jobs": 3, "exclude": ["a", "b"]}
    )


def test_values_are_read_by_kind(config: Config) -> None:
    assert config.text("names") == "{folder}"
    assert config.flag("verify_hits") is False
    assert config.number("jobs") == 3
    assert config.words("exclude") == ("a", "b")


@pytest.mark.parametrize("name", ["names", "verify_hits", "jobs", "exclude"])
def test_values_are_not_read_as_another_kind(config: Config, name: str) -> None:
    own = {"names": "text", "verify_hits": "flag", "jobs": "number", "exclude": "words"}[name]
    for kind in {"text", "flag", "number", "words"} - {own}:
        with pytest.raises(TypeError, match=f"^setting {name} is no "):
            getattr(config, kind)(name)


def test_a_setting_that_nobody_declared_is_a_fault(config: Config) -> None:
    with pytest.raises(KeyError):
        config.text("nope")


def test_all_values_know_their_origin(config: Config) -> None:
    origins = {value.name: value.origin for value in config.values()}
    assert origins["jobs"] == "test"
    assert origins["registry"] == "default"


def test_the_cache_and_the_state_are_in_their_places(workspace: Workspace, config: Config) -> None:
    assert config.user_cache == workspace.home / ".cache/okplug"
    assert config.state_dir() == workspace.root / ".okplug"
    assert Path(workspace.root, ".okplug/CACHEDIR.TAG").is_file()


@pytest.mark.parametrize(
    ("options", "verbosity"),
    [({}, 0), ({"verbose": 2, "quiet": 0}, 2), ({"verbose": 1, "quiet": 2}, -1)],
)
def test_verbosity_is_the_balance_of_its_options(
    workspace: Workspace, options: dict[str, object], verbosity: int
) -> None:
    assert workspace.config(options=options).verbosity == verbosity


def test_warnings_wait_for_somebody_who_listens(config: Config) -> None:
    heard: list[Warned] = []
    config.warn("first")
    config.on_warning(heard.append)
    config.warn("second", "api:api")
    assert heard == [Warned("first"), Warned("second", "api:api")]
    assert [str(warned) for warned in heard] == ["first", "api:api: second"]


def test_a_warning_is_heard_once(config: Config) -> None:
    first: list[Warned] = []
    second: list[Warned] = []
    config.warn("x")
    config.on_warning(first.append)
    config.on_warning(second.append)
    config.warn("y")
    assert (first, second) == ([Warned("x")], [Warned("y")])


def test_the_same_warning_is_heard_once_whoever_repeats_it(config: Config) -> None:
    heard: list[str] = []
    config.warn("old manifest")
    config.warn("old manifest")
    config.on_warning(lambda warned: heard.append(str(warned)))
    config.warn("old manifest")
    config.warn("old manifest", "api:api")
    assert heard == ["old manifest", "api:api: old manifest"]


def test_warnings_come_from_any_thread(config: Config) -> None:
    heard: list[Warned] = []
    threads = [threading.Thread(target=config.warn, args=(str(n),)) for n in range(20)]
    for thread in threads[:10]:
        thread.start()
    config.on_warning(heard.append)
    for thread in threads[10:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(warned.message) for warned in heard) == list(range(20))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("certs/ca.pem", "ROOT/certs/ca.pem"),
        ("/etc/ca.pem", "/etc/ca.pem"),
        ("~/ca.pem", "HOME/ca.pem"),
        ("~david/ca.pem", "ROOT/~david/ca.pem"),
    ],
)
def test_a_setting_that_names_a_file(workspace: Workspace, text: str, expected: str | None) -> None:
    found = workspace.config(settings={"docker_config": text}).path("docker_config")
    if expected is None:
        assert found is None
    else:
        expected = expected.replace("ROOT", str(workspace.root))
        assert str(found) == expected.replace("HOME", str(workspace.home))


def test_without_a_home_a_tilde_is_a_name(workspace: Workspace) -> None:
    config = workspace.config(settings={"docker_config": "~/x"})
    config.environ = {}
    assert config.path("docker_config") == workspace.root / "~/x"


def test_a_watch_is_told_of_outputs(config: Config) -> None:
    config.announce_output(config.root / "nobody listens")
    (config.root / "link").symlink_to("folder")
    config.rounds = Rounds()
    config.announce_output(config.root / "link" / "meta.json")
    assert config.rounds.outputs == {str(config.root / "folder/meta.json")}


def test_only_a_watch_runs_a_command_again(config: Config) -> None:
    assert not config.is_again
    config.rounds = Rounds()
    assert not config.is_again
    config.rounds.number = 1
    assert config.is_again


def test_the_runs_of_a_watch_warn_once_together(workspace: Workspace) -> None:
    rounds = Rounds()
    heard: list[Warned] = []
    for _ in range(2):
        config = workspace.config()
        config.rounds = rounds
        config.warn("odd")
        config.on_warning(heard.append)
    assert heard == [Warned("odd")]
