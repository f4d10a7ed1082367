"""What instructions do to the configuration: whole configurations as BuildKit v0.32 writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from okplug import BuildError, ManifestError

if TYPE_CHECKING:
    from tests.unit.plugins.embedded.conftest import Workshop

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def config(**fields: Any) -> dict[str, Any]:
    """Return a configuration with what every image from scratch has."""
    return {"Env": [PATH], "WorkingDir": "/", **fields}


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        pytest.param("", config(), id="nothing"),
        pytest.param("ENV A=1 B='x y' C=a\\ b", config(Env=[PATH, "A=1", "B=x y", "C=a b"])),
        pytest.param("ENV A old form", config(Env=[PATH, "A=old form"])),
        pytest.param("ENV A=1 B=2\nENV A=3", config(Env=[PATH, "A=3", "B=2"])),
        pytest.param("ENV A=1\nENV A=2 B=$A", config(Env=[PATH, "A=2", "B=1"])),
        pytest.param("ENV PATH=/bin A=", config(Env=["PATH=/bin", "A="])),
        pytest.param("ARG A=1\nARG B\nENV C=$A$B", config(Env=[PATH, "C=1"])),
        pytest.param("LABEL a=1 'b c'=\"d e\"\nLABEL a=2", config(Labels={"a": "2", "b c": "d e"})),
        pytest.param("WORKDIR /srv\nWORKDIR x/../y", config(WorkingDir="/srv/y")),
        pytest.param("WORKDIR //x//y\nWORKDIR z/", config(WorkingDir="/x/y/z")),
        pytest.param("WORKDIR /a/../b/./c/", config(WorkingDir="/a/../b/./c/")),
        pytest.param("WORKDIR $NONE", config()),
        pytest.param("USER shop:staff", config(User="shop:staff")),
        pytest.param("USER 1\nUSER $NONE", config()),
        pytest.param(
            "EXPOSE 80 53/udp 90-91\nARG P=80\nEXPOSE $P/tcp 7",
            config(
                ExposedPorts={
                    f"{port}": {} for port in ("53/udp", "7/tcp", "80/tcp", "90/tcp", "91/tcp")
                }
            ),
        ),
        pytest.param("EXPOSE $NONE", config()),
        pytest.param("ARG P='80 90'\nEXPOSE $P", config(ExposedPorts={"80/tcp": {}, "90/tcp": {}})),
        pytest.param(
            'VOLUME /data $X/more\nVOLUME ["/j s"]',
            config(Volumes={"/data": {}, "/more": {}, "/j s": {}}),
        ),
        pytest.param('CMD ["a", "$B"]', config(Cmd=["a", "$B"], ArgsEscaped=True)),
        pytest.param(
            "CMD echo  hello $X",
            config(Cmd=["/bin/sh", "-c", "echo  hello $X"], ArgsEscaped=True),
        ),
        pytest.param("CMD", config(Cmd=["/bin/sh", "-c", ""], ArgsEscaped=True)),
        pytest.param("CMD []", config(ArgsEscaped=True)),
        pytest.param('ENTRYPOINT ["x"]', config(Entrypoint=["x"])),
        pytest.param("ENTRYPOINT exec x", config(Entrypoint=["/bin/sh", "-c", "exec x"])),
        pytest.param(
            'CMD ["a"]\nENTRYPOINT ["x"]',
            config(Cmd=["a"], Entrypoint=["x"], ArgsEscaped=True),
        ),
        pytest.param(
            'SHELL ["/bin/x", "-e"]\nCMD hello\nENTRYPOINT world',
            config(
                Shell=["/bin/x", "-e"],
                Cmd=["/bin/x", "-e", "hello"],
                Entrypoint=["/bin/x", "-e", "world"],
                ArgsEscaped=True,
            ),
        ),
        pytest.param("ARG S=SIGINT\nSTOPSIGNAL $S", config(StopSignal="SIGINT")),
        pytest.param("HEALTHCHECK NONE", config(Healthcheck={"Test": ["NONE"]})),
        pytest.param(
            "HEALTHCHECK CMD check  $X", config(Healthcheck={"Test": ["CMD-SHELL", "check  $X"]})
        ),
        pytest.param(
            "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=2ms --start-interval=1h "
            '--retries=3 CMD ["check", "it"]',
            config(
                Healthcheck={
                    "Test": ["CMD", "check", "it"],
                    "Interval": 90_000_000_000,
                    "Timeout": 1_500_000_000,
                    "StartPeriod": 2_000_000,
                    "StartInterval": 3_600_000_000_000,
                    "Retries": 3,
                }
            ),
        ),
        pytest.param(
            "HEALTHCHECK --timeout=0 --retries=0 CMD x",
            config(Healthcheck={"Test": ["CMD-SHELL", "x"]}),
        ),
        pytest.param(
            "ONBUILD COPY a   /x\nONBUILD ENV A=$B",
            config(OnBuild=["COPY a   /x", "ENV A=$B"]),
        ),
        pytest.param(
            "ONBUILD COPY <<E /x\none\nE", config(OnBuild=["COPY <<E /x\none\nE"]), id="trigger"
        ),
        pytest.param("ONBUILD RUN make", config(OnBuild=["RUN make"])),
    ],
)
def test_the_configuration(workshop: Workshop, instructions: str, expected: dict[str, Any]) -> None:
    assert workshop.build(f"FROM scratch\n{instructions}\n").config["config"] == expected


def test_the_author(workshop: Workshop) -> None:
    assert workshop.build("FROM scratch\nMAINTAINER a $b\n").config["author"] == "a $b"


def test_an_entrypoint_takes_the_command_of_the_base_away(workshop: Workshop) -> None:
    text = 'FROM scratch AS base\nCMD ["a"]\nFROM base\nENTRYPOINT ["x"]\n'
    built = workshop.build(text).config["config"]
    assert (built.get("Cmd"), built["Entrypoint"]) == (None, ["x"])


def test_an_entrypoint_leaves_the_command_of_its_stage(workshop: Workshop) -> None:
    text = 'FROM scratch AS base\nCMD ["a"]\nFROM base\nCMD ["b"]\nENTRYPOINT ["x"]\n'
    built = workshop.build(text).config["config"]
    assert (built["Cmd"], built["Entrypoint"]) == (["b"], ["x"])


def test_what_a_base_says_is_added_to(workshop: Workshop) -> None:
    text = """
        FROM scratch AS base
        ENV A=1
        LABEL a=1
        EXPOSE 1
        VOLUME /a
        SHELL ["/sh"]
        FROM base
        ENV B=${A}2
        LABEL b=2
        EXPOSE 2
        VOLUME /b
        CMD x
        """
    assert workshop.build(text).config["config"] == config(
        Env=[PATH, "A=1", "B=12"],
        Labels={"a": "1", "b": "2"},
        ExposedPorts={"1/tcp": {}, "2/tcp": {}},
        Volumes={"/a": {}, "/b": {}},
        Shell=["/sh"],
        Cmd=["/sh", "x"],
        ArgsEscaped=True,
    )


def test_a_stage_does_not_change_its_base(workshop: Workshop) -> None:
    text = """
        FROM scratch AS base
        LABEL a=1
        FROM base AS other
        LABEL b=2
        ENV B=2
        FROM base
        COPY --from=other . /
        """
    assert workshop.build(text).config["config"] == config(Labels={"a": "1"})


@pytest.mark.parametrize(
    ("instruction", "column", "message"),
    [
        ("EXPOSE 70000", 8, "'70000' is no port: expected 0 to 65535"),
        ("EXPOSE 80 x", 11, "'x' is no port"),
        ("STOPSIGNAL FOO", 1, "there is no signal 'FOO'"),
        ("HEALTHCHECK --interval=5 CMD x", 13, "--interval=5 is no time"),
        ("HEALTHCHECK --retries=-1 CMD x", 13, "--retries=-1 is no whole number from 0"),
        ('VOLUME "$NONE"', 8, 'the volume "$NONE" is empty'),
    ],
)
def test_wrong_values_are_pointed_at(
    workshop: Workshop, instruction: str, column: int, message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        workshop.build(f"FROM scratch\nENV A=1\n{instruction}\n")
    assert caught.value.message.startswith(message)
    assert str(caught.value.location) == f"{workshop.folder}/Dockerfile:3:{column}"
    assert caught.value.source == (instruction,)


@pytest.mark.parametrize("instruction", ["ENV A=${B", "LABEL a='b", "USER ${X?no user}"])
def test_words_that_cannot_be_expanded_are_pointed_at(workshop: Workshop, instruction: str) -> None:
    with pytest.raises(ManifestError) as caught:
        workshop.build(f"FROM scratch\n{instruction}\n")
    assert str(caught.value.location).startswith(f"{workshop.folder}/Dockerfile:2:")
