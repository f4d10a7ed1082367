from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.imagetables import idle_tables, read_tables
from okplug.manifest.okteto import read_manifest
from okplug.settingsfile import find_workspace

if TYPE_CHECKING:
    from okplug.manifest.imagetables import ImageTable
    from okplug.manifest.model import Image
    from tests.unit.manifest.conftest import Workspace

ENTRY = "build:\n  api:\n    context: api\n"


def tables(workspace: Workspace, settings: str) -> tuple[ImageTable, ...]:
    path = workspace.root / "okplug.toml"
    path.write_text(textwrap.dedent(settings))
    found = find_workspace(workspace.root).images
    assert found is not None
    return read_tables(found)


def image(workspace: Workspace, settings: str, manifest: str = ENTRY) -> Image:
    workspace.manifest.write_text(manifest)
    found = tables(workspace, settings)
    (one,) = read_manifest(
        workspace.manifest, workspace.root, workspace.environ, tables=found
    ).images
    return one


def error(workspace: Workspace, settings: str, manifest: str = ENTRY) -> str:
    with pytest.raises(ManifestError) as caught:
        image(workspace, settings, manifest)
    return str(caught.value).replace(str(workspace.root), "ROOT")


def test_every_form_of_a_value(workspace: Workspace) -> None:
    workspace.environ["NOTE"] = "expanded"
    found = image(
        workspace,
        """
        [images.":api"]
        platforms = ["linux/amd64", "linux/arm64"]
        push = false
        network = "none"
        labels = { tier = 1, note = "$NOTE", old = true }
        secrets = { token = { env = "TOKEN" } }

        [images.":api".args]
        VERSION = "1"
        """,
    )
    assert found.platforms == ("linux/amd64", "linux/arm64")
    assert not found.push
    assert found.network == "none"
    assert found.labels == (("note", "expanded"), ("old", "true"), ("tier", "1"))
    assert [(secret.id, secret.kind) for secret in found.secrets] == [("token", "env")]
    assert [(arg.name, arg.value) for arg in found.args] == [("VERSION", "1")]


def test_a_manifest_counts_more_and_later_tables_do(workspace: Workspace) -> None:
    settings = """
        [images."*"]
        target = "first"
        network = "none"
        ssh = "a"

        [images."api"]
        target = "second"
        network = "host"
        """
    found = image(workspace, settings, f"{ENTRY}    target: own\n")
    assert (found.target, found.network, found.ssh) == ("own", "host", ("a",))


def test_names_with_values_are_put_together(workspace: Workspace) -> None:
    settings = """
        [images."*"]
        labels = { a = "1", b = "1", c = "1" }
        extra_hosts = ["a:1.1.1.1", "b:1.1.1.1"]

        [images."api"]
        labels = { b = "2", c = "2" }
        """
    manifest = f"{ENTRY}    labels: [c=3]\n    extra_hosts: {{b: 3.3.3.3}}\n"
    found = image(workspace, settings, manifest)
    assert found.labels == (("a", "1"), ("b", "2"), ("c", "3"))
    assert found.extra_hosts == (("b", "3.3.3.3"), ("a", "1.1.1.1"))


def test_the_short_form_of_an_entry_leaves_the_rest_to_tables(workspace: Workspace) -> None:
    found = image(workspace, '[images."api"]\npush = false\n', "build:\n  api: api\n")
    assert (found.context, found.push) == (workspace.root / "api", False)


def test_paths_start_at_the_manifest(workspace: Workspace) -> None:
    workspace.add("shared/")
    found = image(workspace, '[images."api"]\ncontexts = { s = "./shared" }\n')
    assert found.named_contexts == (("s", str(workspace.root / "shared")),)


def test_a_dockerfile_of_the_manifest_excludes_one_of_a_table(workspace: Workspace) -> None:
    settings = '[images."api"]\ndockerfile_inline = "FROM scratch"\n'
    assert image(workspace, settings).inline is not None
    assert image(workspace, settings, f"{ENTRY}    dockerfile: Dockerfile\n").inline is None


def test_a_table_for_other_images_does_not_count(workspace: Workspace) -> None:
    assert image(workspace, '[images."libs/*:*"]\npush = false\n').push


def test_a_table_in_pyproject(workspace: Workspace) -> None:
    path = workspace.root / "pyproject.toml"
    path.write_text('[tool.okplug.images."*"]\ntargt = "x"\n')
    found = find_workspace(workspace.root).images
    assert found is not None
    with pytest.raises(ManifestError) as caught:
        read_tables(found)
    assert str(caught.value).startswith(
        f"{path}:2: unknown key 'targt' in tool.okplug.images.\"*\"\n  hint: did you mean target?"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('[images."*"]\n\ntargt = "x"\n', "3: unknown key 'targt' in images.\"*\""),
        ('[images]\n"*" = 3\n', '2: images."*": expected a table'),
        ('[images."*"]\ntarget = ["x"]\n', '2: images."*".target: expected a string, found a list'),
        ('[images."*"]\npush = "maybe"\n', '2: images."*".push: expected true or false'),
        (
            '[images."*"]\nplatforms = ["linux/amd64", "l"]\n',
            "2: images.\"*\".platforms: expected a platform such as linux/amd64, not 'l'",
        ),
        ('[images."*"]\nnetwork = "x"\n', "2: images.\"*\".network: there is no network 'x'"),
        (
            '[images."*".labels]\na = "1"\nb = ["2"]\n',
            '3: images."*".labels.b: expected a string, found a list',
        ),
        ('[images."*"]\ntarget = "$NOPE"\n', "2: the variable NOPE is not set"),
        (
            '[images."*"]\ndockerfile = "a"\ndockerfile_inline = "b"\n',
            '3: dockerfile and dockerfile_inline of images."*" exclude each other',
        ),
    ],
)
def test_what_is_wrong_has_its_line(workspace: Workspace, settings: str, message: str) -> None:
    assert error(workspace, settings).startswith(f"ROOT/okplug.toml:{message}")


def test_a_table_for_no_image_is_told(workspace: Workspace) -> None:
    found = image(workspace, "[images.api]\n[images.web]\n")
    assert idle_tables(tables(workspace, "[images.api]\n[images.web]\n"), [found]) == [
        f'{workspace.root}/okplug.toml:2: images."web" is for no image of the workspace'
    ]
