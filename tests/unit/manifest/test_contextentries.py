from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.manifest.model import is_folder

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

ENTRY = "build:\n  api:\n    context: api\n    contexts:\n"


def context(workspace: Workspace, value: str) -> str:
    ((name, found),) = workspace.image(f"{ENTRY}      other: {value}\n").named_contexts
    assert name == "other"
    return found


@pytest.mark.parametrize("value", ["shared", "./shared", "api/../shared", "$WHERE"])
def test_a_folder_starts_at_the_manifest(workspace: Workspace, value: str) -> None:
    workspace.add("shared/")
    workspace.environ["WHERE"] = "shared/"
    assert context(workspace, value) == str(workspace.root / "shared")


def test_an_absolute_folder(workspace: Workspace) -> None:
    workspace.add("shared/")
    assert context(workspace, str(workspace.root / "shared")) == str(workspace.root / "shared")


def test_a_manifest_in_the_folder_okteto_counts_for_the_one_around_it(workspace: Workspace) -> None:
    workspace.add("shared/")
    workspace.name = ".okteto/okteto.yml"
    assert context(workspace, "./shared") == str(workspace.root / "shared")


@pytest.mark.parametrize(
    "value",
    [
        "docker-image://debian:13",
        "docker-image://okteto.dev/base",
        "https://example.com/a.tar.gz",
        "https://github.com/a/b.git#main:sub",
        "git@github.com:a/b.git",
        "ssh://git@example.com/a/b",
    ],
)
def test_what_is_elsewhere_stays_as_it_is(workspace: Workspace, value: str) -> None:
    assert context(workspace, f"'{value}'") == value
    assert not is_folder(value)


@pytest.mark.parametrize(
    ("value", "named"),
    [("base", "base"), ("libs/base:My_Base", "libs/base:my-base"), ("':base'", ":base")],
)
def test_what_is_no_folder_is_an_image_of_the_workspace(
    workspace: Workspace, value: str, named: str
) -> None:
    assert context(workspace, value) == f"okplug-named://{named}"
    assert not is_folder(f"okplug-named://{named}")


def test_a_folder_counts_more_than_an_image_of_its_name(workspace: Workspace) -> None:
    workspace.add("base/")
    assert is_folder(context(workspace, "base"))


def test_a_list(workspace: Workspace) -> None:
    workspace.add("shared/")
    image = workspace.image(f"{ENTRY}      - b=shared\n      - a=docker-image://x\n")
    assert image.named_contexts == (
        ("a", "docker-image://x"),
        ("b", str(workspace.root / "shared")),
    )


def test_compose_has_another_name_for_the_key(workspace: Workspace) -> None:
    image = workspace.image(ENTRY.replace("contexts", "additional_contexts") + "      a: base\n")
    assert image.named_contexts == (("a", "okplug-named://base"),)
    assert str(image.place("contexts")).endswith("okteto.yaml:4:5")


def test_both_names_of_the_key(workspace: Workspace) -> None:
    assert workspace.error(f"{ENTRY}      a: b\n    additional_contexts: {{c: d}}\n") == (
        "ROOT/okteto.yaml:6:5: contexts and additional_contexts of build.api mean the same\n"
        "  hint: keep one of the two"
    )


@pytest.mark.parametrize("value", ["./nope", "../nope", "/nope/nope"])
def test_a_folder_that_is_not_there(workspace: Workspace, value: str) -> None:
    assert workspace.error(f"{ENTRY}      other: {value}\n").startswith(
        f"ROOT/okteto.yaml:5:7: the context {value} does not exist"
    )


@pytest.mark.parametrize("value", ["oci-layout://x", "s3://bucket"])
def test_what_builders_do_not_know(workspace: Workspace, value: str) -> None:
    assert workspace.error(f"{ENTRY}      other: {value}\n") == (
        f"ROOT/okteto.yaml:5:7: build.api.contexts.other: {value} is nothing that builders know\n"
        "  hint: name a folder, an image of the workspace, docker-image://REFERENCE, or the URL of "
        "a git repository"
    )


@pytest.mark.parametrize("item", ["other:", "- other", "- =x", "'': x"])
def test_a_name_and_what_it_stands_for(workspace: Workspace, item: str) -> None:
    assert "expected a name and what it stands for" in workspace.error(f"{ENTRY}      {item}\n")
