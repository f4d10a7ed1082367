from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

ENTRY = "build:\n  api:\n    context: api\n"


@pytest.mark.parametrize("key", ["labels", "annotations"])
@pytest.mark.parametrize(
    "value", ["{b: $V, a.b: , c: true}", "[b=$V, a.b, c=true]", "[c=true, a.b=, b=$V]"]
)
def test_both_forms_of_labels_and_annotations(workspace: Workspace, key: str, value: str) -> None:
    workspace.environ["V"] = "x y"
    image = workspace.image(f"{ENTRY}    {key}: {value}\n")
    assert getattr(image, key) == (("a.b", ""), ("b", "x y"), ("c", "true"))


@pytest.mark.parametrize("key", ["labels", "annotations"])
@pytest.mark.parametrize("value", ["['=a']", "{'': a}"])
def test_a_name_is_not_empty(workspace: Workspace, key: str, value: str) -> None:
    assert workspace.error(f"{ENTRY}    {key}: {value}\n").startswith(
        f"ROOT/okteto.yaml:4:{len(key) + 8}: build.api.{key}: a name is empty"
    )


@pytest.mark.parametrize(("key", "what"), [("labels", "label"), ("annotations", "annotation")])
def test_a_name_is_given_once(workspace: Workspace, key: str, what: str) -> None:
    assert f"the {what} a of build.api is given twice" in workspace.error(
        f"{ENTRY}    {key}: [a=1, a=2]\n"
    )


@pytest.mark.parametrize(
    "name",
    ["index:a", "manifest:a", "manifest[linux/amd64]:a", "index,manifest:a", "index-descriptor:a"],
)
def test_an_annotation_does_not_say_where_it_belongs(workspace: Workspace, name: str) -> None:
    assert workspace.error(f"{ENTRY}    annotations:\n      - '{name}=b'\n") == (
        f"ROOT/okteto.yaml:5:9: build.api.annotations: {name} cannot be the name of an annotation: "
        "it says where it belongs\n"
        "  hint: write the name alone; an annotation goes to each manifest, and to the index of "
        "several platforms"
    )


def test_okplug_s_own_annotations_are_not_the_user_s(workspace: Workspace) -> None:
    assert "okplug sets these itself" in workspace.error(
        f"{ENTRY}    annotations: {{dev.okplug.root: b}}\n"
    )


@pytest.mark.parametrize("name", ["indexes", "manifests.example.com", "org.index:x"])
def test_a_name_that_only_looks_like_it(workspace: Workspace, name: str) -> None:
    image = workspace.image(f"{ENTRY}    annotations: ['{name}=b']\n")
    assert image.annotations == ((name, "b"),)
