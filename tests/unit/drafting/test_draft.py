from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.drafting.draft import Draft, draft_manifests
from okplug.errors import ManifestError, UsageError
from okplug.manifest import plugin

if TYPE_CHECKING:
    from okplug.testing import Workspace


def draft(workspace: Workspace, *, is_forced: bool = False, **settings: object) -> Draft:
    """Return the draft for a workspace whose manifests okplug's own plugin reads."""
    config = workspace.config(plugins=[plugin], settings=settings)
    return draft_manifests(config, is_forced=is_forced)


def texts(workspace: Workspace, *, is_forced: bool = False, **settings: object) -> dict[str, str]:
    """Return what would be written, by path; there is nothing to warn of."""
    drafted = draft(workspace, is_forced=is_forced, **settings)
    assert drafted.warnings == []
    return {
        path.relative_to(workspace.root).as_posix(): text for path, text in drafted.texts.items()
    }


def test_nothing_is_written(workspace: Workspace) -> None:
    workspace.write({"api/Dockerfile": "FROM scratch\n"})
    before = sorted(workspace.root.rglob("*"))
    assert texts(workspace) == {"api/okteto.yaml": "build:\n  api: .\n"}
    assert sorted(workspace.root.rglob("*")) == before


def test_images_of_one_folder_share_a_manifest(workspace: Workspace) -> None:
    workspace.write({"api.Dockerfile": "FROM scratch\n", "web.Dockerfile": "FROM acme/api\n"})
    assert texts(workspace) == {
        "okteto.yaml": (
            "build:\n"
            "  api:\n"
            "    context: .\n"
            "    dockerfile: api.Dockerfile\n"
            "  web:\n"
            "    context: .\n"
            "    dockerfile: web.Dockerfile\n"
            "    contexts:\n"
            '      acme/api: ":api"\n'
        )
    }


def test_within_a_folder_names_are_enough(workspace: Workspace) -> None:
    workspace.write(
        {
            "a/api.Dockerfile": "FROM scratch\n",
            "a/web.Dockerfile": "ARG API\nFROM $API\nCOPY --from=acme/api / /\n",
        }
    )
    assert texts(workspace)["a/okteto.yaml"].endswith(
        "  web:\n"
        "    context: .\n"
        "    dockerfile: web.Dockerfile\n"
        "    args:\n"
        "      API: ${OKTETO_BUILD_API_IMAGE}\n"
        "    contexts:\n"
        "      acme/api: a:api\n"
        "    depends_on:\n"
        "      - api\n"
    )


def test_images_that_a_manifest_has_are_built_upon(workspace: Workspace) -> None:
    workspace.write(
        {
            ".okteto/okteto.yml": "build: {My_Base: {context: base, image: example.com/b}}\n",
            "base/Dockerfile": "FROM scratch\n",
            "web/Dockerfile": "ARG OKTETO_BUILD_MY_BASE_IMAGE\nFROM $OKTETO_BUILD_MY_BASE_IMAGE\n",
        }
    )
    assert texts(workspace) == {
        "web/okteto.yaml": 'build:\n  web:\n    context: .\n    depends_on:\n      - ":my-base"\n'
    }


def test_a_name_that_a_manifest_has_is_not_given_again(workspace: Workspace) -> None:
    workspace.write(
        {
            "okteto.yml": "build: {api: old}\n",
            "old/Dockerfile": "FROM scratch\n",
            "new/api/Dockerfile": "FROM scratch\n",
        }
    )
    assert texts(workspace) == {"new/api/okteto.yaml": "build:\n  new-api: .\n"}


def test_an_inline_dockerfile_is_no_file(workspace: Workspace) -> None:
    workspace.write(
        {
            "okteto.yml": "build: {a: {context: a, dockerfile_inline: FROM scratch}}\n",
            "a/Dockerfile": "FROM scratch\n",
        }
    )
    assert texts(workspace) == {"a/okteto.yaml": "build:\n  a-2: .\n"}


def test_a_manifest_in_a_folder_of_its_own_counts_for_the_one_around(workspace: Workspace) -> None:
    workspace.write(
        {
            "api/.okteto/okteto.yml": "build: {api: .}\n",
            "api/Dockerfile": "FROM scratch\n",
            "api/Dockerfile.x": "FROM scratch\n",
        }
    )
    with pytest.raises(UsageError, match=r"api/\.okteto/okteto\.yml is there, and lacks .*api-x"):
        draft(workspace)
    assert list(texts(workspace, is_forced=True)) == ["api/.okteto/okteto.yml"]


def test_force_leaves_alone_what_has_no_dockerfile_beside_it(workspace: Workspace) -> None:
    workspace.write(
        {
            "okteto.yml": "build: {api: {context: api, dockerfile: x/Dockerfile}}\n",
            "api/x/Dockerfile": "FROM scratch\n",
            "web/okteto.yml": "deploy: [make]\n",
        }
    )
    assert texts(workspace, is_forced=True) == {}


def test_force_keeps_compose_files(workspace: Workspace) -> None:
    workspace.write(
        {
            "compose.yaml": "services: {api: {build: .}}\n",
            "Dockerfile": "FROM scratch\n",
            "Dockerfile.worker": "FROM scratch\n",
        }
    )
    expected = {
        "okteto.yaml": (
            "build:\n"
            "  worker:\n"
            "    context: .\n"
            "    dockerfile: Dockerfile.worker\n"
            "deploy:\n"
            "  compose: compose.yaml\n"
        )
    }
    assert texts(workspace) == texts(workspace, is_forced=True) == expected


def test_what_is_excluded_counts_for_nothing(workspace: Workspace) -> None:
    workspace.write(
        {
            "api/Dockerfile": "FROM acme/base\n",
            "vendor/base/Dockerfile": "FROM scratch\n",
            "vendor/okteto.yml": "build: {\n",
        }
    )
    assert texts(workspace, exclude=["vendor"]) == {"api/okteto.yaml": "build:\n  api: .\n"}
    with pytest.raises(ManifestError):
        draft(workspace)


def test_a_release_is_told_of_and_not_linked(workspace: Workspace) -> None:
    workspace.write(
        {"a/Dockerfile": "FROM scratch\n", "b/Dockerfile": "FROM scratch\nCOPY --from=x/a:1 / /\n"}
    )
    drafted = draft(workspace)
    assert drafted.warnings == [
        f"{workspace.root}/b/Dockerfile:2: x/a:1 is taken for a release, not for a:a of the workspace"
    ]
    assert drafted.texts[workspace.root / "b/okteto.yaml"] == "build:\n  b: .\n"


def test_a_reference_to_what_is_left_out_is_one_to_elsewhere(workspace: Workspace) -> None:
    workspace.write({"a/Dockerfile": "FROM $X\n", "b/Dockerfile": "FROM acme/a\n"})
    drafted = draft(workspace)
    assert len(drafted.warnings) == 1
    assert list(drafted.texts.values()) == ["build:\n  b: .\n"]


def test_a_longer_circle_is_cut_at_its_last_guess(workspace: Workspace) -> None:
    workspace.write(
        {
            "a/Dockerfile": "FROM acme/c\n",
            "b/Dockerfile": "FROM acme/a\n",
            "c/Dockerfile": "ARG B\nFROM $B\n",
        }
    )
    drafted = draft(workspace)
    assert [text.rpartition(": ")[2] for text in drafted.warnings] == [
        "acme/a is not taken for a:a, which is built from b:b"
    ]
    assert "contexts" in drafted.texts[workspace.root / "a/okteto.yaml"]
    assert "contexts" not in drafted.texts[workspace.root / "b/okteto.yaml"]
