"""The files of ``docker login`` and ``podman login``: what is found in them, and what is refused."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.credentialfiles import (
    DOCKER_HUB,
    CredentialFile,
    credential_paths,
    find_credential_files,
    host_names,
    read_credential_file,
)
from okplug.errors import Location, UsageError
from okplug.login import Login

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "registry.example.com"


def encoded(username: str, secret: str) -> str:
    return base64.b64encode(f"{username}:{secret}".encode()).decode()


def file_of(document: dict[str, Any]) -> CredentialFile:
    return CredentialFile(Path("/c/config.json"), json.dumps(document, indent=1), document)


def auths(**entries: object) -> CredentialFile:
    return file_of({"auths": entries})


# ------------------------------------------------------------------------------------------- logins


def test_a_user_and_a_password() -> None:
    file = auths(**{HOST: {"auth": encoded("cindy", "s3:cret")}})
    assert file.login(HOST) == Login("cindy", "s3:cret")
    assert file.login("other.example.com") is None


def test_a_login_shows_nobody_its_secrets() -> None:
    login = Login("cindy", "s3cret", "idtoken", "regtoken")
    assert repr(login) == "Login(username='cindy')"
    assert "s3cret" not in repr(auths(**{HOST: {"password": "s3cret"}}))


def test_fields_in_the_clear_count_too() -> None:
    assert auths(**{HOST: {"username": "u", "password": "p"}}).login(HOST) == Login("u", "p")


def test_an_identity_token_is_the_whole_login() -> None:
    entry = {"auth": encoded("0000", ""), "identitytoken": "t"}
    assert auths(**{HOST: entry}).login(HOST) == Login(identity_token="t")


def test_a_registry_token() -> None:
    assert auths(**{HOST: {"registrytoken": "t"}}).login(HOST) == Login(registry_token="t")


def test_padding_of_old_versions_is_no_part_of_the_password() -> None:
    assert auths(**{HOST: {"auth": encoded("u", "p\0\0")}}).login(HOST) == Login("u", "p")


@pytest.mark.parametrize("entry", [{}, {"auth": ""}, {"email": "a@b"}, {"auth": None}])
def test_an_entry_without_credentials_is_no_login(entry: dict[str, Any]) -> None:
    assert auths(**{HOST: entry}).login(HOST) is None


@pytest.mark.parametrize(
    "key",
    [
        HOST,
        f"https://{HOST}",
        f"http://{HOST}/v1/",
        f"https://{HOST}/v2/",
        f"{HOST}/v2/",
        f"{HOST}/",
    ],
)
def test_a_host_is_found_by_all_forms_of_its_key(key: str) -> None:
    file = auths(**{key: {"auth": encoded("u", "p")}})
    assert file.login(HOST) == Login("u", "p")
    assert file.login(HOST, "team/app") == Login("u", "p")
    assert file.login(f"{HOST}:5000") is None


@pytest.mark.parametrize(
    "host", ["docker.io", "index.docker.io", "registry-1.docker.io", DOCKER_HUB]
)
@pytest.mark.parametrize("key", [DOCKER_HUB, "docker.io", "index.docker.io", "https://docker.io"])
def test_docker_hub_has_many_names(host: str, key: str) -> None:
    assert auths(**{key: {"auth": encoded("u", "p")}}).login(host) == Login("u", "p")


def test_the_key_as_it_is_asked_for_wins_over_an_older_form() -> None:
    old, new = {"auth": encoded("old", "p")}, {"auth": encoded("new", "p")}
    assert auths(**{f"https://{HOST}/v1/": old, HOST: new}).login(HOST) == Login("new", "p")


def test_credentials_of_a_namespace_go_nowhere_else() -> None:
    file = auths(
        **{
            f"{HOST}/team/app": {"auth": encoded("app", "1")},
            f"{HOST}/team": {"auth": encoded("team", "2")},
        }
    )
    assert file.login(HOST, "team/app") == Login("app", "1")
    assert file.login(HOST, "team/app/x") == Login("app", "1")
    assert file.login(HOST, "team/other") == Login("team", "2")
    assert file.login(HOST, "teams/other") is None
    assert file.login(HOST) is None


def test_a_namespace_without_credentials_takes_those_of_its_host() -> None:
    file = auths(**{f"{HOST}/team": {}, HOST: {"auth": encoded("u", "p")}})
    assert file.login(HOST, "team/app") == Login("u", "p")


def test_a_namespace_of_docker_hub() -> None:
    file = auths(**{"docker.io/cindy": {"auth": encoded("u", "p")}})
    assert file.login("registry-1.docker.io", "cindy/app") == Login("u", "p")
    assert file.login("registry-1.docker.io", "library/alpine") is None


NAMES = st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(TEXTS.filter(lambda text: text and ":" not in text), TEXTS)
def test_every_user_and_password_comes_back_as_it_was(username: str, secret: str) -> None:
    file = auths(**{HOST: {"auth": encoded(username, secret)}})
    assert file.login(HOST) == Login(username, secret)


@given(st.lists(NAMES, min_size=1, max_size=4), st.sets(st.integers(0, 4)))
def test_the_longest_namespace_that_is_there_wins(parts: list[str], depths: set[int]) -> None:
    there = sorted(depth for depth in depths if depth <= len(parts))
    entries = {"/".join([HOST, *parts[:n]]): {"username": str(n), "password": "p"} for n in there}
    found = auths(**entries).login(HOST, "/".join(parts))
    assert found == (Login(str(there[-1]), "p") if there else None)


# ------------------------------------------------------------------------------------------ helpers


def test_a_helper_of_one_host_goes_before_that_of_all() -> None:
    file = file_of({"credHelpers": {HOST: "ecr-login"}, "credsStore": "pass"})
    assert file.helper(HOST) == ("ecr-login", HOST)
    assert file.helper("other.example.com") == ("pass", "other.example.com")


def test_helpers_know_docker_hub_by_its_own_name() -> None:
    assert file_of({"credsStore": "pass"}).helper("docker.io") == ("pass", DOCKER_HUB)
    podmans = file_of({"credHelpers": {"docker.io": "pass"}})
    assert podmans.helper("registry-1.docker.io") == ("pass", "docker.io")


def test_most_files_name_no_helper() -> None:
    assert file_of({}).helper(HOST) == ("", "")


def test_names_of_other_hosts_are_their_own() -> None:
    assert host_names(HOST) == (HOST,)


# -------------------------------------------------------------------------------------- wrong files


def wrong(path: Path, text: str, host: str = HOST) -> UsageError:
    path.write_text(text, encoding="utf-8")

    def look_up() -> None:
        file = read_credential_file(path)
        assert file is not None
        file.helper(host)
        file.login(host)

    with pytest.raises(UsageError) as caught:
        look_up()
    assert caught.value.__cause__ is None
    return caught.value


def test_broken_json_is_located(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    error = wrong(path, '{\n  "auths": {\n    "x" {}\n  }\n}')
    assert str(error) == (
        f"{path}:3:9: no JSON: Expecting ':' delimiter\n"
        "  hint: log in again, which writes the file anew, or repair it"
    )


def test_a_wrong_login_is_located_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    error = wrong(path, f'{{\n  "auths": {{\n    "{HOST}": {{\n      "auth": "s3cret!"}}}}}}')
    assert str(error).startswith(
        f"{path}:4:7: auth of {HOST} of auths: expected the base64 form of USER:PASSWORD\n"
    )
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected an object"),
        ('{"auths": []}', None),
        ('{"auths": [1]}', "auths: expected an object"),
        ('{"auths": {"registry.example.com": "x"}}', "expected an object"),
        ('{"auths": {"registry.example.com": {"auth": 7}}}', "expected a string"),
        ('{"auths": {"registry.example.com": {"auth": "bm9jb2xvbg=="}}}', "expected the base64"),
        ('{"auths": {"registry.example.com": {"auth": "OnNlY3JldA=="}}}', "expected the base64"),
        ('{"credHelpers": {"registry.example.com": 1}}', "expected a string"),
        ('{"credsStore": {}}', "credsStore: expected a string"),
        ("[" * 100_000, "no usable JSON"),
        ('{"auths": {"a": ' + "1" * 5000 + "}}", "no usable JSON"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "config.json"
    if message is None:  # an empty list is as good as nothing
        path.write_text(text)
        file = read_credential_file(path)
        assert file is not None
        assert file.login(HOST) is None
    else:
        assert message in wrong(path, text).message


def test_an_entry_that_nobody_asks_for_may_be_wrong(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {"a.example": 1, HOST: {"auth": encoded("u", "p")}}}))
    file = read_credential_file(path)
    assert file is not None
    assert file.login(HOST) == Login("u", "p")


def refusal(call: Callable[[], object]) -> Location | None:
    """Return the place of the error that a call raises, None if it raises none."""
    try:
        call()
    except UsageError as error:
        return error.location or Location(Path())
    return None


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        place = refusal(lambda: read_credential_file(path))
        assert place is None or place.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([HOST, "auth", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["auths", "credHelpers", "credsStore"]), JSON))
def test_any_document_gives_a_login_or_an_error_with_a_place(document: dict[str, Any]) -> None:
    file = file_of(document)
    for call in (lambda: file.helper(HOST), lambda: file.login(HOST, "a/b")):
        place = refusal(call)
        assert place is None or place.path == file.path
        assert place is None or 1 <= place.line <= file.text.count("\n") + 1
        assert place is None or place.column >= 1


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{"\xff": 1}')
    with pytest.raises(UsageError, match=r"expected UTF-8"):
        read_credential_file(path)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory"):
        read_credential_file(tmp_path)


def test_a_byte_order_mark_and_an_empty_file_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_credential_file(path) is not None
    path.write_bytes(b" \n")
    file = read_credential_file(path)
    assert file is not None
    assert file.login(HOST) is None


# ---------------------------------------------------------------------------------------- which file


def test_where_credentials_are_looked_for() -> None:
    environ = {"HOME": "/h", "XDG_RUNTIME_DIR": "/r"}
    assert [str(path) for path in credential_paths(environ)] == [
        "/r/containers/auth.json",
        "/h/.docker/config.json",
    ]
    environ["DOCKER_CONFIG"] = "/d"
    assert [str(path) for path in credential_paths(environ)] == ["/d/config.json"]
    environ["REGISTRY_AUTH_FILE"] = "/a.json"
    assert [str(path) for path in credential_paths(environ)] == ["/a.json"]
    assert list(credential_paths({})) == []


def test_files_that_are_not_there_are_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert find_credential_files({"HOME": str(tmp_path)}) == ()
    assert find_credential_files({"DOCKER_CONFIG": str(file)}) == ()


def test_a_file_that_is_named_and_not_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_credential_files({"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")})
    assert str(caught.value) == (
        f"REGISTRY_AUTH_FILE names {tmp_path}/auth.json, which is not there\n"
        "  hint: unset it, or log in: podman login --authfile FILE HOST"
    )
