"""Whole runs with ``.env`` files: what they say counts, and nobody reads it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import BuildError, Location
from okplug.reference import Reference
from tests.functional.conftest import Shop

if TYPE_CHECKING:
    from okplug.backends import Artifact, BuildControl, BuildRequest, Registry

PASSWORD = "correct horse"
SECRET = "battery staple"


@pytest.fixture
def vault(empty_shop: Shop) -> Shop:
    """One image with an argument from ``.env`` and a secret."""
    empty_shop.workspace.write(
        {
            "okplug.toml": 'registry = "registry.test"\n',
            "api/okteto.yaml": """
                build:
                  api:
                    context: .
                    args:
                      URL: pg://app:${PASSWORD}@db
                      PLAIN: plain
                    secrets:
                      npm: npmrc
                      token: {env: TOKEN}
                """,
            "api/Dockerfile": "FROM scratch\nARG URL\nARG PLAIN\nCOPY data /\n",
            "api/data": "1\n",
            "api/npmrc": f"{SECRET}\n",
            ".env": f"PASSWORD={PASSWORD}\n",
        }
    )
    return empty_shop


@dataclass
class Teller(Shop):
    """A builder that says whatever it may say, with all values in it, and fails."""

    text: str = f"got {PASSWORD}, {SECRET} and t0k3n"

    def build(self, request: BuildRequest, _: Registry, control: BuildControl) -> Artifact:
        """Tell."""
        control.log(self.text, f"[1/2] RUN {self.text}")
        control.warn(self.text, request.image.location)
        control.progress("1", f"[1/2] RUN {self.text}", "started")
        raise BuildError(
            self.text,
            location=Location(request.dockerfile.path, 1),
            hint=self.text,
            source=[self.text],
            log=[self.text],
        )


def tell(shop: Shop, *argv: str) -> str:
    """Build with a builder that tells, and return all that came out."""
    shop.workspace.environ["TOKEN"] = "t0k3n"
    done = Teller(shop.workspace).run("build", "--debug", *argv)
    assert done.exit_code == 1, done.stderr
    log = shop.workspace.root / "log"
    return done.stdout + done.stderr + (log.read_text() if log.exists() else "")


@pytest.mark.parametrize(
    "argv",
    [
        ("--progress", "plain"),
        ("--progress", "tty", "-v"),
        ("--progress", "quiet"),
        ("--progress", "rawjson"),
        ("-v",),
        ("--json", "-"),
        ("--report-log", "log"),
        ("--metadata-file", "log"),
    ],
)
def test_values_and_secrets_are_in_no_output(vault: Shop, argv: tuple[str, ...]) -> None:
    text = tell(vault, *argv)
    for value in (PASSWORD, SECRET, "t0k3n"):
        assert value not in text
    if argv != ("--metadata-file", "log"):
        assert "got ***, *** and ***" in text


def test_the_count_of_steps_and_places_stay_readable(vault: Shop) -> None:
    vault.workspace.write({".env": f"PASSWORD={PASSWORD}\nN=2\nDIR=api\nFILE=Dockerfile\nM=1\n"})
    lines = tell(vault, "--progress", "plain")
    assert "[1/2] RUN got" in lines
    assert "api/Dockerfile:1: got ***" in lines
    assert "api:api" in lines


def test_the_image_gets_the_value_and_no_record_has_it(vault: Shop) -> None:
    vault.run("build").assert_ok()
    assert vault.requests[0].args["URL"] == f"pg://app:{PASSWORD}@db"
    shown = vault.run("hash", "--record", "--json").assert_ok().stdout
    assert PASSWORD not in shown
    items = {item["name"]: item["value"] for item in json.loads(shown)["images"][0]["items"]}
    assert items["PLAIN"] == "plain"
    assert items["URL"].startswith("*** sha256:")
    place = Reference("registry.test", "okteto/api")
    blobs = vault.registry.repository(place).blobs.values()
    (record,) = (blob for blob in blobs if b'"scheme"' in blob)
    assert b"*** sha256:" in record
    assert PASSWORD.encode() not in record


def test_only_what_is_built_has_its_secrets_read(vault: Shop) -> None:
    vault.run("build").assert_ok()
    (vault.workspace.root / "api/npmrc").unlink()
    os.mkfifo(vault.workspace.root / "api/npmrc")  # who reads it waits for ever
    for command in ("plan", "hash", "list", "why", "build"):
        vault.run(command).assert_ok()


def test_the_key_is_of_the_value_wherever_it_comes_from(vault: Shop) -> None:
    key = vault.run("hash").assert_ok().stdout
    (vault.workspace.root / ".env").unlink()
    vault.workspace.environ["PASSWORD"] = PASSWORD
    assert vault.run("hash").assert_ok().stdout == key
    vault.workspace.environ["PASSWORD"] = "another"
    assert vault.run("hash").assert_ok().stdout != key


def test_why_tells_of_a_change_but_not_the_values(vault: Shop) -> None:
    vault.run("build").assert_ok()
    vault.edit(".env", "PASSWORD=another\n")
    for argv in (("why",), ("plan",), ("why", "--json"), ("why", "--against", "registry")):
        shown = vault.run(*argv).assert_ok().stdout
        assert "build argument URL changed: *** -> ***" in shown
        assert PASSWORD not in shown
        assert "another" not in shown


def test_who_has_the_value_elsewhere_reuses_the_image(vault: Shop) -> None:
    vault.run("build").assert_ok()
    (vault.workspace.root / ".env").unlink()
    vault.workspace.environ["PASSWORD"] = PASSWORD
    assert vault.verdicts() == {"api:api": "reuse"}


def test_the_folder_counts_more_than_the_root_and_the_environment_more_than_both(
    vault: Shop,
) -> None:
    vault.workspace.write({"api/.env": "PASSWORD=inner\n"})
    vault.run("build").assert_ok()
    vault.workspace.environ["PASSWORD"] = "outer"
    vault.run("build").assert_ok()
    assert [request.args["URL"] for request in vault.requests] == [
        "pg://app:inner@db",
        "pg://app:outer@db",
    ]


def test_a_manifest_in_okteto_has_the_file_of_the_folder_above(vault: Shop) -> None:
    vault.workspace.write({"api/.env": "PASSWORD=inner\n"})
    folder = vault.workspace.root / "api"
    (folder / ".okteto").mkdir()
    (folder / "okteto.yaml").rename(folder / ".okteto/okteto.yaml")
    vault.run("build").assert_ok()
    assert vault.requests[0].args["URL"] == "pg://app:inner@db"


def test_settings_of_the_root_and_where_they_come_from(vault: Shop) -> None:
    vault.workspace.write({".env": "OKTETO_NAMESPACE=bob\nOKPLUG_JOBS=3\nPASSWORD=x\n"})
    settings = json.loads(vault.run("config", "--json").assert_ok().stdout)["settings"]
    found = {each["name"]: (each["value"], each["origin"]) for each in settings}
    assert found["namespace"] == ("bob", ".env:1")
    assert found["jobs"] == (3, ".env:2")
    vault.workspace.environ["OKTETO_NAMESPACE"] = "dora"
    settings = json.loads(vault.run("config", "--json").assert_ok().stdout)["settings"]
    found = {each["name"]: (each["value"], each["origin"]) for each in settings}
    assert found["namespace"] == ("dora", "environment OKTETO_NAMESPACE")


def test_namespaces_and_names_stay_readable(vault: Shop) -> None:
    vault.workspace.write({".env": f"OKTETO_NAMESPACE=bob\nAPP=api\nPASSWORD={PASSWORD}\n"})
    done = vault.run("build", "--metadata-file", "-").assert_ok()
    assert "registry.test/bob/api:okteto" in done.stdout
    assert "***" not in done.stdout + done.stderr


def test_a_wrong_setting_has_its_place(vault: Shop) -> None:
    vault.workspace.write({".env": "OKPLUG_JOBS=many\n"})
    done = vault.run("plan").assert_exit(4)
    assert done.stderr.startswith("error: .env:1:1: setting jobs: expected a whole number")
    assert "'many'" in done.stderr


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (".env", "A=1\nB='\n", ".env:2:3: the closing ' is missing"),
        ("api/.env", "A B\n", "api/.env:1:3: expected = after A"),
    ],
)
def test_what_cannot_be_read_has_its_place(vault: Shop, path: str, text: str, message: str) -> None:
    vault.workspace.write({path: text})
    assert vault.run("plan").assert_exit(4).stderr.startswith(f"error: {message}")


def test_a_variable_that_is_not_set_is_warned_of(vault: Shop) -> None:
    vault.workspace.write({"api/.env": "PASSWORD=$NOBODY\n"})
    assert "the variable NOBODY is not set" in vault.run("plan").assert_ok().stderr


def test_a_plugin_that_fails_leaks_nothing(vault: Shop) -> None:
    class Broken:
        @hookimpl
        def okplug_key_inputs(self) -> dict[str, str]:
            raise RuntimeError(f"cannot log in with {PASSWORD}")

    done = vault.run("plan", plugins=[Broken()]).assert_exit(3)
    assert "RuntimeError: cannot log in with ***" in done.stderr
    done = vault.run("plan", "--debug", plugins=[Broken()]).assert_exit(3)
    assert "Traceback" in done.stderr
    assert PASSWORD not in done.stderr.replace("{PASSWORD}", "")


def test_an_administrators_variable_that_is_overridden_is_told(vault: Shop) -> None:
    vault.workspace.write({".env": "PASSWORD=mine\n"})
    vault.run("admin", "set", "--force", "PASSWORD=theirs").assert_ok()
    vault.run("admin", "set", "PLACE=here").assert_ok()
    vault.workspace.environ["PLACE"] = "there"
    done = vault.run("plan").assert_ok()
    assert "the administrator's variable PLACE is overridden by your environment" in done.stderr
    assert "variable PASSWORD is overridden by line 1 of" in done.stderr
    (vault.workspace.root / ".env").unlink()
    vault.workspace.environ["PLACE"] = "here"
    done = vault.run("plan").assert_ok()
    assert "overridden" not in done.stderr
