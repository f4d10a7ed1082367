"""The plugin's hooks: what they cost, what they offer, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import okplug_buildkit
from okplug import UsageError
from okplug_buildkit import opening
from okplug_buildkit.outputs import delivery
from okplug_buildkit.outputs.wanted import WantedOutput
from okplug_buildkit.pool import discovery

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Config
    from okplug.testing import Workspace

IMPORTED = """
import json, sys
import okplug_buildkit
print(json.dumps([name for name in sys.modules if name.startswith(("okplug_buildkit", "grpc"))]))
"""
SETTINGS = {
    *("builder_ca", "builder_cert", "builder_key", "builder_server_name", "builder_token"),
    *("builder_proxy", "buildkitd_idle", "cache_from", "cache_to", "provenance", "sbom"),
    *("compression", "oci_mediatypes"),
}


@pytest.fixture(autouse=True)
def _nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's own engine and programs."""
    monkeypatch.setattr(discovery, "DOCKER_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr("okplug_buildkit.pool.programs._SYSTEM", str(tmp_path / "system"))


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    """Two images without a process."""
    workspace.environ["PATH"] = ""
    workspace.write(
        {
            "okteto.yaml": "build: {one: {context: .}, two: {context: .}}\n",
            "Dockerfile": "FROM scratch\nCOPY file /\n",
            "file": "text",
        }
    )
    return workspace


def configured(workspace: Workspace, options: dict[str, object] | None = None) -> Config:
    return workspace.config(plugins=[okplug_buildkit], options=options)


def builder_for(workspace: Workspace, *builder: str) -> tuple[Any, Config]:
    config = workspace.config(plugins=[okplug_buildkit], settings={"builder": list(builder)})
    return okplug_buildkit.okplug_builder(config), config


def test_importing_it_costs_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["okplug_buildkit"]


def test_all_settings_are_declared(workspace: Workspace) -> None:
    assert {value.name for value in configured(workspace).values()} >= SETTINGS


def test_the_options_of_the_command_build(images: Workspace) -> None:
    shown = images.run("build", "--help").assert_ok().stdout
    assert "--load" in shown
    assert "--output OUTPUT" in shown
    assert "--output" not in images.run("plan", "--help").assert_ok().stdout


@pytest.mark.parametrize("builder", [("embedded",), ("auto",)])
def test_where_there_is_no_buildkit_none_is_offered(
    images: Workspace, builder: tuple[str, ...]
) -> None:
    found, config = builder_for(images, *builder)
    assert found is None
    okplug_buildkit.okplug_unconfigure(config)


def test_what_is_found_is_offered(images: Workspace) -> None:
    images.environ["BUILDKIT_HOST"] = "tcp://a:1234"
    found, config = builder_for(images, "auto")
    assert found.describe() == "BuildKit at tcp://a:1234 (BUILDKIT_HOST)"
    okplug_buildkit.okplug_unconfigure(config)


def test_several_addresses_are_one_pool(images: Workspace) -> None:
    found, config = builder_for(images, "tcp://a:1", "tcp://b:1")
    assert found.describe() == "BuildKit at 2 addresses: tcp://a:1, tcp://b:1 (test)"
    okplug_buildkit.okplug_unconfigure(config)


def test_the_daemons_are_looked_for_once_and_let_go_at_the_end(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    closed: list[object] = []

    def open_pool(*_: object) -> object:
        pool = SimpleNamespace(members=())
        pool.close = lambda: closed.append(pool)
        opened.append(pool)
        return pool

    monkeypatch.setattr(opening, "open_pool", open_pool)
    first, config = builder_for(images, "tcp://a:1")
    assert first is not None
    assert okplug_buildkit.okplug_builder(config) is not None
    assert len(opened) == 1
    assert closed == []
    okplug_buildkit.okplug_unconfigure(config)
    assert closed == opened


def test_a_run_that_never_wanted_a_daemon_has_none_to_let_go(images: Workspace) -> None:
    okplug_buildkit.okplug_unconfigure(configured(images))


@pytest.mark.parametrize(
    ("settings_file", "environ", "origin"),
    [
        ('builder = "tcp:/a"\n', {}, "okplug.toml:1"),
        ("", {"OKPLUG_BUILDER": "tcp:/a"}, "environment OKPLUG_BUILDER"),
        ("", {"OKPLUG_BUILDER": "auto", "BUILDKIT_HOST": "tcp:/a"}, "BUILDKIT_HOST"),
    ],
)
def test_an_address_that_is_none(
    images: Workspace, settings_file: str, environ: dict[str, str], origin: str
) -> None:
    del images.environ["OKPLUG_BUILDER"]
    images.write({"okplug.toml": settings_file})
    outcome = images.run("build", environ=environ).assert_exit(4)
    assert f"error: {origin}: 'tcp:/a': " in outcome.stderr
    assert "\n  hint: " in outcome.stderr


@pytest.mark.parametrize("selection", [(), ("one", "two")])
def test_an_output_is_for_one_image(images: Workspace, selection: tuple[str, ...]) -> None:
    outcome = images.run("build", "--output", "out", *selection).assert_exit(4)
    assert outcome.stderr.endswith(
        "error: --output is for one image, and 2 are selected\n"
        "  hint: name the image, such as okplug build --output OUTPUT services/api:api\n"
    )
    assert not (images.root / "out").exists()


def test_a_wrong_output_is_refused_before_anything_is_built(images: Workspace) -> None:
    outcome = images.run("build", "--output", "type=zip,dest=x", "one").assert_exit(4)
    assert "the output 'type=zip,dest=x' is wrong: there is no type 'zip'" in outcome.stderr
    assert not (images.home / ".cache/okplug/registry/localhost").exists()


def test_an_image_is_written_where_it_is_wanted_and_its_dependencies_are_not(
    images: Workspace,
) -> None:
    """Paths are relative to where the command is run."""
    images.write({"sub/.keep": ""})
    images.run("build", "--output", "type=oci,dest=a.tar", "one", cwd="sub").assert_ok()
    assert (images.root / "sub/a.tar").is_file()


def test_without_options_nothing_is_delivered(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery.Delivery, "deliver", lambda *_: pytest.fail("not asked for"))
    images.run("build").assert_ok()


@pytest.mark.parametrize(
    ("texts", "wants_daemon"), [(["type=oci"], False), (["out"], True), (["out", "-"], True)]
)
def test_only_files_take_a_daemon(
    images: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    texts: list[str],
    *,
    wants_daemon: bool,
) -> None:
    asked: list[delivery.Delivery] = []
    monkeypatch.setattr(delivery.Delivery, "deliver", lambda self, *_: asked.append(self))
    config = images.config(
        plugins=[okplug_buildkit],
        settings={"builder": "tcp://a:1"},
        options={"output": texts, "load": False},
    )
    plan = cast("Any", SimpleNamespace(asked={"a"}))
    okplug_buildkit.okplug_plan_modify(plan, config)
    nothing = cast("Any", None)
    okplug_buildkit.okplug_deliver(nothing, nothing, config, nothing)
    (found,) = asked
    assert (found.pool is not None) == wants_daemon
    assert len(found.outputs) == len(texts)
    okplug_buildkit.okplug_unconfigure(config)


def test_several_outputs_on_standard_output(images: Workspace) -> None:
    config = configured(images, {"output": ["-", "type=oci"]})
    plan = cast("Any", SimpleNamespace(asked={"a"}))
    with pytest.raises(UsageError, match="several outputs go to standard output"):
        okplug_buildkit.okplug_plan_modify(plan, config)


def test_a_plan_without_outputs_may_be_of_any_size(images: Workspace) -> None:
    config = configured(images, {"output": []})
    okplug_buildkit.okplug_plan_modify(cast("Any", SimpleNamespace(asked=set())), config)
    nothing = cast("Any", None)
    okplug_buildkit.okplug_deliver(nothing, nothing, configured(images), nothing)
    assert WantedOutput("oci", None) not in config.stash.get(okplug_buildkit._OUTPUTS, ())


def test_attestations_change_the_key_and_a_cache_does_not(images: Workspace) -> None:
    def key(*arguments: str) -> str:
        return images.run("hash", "one", *arguments).assert_ok().stdout

    plain = key()
    assert key("--cache-to", "inline") == plain
    keys = {
        plain,
        key("--provenance", "true"),
        key("--sbom", "true"),
        key("-o", "compression=zstd"),
    }
    assert len(keys | {key("-o", "oci_mediatypes=false")}) == 5
