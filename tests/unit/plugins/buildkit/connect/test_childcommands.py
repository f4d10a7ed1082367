"""The programs that lead to daemons elsewhere, word by word."""

from __future__ import annotations

import pytest

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.childcommands import dial_command, ssh_command


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("docker-container://kit", "docker exec -i kit buildctl dial-stdio"),
        (
            "docker-container://kit?context=far",
            "docker --context=far exec -i kit buildctl dial-stdio",
        ),
        ("docker-container://kit?context=", "docker exec -i kit buildctl dial-stdio"),
        ("podman-container://kit", "podman exec -i kit buildctl dial-stdio"),
        ("nerdctl-container://kit", "nerdctl exec -i kit buildctl dial-stdio"),
        (
            "nerdctl-container://kit?namespace=ci",
            "nerdctl exec --namespace ci -i kit buildctl dial-stdio",
        ),
        (
            "kube-pod://kit-0",
            "kubectl --context= --namespace= exec --container= -i kit-0 -- buildctl dial-stdio",
        ),
        (
            "kube-pod://k?context=far&namespace=ci&container=kit",
            "kubectl --context=far --namespace=ci exec --container=kit -i k -- buildctl dial-stdio",
        ),
        ("ssh://build", "ssh -- build buildctl dial-stdio"),
        ("ssh://me@build:2222", "ssh -l me -p 2222 -- build buildctl dial-stdio"),
        (
            "ssh://build/run/kit.sock",
            "ssh -- build buildctl --addr unix:///run/kit.sock dial-stdio",
        ),
    ],
)
def test_the_command_of_an_address(address: str, command: str) -> None:
    assert dial_command(parse_address(address)) == tuple(command.split(" "))


@pytest.mark.parametrize("address", ["tcp://h:1", "unix:///s", "docker://", "buildkitd://"])
def test_what_is_reached_without_a_command(address: str) -> None:
    assert dial_command(parse_address(address)) is None


def test_a_name_with_blanks_stays_one_word() -> None:
    command = dial_command(parse_address("docker-container://kit?context=my%20far"))
    assert command is not None
    assert command[1] == "--context=my far"


def test_what_ssh_is_told_ends_with_the_host() -> None:
    assert ssh_command(parse_address("ssh://me@build:1")) == (
        *("ssh", "-l", "me", "-p", "1"),
        *("--", "build"),
    )
