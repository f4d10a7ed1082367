"""A Dockerfile without a manifest: whole commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl

if TYPE_CHECKING:
    from okplug.graph import ImageGraph
    from okplug.testing import Workspace

NOT_PUSHED = """\
Build succeeded
Your image won't be pushed. To push your image specify the flag '-t'.
"""


@pytest.fixture
def app(workspace: Workspace) -> Workspace:
    """A workspace with a Dockerfile in a folder, and one that is called otherwise."""
    workspace.write(
        {
            "app/Dockerfile": """
                FROM scratch AS small
                COPY data /data
                FROM small
                ARG VERSION=1
                LABEL version=$VERSION
                """,
            "app/data": "data\n",
            "app/unused": "",
            "docker/other.Dockerfile": "FROM scratch\nCOPY data /other\n",
        }
    )
    return workspace


def key(app: Workspace, *argv: str, cwd: str = "app") -> str:
    return app.run("hash", *argv, cwd=cwd).assert_ok().stdout.split()[0]


def tags(app: Workspace, *argv: str, cwd: str = "app") -> list[str]:
    done = app.run("build", "--json", "-", *argv, cwd=cwd).assert_ok()
    (image,) = json.loads(done.stdout)["images"]
    return [str(tag) for tag in image["references"]["tags"]]


def test_a_folder_with_a_dockerfile_is_built(app: Workspace) -> None:
    first = app.run("build", cwd="app").assert_ok()
    assert "collected 1 image\n" in first.stderr
    assert "app:app  BUILT" in first.stderr
    assert NOT_PUSHED in first.stderr
    again = app.run("build", "app").assert_ok()
    assert "app:app  REUSED" in again.stderr
    assert NOT_PUSHED in again.stderr


def test_nothing_is_said_where_nothing_is_to_be_said(app: Workspace) -> None:
    assert "Build succeeded" not in app.run("build", "-q", cwd="app").assert_ok().stderr
    assert "Build succeeded" not in app.run("build", "-t", "x:1", cwd="app").assert_ok().stderr


def test_without_a_tag_none_is_set(app: Workspace) -> None:
    assert tags(app) == []
    assert tags(app, "-t", "okteto.dev/app:1,okteto.dev/app:2") == [
        "localhost/cindy/app:1",
        "localhost/cindy/app:2",
    ]
    assert tags(app, "--push") == ["localhost/cindy/app:okteto"]


def test_the_dockerfile_of_the_command_line(app: Workspace) -> None:
    done = app.run("list", "app", "-f", "docker/other.Dockerfile").assert_ok()
    assert done.stdout == "app:app\n"
    inside = key(app, "-f", "../docker/other.Dockerfile")
    assert inside == key(app, "app", "--file", "docker/other.Dockerfile", cwd="")
    assert inside != key(app)


def test_what_it_does_not_read_is_not_in_its_key(app: Workspace) -> None:
    before = key(app)
    app.write({"app/unused": "changed"})
    assert key(app) == before
    app.write({"app/data": "changed"})
    assert key(app) != before


@pytest.mark.parametrize("command", ["plan", "hash", "graph", "list", "why"])
def test_every_command_takes_it(app: Workspace, command: str) -> None:
    outcome = app.run(command, "app", "-f", "app/Dockerfile").assert_ok()
    assert "app:app" in outcome.stdout


def test_a_manifest_beside_it_does_not_count_if_the_dockerfile_is_named(app: Workspace) -> None:
    app.write({"okteto.yaml": "build: ["})
    app.run("list", "app", "-f", "app/Dockerfile").assert_ok()


def test_a_broken_manifest_is_never_passed_over(app: Workspace) -> None:
    app.write({"app/okteto.yaml": "build: [\n"})
    outcome = app.run("build", cwd="app").assert_exit(4)
    assert "error: okteto.yaml:2:1" in outcome.stderr


def test_a_manifest_elsewhere_in_the_workspace_counts(app: Workspace) -> None:
    app.write({"web/okteto.yaml": "build: {web: .}\n", "web/Dockerfile": "FROM scratch\n"})
    assert app.run("list").assert_ok().stdout == "web:web\n"
    outcome = app.run("list", "app").assert_exit(4)
    assert "'app' selects no image" in outcome.stderr


def test_a_plugin_of_the_workspace_may_have_images_of_its_own(app: Workspace) -> None:
    app.write({"Dockerfile": "FROM scratch\n", "okplugfile.py": ""})
    app.run("list").assert_exit(5)
    app.run("list", "-f", "Dockerfile").assert_ok()


def test_plugins_see_the_image(app: Workspace) -> None:
    class Plugin:
        """Looks at the graph."""

        seen: tuple[str, ...] = ()

        @hookimpl
        def okplug_graph_modify(self, graph: ImageGraph) -> None:
            """Keep what is there."""
            self.seen = graph.order()

    plugin = Plugin()
    app.run("list", plugins=[plugin], cwd="app").assert_ok()
    assert plugin.seen == ("app:app",)


def test_options_say_what_is_built(app: Workspace) -> None:
    plain = key(app)
    others = [
        key(app, *argv)
        for argv in (
            ["--target", "small"],
            ["--build-arg", "VERSION=2"],
            ["--build-arg", "app:app.VERSION=3"],
            ["--label", "a=b"],
            ["--platform", "linux/arm64"],
            ["--platform", "linux/amd64,linux/arm64"],
        )
    ]
    assert len({plain, *others}) == 7
    assert key(app, "--platform", "linux/amd64", "--build-arg", "VERSION=1") == plain


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["app", "docker"], "'app' selects no image"),
        (
            ["app", "docker", "-f", "app/Dockerfile"],
            "a Dockerfile has one context, and 2 are given",
        ),
        (["nowhere", "-f", "app/Dockerfile"], "the context nowhere is no folder"),
        (["app", "-f", "-"], "-f -: a Dockerfile is not read from standard input"),
        (["https://example.com/x", "-f", "app/Dockerfile"], "is not a folder of this machine"),
        (["app", "-k", "x"], "-k and --exclude choose among images"),
        (["app", "--exclude", "x"], "-k and --exclude choose among images"),
        (["app", "-t", "x", "--target", "nope"], "nope"),
    ],
)
def test_what_is_wrong(app: Workspace, argv: list[str], message: str) -> None:
    outcome = app.run("build", *argv).assert_exit(4)
    assert message in outcome.stderr


def test_the_words_of_programs_are_those_of_an_image_without_a_tag(app: Workspace) -> None:
    done = app.run("build", "--iidfile", "id", "--metadata-file", "meta", cwd="app").assert_ok()
    meta = json.loads((app.root / "app/meta").read_text())
    assert meta["app"]["containerimage.digest"] == (app.root / "app/id").read_text()
    assert "image.name" not in meta["app"]
    assert done.stdout == ""


def test_an_event_tells_that_it_has_no_tag(app: Workspace) -> None:
    stderr = app.run("build", "--log-output", "json", cwd="app").assert_ok().stderr
    events = [json.loads(line) for line in stderr.splitlines()]
    (pushed,) = (each for each in events if each["event"] == "Pushed")
    assert (pushed["address"], pushed["references"]) == ("app:app", [])


def test_a_command_behind_the_dockerfile(app: Workspace) -> None:
    outcome = app.run("-f", "app/Dockerfile", "plan").assert_exit(4)
    assert "hint: write the command first: okplug plan ..." in outcome.stderr
    app.write({"plan/data": "data"})
    assert "plan:plan  BUILT" in app.run("-f", "app/Dockerfile", "plan").assert_ok().stderr
