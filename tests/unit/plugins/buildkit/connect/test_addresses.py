"""What addresses mean, and what is wrong with those that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import Location, UsageError
from okplug_buildkit.connect.addresses import (
    EXAMPLES,
    SOCKET_PATH_LIMIT,
    Address,
    parse_address,
)


def fields(text: str) -> dict[str, object]:
    """Return what an address says, without what it does not say."""
    address = parse_address(text)
    assert address.text == str(address) == text
    names = ("host", "port", "user", "path", "name", "options")
    said = {name: getattr(address, name) for name in names}
    return {"scheme": address.scheme} | {name: value for name, value in said.items() if value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp://build.example.com:1234", {"host": "build.example.com", "port": 1234}),
        ("tcp://build_kit:1234/", {"host": "build_kit", "port": 1234}),
        ("tcp://127.0.0.1:65535", {"host": "127.0.0.1", "port": 65535}),
        ("tcp://[::1]:1234", {"host": "::1", "port": 1234}),
        ("tcp://[fe80::1%eth0]:1", {"host": "fe80::1%eth0", "port": 1}),
        ("unix:///run/buildkit/buildkitd.sock", {"path": "/run/buildkit/buildkitd.sock"}),
        ("unix:///a b/ü?x#y%41", {"path": "/a b/ü?x#y%41"}),
        ("docker-container://kit", {"name": "kit"}),
        ("docker-container://kit?context=far", {"name": "kit", "options": (("context", "far"),)}),
        ("docker-container://kit_1.x-y", {"name": "kit_1.x-y"}),
        ("podman-container://kit", {"name": "kit"}),
        ("nerdctl-container://k?namespace=n", {"name": "k", "options": (("namespace", "n"),)}),
        (
            "kube-pod://kit-0?context=&namespace=ci&container=kit",
            {
                "name": "kit-0",
                "options": (("context", ""), ("namespace", "ci"), ("container", "kit")),
            },
        ),
        ("ssh://build", {"host": "build"}),
        ("ssh://me@build:22", {"host": "build", "user": "me", "port": 22}),
        ("ssh://me@build/", {"host": "build", "user": "me"}),
        ("ssh://build/run/kit.sock", {"host": "build", "path": "/run/kit.sock"}),
        ("docker://", {}),
        ("docker:///", {}),
        ("docker:///var/run/docker.sock", {"path": "/var/run/docker.sock"}),
        ("docker://engine:2376", {"host": "engine", "port": 2376}),
        ("docker://engine", {"host": "engine"}),
        ("buildkitd://", {}),
        ("buildkitd://?root=/srv/kit", {"options": (("root", "/srv/kit"),)}),
    ],
)
def test_an_address(text: str, expected: dict[str, object]) -> None:
    assert fields(text) == {"scheme": text.partition(":")[0], **expected}


def test_an_option_that_is_not_there_is_empty() -> None:
    address = parse_address("kube-pod://kit?namespace=ci")
    assert (address.option("namespace"), address.option("context")) == ("ci", "")


@pytest.mark.parametrize(
    ("text", "netloc"),
    [("tcp://h:1", "h:1"), ("tcp://[::1]:2", "[::1]:2"), ("docker://h", "h")],
)
def test_host_and_port_are_as_grpc_has_them(text: str, netloc: str) -> None:
    assert parse_address(text).netloc == netloc


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp://host", "it has no port"),
        ("tcp://host:0", "a port is a number from 1 to 65535"),
        ("tcp://host:65536", "a port is a number from 1 to 65535"),
        ("tcp://host:http", "a port is a number from 1 to 65535"),
        ("tcp://:1234", "it names no host"),
        ("tcp://-host:1", "there can be no host '-host'"),
        ("tcp://a b:1", "there can be no host 'a b'"),
        ("tcp://host:1/path", "it has a path, which TCP does not know"),
        ("tcp://host:1#x", "an address has no part after #"),
        ("tcp://host:1?tls=yes", "tcp:// has no option 'tls'; it has none"),
        ("tcp://host:1\n", "it has a control character"),
        ("unix://kit.sock", "the path of a socket is absolute"),
        ("unix://", "the path of a socket is absolute"),
        ("docker-container://", "it names no container"),
        ("docker-container://-it", "there can be no container '-it'"),
        ("docker-container://a/b", "there can be no container 'a/b'"),
        ("docker-container://a:b", "there can be no container 'a:b'"),
        (
            "docker-container://a?contxt=b",
            "docker-container:// has no option 'contxt'; it has context",
        ),
        ("docker-container://a?context=-H", "the option context has no valid value"),
        ("docker-container://a?context=%00", "the option context has no valid value"),
        ("kube-pod://Kit", "there can be no pod 'Kit'"),
        ("kube-pod://-n", "there can be no pod '-n'"),
        (
            "kube-pod://kit?pod=x",
            "kube-pod:// has no option 'pod'; it has context and namespace and container",
        ),
        ("ssh://", "it names no host"),
        ("ssh://me@", "it names no host"),
        ("ssh://-oProxyCommand=x@h", "there can be no user '-oProxyCommand=x'"),
        ("ssh://h/a b", "the path '/a b' has a character that a shell would not leave alone"),
        ("ssh://h/$(x)", "the path '/$(x)' has a character that a shell would not leave alone"),
        ("docker://host/path", "it has both a host and a path"),
        ("buildkitd://kit", "a daemon of okplug's own has no name"),
    ],
)
def test_what_is_wrong_with_an_address(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text, "BUILDKIT_HOST")
    assert caught.value.message == f"BUILDKIT_HOST: {text!r}: {message}"
    assert caught.value.hint == f"write it such as {EXAMPLES[text.partition(':')[0]]}"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("tpc://h:1", "there is no scheme 'tpc', did you mean tcp://?", "the schemes are tcp://, "),
        ("TCP://h:1", "there is no scheme 'TCP', did you mean tcp://?", "the schemes are tcp://, "),
        ("http://h:1", "there is no scheme 'http'", "the schemes are tcp://, unix://, "),
        ("docker", "expected SCHEME://..., did you mean docker://?", "the schemes are "),
        ("/run/kit.sock", "expected SCHEME://...", "write unix:///run/kit.sock for a socket"),
        ("localhost:1234", "expected SCHEME://...", "write tcp://localhost:1234 for a port"),
        ("", "expected SCHEME://...", "the schemes are tcp://, "),
    ],
)
def test_a_scheme_that_is_not_known(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert caught.value.message == f"builder: {text!r}: {message}"
    assert caught.value.hint.startswith(hint)


def test_the_path_of_a_socket_fits_into_what_the_kernel_has_for_it() -> None:
    longest = "/" + "ü" * 53
    assert len(longest.encode()) == SOCKET_PATH_LIMIT
    assert parse_address(f"unix://{longest}").path == longest
    with pytest.raises(
        UsageError, match="the path has 108 bytes, and that of a socket at most 107"
    ):
        parse_address(f"unix://{longest}x")
    with pytest.raises(UsageError, match="at most 107"):
        parse_address(f"docker://{longest}x")


def test_an_error_has_the_place_of_the_address() -> None:
    place = Location(Path("okplug.toml"), 3, 11)
    with pytest.raises(UsageError) as caught:
        parse_address("tcp://h", "setting builder", place)
    assert str(caught.value) == (
        "okplug.toml:3:11: setting builder: 'tcp://h': it has no port\n"
        "  hint: write it such as tcp://buildkit.example.com:1234"
    )


@pytest.mark.parametrize("scheme", ["tcp", "ssh", "docker"])
def test_a_password_is_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(f"{scheme}://me:pass@word/@host:1234")
    assert "word" not in str(caught.value).replace("password", "")
    assert f"'{scheme}://me:***@host:1234': it has a " in caught.value.message


def test_who_one_is_to_a_daemon_stands_in_settings() -> None:
    with pytest.raises(UsageError) as caught:
        parse_address("tcp://token@host:1234")
    assert caught.value.hint == (
        "give a token by the setting builder_token, and a certificate by builder_cert"
    )


@given(st.sampled_from([*EXAMPLES, "x", ""]), st.text(max_size=40))
def test_any_text_is_an_address_or_an_error(scheme: str, rest: str) -> None:
    text = f"{scheme}://{rest}"
    parsed = parsed_or_refused(text)
    if isinstance(parsed, UsageError):
        assert "\n" not in parsed.message
        assert parsed.hint
    else:
        assert parsed.text == text
        assert not any(word.startswith("-") for word in (parsed.host, parsed.name, parsed.user))


def parsed_or_refused(text: str) -> Address | UsageError:
    try:
        return parse_address(text)
    except UsageError as error:
        return error


@pytest.mark.parametrize("example", EXAMPLES.values())
def test_the_examples_in_hints_are_addresses(example: str) -> None:
    assert isinstance(parse_address(example), Address)
