from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import Location, ManifestError
from okplug.manifest.buildfiles import Written, absolute, find_context, find_dockerfile

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

PLACE = Location(Path("okteto.yaml"), 3, 5)


def written(text: str, *, is_default: bool = False) -> Written:
    """Return a path as a manifest has it."""
    return Written(text, PLACE, is_default)


def context_error(workspace: Workspace, text: str) -> str:
    """Return the error for a context."""
    with pytest.raises(ManifestError) as caught:
        find_context(written(text), str(workspace.root))
    return str(caught.value).replace(str(workspace.root), "ROOT")


def dockerfile_error(workspace: Workspace, text: str, context: str = "api") -> str:
    """Return the error for a Dockerfile."""
    root = str(workspace.root)
    with pytest.raises(ManifestError) as caught:
        find_dockerfile(written(text), absolute(context, root), root)
    return str(caught.value).replace(root, "ROOT")


def find(workspace: Workspace, text: str, context: str, *, is_default: bool = False) -> list[str]:
    """Return the Dockerfile and the warning, with the root's path as ROOT."""
    root = str(workspace.root)
    found = find_dockerfile(
        written(text, is_default=is_default), find_context(written(context), root), root
    )
    return [part.replace(root, "ROOT") for part in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", "/w/a"), (".", "/w"), ("a/../b/./c/", "/w/b/c"), ("../x", "/x"), ("/abs//x", "/abs/x")],
)
def test_a_path_is_relative_to_its_folder_and_in_its_shortest_form(
    text: str, expected: str
) -> None:
    assert absolute(text, "/w") == expected


@pytest.mark.parametrize("text", ["api", "./api", "api/", "api/../api", "api//"])
def test_a_context_is_a_folder(workspace: Workspace, text: str) -> None:
    assert find_context(written(text), str(workspace.root)) == str(workspace.root / "api")


def test_a_context_may_be_absolute_or_above_the_manifest(workspace: Workspace) -> None:
    root = workspace.root
    assert find_context(written(str(root / "api")), "/") == str(root / "api")
    assert find_context(written(".."), str(root / "api")) == str(root)


def test_a_context_may_be_a_link_to_a_folder(workspace: Workspace) -> None:
    (workspace.root / "link").symlink_to("api")
    assert find_context(written("link"), str(workspace.root)) == str(workspace.root / "link")


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/okteto/movies.git",
        "http://host/context.tar.gz",
        "git://host/repo.git#main:folder",
        "ssh://git@host/repo",
        "git@github.com:okteto/movies.git",
        "github.com/okteto/movies",
    ],
)
def test_a_remote_context(workspace: Workspace, text: str) -> None:
    assert context_error(workspace, text) == (
        f"okteto.yaml:3:5: the context {text} is remote; a manifest takes folders only\n"
        "  hint: check it out into a folder, as a submodule for instance, and name that folder"
    )


def test_a_folder_whose_name_looks_remote_is_a_folder(workspace: Workspace) -> None:
    workspace.add("github.com/okteto/movies/")
    found = find_context(written("github.com/okteto/movies"), str(workspace.root))
    assert found == str(workspace.root / "github.com/okteto/movies")


def test_a_context_that_is_a_file(workspace: Workspace) -> None:
    assert context_error(workspace, "api/Dockerfile") == (
        "okteto.yaml:3:5: the context api/Dockerfile is a file, not a folder\n"
        "  hint: name the folder whose files the build may read"
    )


def test_a_context_that_is_a_broken_link(workspace: Workspace) -> None:
    (workspace.root / "link").symlink_to("nowhere")
    assert context_error(workspace, "link") == (
        "okteto.yaml:3:5: the context link is a link that leads nowhere\n"
        "  hint: name the folder whose files the build may read"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("apu", "did you mean api?"),
        ("API", "did you mean api?"),
        ("services/Web/", "did you mean services/web?"),
        ("services/frontend", "make the folder, or correct the path; paths start at ROOT"),
        ("nowhere/at/all", "nowhere/at does not exist either; paths start at ROOT"),
    ],
)
def test_a_context_that_is_not_there(workspace: Workspace, text: str, hint: str) -> None:
    workspace.add("services/web/")
    assert context_error(workspace, text) == (
        f"okteto.yaml:3:5: the context {text} does not exist\n  hint: {hint}"
    )


def test_a_context_with_a_name_that_no_file_can_have(workspace: Workspace) -> None:
    assert "does not exist" in context_error(workspace, "x" * 5000)


def test_a_dockerfile_is_looked_for_in_the_context(workspace: Workspace) -> None:
    workspace.add("api/docker/prod.Dockerfile")
    assert find(workspace, "docker/prod.Dockerfile", "api") == [
        "ROOT/api/docker/prod.Dockerfile",
        "",
    ]


def test_a_dockerfile_may_lie_above_its_context(workspace: Workspace) -> None:
    assert find(workspace, "../Dockerfile", "api") == ["ROOT/Dockerfile", ""]


def test_a_dockerfile_may_be_absolute(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "Other"
    other.write_text("FROM scratch\n")
    assert find(workspace, str(other), "api") == [str(other), ""]


def test_a_dockerfile_may_be_a_link(workspace: Workspace) -> None:
    (workspace.root / "api/Link").symlink_to("Dockerfile")
    assert find(workspace, "Link", "api") == ["ROOT/api/Link", ""]


def test_a_dockerfile_relative_to_the_manifest_is_taken_with_a_warning(
    workspace: Workspace,
) -> None:
    workspace.add("docker/api.Dockerfile")
    assert find(workspace, "docker/api.Dockerfile", "api") == [
        "ROOT/docker/api.Dockerfile",
        (
            "okteto.yaml:3:5: the context api has no docker/api.Dockerfile; "
            "ROOT/docker/api.Dockerfile is taken instead"
        ),
    ]


def test_of_two_dockerfiles_the_one_in_the_context_is_taken_with_a_warning(
    workspace: Workspace,
) -> None:
    assert find(workspace, "Dockerfile", "api") == [
        "ROOT/api/Dockerfile",
        (
            "okteto.yaml:3:5: there are two Dockerfiles of this name; "
            "api/Dockerfile in the context is taken, not Dockerfile"
        ),
    ]


def test_one_dockerfile_is_not_two_when_the_context_is_the_manifests_folder(
    workspace: Workspace,
) -> None:
    assert find(workspace, "./Dockerfile", ".") == ["ROOT/Dockerfile", ""]


def test_a_dockerfile_that_nobody_named_is_the_contexts(workspace: Workspace) -> None:
    assert find(workspace, "Dockerfile", "api", is_default=True) == ["ROOT/api/Dockerfile", ""]


def test_a_dockerfile_that_nobody_named_may_lie_beside_the_manifest(workspace: Workspace) -> None:
    workspace.add("web/")
    assert find(workspace, "Dockerfile", "web", is_default=True) == [
        "ROOT/Dockerfile",
        "okteto.yaml:3:5: the context web has no Dockerfile; ROOT/Dockerfile is taken instead",
    ]


@pytest.mark.parametrize(
    ("names", "text", "hint"),
    [
        (["dockerfile"], "Nope", "there is web/dockerfile; write dockerfile: dockerfile"),
        (
            ["api.dockerfile"],
            "Nope",
            "there is web/api.dockerfile; write dockerfile: api.dockerfile",
        ),
        (["Containerfile"], "Nope", "there is web/Containerfile; write dockerfile: Containerfile"),
        (
            ["Dockerfile", "Dockerfile.dev", "Dockerfile.prod"],
            "Dockerfile.prd",
            "there is web/Dockerfile.prod; write dockerfile: Dockerfile.prod",
        ),
        (
            ["a.Dockerfile", "DOCKERFILE.DEV", "z.Dockerfile"],
            "Dockerfile.dev",
            "there is web/DOCKERFILE.DEV; write dockerfile: DOCKERFILE.DEV",
        ),
        (
            ["docker/Dockerfile.dev"],
            "docker/Dockerfile.dex",
            "there is web/docker/Dockerfile.dev; write dockerfile: docker/Dockerfile.dev",
        ),
        (["README", "Nope.txt"], "Nope", "write one, or name another with dockerfile:"),
        (["Nope.dockerignore"], "Nope", "write one, or name another with dockerfile:"),
        (["Dockerfile/x"], "Nope", "write one, or name another with dockerfile:"),
        ([], "docker/Nope", "write one, or name another with dockerfile:"),
    ],
)
def test_a_dockerfile_that_is_not_there(
    workspace: Workspace, names: list[str], text: str, hint: str
) -> None:
    workspace.add("web/", *(f"web/{name}" for name in names))
    assert dockerfile_error(workspace, text, "web") == (
        f"okteto.yaml:3:5: the Dockerfile web/{text} does not exist\n  hint: {hint}"
    )


def test_an_absolute_dockerfile_that_is_not_there(workspace: Workspace) -> None:
    assert dockerfile_error(workspace, "/nowhere/Dockerfile") == (
        "okteto.yaml:3:5: the Dockerfile /nowhere/Dockerfile does not exist\n"
        "  hint: write one, or name another with dockerfile:"
    )


def test_a_dockerfile_that_is_a_folder(workspace: Workspace) -> None:
    workspace.add("api/docker/")
    assert dockerfile_error(workspace, "docker") == (
        "okteto.yaml:3:5: the Dockerfile api/docker is a folder\n"
        "  hint: name the file in it, such as docker/Dockerfile"
    )
