from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import Location
from okplug.manifest.entrykeys import KEYS
from okplug.manifest.imagenames import sanitise
from okplug.manifest.model import Image

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace


def args(image: Image) -> list[tuple[str, str]]:
    """Return names and values."""
    return [(arg.name, arg.value) for arg in image.args]


def places(image: Image) -> dict[str, str]:
    """Return line and column of each key."""
    return {key: f"{place.line}:{place.column}" for key, place in image.places.items()}


def test_the_short_form_is_a_context(workspace: Workspace) -> None:
    image = workspace.image("build:\n  api: api\n")
    assert image == Image(
        name="api",
        folder="",
        location=Location(workspace.manifest, 2, 3),
        context=workspace.root / "api",
        dockerfile=workspace.root / "api/Dockerfile",
    )
    assert places(image) == {"context": "2:3"}


def test_variables_are_expanded_in_the_short_form(workspace: Workspace) -> None:
    workspace.environ["WHERE"] = "api"
    assert workspace.image("build:\n  api: ./$WHERE\n").context == workspace.root / "api"


def test_every_key_in_its_long_form(workspace: Workspace) -> None:
    workspace.add("api/prod.Dockerfile")
    image = workspace.image("""\
        build:
          api:
            context: api
            dockerfile: prod.Dockerfile
            target: release
            image: okteto.dev/api:1.20
            args:
              VERSION: 1.20
            cache_from:
              - okteto.global/api:cache
            export_cache:
              - okteto.dev/api:cache
            secrets:
              token: .token
            depends_on:
              - base
        """)
    assert image.context == workspace.root / "api"
    assert image.dockerfile == workspace.root / "api/prod.Dockerfile"
    assert image.target == "release"
    assert image.reference == "okteto.dev/api:1.20"
    assert args(image) == [("VERSION", "1.20")]
    assert image.cache_from == ("okteto.global/api:cache",)
    assert image.export_cache == ("okteto.dev/api:cache",)
    assert [(secret.id, secret.kind) for secret in image.secrets] == [("token", "file")]
    assert [str(name) for name in image.depends_on] == ["base"]
    assert places(image) == {
        "context": "3:5",
        "dockerfile": "4:5",
        "target": "5:5",
        "image": "6:5",
        "args": "7:5",
        "cache_from": "9:5",
        "export_cache": "11:5",
        "secrets": "13:5",
        "depends_on": "15:5",
    }


def test_every_value_is_expanded(workspace: Workspace) -> None:
    (workspace.root / "Dockerfile").unlink()
    workspace.environ.update(A="api", T="release", I="okteto.dev/x", C="cache", D="base", S="tok")
    image = workspace.image("""\
        build:
          api:
            context: ${A}
            dockerfile: ${F:-Docker}file
            target: $T
            image: ${I}:${TAG:-1}
            args: {ARG: "${A}-$$"}
            cache_from: ${C}1
            export_cache: [$C, "${C}2"]
            secrets: {one: "${S}/1", two: {file: "${S}/2"}, three: {env: "${S}"}}
            depends_on: $D
        """)
    assert image.context == workspace.root / "api"
    assert image.dockerfile == workspace.root / "api/Dockerfile"
    assert (image.target, image.reference) == ("release", "okteto.dev/x:1")
    assert args(image) == [("ARG", "api-$")]
    assert (image.cache_from, image.export_cache) == (("cache1",), ("cache", "cache2"))
    assert [secret.source for secret in image.secrets] == [
        str(workspace.root / "tok/1"),
        str(workspace.root / "tok/2"),
        "tok",
    ]
    assert [name.value for name in image.depends_on] == ["base"]


def test_variables_of_other_images_stay(workspace: Workspace) -> None:
    image = workspace.image("""\
        build:
          api:
            context: api
            image: ${OKTETO_BUILD_BASE_REGISTRY}/x
            args: ["BASE=$OKTETO_BUILD_BASE_IMAGE", "SHA=${OKTETO_BUILD_BASE_SHA}"]
        """)
    assert image.reference == "${OKTETO_BUILD_BASE_REGISTRY}/x"
    assert args(image) == [
        ("BASE", "$OKTETO_BUILD_BASE_IMAGE"),
        ("SHA", "${OKTETO_BUILD_BASE_SHA}"),
    ]


@pytest.mark.parametrize("entry", ["{}", "{context: }", "{context: '', dockerfile: ''}"])
def test_context_and_dockerfile_have_defaults(workspace: Workspace, entry: str) -> None:
    image = workspace.image(f"build:\n  api: {entry}\n")
    assert image.context == workspace.root
    assert image.dockerfile == workspace.root / "Dockerfile"


def test_a_key_without_a_value_counts_as_not_written(workspace: Workspace) -> None:
    image = workspace.image("""\
        build:
          api:
            context:
            dockerfile: ~
            target:
            image: null
            args:
            cache_from:
            export_cache:
            secrets:
            depends_on:
        """)
    assert image.places == {}
    assert image.target == image.reference == ""
    lists = (image.args, image.secrets, image.depends_on, image.cache_from, image.export_cache)
    assert not any(lists)


def test_arguments_are_sorted_by_name(workspace: Workspace) -> None:
    assert args(workspace.image("build: {api: {args: {b: 1, C: 2, a: 3}}}")) == [
        ("C", "2"),
        ("a", "3"),
        ("b", "1"),
    ]


def test_arguments_as_a_map_keep_the_text_that_is_written(workspace: Workspace) -> None:
    image = workspace.image("""\
        build:
          api:
            args:
              VERSION: 1.20
              FLAG: on
              NOTHING:
              EMPTY: ""
              HEX: 0x1F
              LINES: |
                one
                two
        """)
    assert args(image) == [
        ("EMPTY", ""),
        ("FLAG", "on"),
        ("HEX", "0x1F"),
        ("LINES", "one\ntwo\n"),
        ("NOTHING", ""),
        ("VERSION", "1.20"),
    ]
    assert [arg.location.line for arg in image.args] == [7, 5, 8, 9, 6, 4]


def test_arguments_as_a_list(workspace: Workspace) -> None:
    workspace.environ.update(BARE="from the environment", V="=1=")
    image = workspace.image("""\
        build:
          api:
            args:
              - NAME=value
              - BARE
              - EMPTY=
              - EQUALS=a=b
              - EXPANDED=$V
              - "QUOTED=a b"
        """)
    assert args(image) == [
        ("BARE", "BARE"),
        ("EMPTY", ""),
        ("EQUALS", "a=b"),
        ("EXPANDED", "=1="),
        ("NAME", "value"),
        ("QUOTED", "a b"),
    ]
    assert [str(arg.location.line) for arg in image.args] == ["5", "6", "7", "8", "4", "9"]


@pytest.mark.parametrize("name", ["$FOO", "A B", "''", '"=x"', "${X}=1"])
def test_what_is_no_name_of_an_argument(workspace: Workspace, name: str) -> None:
    found = workspace.error(f"build:\n  api:\n    args:\n      - {name}\n")
    assert found.startswith("ROOT/okteto.yaml:4:9: build.api.args: ")
    assert found.endswith(
        "cannot be the name of an argument\n"
        "  hint: write NAME=value; variables are expanded in values only"
    )


def test_an_argument_that_is_given_twice(workspace: Workspace) -> None:
    assert workspace.error(
        "build:\n  api:\n    args:\n      - A=1\n      - B=1\n      - A=2\n"
    ) == (
        "ROOT/okteto.yaml:6:9: the argument A of build.api is given twice, first in line 4, "
        "column 9\n"
        "  hint: keep one of the two"
    )


def test_a_map_in_a_list_of_arguments(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api:\n    args:\n      - A: 1\n") == (
        "ROOT/okteto.yaml:4:9: an item of build.api.args: expected NAME=value, found a map\n"
        "  hint: write - NAME=value, or NAME: value without the dash"
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("args: A=1", "args: expected a map or a list, found a string"),
        ("args: {A: [1]}", "args.A: expected a string, found a list"),
        ("args: {A: {B: 1}}", "args.A: expected a string, found a map"),
        ("context: [a]", "context: expected a string, found a list"),
        ("dockerfile: {a: b}", "dockerfile: expected a string, found a map"),
        ("target: [a]", "target: expected a string, found a list"),
        ("image: [a, b]", "image: expected a string, found a list"),
        ("depends_on: {a: b}", "depends_on: expected a list or a string, found a map"),
        ("cache_from: {a: b}", "cache_from: expected a list or a string, found a map"),
        ("secrets: [a]", "secrets: expected a map, found a list"),
        ("secrets: a", "secrets: expected a map, found a string"),
        ("secrets: {a: [b]}", "secrets.a: expected a path or a map, found a list"),
        ("secrets: {a: {file: [b]}}", "secrets.a.file: expected a string, found a list"),
    ],
)
def test_values_of_the_wrong_kind(workspace: Workspace, entry: str, message: str) -> None:
    found = workspace.error(f"build:\n  api:\n    {entry}\n")
    assert found.partition("build.api.")[2] == message
    assert found.startswith("ROOT/okteto.yaml:3:")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("depends_on: [a, b, '']", "3:24: an item of build.api.depends_on is empty"),
        ("depends_on: ''", "3:17: an item of build.api.depends_on is empty"),
        ("cache_from: ['${X:-}']", "3:18: an item of build.api.cache_from is empty"),
        (
            "depends_on: [a, ~]",
            "3:21: an item of build.api.depends_on: expected a string, found nothing",
        ),
    ],
)
def test_items_that_are_empty(workspace: Workspace, entry: str, message: str) -> None:
    assert workspace.error(f"build:\n  api:\n    {entry}\n") == f"ROOT/okteto.yaml:{message}"


def test_dependencies_are_sanitised_as_names_are_and_named_once(workspace: Workspace) -> None:
    image = workspace.image("""\
        build:
          api:
            depends_on:
              - My_Base
              - my-base
              - libs/My_Lib:My_Image
              - //libs/A_B:c
              - libs/No_Name
              - :Root_Image
        """)
    assert [(name.value, name.location.line) for name in image.depends_on] == [
        ("my-base", 4),
        ("libs/My_Lib:my-image", 6),
        ("//libs/A_B:c", 7),
        ("libs/No_Name", 8),
        (":root-image", 9),
    ]


def test_one_dependency_may_stand_without_a_list(workspace: Workspace) -> None:
    image = workspace.image("build: {api: {depends_on: base, cache_from: a, export_cache: b}}")
    assert [name.value for name in image.depends_on] == ["base"]
    assert (image.cache_from, image.export_cache) == (("a",), ("b",))


def test_secrets_in_their_three_forms(workspace: Workspace) -> None:
    image = workspace.image("""\
        build:
          api:
            context: api
            secrets:
              short: some/file
              file:
                file: ../file
              absolute: {file: /etc/token}
              variable: {env: TOKEN}
              unset: {env: TOKEN, file: }
        """)
    root = workspace.root
    assert [(s.id, s.kind, s.source, s.location.line) for s in image.secrets] == [
        ("short", "file", str(root / "some/file"), 5),
        ("file", "file", str(root.parent / "file"), 6),
        ("absolute", "file", "/etc/token", 8),
        ("variable", "env", "TOKEN", 9),
        ("unset", "env", "TOKEN", 10),
    ]


def test_a_tilde_is_the_home_directory_of_the_environment(workspace: Workspace) -> None:
    workspace.environ.update(HOME="/home/ada", TILDE="~/x")
    image = workspace.image("""\
        build:
          api:
            secrets:
              a: ~/.token
              b: {file: "~/${NAME:-x}/../y"}
              c: a/~/b
              d: ~ada/x
              e: $TILDE
        """)
    assert [secret.source for secret in image.secrets] == [
        "/home/ada/.token",
        "/home/ada/y",
        str(workspace.root / "a/~/b"),
        str(workspace.root / "~ada/x"),
        str(workspace.root / "~/x"),
    ]


def test_a_tilde_without_a_home_directory(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api:\n    secrets:\n      a: ~/.token\n") == (
        "ROOT/okteto.yaml:4:10: the home directory that ~ stands for is not known\n"
        "  hint: set HOME, or write the path in full"
    )


FORMS = "\n  hint: write the path of a file, {file: PATH} or {env: NAME}"


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (
            "a: {file: x, env: y}",
            f"4:7: build.api.secrets.a: file and env exclude each other{FORMS}",
        ),
        ("a: {}", f"4:7: build.api.secrets.a: expected file or env{FORMS}"),
        ("a:", f"4:7: build.api.secrets.a: expected file or env{FORMS}"),
        ("a: {file: , env: }", f"4:7: build.api.secrets.a: expected file or env{FORMS}"),
        ("a: ''", f"4:10: build.api.secrets.a is empty{FORMS}"),
        ("a: {env: ''}", f"4:16: build.api.secrets.a is empty{FORMS}"),
        ("a: '${X:-}'", f"4:10: build.api.secrets.a is empty{FORMS}"),
        ("'': x", "4:7: a secret of build.api has no id"),
        (
            "a: {path: x}",
            "4:11: unknown key 'path' in build.api.secrets.a\n  hint: the keys are env, file",
        ),
        (
            "a: {files: x}",
            (
                "4:11: unknown key 'files' in build.api.secrets.a\n"
                "  hint: did you mean file? the keys are env, file"
            ),
        ),
    ],
)
def test_secrets_that_are_wrong(workspace: Workspace, secret: str, message: str) -> None:
    found = workspace.error(f"build:\n  api:\n    secrets:\n      {secret}\n")
    assert found == f"ROOT/okteto.yaml:{message}"


def test_an_unknown_key(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api:\n    contest: api\n") == (
        "ROOT/okteto.yaml:3:5: unknown key 'contest' in build.api\n"
        f"  hint: did you mean context? the keys are {', '.join(sorted(KEYS))}"
    )


@pytest.mark.parametrize("value", ["", "~", "null"])
def test_an_entry_with_nothing_in_it(workspace: Workspace, value: str) -> None:
    assert workspace.error(f"build:\n  api: {value}\n") == (
        "ROOT/okteto.yaml:2:3: build.api: there is nothing below the name\n"
        "  hint: write the folder of its context, such as api: ."
    )


def test_an_entry_that_is_a_list(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api: [api]\n") == (
        "ROOT/okteto.yaml:2:8: build.api: expected a map or a folder, found a list"
    )


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("api/$NOPE", "3:18"),
        ("'api/$NOPE'", "3:19"),
        ("api/${A:-${NOPE}}", "3:23"),
        ("'it''s $NOPE'", "3:14"),
        (">\n      $NOPE", "3:14"),
    ],
)
def test_a_variable_without_a_value_is_reported_where_it_stands(
    workspace: Workspace, value: str, place: str
) -> None:
    assert workspace.error(f"build:\n  api:\n    context: {value}\n") == (
        f"ROOT/okteto.yaml:{place}: the variable NOPE is not set\n"
        "  hint: set it, or write ${NOPE:-default}; $$ is a plain dollar sign"
    )


def test_the_place_of_a_variable_in_a_list_of_arguments(workspace: Workspace) -> None:
    found = workspace.error("build:\n  api:\n    args:\n      - NAME=a${\n")
    assert found.startswith("ROOT/okteto.yaml:4:15: what follows ${ is not a variable")


def test_a_value_that_is_not_utf_8(workspace: Workspace) -> None:
    workspace.environ["BYTES"] = "\udcff"
    assert workspace.error("build:\n  api: $BYTES\n") == (
        "ROOT/okteto.yaml:2:8: build.api.context holds a character that no path or argument "
        "can hold\n"
        "  hint: there is a NUL, or a variable whose value is not UTF-8"
    )


def test_a_missing_context_is_reported_at_its_value(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api:\n    context: apy\n") == (
        "ROOT/okteto.yaml:3:14: the context apy does not exist\n  hint: did you mean api?"
    )


def test_a_missing_dockerfile_that_nobody_named_is_reported_at_the_image(
    workspace: Workspace,
) -> None:
    (workspace.root / "Dockerfile").unlink()
    assert workspace.error("build:\n  api: .\n") == (
        "ROOT/okteto.yaml:2:3: the Dockerfile Dockerfile does not exist\n"
        "  hint: write one, or name another with dockerfile:"
    )


def test_an_entry_may_merge_what_several_have_in_common(workspace: Workspace) -> None:
    image = workspace.image("""\
        x-common: &common
          context: api
          args: &args {A: 1, B: 1}
        build:
          api:
            <<: *common
            args:
              <<: *args
              B: 2
        """)
    assert image.context == workspace.root / "api"
    assert args(image) == [("A", "1"), ("B", "2")]
    assert places(image) == {"context": "2:3", "args": "7:5"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("api", "api"),
        ("My_Api", "my-api"),
        (" my api ", "my-api"),
        ("my__api", "my--api"),
        ("ÄPI", "äpi"),
    ],
)
def test_names_are_sanitised(name: str, expected: str) -> None:
    assert sanitise(name) == expected


def test_paths_of_an_image_are_absolute(workspace: Workspace) -> None:
    image = workspace.image("build: {api: {context: ./api/.}}")
    assert image.context == Path(workspace.root, "api")
    assert image.context.is_absolute()
    assert image.dockerfile.is_absolute()


# ------------------------------------------------------------------- keys that okteto does not have

ENTRY = "build:\n  api:\n    context: api\n"


@pytest.mark.parametrize(
    "value",
    [
        "linux/amd64, linux/arm64",
        "[linux/amd64, linux/arm64]",
        "[linux/x86_64, 'linux/arm64/v8,linux/amd64']",
        "$PLATFORMS",
    ],
)
def test_platforms(workspace: Workspace, value: str) -> None:
    workspace.environ["PLATFORMS"] = "linux/amd64,linux/arm64"
    image = workspace.image(f"{ENTRY}    platforms: {value}\n")
    assert image.platforms == ("linux/amd64", "linux/arm64")


def test_what_is_no_platform(workspace: Workspace) -> None:
    assert workspace.error(f"{ENTRY}    platforms: [linux/amd64, arm]\n") == (
        "ROOT/okteto.yaml:4:30: build.api.platforms: "
        "expected a platform such as linux/amd64, not 'arm'"
    )


@pytest.mark.parametrize("value", ["okteto.dev/a:1, b:2", "[okteto.dev/a:1, b:2]", "[$TAG, 'b:2']"])
def test_tags(workspace: Workspace, value: str) -> None:
    workspace.environ["TAG"] = "okteto.dev/a:1"
    assert workspace.image(f"{ENTRY}    tags: {value}\n").tags == ("okteto.dev/a:1", "b:2")


@pytest.mark.parametrize(
    ("value", "push"), [("true", True), ("False", False), ("'false'", False), ("${P:-TRUE}", True)]
)
def test_push(workspace: Workspace, value: str, *, push: bool) -> None:
    assert workspace.image(f"{ENTRY}    push: {value}\n").push is push


def test_push_is_nothing_else(workspace: Workspace) -> None:
    assert workspace.error(f"{ENTRY}    push: never\n") == (
        "ROOT/okteto.yaml:4:11: build.api.push: expected true or false, found 'never'"
    )


def test_an_inline_dockerfile_begins_in_its_line(workspace: Workspace) -> None:
    image = workspace.image(
        f"{ENTRY}    dockerfile_inline: |\n\n      FROM scratch\n      ENV A=$A\n"
    )
    assert image.dockerfile == workspace.manifest
    assert image.inline is not None
    assert (image.inline.first_line, image.inline.text) == (5, "\nFROM scratch\nENV A=$A\n")


def test_an_inline_dockerfile_of_one_line(workspace: Workspace) -> None:
    image = workspace.image(f"{ENTRY}    dockerfile_inline: FROM debian\n")
    assert image.inline is not None
    assert (image.inline.first_line, image.inline.text) == (4, "FROM debian")


@pytest.mark.parametrize(
    "text", ['"FROM scratch\\nENV A=1\\n"', ">\n      FROM scratch\n\n      ENV A=1"]
)
def test_lines_of_a_folded_text_count_from_its_beginning(workspace: Workspace, text: str) -> None:
    image = workspace.image(f"{ENTRY}    dockerfile_inline: {text}\n")
    assert image.inline is not None
    assert image.inline.first_line == 1
    assert image.inline.text.splitlines() == ["FROM scratch", "ENV A=1"]
    assert image.dockerfile.name == "okteto.yaml (dockerfile_inline of build.api)"


def test_an_inline_dockerfile_needs_no_file(workspace: Workspace) -> None:
    workspace.add("empty/")
    image = workspace.image(
        "build:\n  x:\n    context: empty\n    dockerfile_inline: FROM scratch\n"
    )
    assert image.context == workspace.root / "empty"


def test_a_dockerfile_is_inline_or_a_file(workspace: Workspace) -> None:
    text = f"{ENTRY}    dockerfile_inline: FROM a\n    dockerfile: Dockerfile\n"
    assert workspace.error(text) == (
        "ROOT/okteto.yaml:4:5: dockerfile and dockerfile_inline of build.api exclude each other\n"
        "  hint: keep one of the two"
    )
