"""The values of ``--output``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from okplug import UsageError
from okplug_buildkit.outputs.wanted import WantedOutput, add_output_arguments, read_outputs

HERE = Path("/shop")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("out", WantedOutput("local", HERE / "out")),
        ("/out", WantedOutput("local", Path("/out"))),
        ("./a b", WantedOutput("local", HERE / "a b")),
        ("-", WantedOutput("tar", None)),
        ("type=local,dest=out", WantedOutput("local", HERE / "out")),
        ("dest=out,type=local", WantedOutput("local", HERE / "out")),
        ("type=tar", WantedOutput("tar", None)),
        ("type=tar,dest=-", WantedOutput("tar", None)),
        ("type=oci,dest=a.tar", WantedOutput("oci", HERE / "a.tar")),
        ("type=docker,dest=../a.tar", WantedOutput("docker", HERE / "../a.tar")),
        ('type=oci,"dest=a,b.tar"', WantedOutput("oci", HERE / "a,b.tar")),
    ],
)
def test_what_is_meant(text: str, expected: WantedOutput) -> None:
    assert read_outputs([text], HERE) == (expected,)


@pytest.mark.parametrize(
    ("kind", "is_unpacked"), [("local", True), ("tar", True), ("oci", False), ("docker", False)]
)
def test_files_are_unpacked_and_images_are_not(kind: str, *, is_unpacked: bool) -> None:
    assert WantedOutput(kind, HERE).is_unpacked is is_unpacked


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "type=zip,dest=x",
            (
                "the output 'type=zip,dest=x' is wrong: there is no type 'zip'\n"
                "  hint: the types are local, tar, oci, docker"
            ),
        ),
        (
            "dest=x",
            (
                "the output 'dest=x' is wrong: it has no type\n"
                "  hint: write type=TYPE, one of local, tar, oci, docker"
            ),
        ),
        (
            "type=local",
            (
                "the output 'type=local' is wrong: files go to a folder\n"
                "  hint: write type=local,dest=FOLDER"
            ),
        ),
        (
            "type=local,dest=-",
            (
                "the output 'type=local,dest=-' is wrong: files go to a folder\n"
                "  hint: write type=local,dest=FOLDER"
            ),
        ),
        (
            "type=oci,push=true",
            (
                "the output 'type=oci,push=true' is wrong: 'push' is no field of an output\n"
                "  hint: the fields are type and dest"
            ),
        ),
        (
            '"type=oci',
            (
                "the output '\"type=oci' is wrong: unexpected end of data\n"
                "  hint: quote a whole field"
            ),
        ),
        (
            "",
            "the output '' is wrong: it has no type\n  hint: write type=TYPE, one of local, tar, oci, docker",
        ),
    ],
)
def test_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_outputs([text], HERE)
    assert str(caught.value) == message


def test_standard_output_takes_one() -> None:
    with pytest.raises(UsageError) as caught:
        read_outputs(["-", "type=oci"], HERE)
    assert str(caught.value) == (
        "several outputs go to standard output\n  hint: give all but one of them dest=FILE"
    )


def test_the_options_of_the_command() -> None:
    parser = argparse.ArgumentParser()
    add_output_arguments(parser)
    options = parser.parse_args(["--load", "--output", "a", "--output", "type=tar"])
    assert options.load
    assert options.output == ["a", "type=tar"]
    assert vars(parser.parse_args([])) == {"load": False, "output": []}
