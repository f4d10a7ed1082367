"""The values of build sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.composefolder import Folder


def test_every_key_has_its_place_in_an_image(shop: Folder) -> None:
    shop.environ["TOKEN"] = "t"
    image = shop.build("""\
        context: api
        target: prod
        args: {A: 1, B: "x y"}
        cache_from: [type=gha, okteto.dev/x:cache]
        cache_to: [type=gha]
        platforms: [linux/amd64, linux/arm64]
        labels: {a.b: c}
        extra_hosts: ["db:10.0.0.1"]
        network: host
        ssh: [default]
        """)
    assert image.target == "prod"
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "1"), ("B", "x y")]
    assert image.cache_from == ("type=gha", "okteto.dev/x:cache")
    assert image.export_cache == ("type=gha",)
    assert image.platforms == ("linux/amd64", "linux/arm64")
    assert image.labels == (("a.b", "c"),)
    assert image.extra_hosts == (("db", "10.0.0.1"),)
    assert image.network == "host"
    assert image.ssh == ("default",)


def test_lists_of_pairs(shop: Folder) -> None:
    image = shop.build('args: [A=1, "B=x=y", C=]\nlabels: [a=b, c]')
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "1"), ("B", "x=y"), ("C", "")]
    assert image.labels == (("a", "b"), ("c", ""))


@pytest.mark.parametrize("args", ["[A, B, C=c]", "{A: , B: , C: c}"])
def test_an_argument_without_a_value_is_the_environments_or_none(shop: Folder, args: str) -> None:
    shop.environ["A"] = "$a"
    image = shop.build(f"args: {args}")
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "$$a"[1:]), ("C", "c")]


def test_the_platform_of_a_service_counts_where_the_build_names_none(shop: Folder) -> None:
    assert shop.image("services: {web: {build: ., platform: linux/arm64}}").platforms == (
        "linux/arm64",
    )
    assert shop.image(
        "services: {web: {build: {platforms: [linux/386]}, platform: linux/arm64}}"
    ).platforms == ("linux/386",)


def test_an_inline_dockerfile_has_its_variables_filled_in_once(shop: Folder) -> None:
    shop.environ["V"] = "1"
    image = shop.build("dockerfile_inline: |\n  FROM alpine:$V\n  RUN echo $$HOME\n")
    assert image.inline is not None
    assert image.inline.text == "FROM alpine:1\nRUN echo $HOME\n"


def test_ssh_may_be_a_map(shop: Folder) -> None:
    assert shop.build("ssh: {default: , x: /run/agent}").ssh == ("default", "x=/run/agent")


def test_contexts_may_be_services(shop: Folder) -> None:
    images = shop.images(
        """
        services:
          Base_1: {build: lib}
          web:
            build:
              context: .
              additional_contexts: {base: "service:Base_1", src: ./lib, alpine: docker-image://alpine:3}
        """.replace("Base_1", "base-1")
    )
    contexts = dict(images["web"].named_contexts)
    assert contexts["src"] == str(shop.root / "lib")
    assert contexts["alpine"] == "docker-image://alpine:3"
    assert ":base-1" in contexts["base"]


def test_a_context_that_is_no_service(shop: Folder) -> None:
    text = """\
        services:
          base: {build: lib}
          web: {build: {additional_contexts: ["x=service:bass"]}}
        """
    assert shop.error(text) == (
        "compose.yaml:3:39: no service 'bass' is built here, did you mean 'base'?\n"
        "  hint: name a service with a build section"
    )


def test_keys_that_change_no_image_are_told_once(shop: Folder) -> None:
    text = """\
        services:
          a: {build: {context: ., no_cache: true, shm_size: 1gb, x-mine: 1}}
          b: {build: {context: api, no_cache: true, provenance: false, pull: true}}
        """
    assert shop.warnings(text).splitlines() == [
        "compose.yaml: no_cache of a, b has no effect here",
        "compose.yaml: provenance of b has no effect here",
        "compose.yaml: pull of b has no effect here",
        "compose.yaml: shm_size of a has no effect here",
    ]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ("contxt: .", "4:7: unknown key 'contxt' in services.web.build\n  hint: did you mean cont"),
        ("- x", "4:7: build: expected a folder or a map, found a list"),
        ("context: nope", "4:16: the context nope does not exist"),
        ("context: https://x.test/y.git", "4:16: the context https://x.test/y.git is remote"),
        ("dockerfile: nope", "4:19: the Dockerfile nope does not exist"),
        ("args: [A=1, A=2]", "the key 'A' of args is written twice"),
        ("args: [{A: 1}]", "an item of build.args: expected NAME=value, found a map"),
        ("context: ${X:?say where}", "4:16: the variable X is required: say where\n  hint: set X"),
        ("context: !x .", "the tag !x means nothing in a manifest"),
    ],
)
def test_what_is_wrong(shop: Folder, build: str, message: str) -> None:
    assert message in shop.error(f"services:\n  web:\n    build:\n      {build}\n")


def test_secrets_are_those_of_the_file(shop: Folder) -> None:
    image = shop.image(
        """
        services:
          web:
            build:
              context: api
              secrets:
                - token
                - {source: netrc, target: .netrc, mode: 0400}
        secrets:
          token: {environment: TOKEN}
          netrc: {file: "./$DIR/netrc"}
          other: {external: true}
        """.replace("$DIR", "conf")
    )
    assert [(s.id, s.kind, s.source) for s in image.secrets] == [
        ("token", "env", "TOKEN"),
        (".netrc", "file", str(shop.root / "conf/netrc")),
    ]


@pytest.mark.parametrize(
    ("secret", "top", "message"),
    [
        ("tken", "token: {file: x}", "there is no secret 'tken' in the file, did you mean 'token'"),
        ("token", "token: {external: true}", "secrets.token: expected either file or environment"),
        ("token", "token: {file: x, environment: X}", "secrets.token: expected either"),
        ("token", "token:", "secrets.token: expected either file or environment"),
        ("{target: x}", "token: {file: x}", "build.secrets: source is missing"),
        ("{source: token, src: x}", "token: {file: x}", "unknown key 'src' in build.secrets"),
    ],
)
def test_a_wrong_secret(shop: Folder, secret: str, top: str, message: str) -> None:
    text = f"services: {{web: {{build: {{secrets: [{secret}]}}}}}}\nsecrets:\n  {top}\n"
    assert message in shop.error(text)
