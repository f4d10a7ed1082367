"""The JSON documents, and that a file of them is whole or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.backends import Artifact, Descriptor
from okplug.errors import BuildError, ExitCode, Location, UsageError
from okplug.keys import KeyRecord
from okplug.manifest.model import Image
from okplug.plan import Report, Result, Step
from okplug.reference import Reference
from okplug.resultdocument import plan_document, result_document, write_document

if TYPE_CHECKING:
    from pytest import CaptureFixture, MonkeyPatch  # noqa: PT013  # types only

DIGEST = "sha256:" + "1" * 64
ARTIFACT = Artifact(
    Reference("registry.test", "okteto/api", digest=DIGEST), Descriptor("x", DIGEST, 3)
)


def step(name: str, verdict: str = "build") -> Step:
    place = Location(Path("/shop/okteto.yaml"), 2, 3)
    key = name[0] * 32
    return Step(
        Image(name, "", place, Path("/shop"), Path("/shop/Dockerfile")),
        KeyRecord(key, "f" * 64, ()),
        verdict,
        ("file Dockerfile changed",) if verdict == "build" else (),
        (
            Reference("registry.test", f"cindy/{name}", "okteto"),
            Reference("other.test", name, "latest"),
        ),
        Reference("registry.test", f"okteto/{name}", key),
        Reference("registry.test", f"cindy/{name}"),
    )


def described(name: str, verdict: str) -> dict[str, object]:
    return {
        "address": f":{name}",
        "key": name[0] * 32,
        "verdict": verdict,
        "reasons": ["file Dockerfile changed"] if verdict != "reuse" else [],
        "awaits": [],
        "references": {
            "personal": f"registry.test/cindy/{name}:okteto",
            "global": f"registry.test/okteto/{name}:{name[0] * 32}",
            "tags": [f"registry.test/cindy/{name}:okteto", f"other.test/{name}:latest"],
        },
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_plan() -> None:
    assert plan_document([step("web", "reuse"), step("api")]) == {
        "images": [described("web", "reuse"), described("api", "build")]
    }


def test_a_plan_of_nothing() -> None:
    assert plan_document([]) == {"images": []}


def test_a_result_is_sorted_by_address() -> None:
    report = Report(
        "build",
        ExitCode.FAILED,
        1.23456,
        (
            Result(step("web", "reuse"), "reuse", 0.0123456, ARTIFACT),
            Result(step("lib"), "failed", 0.5, error=BuildError("it is broken", hint="mend it")),
            Result(step("cat"), "blocked", 0.0, blocked_by=":lib"),
            Result(step("api"), "build", 1.0, ARTIFACT),
        ),
        "embedded",
        withheld=("registry.test/cindy/api:okteto",),
    )
    assert result_document(report) == {
        "exit_code": 1,
        "duration": 1.235,
        "images": [
            described("api", "build")
            | {
                "digest": DIGEST,
                "duration": 1.0,
                "builder": "embedded",
                "message": "",
                "blocked_by": "",
            },
            described("cat", "blocked")
            | {"digest": "", "duration": 0.0, "builder": "", "message": "", "blocked_by": ":lib"},
            described("lib", "failed")
            | {
                "digest": "",
                "duration": 0.5,
                "builder": "",
                "message": "it is broken\n  hint: mend it",
                "blocked_by": "",
            },
            described("web", "reuse")
            | {"digest": DIGEST, "duration": 0.012, "builder": "", "message": "", "blocked_by": ""},
        ],
        "withheld": ["registry.test/cindy/api:okteto"],
    }


def test_standard_output(capsys: CaptureFixture[str], tmp_path: Path) -> None:
    write_document({"images": []}, "-", tmp_path)
    assert capsys.readouterr().out == '{\n  "images": []\n}\n'
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_relative_to_the_user_s_folder_and_readable_by_all(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_document({"a": "ü"}, "out/result.json", tmp_path)
    path = tmp_path / "out/result.json"
    assert json.loads(path.read_text()) == {"a": "ü"}
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["result.json"]


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    write_document({}, str(tmp_path / "x.json"), Path("/"))
    assert (tmp_path / "x.json").read_text() == "{}\n"


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("old" * 1000)
    with (tmp_path / "x.json").open() as reader:
        write_document({}, "x.json", tmp_path)
        assert reader.read() == "old" * 1000, "who reads the old file sees all of it"
    assert (tmp_path / "x.json").read_text() == "{}\n"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        write_document({}, "nowhere/x.json", tmp_path)
    assert str(raised.value) == (
        f"cannot write {tmp_path}/nowhere/x.json: No such file or directory\n"
        "  hint: the images are what they are"
    )


def test_a_target_that_is_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        write_document({}, "x", tmp_path)
    assert names(tmp_path) == ["x"]


def test_an_interruption_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    (tmp_path / "x.json").write_text("old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_document({}, "x.json", tmp_path)
    assert names(tmp_path) == ["x.json"]
    assert (tmp_path / "x.json").read_text() == "old"
