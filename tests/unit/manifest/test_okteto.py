from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from okplug.errors import ManifestError
from okplug.manifest.model import Manifest
from okplug.manifest.okteto import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.manifest.conftest import Workspace

FULL = """\
name: shop
deploy:
  - helm upgrade --install shop chart --set image=${OKTETO_BUILD_API_IMAGE}
x-args: &args
  VERSION: 1.20
  MODE: ${MODE:-prod}
build:
  base: .
  api: &api
    context: api
    dockerfile: prod.Dockerfile
    target: release
    image: okteto.dev/api:${TAG:-latest}
    args:
      <<: *args
      BASE: ${OKTETO_BUILD_BASE_IMAGE}
    cache_from:
      - okteto.global/api:cache
    export_cache: okteto.dev/api:cache
    secrets:
      token: .token
      other: {file: ~/x}
      more:
        env: "TOKEN"
    depends_on: [base]
  api-debug:
    <<: *api
    target: debug
    args:
      - DEBUG=1
      - 'LEVEL=${LEVEL:-3}'
dev:
  api:
    command: bash
"""


@pytest.fixture
def full(workspace: Workspace) -> Workspace:
    """Return a workspace in which ``FULL`` is right."""
    workspace.add("api/prod.Dockerfile")
    workspace.environ["HOME"] = "/home/ada"
    return workspace


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "---\n",
        "~\n",
        "name: shop\n",
        "{}",
        "build:\n",
        "build: {}\n",
        "deploy:\n  - kubectl apply -f k8s\ndev:\n  api: {}\n",
        "x-build: 5\n",
        "build: ~\n",
    ],
)
def test_a_manifest_without_images(workspace: Workspace, text: str) -> None:
    assert workspace.read(text) == Manifest(workspace.manifest, ())


def test_a_whole_manifest(full: Workspace) -> None:
    manifest = full.read(FULL)
    assert manifest.path == full.manifest
    assert manifest.warnings == ()
    assert [(image.address, image.location.line) for image in manifest.images] == [
        (":base", 8),
        (":api", 9),
        (":api-debug", 26),
    ]
    base, api, debug = manifest.images
    assert [(arg.name, arg.value) for arg in api.args] == [
        ("BASE", "${OKTETO_BUILD_BASE_IMAGE}"),
        ("MODE", "prod"),
        ("VERSION", "1.20"),
    ]
    assert [(arg.name, arg.value) for arg in debug.args] == [("DEBUG", "1"), ("LEVEL", "3")]
    assert (base.target, api.target, debug.target) == ("", "release", "debug")
    assert debug.secrets == api.secrets
    assert debug.dockerfile == api.dockerfile == full.root / "api/prod.Dockerfile"


@pytest.mark.parametrize(
    ("name", "folder", "context"),
    [
        ("okteto.yml", "", "."),
        (".okteto/okteto.yml", "", "."),
        ("services/web/okteto.yaml", "services/web", "services/web"),
        ("services/web/.okteto/okteto.yaml", "services/web", "services/web"),
    ],
)
def test_paths_start_at_the_folder_that_the_manifest_counts_for(
    workspace: Workspace, name: str, folder: str, context: str
) -> None:
    workspace.name = name
    workspace.add("services/web/Dockerfile", "services/web/.okteto/")
    image = workspace.image("build:\n  web: .\n")
    assert image.folder == folder
    assert image.address == f"{folder}:web"
    assert image.context == workspace.root / context
    assert image.dockerfile == workspace.root / context / "Dockerfile"
    assert str(image.location) == f"{workspace.manifest}:2:3"


def test_a_manifest_must_lie_in_the_workspace(workspace: Workspace) -> None:
    workspace.read("build:\n  api: .\n")
    with pytest.raises(ManifestError) as caught:
        read_manifest(workspace.manifest, workspace.root / "api", {})
    assert str(caught.value) == (
        f"{workspace.manifest}: the manifest is not in the workspace {workspace.root / 'api'}"
    )


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path / "okteto.yml", tmp_path, {})
    assert str(caught.value) == (
        f"{tmp_path}/okteto.yml: the manifest cannot be read: No such file or directory"
    )


def test_a_manifest_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="the manifest cannot be read: Is a directory"):
        read_manifest(tmp_path, tmp_path, {})


@pytest.mark.parametrize(
    ("text", "found"), [("- build\n", "a list"), ("build\n", "a string"), ("'': ", None)]
)
def test_a_manifest_is_a_map(workspace: Workspace, text: str, found: str | None) -> None:
    if found is None:
        assert workspace.read(text).images == ()
    else:
        assert workspace.error(text) == (
            f"ROOT/okteto.yaml:1:1: the manifest: expected a map, found {found}"
        )


@pytest.mark.parametrize(("text", "found"), [("[api]", "a list"), ("api", "a string")])
def test_the_build_section_is_a_map(workspace: Workspace, text: str, found: str) -> None:
    assert workspace.error(f"build: {text}\n") == (
        f"ROOT/okteto.yaml:1:8: build: expected a map of images, found {found}"
    )


@pytest.mark.parametrize(
    "key", ["biuld", "builds", "Build", "BUILD", "buld", "buil", "bulid", "built", "b-uild"]
)
def test_a_misspelt_build_section(workspace: Workspace, key: str) -> None:
    assert workspace.error(f"name: x\n{key}:\n  api: api\n") == (
        f"ROOT/okteto.yaml:2:1: unknown key {key!r} in the manifest\n  hint: did you mean build?"
    )


@pytest.mark.parametrize(
    "key",
    [
        "name",
        "context",
        "namespace",
        "icon",
        "deploy",
        "destroy",
        "dev",
        "test",
        "dependencies",
        "external",
        "forward",
        "images",
        "services",
        "volumes",
        "x-build",
        "x-builds",
        "guide",
        "buildkit",
        "version",
    ],
)
def test_other_sections_are_not_ours(workspace: Workspace, key: str) -> None:
    assert workspace.image(f"{key}: [1, 2]\nbuild:\n  api: api\n").name == "api"


def test_a_section_that_is_written_twice(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api: api\nbuild:\n  web: web\n") == (
        "ROOT/okteto.yaml:3:1: the key 'build' of the manifest is written twice, first in line 1, "
        "column 1\n"
        "  hint: keep one of the two"
    )


def test_an_image_that_is_written_twice(workspace: Workspace) -> None:
    assert workspace.error("build:\n  api: api\n  api: .\n") == (
        "ROOT/okteto.yaml:3:3: the key 'api' of build is written twice, first in line 2, column 3\n"
        "  hint: keep one of the two"
    )


def test_a_name_is_sanitised_with_a_warning(workspace: Workspace) -> None:
    text = "build:\n  My_Api: api\n  other: {depends_on: My_Api}\n"
    assert [image.name for image in workspace.read(text).images] == ["my-api", "other"]
    assert [str(name) for name in workspace.read(text).images[1].depends_on] == ["my-api"]
    assert workspace.warnings(text) == (
        "ROOT/okteto.yaml:2:3: the image 'My_Api' is called 'my-api'"
    )


def test_two_names_that_become_one(workspace: Workspace) -> None:
    assert workspace.error("build:\n  my-api: api\n  other: .\n  My_Api: api\n") == (
        "ROOT/okteto.yaml:4:3: the images 'my-api' and 'My_Api' are both called 'my-api'; the "
        "other one is in line 2, column 3\n"
        "  hint: rename one; names are lower case, with - for blanks and _"
    )


@pytest.mark.parametrize("name", ["api", "1", "a.b", "a-b-", "9-x", "on", "1.20", "größe"])
def test_names_that_stay(workspace: Workspace, name: str) -> None:
    assert workspace.image(f"build:\n  {name}: api\n").name == name


@pytest.mark.parametrize(
    "name",
    ["'a:b'", "a/b", "'@a'", "a@b", "$A", "'${A}'", "'*'", "'-a'", "''", "' '", "_", '"a\\tb"'],
)
def test_what_is_no_name_of_an_image(workspace: Workspace, name: str) -> None:
    found = workspace.error(f"build:\n  {name}: api\n")
    assert found.startswith("ROOT/okteto.yaml:2:3: ")
    assert found.endswith(
        "cannot be the name of an image\n"
        "  hint: a name has letters, digits, '-' and '.', and begins with one of the former"
    )


@pytest.mark.parametrize(
    "section",
    [
        "  context: api\n",
        "  dockerfile: Dockerfile\n",
        "  context: .\n  args: {A: b}\n",
        "  target: x\n  context:\n",
    ],
)
def test_the_keys_of_an_image_directly_below_build(workspace: Workspace, section: str) -> None:
    assert workspace.error(f"build:\n{section}") == (
        "ROOT/okteto.yaml:2:3: build: expected a map of images, found the keys of one image\n"
        "  hint: write the name of the image between build and its keys"
    )


@pytest.mark.parametrize("text", ["context: {context: api}", "target: api", "context: .\n  api: ."])
def test_an_image_may_be_called_as_a_key_is(workspace: Workspace, text: str) -> None:
    assert workspace.read(f"build:\n  {text}\n").images


def test_warnings_come_in_the_order_of_the_file(workspace: Workspace) -> None:
    workspace.add("web/")
    assert workspace.warnings("build:\n  Web: web\n  A_B: .\n") == (
        "ROOT/okteto.yaml:2:3: the image 'Web' is called 'web'\n"
        "ROOT/okteto.yaml:2:3: the context web has no Dockerfile; ROOT/Dockerfile is taken instead\n"
        "ROOT/okteto.yaml:3:3: the image 'A_B' is called 'a-b'"
    )


def test_dependencies_are_not_judged_here(workspace: Workspace) -> None:
    image = workspace.image("build:\n  api: {depends_on: [api, nowhere]}\n")
    assert [name.value for name in image.depends_on] == ["api", "nowhere"]


def test_no_message_shows_the_value_of_a_variable(workspace: Workspace) -> None:
    """Arguments and secrets may be secret; the names of files are not."""
    workspace.environ["TOKEN"] = "hunter2\0"
    for entry in ("args: {A: $TOKEN}", "args: ['A=$TOKEN']", "secrets: {a: $TOKEN}"):
        found = workspace.error(f"build:\n  api:\n    {entry}\n")
        assert "holds a character" in found
        assert "hunter2" not in found


def test_the_process_environment_is_not_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OKPLUG_TEST_VALUE", "api")
    assert "is not set" in workspace.error("build:\n  api: $OKPLUG_TEST_VALUE\n")


def test_reading_the_same_file_twice_gives_equal_values(full: Workspace) -> None:
    assert full.read(FULL) == full.read(FULL)


mutations = st.lists(
    st.tuples(
        st.integers(0, len(FULL)),
        st.integers(0, 12),
        st.sampled_from(["", " ", "\n", "\t", ":", "- ", "[", "{", "}", "'", '"', "*api", "&api "])
        | st.sampled_from(["<<: ", "$", "${", "${X", "}", "~", "!x ", "\0", "---\n", "#", "null"])
        | st.text(string.printable, max_size=6)
        | st.text(max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the workspace is only read
)
@given(mutations)
def test_any_change_of_a_manifest_is_a_manifest_or_a_located_error(
    full: Workspace, changes: list[tuple[int, int, str]]
) -> None:
    text = FULL
    for start, length, replacement in changes:
        text = text[:start] + replacement + text[start + length :]
    outcome: Manifest | ManifestError
    try:
        outcome = full.read(text.encode("utf-8", "surrogatepass"))
    except ManifestError as error:
        outcome = error
    if isinstance(outcome, ManifestError):
        assert outcome.location is not None
        assert outcome.location.path == full.manifest
        assert outcome.location.line >= 1
        assert "\n" not in outcome.message
        assert not outcome.message.endswith(".")
    else:
        assert all(os.path.isabs(image.context) for image in outcome.images)  # noqa: PTH117 - of str, too


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_lines_in_any_order_are_a_manifest_or_a_located_error(
    full: Workspace, random: object
) -> None:
    lines = FULL.splitlines(keepends=True)
    random.shuffle(lines)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    try:
        full.read("".join(lines).encode())
    except ManifestError as error:
        assert error.location is not None  # noqa: PT017 - both ends are right
