from __future__ import annotations

import textwrap
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from okplug.manifest.allerrors import MOST, find_errors
from okplug.manifest.document import read_sections
from okplug.manifest.okteto import read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.manifest.decode import Field
    from okplug.manifest.model import Manifest
    from tests.unit.manifest.conftest import Workspace


def errors(workspace: Workspace, text: str) -> list[str]:
    """Return the errors of a manifest as LINE:COLUMN: MESSAGE."""
    data = textwrap.dedent(text).encode()
    workspace.manifest.parent.mkdir(parents=True, exist_ok=True)
    workspace.manifest.write_bytes(data)

    def read(sections: Mapping[str, Field]) -> Manifest:
        return read_manifest(
            workspace.manifest, workspace.root, workspace.environ, sections=sections
        )

    found = find_errors(workspace.manifest, read_sections(data, workspace.manifest), read)
    shown = [str(error).partition("\n  hint:")[0] for error in found]
    return [text.replace(f"{workspace.manifest}:", "") for text in shown]


def test_a_manifest_without_errors_has_none(workspace: Workspace) -> None:
    assert errors(workspace, "build:\n  api: api\n") == []


def test_every_image_and_every_key_is_judged(workspace: Workspace) -> None:
    found = errors(
        workspace,
        """\
        build:
          api:
            context: api
            push: maybe
            network: bridge
            platforms: [linux/amd64, linux]
          web:
            contest: .
          _x: .
        """,
    )
    assert found == [
        "4:11: build.api.push: expected true or false, found 'maybe'",
        "5:14: build.api.network: there is no network 'bridge' for builds",
        "6:30: build.api.platforms: expected a platform such as linux/amd64, not 'linux'",
        "8:5: unknown key 'contest' in build.web",
        "9:3: '_x' cannot be the name of an image",
    ]


def test_of_a_list_and_of_a_map_every_entry_is_judged(workspace: Workspace) -> None:
    found = errors(
        workspace,
        """\
        build:
          api:
            context: api
            args: [A B=1, =2, C=3, C=4]
            secrets:
              a: {file: x, env: Y}
              b: fine
              c: {}
        """,
    )
    assert found == [
        "4:12: build.api.args: 'A B' cannot be the name of an argument",
        "4:19: build.api.args: '' cannot be the name of an argument",
        "4:28: the argument C of build.api is given twice, first in line 4, column 23",
        "6:7: build.api.secrets.a: file and env exclude each other",
        "8:7: build.api.secrets.c: expected file or env",
    ]


def test_a_missing_context_hides_no_other_error_and_makes_none(workspace: Workspace) -> None:
    found = errors(
        workspace,
        """\
        build:
          api:
            context: ap
            dockerfile: nowhere
            push: maybe
          web:
            push: maybe
            dockerfile: nowhere
        """,
    )
    assert found == [
        "3:14: the context ap does not exist",
        "5:11: build.api.push: expected true or false, found 'maybe'",
        "7:11: build.web.push: expected true or false, found 'maybe'",
        "8:17: the Dockerfile nowhere does not exist",
    ]


def test_a_dockerfile_that_nobody_names_is_looked_for(workspace: Workspace) -> None:
    workspace.add("empty/")
    (workspace.root / "Dockerfile").unlink()
    text = "build:\n  a:\n    context: empty\n    push: 1\n  b: empty\n"
    assert errors(workspace, text) == [
        "2:3: the Dockerfile empty/Dockerfile does not exist",
        "4:11: build.a.push: expected true or false, found '1'",
        "5:3: the Dockerfile empty/Dockerfile does not exist",
    ]


def test_an_inline_dockerfile_stays_one(workspace: Workspace) -> None:
    text = "build:\n  a:\n    context: nowhere\n    dockerfile_inline: FROM scratch\n    push: 1\n"
    assert errors(workspace, text) == [
        "3:14: the context nowhere does not exist",
        "5:11: build.a.push: expected true or false, found '1'",
    ]


def test_a_value_of_the_wrong_kind_is_one_error(workspace: Workspace) -> None:
    text = (
        "build:\n  a:\n    context: api\n    image:\n      b: c\n      d: e\n    args: {X: [1]}\n"
    )
    assert errors(workspace, text) == [
        "5:7: build.a.image: expected a string, found a map",
        "7:15: build.a.args.X: expected a string, found a list",
    ]


def test_names_that_two_images_have_are_one_error_each(workspace: Workspace) -> None:
    text = "build:\n  a_b: api\n  a-b: api\n  A B: api\n"
    assert [line.partition(":")[0] for line in errors(workspace, text)] == ["3", "4"]


def test_the_keys_of_one_image_in_place_of_images_are_one_error(workspace: Workspace) -> None:
    found = errors(workspace, "build:\n  context: .\n  dockerfile: Dockerfile\n")
    assert found == ["2:3: build: expected a map of images, found the keys of one image"]


def test_other_sections_have_errors_as_well(workspace: Workspace) -> None:
    text = """\
        biuld: {}
        build:
          a: nowhere
        deploy:
          compose: [nowhere.yml, other.yml]
        """
    assert errors(workspace, text) == [
        "1:1: unknown key 'biuld' in the manifest",
        "3:6: the context nowhere does not exist",
        "5:13: deploy.compose: there is no file nowhere.yml",
    ]


def test_an_error_of_a_compose_file_is_told_once(workspace: Workspace) -> None:
    workspace.manifest.parent.mkdir(exist_ok=True)
    (workspace.root / "compose.yml").write_text("services: {a: {build: [1]}}\n")
    found = errors(workspace, "deploy:\n  compose: compose.yml\nbuild:\n  a: nowhere\n")
    assert len(found) == 2
    assert any("compose.yml" in line for line in found)


def test_a_build_section_that_is_none_is_one_error(workspace: Workspace) -> None:
    assert errors(workspace, "build: []\n") == [
        "1:8: build: expected a map of images, found a list"
    ]


def test_there_is_a_bound(workspace: Workspace) -> None:
    entries = "".join(f"  a{number}: nowhere\n" for number in range(MOST + 20))
    assert len(errors(workspace, f"build:\n{entries}")) == MOST


WRONG = {
    "context": "nowhere",
    "push": "maybe",
    "network": "bridge",
    "platforms": "linux",
    "image": "{a: b}",
    "args": "[=1]",
    "ssh": "[=x]",
    "extra_hosts": "{a: b}",
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sets(st.sampled_from(sorted(WRONG))), max_size=3))
def test_as_many_errors_are_found_as_were_made(workspace: Workspace, made: list[set[str]]) -> None:
    lines = ["build:"]
    expected = []
    for number, keys in enumerate(made):
        lines.append(f"  a{number}:")
        if "context" not in keys:
            lines.append("    context: api")
        for key in sorted(keys):
            lines.append(f"    {key}: {WRONG[key]}")
            expected.append(len(lines))
    found = errors(workspace, "\n".join([*lines, ""]))
    assert [int(line.partition(":")[0]) for line in found] == expected


def test_the_reader_gets_what_is_left(workspace: Workspace) -> None:
    data = b"build: {a: {context: api, push: maybe}, b: {context: api}}\n"
    workspace.manifest.parent.mkdir(exist_ok=True)
    sections = read_sections(data, workspace.manifest)
    read = partial(read_manifest, workspace.manifest, workspace.root, {}, "", ())
    assert len(find_errors(workspace.manifest, sections, read)) == 1
    assert [image.name for image in read(sections).images] == ["a", "b"]
