"""What every builder promises, as tests for authors to subclass.

    class TestMyBuilder(BuilderContract):
        @pytest.fixture
        def builder(self) -> MyBuilder:
            return MyBuilder(...)

        @pytest.fixture
        def registry(self) -> Registry:
            return FakeRegistry()   # or the one that the builder writes to

The registry must not hold the repositories that the fixture ``repository`` returns. No test needs
a RUN or the network.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug.backends import ROOT_ANNOTATION, Builder, Registry
from okplug.dockerfile import parse
from okplug.dockerfile.model import Inherited
from okplug.errors import BuildError, CancelledError, ContextChangedError
from okplug.oci import INDEX_TYPES, MANIFEST_TYPES
from okplug.reference import Reference
from okplug.testing.images import ImageView, Node, push_image
from okplug.testing.requests import BuildCase, RecordingControl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from okplug.backends import Artifact

    #: the files of a context by path; a mode or the target of a link may stand beside a path
    Files = Mapping[str, str]
    MakeCase = Callable[..., BuildCase]
    Build = Callable[[BuildCase], Artifact]
    View = Callable[..., ImageView]

_ROOT = {ROOT_ANNOTATION: "ab" * 32, "org.example": "Größe"}
_TITLE = {"org.opencontainers.image.title": "An image, and its name"}


class BuilderContract:
    """The contract of ``okplug.Builder``; subclass it, give it ``builder`` and ``registry``."""

    @pytest.fixture
    def builder(self) -> Builder:
        """Return the builder to test."""
        raise NotImplementedError("override the fixture builder")

    @pytest.fixture
    def registry(self) -> Registry:
        """Return the registry that it stores images in."""
        raise NotImplementedError("override the fixture registry")

    @pytest.fixture
    def repository(self, registry: Registry) -> Callable[[str], Reference]:
        """Return what makes a reference, without tag, of a repository's name."""
        return lambda name: Reference(registry.host, name)

    @pytest.fixture
    def case(self, tmp_path: Path, repository: Callable[[str], Reference]) -> MakeCase:
        """Return what writes a Dockerfile and files, and makes a case of them."""

        def make(dockerfile: str, files: Files | None = None, **fields: Any) -> BuildCase:  # noqa: ANN401  # the fields of BuildCase
            folder = tmp_path / "image"
            write_files(folder, {"Dockerfile": dockerfile, **(files or {})})
            return BuildCase(folder, **{"repository": repository("okteto/image"), **fields})

        return make

    @pytest.fixture
    def build(self, builder: Builder, registry: Registry) -> Build:
        """Return what shows a case to the builder and has it built."""

        def run(case: BuildCase) -> Artifact:
            builder.check([case.outline()])
            return builder.build(case.request(), registry, RecordingControl())

        return run

    @pytest.fixture
    def view(self, case: MakeCase, build: Build, registry: Registry) -> View:
        """Return what builds a Dockerfile and reads the image."""

        def run(dockerfile: str, files: Files | None = None, **fields: Any) -> ImageView:  # noqa: ANN401  # the fields of BuildCase
            artifact = build(case(dockerfile, files, **fields))
            return ImageView.read(registry, artifact.reference)

        return run

    # ---------------------------------------------------------------------------------- of itself

    def test_it_says_what_it_is(self, builder: Builder) -> None:
        """It has a name of one word, a description of one line and a number of jobs."""
        assert builder.name.split() == [builder.name]
        assert builder.describe()
        assert "\n" not in builder.describe()
        assert builder.jobs >= 1

    def test_no_outlines_are_fine(self, builder: Builder) -> None:
        """A run that builds nothing is not refused."""
        builder.check([])

    # ---------------------------------------------------------------------------------- the result

    def test_the_result_is_in_the_registry(
        self, case: MakeCase, build: Build, registry: Registry
    ) -> None:
        """The reference has the repository that was asked for, a digest and no tag."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"})
        artifact = build(made)
        assert artifact.reference == made.repository.with_digest(artifact.descriptor.digest)
        found = registry.resolve(artifact.reference)
        assert found is not None
        assert (found.digest, found.size) == (
            artifact.descriptor.digest,
            artifact.descriptor.size,
        )
        assert artifact.descriptor.media_type in MANIFEST_TYPES

    def test_nothing_is_tagged(self, case: MakeCase, build: Build, registry: Registry) -> None:
        """Tags are none of a builder's business."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"})
        build(made)
        assert list(registry.tags(made.repository)) == []

    def test_annotations(self, view: View) -> None:
        """What the request wants said is said by the manifest."""
        manifest = view("FROM scratch\nCOPY a /\n", {"a": "1"}, annotations=_ROOT).manifest
        assert _ROOT.items() <= manifest["annotations"].items()

    def test_annotations_of_the_entry(
        self, case: MakeCase, build: Build, registry: Registry
    ) -> None:
        """They are of the index and of each of its manifests, which are not the index's root."""
        platforms = ("linux/amd64", "linux/arm64")
        text = "FROM scratch\nCOPY a /\n"
        made = case(
            text, {"a": "1"}, platforms=platforms, annotations=_ROOT, own_annotations=_TITLE
        )
        artifact = build(made)
        found = registry.read_manifest(artifact.reference)
        assert found is not None
        assert (_ROOT | _TITLE).items() <= json.loads(found[1])["annotations"].items()
        for platform in platforms:
            manifest = ImageView.read(registry, artifact.reference, platform).manifest
            assert _TITLE.items() <= manifest["annotations"].items()
            assert not _ROOT.keys() & manifest["annotations"].keys()

    def test_the_platform(self, view: View) -> None:
        """An image says what it is for."""
        config = view("FROM scratch\n", platforms=("linux/arm/v7",)).config
        assert [config[name] for name in ("os", "architecture", "variant")] == [
            "linux",
            "arm",
            "v7",
        ]

    def test_several_platforms_are_an_index(
        self, case: MakeCase, build: Build, registry: Registry
    ) -> None:
        """There is an image for each, and the index is what is annotated."""
        text = "FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY $TARGETARCH /a\n"
        files = {"amd64": "amd64", "arm64": "arm64"}
        platforms = ("linux/amd64", "linux/arm64")
        artifact = build(case(text, files, platforms=platforms, annotations=_ROOT))
        assert artifact.descriptor.media_type in INDEX_TYPES
        found = registry.read_manifest(artifact.reference)
        assert found is not None
        assert _ROOT.items() <= json.loads(found[1])["annotations"].items()
        for platform in platforms:
            image = ImageView.read(registry, artifact.reference, platform)
            architecture = platform.partition("/")[2]
            assert image.config["config"]["Labels"] == {"arch": architecture}
            assert image.tree() == {"a": Node(content=architecture.encode())}

    def test_builds_at_once(self, case: MakeCase, builder: Builder, registry: Registry) -> None:
        """Several threads build with one builder."""
        made = case("FROM scratch\nARG N\nLABEL n=$N\nCOPY a /\n", {"a": "1"})
        requests = [dataclasses.replace(made, args={"N": str(n)}).request() for n in range(4)]
        with ThreadPoolExecutor(4) as pool:
            artifacts = list(
                pool.map(
                    lambda request: builder.build(request, registry, RecordingControl()), requests
                )
            )
        views = [ImageView.read(registry, artifact.reference) for artifact in artifacts]
        assert [view.config["config"]["Labels"] for view in views] == [
            {"n": str(n)} for n in range(4)
        ]

    # ---------------------------------------------------------------------------- what images start

    def test_configuration(self, view: View) -> None:
        """Instructions that describe the image do so."""
        text = """
            FROM scratch
            ARG VERSION=1
            ENV PATH=/bin VERSION=${VERSION}.0
            LABEL version=$VERSION
            WORKDIR /srv
            WORKDIR shop
            USER 7:8
            EXPOSE 80 53/udp
            VOLUME /data
            STOPSIGNAL SIGINT
            ENTRYPOINT ["/bin/shop"]
            CMD ["--help"]
            """
        config = view(text, args={"VERSION": "2"}).config["config"]
        expected = {
            "Env": ["PATH=/bin", "VERSION=2.0"],
            "Labels": {"version": "2.0"},
            "WorkingDir": "/srv/shop",
            "User": "7:8",
            "ExposedPorts": {"53/udp": {}, "80/tcp": {}},
            "Volumes": {"/data": {}},
            "StopSignal": "SIGINT",
            "Entrypoint": ["/bin/shop"],
            "Cmd": ["--help"],
        }
        assert {name: config.get(name) for name in expected} == expected

    def test_shell_form(self, view: View) -> None:
        """A command that is no JSON array goes to the shell."""
        assert view("FROM scratch\nCMD echo  $A\n").config["config"]["Cmd"] == [
            "/bin/sh",
            "-c",
            "echo  $A",
        ]

    def test_labels_of_the_manifest(self, view: View) -> None:
        """They are there beside those of the Dockerfile, and win."""
        config = view("FROM scratch\nLABEL a=1 b=1\n", labels={"b": "2", "c": "3"}).config
        assert config["config"]["Labels"] == {"a": "1", "b": "2", "c": "3"}

    # --------------------------------------------------------------------------------------- files

    def test_copy(self, view: View) -> None:
        """Files get what the context tells of them, whoever owns them here: bytes and x."""
        files = {"src/a": "1", "src/sub/run 755": "2", "src/link -> a": ""}
        assert view("FROM scratch\nCOPY src /app\n", files).tree() == {
            "app": _folder(),
            "app/a": Node(content=b"1"),
            "app/link": Node("link", 0o777, content="a"),
            "app/sub": _folder(),
            "app/sub/run": Node(mode=0o755, content=b"2"),
        }

    def test_copy_several(self, view: View) -> None:
        """Sources, wildcards among them, go into a directory, below the working directory."""
        files = {"a.txt": "1", "b.txt": "2", "c.md": "3"}
        tree = view("FROM scratch\nWORKDIR /w\nCOPY *.txt c.md into/\n", files).tree()
        assert tree == {
            "w": _folder(),
            "w/into": _folder(),
            "w/into/a.txt": Node(content=b"1"),
            "w/into/b.txt": Node(content=b"2"),
            "w/into/c.md": Node(content=b"3"),
        }

    def test_copy_over(self, view: View) -> None:
        """A later file takes the place of an earlier one."""
        tree = view("FROM scratch\nCOPY a /x\nCOPY b /x\n", {"a": "1", "b": "2"}).tree()
        assert tree == {"x": Node(content=b"2")}

    def test_owner_and_mode(self, view: View) -> None:
        """Flags say whose the files are, and what may be done with them."""
        files = {"a": "1", "passwd": "shop:x:5:6::/:/sh\n", "group": "staff:x:50:\n"}
        text = """
            FROM scratch
            COPY passwd group /etc/
            COPY --chown=3:4 --chmod=600 a /numbers
            COPY --chown=shop:staff a /names
            COPY --chown=shop a /name
            """
        tree = view(text, files).tree()
        assert tree["numbers"] == Node("file", 0o600, 3, 4, b"1")
        assert tree["names"] == Node("file", 0o644, 5, 50, b"1")
        assert tree["name"] == Node("file", 0o644, 5, 6, b"1")

    def test_here_document(self, view: View) -> None:
        """Its variables are replaced unless its name is quoted."""
        text = "FROM scratch\nARG A=1\nCOPY <<X <<'Y' /x/\na=$A\nX\na=$A\nY\n"
        tree = view(text).tree()
        assert tree == {
            "x": _folder(),
            "x/X": Node(content=b"a=1\n"),
            "x/Y": Node(content=b"a=$A\n"),
        }

    def test_ignored_files_do_not_exist(self, view: View) -> None:
        """What .dockerignore leaves out is in no image."""
        files = {"src/a": "1", "src/b.log": "2", ".dockerignore": "**/*.log\n"}
        tree = view("FROM scratch\nCOPY src /x\n", files).tree()
        assert set(tree) == {"x", "x/a"}

    # ------------------------------------------------------------------------------------- stages

    def test_stages(self, view: View) -> None:
        """A stage can be a base, and a source; one that nobody needs is left out."""
        text = """
            FROM scratch AS base
            ENV A=1
            COPY a /
            FROM scratch AS unneeded
            COPY nowhere /
            FROM scratch AS files
            COPY b /b
            FROM base
            ENV B=${A}2
            COPY --from=files /b /c
            """
        image = view(text, {"a": "1", "b": "2"})
        assert image.tree() == {"a": Node(content=b"1"), "c": Node(content=b"2")}
        env = image.config["config"]["Env"]
        assert [each for each in env if not each.startswith("PATH=")] == ["A=1", "B=12"]

    def test_target(self, view: View) -> None:
        """A target is built as if nothing stood below it."""
        text = "FROM scratch AS one\nCOPY a /\nFROM one AS two\nCOPY b /\n"
        assert set(view(text, {"a": "1", "b": "2"}, target="one").tree()) == {"a"}

    def test_dependencies_by_digest(
        self,
        view: View,
        registry: Registry,
        repository: Callable[[str], Reference],
    ) -> None:
        """An image that the request names is a base, and a source, whatever its name says."""
        base = repository("okteto/base")
        pushed = push_image(
            registry, base, files={"etc/os": "shop"}, config={"Env": ["A=1"], "User": "9"}
        )
        named = {"nowhere.example.com/base:okteto": base.with_digest(pushed.digest)}
        text = """
            FROM nowhere.example.com/base:okteto
            ENV B=${A}2
            COPY --from=nowhere.example.com/base:okteto /etc/os /copy
            """
        image = view(text, images=named)
        assert {
            path: node.content for path, node in image.tree().items() if node.kind == "file"
        } == {
            "copy": b"shop",
            "etc/os": b"shop",
        }
        assert image.config["config"]["User"] == "9"
        assert {"A=1", "B=12"} <= set(image.config["config"]["Env"])

    def test_triggers(
        self,
        view: View,
        registry: Registry,
        repository: Callable[[str], Reference],
    ) -> None:
        """ONBUILD instructions of a base come first, once."""
        base = repository("okteto/base")
        pushed = push_image(registry, base, config={"OnBuild": ["COPY a /x/", "ENV A=1"]})
        named = {"base.example.com/base:1": base.with_digest(pushed.digest)}
        passed_on = {"base.example.com/base:1": inherited("COPY a /x/", "ENV A=1")}
        text = "FROM base.example.com/base:1\nLABEL a=$A\n"
        image = view(text, {"a": "1"}, images=named, passed_on=passed_on)
        assert image.tree() == {"x": _folder(), "x/a": Node(content=b"1")}
        assert image.config["config"]["Labels"] == {"a": "1"}
        assert "OnBuild" not in image.config["config"]

    # ------------------------------------------------------------------------------------ failures

    def test_a_missing_file(self, case: MakeCase, builder: Builder, registry: Registry) -> None:
        """The error says where the instruction stands; nothing is tagged."""
        made = case("FROM scratch\nCOPY a /\nCOPY src/nowhere /x\n", {"a": "1"})
        with pytest.raises(BuildError, match="nowhere") as caught:
            builder.build(made.request(), registry, RecordingControl())
        assert caught.value.location is not None
        assert (caught.value.location.path, caught.value.location.line) == (
            made.folder / "Dockerfile",
            3,
        )
        assert list(registry.tags(made.repository)) == []

    def test_a_changed_file(self, case: MakeCase, builder: Builder, registry: Registry) -> None:
        """A file that is not what was hashed fails the build; nothing is tagged."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"})
        request = made.request()
        (made.folder / "a").write_text("2")
        with pytest.raises(ContextChangedError):
            builder.build(request, registry, RecordingControl())
        assert list(registry.tags(made.repository)) == []

    def test_a_removed_file(self, case: MakeCase, builder: Builder, registry: Registry) -> None:
        """So does one that is gone."""
        made = case("FROM scratch\nCOPY src /\n", {"src/a": "1", "src/b": "2"})
        request = made.request()
        (made.folder / "src/b").unlink()
        with pytest.raises(ContextChangedError):
            builder.build(request, registry, RecordingControl())

    def test_cancelled(self, case: MakeCase, builder: Builder, registry: Registry) -> None:
        """An interrupted build ends as such; nothing is tagged."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"})
        control = RecordingControl()
        control.cancel()
        with pytest.raises(CancelledError):
            builder.build(made.request(), registry, control)
        assert list(registry.tags(made.repository)) == []

    def test_an_interrupted_builder_can_go_on(
        self, case: MakeCase, builder: Builder, build: Build, registry: Registry
    ) -> None:
        """What was interrupted or failed leaves nothing behind that harms the next build."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"})
        with pytest.raises(CancelledError):
            builder.build(made.request(), registry, RecordingControl(cancel_after=1))
        assert ImageView.read(registry, build(made).reference).tree() == {"a": Node(content=b"1")}


def write_files(folder: Path, files: Files) -> None:
    """Write files below a folder; texts are dedented.

    :param files: path -> text. ``path 755`` gives the mode, ``path -> target`` is a link.
    """
    for name, text in files.items():
        path, arrow, target = name.partition(" -> ")
        path, _, mode = path.partition(" ")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if arrow:
            file.symlink_to(target)
        else:
            file.write_bytes(textwrap.dedent(text).lstrip("\n").encode())
            file.chmod(int(mode or "644", 8))


def inherited(*triggers: str) -> Inherited:
    """Return what an image with these ONBUILD instructions passes on."""
    text = "".join(f"ONBUILD {trigger}\n" for trigger in triggers)
    file = parse(f"FROM scratch\n{text}".encode(), Path("Dockerfile"))
    return Inherited(triggers=file.stages[0].instructions)


def _folder() -> Node:
    return Node("directory", 0o755, content="")
