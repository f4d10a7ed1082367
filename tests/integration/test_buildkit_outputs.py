"""Images in other places than the registry, and all that a build may be told beside its files.

``buildctl`` and other tools are what the results are held against.
"""

from __future__ import annotations

import io
import json
import shutil
import stat
import subprocess
import tarfile
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingUnixStreamServer
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView, push_image
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from okplug.testing import Outcome, Workspace
    from tests.integration.conftest import BuildKit
    from tests.integration.registries import RegistryServer

DOCKERFILE = (
    "FROM scratch AS base\n"
    "COPY --chown=3:4 --chmod=750 dir /dir\n"
    "FROM base\n"
    "COPY --chmod=6755 tool /bin/tool\n"
    "COPY links /links\n"
    "ENV A=1\n"
)
SHELL = (
    "FROM scratch\n"
    "COPY --chmod=755 busybox /bin/busybox\n"
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
)
EPOCH = "--opt=build-arg:SOURCE_DATE_EPOCH=0"


@dataclass
class Shop:
    """A workspace with one image, and what builds it."""

    workspace: Workspace
    buildkit: BuildKit
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The context."""
        return self.workspace.root / "ctx"

    def write(self, dockerfile: str, **files: str | bytes) -> None:
        """Write a Dockerfile, and what its COPYs read."""
        self.workspace.write(
            {
                "ctx/okteto.yaml": "build: {image: .}\n",
                "ctx/Dockerfile": dockerfile,
                "ctx/.dockerignore": "okteto.yaml\nDockerfile\n.dockerignore\n",
                **{f"ctx/{name}": content for name, content in files.items()},
            }
        )

    def write_shell(self, rest: str) -> None:
        """Write a Dockerfile that has a shell to run things with."""
        self.write(SHELL + rest)
        shutil.copy(program("busybox"), self.folder / "busybox")

    def build(self, *arguments: str, **environ: str) -> Outcome:
        """Build."""
        given = {"OKPLUG_BUILDER": self.buildkit.address, "SOURCE_DATE_EPOCH": "0"}
        environ = {**given, **self.settings, **environ}
        return self.workspace.run("build", *arguments, environ=environ)

    def modify(self, change: str) -> None:
        """Have a plugin replace fields of the image, as Python writes them."""
        self.workspace.write(
            {
                "okplugfile.py": (
                    "import dataclasses\n"
                    "from okplug import hookimpl\n\n"
                    "@hookimpl\n"
                    "def okplug_graph_modify(graph):\n"
                    "    image = graph.image('ctx:image')\n"
                    f"    graph.replace_image(dataclasses.replace(image, {change}))\n"
                )
            }
        )

    @property
    def images(self) -> LayoutRegistry:
        """The registry that is there without one."""
        return LayoutRegistry(self.workspace.home / ".cache/okplug/registry")

    @property
    def document(self) -> dict[str, Any]:
        """The manifest or index that the last build gave."""
        found = self.images.read_manifest(PERSONAL)
        assert found is not None
        document: dict[str, Any] = json.loads(found[1])
        return document

    def view(self) -> ImageView:
        """Return the image that the last build gave."""
        return ImageView.read(self.images, PERSONAL)

    def file(self, path: str) -> str:
        """Return what is in a file of the last build's image."""
        content = self.view().tree()[path].content
        assert isinstance(content, bytes)
        return content.decode()


PERSONAL = Reference.parse("localhost/cindy/image:okteto")


@pytest.fixture
def shop(workspace: Workspace, buildkit: BuildKit) -> Shop:
    """An image of files, links and modes, in a registry that the daemon cannot reach."""
    shop = Shop(workspace, buildkit)
    shop.write(DOCKERFILE, **{"dir/one": "1\n", "dir/sub/two": "2\n", "tool": "#!/bin/sh\n"})
    (shop.folder / "links").mkdir()
    (shop.folder / "links/to").symlink_to("../dir/one")
    (shop.folder / "links/nowhere").symlink_to("/nowhere")
    return shop


@pytest.fixture(params=["layout", "registry"])
def placed(shop: Shop, request: pytest.FixtureRequest) -> Shop:
    """The same, in registries of both kinds, where no other test has built it."""
    if request.param == "registry":
        server: RegistryServer = request.getfixturevalue("registry_server")
        shop.settings["OKPLUG_REGISTRY"] = server.host
        shop.settings["OKPLUG_GLOBAL_NAMESPACE"] = f"outputs-{uuid.uuid4().hex}"
    return shop


def files_below(folder: Path) -> dict[str, tuple[int, int, int, str]]:
    """Return mode, owner, group and content of all that is in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_text()
        relpath = path.relative_to(folder).as_posix()
        mode = stat.S_IMODE(status.st_mode)
        found[relpath] = (mode, status.st_uid, status.st_gid, content)
    return found


def members(path: Path) -> dict[str, tuple[object, ...]]:
    """Return what tar archives say of each file, with its content."""
    with tarfile.open(path) as archive:
        return {
            member.name: (
                *(member.type, member.mode, member.uid, member.gid, member.linkname, member.size),
                (archive.extractfile(member) or io.BytesIO()).read() if member.isfile() else b"",
            )
            for member in archive
        }


def theirs(shop: Shop, kind: str, target: Path) -> Path:
    """Return what buildctl writes of the same folder."""
    extra = ",rewrite-timestamp=true" if kind in {"oci", "docker"} else ""
    opts = ("--opt=platform=linux/amd64", EPOCH)
    done = shop.buildkit.build(shop.folder, *opts, f"--output=type={kind},dest={target}{extra}")
    assert done.returncode == 0, done.stderr
    return target


def skopeo(*arguments: str | Path) -> Any:
    """Have skopeo look at an image."""
    return json.loads(subprocess.check_output([program("skopeo"), *arguments], text=True))


# ----------------------------------------------------------------------------------------- outputs


def test_files_of_an_image_that_is_built_and_of_one_that_is_reused(
    placed: Shop, tmp_path: Path
) -> None:
    oracle = files_below(theirs(placed, "local", tmp_path / "theirs"))
    assert oracle["bin/tool"][0] == 0o6755
    for name, words in (("built", "1 built"), ("reused", "1 reused")):
        outcome = placed.build("--output", f"type=local,dest={tmp_path / name}").assert_ok()
        assert words in outcome.stderr
        assert files_below(tmp_path / name) == oracle


def test_an_archive_of_files(placed: Shop, tmp_path: Path) -> None:
    oracle = members(theirs(placed, "tar", tmp_path / "theirs.tar"))
    assert "dir/sub/two" in oracle
    for name in ("built.tar", "reused.tar"):
        placed.build("--output", f"type=tar,dest={tmp_path / name}").assert_ok()
        assert members(tmp_path / name) == oracle


def test_archives_of_the_image(
    placed: Shop, tmp_path: Path, from_archive: Callable[[Path], ImageView]
) -> None:
    """Both are read by tools; layers and settings are those of buildctl's archive."""
    oracle = from_archive(theirs(placed, "oci", tmp_path / "theirs.tar"))
    for name in ("built", "reused"):
        oci, docker = (tmp_path / f"{name}-{kind}.tar" for kind in ("oci", "docker"))
        outputs = ("--output", f"type=oci,dest={oci}", "--output", f"type=docker,dest={docker}")
        placed.build(*outputs).assert_ok()
        ours = from_archive(oci)
        assert ours.tree() == oracle.tree()
        assert ours.config["config"] == oracle.config["config"]
        assert ours.config["rootfs"] == oracle.config["rootfs"]
        seen = skopeo("inspect", f"oci-archive:{oci}")
        assert seen["Digest"] == ours.descriptor.digest
        assert skopeo("inspect", f"docker-archive:{docker}")["Env"][-1] == "A=1"


def test_an_archive_is_a_layout_to_other_tools(shop: Shop, tmp_path: Path) -> None:
    archive, layout, bundle = tmp_path / "a.tar", tmp_path / "layout", tmp_path / "bundle"
    shop.build("--output", f"type=oci,dest={archive}").assert_ok()
    layout.mkdir()
    with tarfile.open(archive) as opened:
        opened.extractall(layout, filter="data")
    command = [program("umoci"), "unpack", "--image", f"{layout}:okteto", str(bundle)]
    subprocess.run(command, check=True, capture_output=True)
    assert (bundle / "rootfs/dir/sub/two").read_text() == "2\n"
    assert stat.S_IMODE((bundle / "rootfs/bin/tool").stat().st_mode) == 0o6755


def test_an_archive_on_standard_output(shop: Shop) -> None:
    outcome = shop.build("--output", "-").assert_ok()
    data = outcome.stdout.encode("utf-8", "surrogateescape")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert "dir/sub/two" in archive.getnames()


def test_a_folder_that_is_there_keeps_what_else_is_in_it(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "out/dir").mkdir(parents=True)
    (tmp_path / "out/other").write_text("stays")
    shop.build("--output", str(tmp_path / "out")).assert_ok()
    assert (tmp_path / "out/other").read_text() == "stays"
    assert (tmp_path / "out/dir/one").read_text() == "1\n"


def test_files_need_a_daemon_and_archives_of_an_image_do_not(shop: Shop, tmp_path: Path) -> None:
    embedded = {"OKPLUG_BUILDER": "embedded"}
    target = tmp_path / "image.tar"
    shop.build("--output", f"type=oci,dest={target}", **embedded).assert_ok()
    assert skopeo("inspect", f"oci-archive:{target}")["Env"][-1] == "A=1"
    outcome = shop.build("--output", f"type=local,dest={tmp_path / 'x'}", **embedded)
    outcome.assert_exit(1)
    assert (
        "the files of ctx:image cannot be unpacked without a BuildKit\n"
        "  hint: name one with --builder; type=oci and type=docker need none\n"
    ) in outcome.stderr
    assert not (tmp_path / "x").exists()


class Engine:
    """A Docker engine that only takes images."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self.loaded: list[bytes] = []
        self.paths: list[str] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                engine.paths.append(self.path)
                engine.loaded.append(self.rfile.read(int(self.headers["Content-Length"])))
                body = b'{"stream":"Loaded image"}\n'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "client"

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingUnixStreamServer(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine at a socket."""
    engine = Engine(tmp_path_factory.mktemp("engine") / "s")
    yield engine
    engine.close()


def test_load(placed: Shop, engine: Engine, tmp_path: Path) -> None:
    for _ in range(2):
        placed.build("--load", DOCKER_HOST=engine.address).assert_ok()
    assert engine.paths == ["/images/load?quiet=1"] * 2
    assert engine.loaded[0] == engine.loaded[1]
    (tmp_path / "loaded.tar").write_bytes(engine.loaded[0])
    seen = skopeo("inspect", f"docker-archive:{tmp_path / 'loaded.tar'}")
    assert seen["Env"][-1] == "A=1"
    with tarfile.open(tmp_path / "loaded.tar") as archive:
        stream = archive.extractfile("manifest.json")
        assert stream is not None
        ((tag,),) = (each["RepoTags"] for each in json.load(stream))
    assert tag.endswith("/cindy/image:okteto")


def test_an_engine_that_is_not_there(shop: Shop, tmp_path: Path) -> None:
    outcome = shop.build("--load", DOCKER_HOST=f"unix://{tmp_path}/none").assert_exit(1)
    assert (
        f"the image cannot be loaded into the Docker engine at unix://{tmp_path}/none"
        in outcome.stderr
    )


# ------------------------------------------------------------------- layers, types and attestations


@pytest.mark.parametrize(
    ("setting", "media_type", "start"),
    [
        ("gzip", "application/vnd.oci.image.layer.v1.tar+gzip", b"\x1f\x8b"),
        ("zstd", "application/vnd.oci.image.layer.v1.tar+zstd", b"\x28\xb5\x2f\xfd"),
        ("zstd:19", "application/vnd.oci.image.layer.v1.tar+zstd", b"\x28\xb5\x2f\xfd"),
        ("estargz", "application/vnd.oci.image.layer.v1.tar+gzip", b"\x1f\x8b"),
        ("uncompressed", "application/vnd.oci.image.layer.v1.tar", b"bin"),
    ],
)
def test_compression(shop: Shop, setting: str, media_type: str, start: bytes) -> None:
    shop.build(OKPLUG_COMPRESSION=setting).assert_ok()
    layers = shop.document["layers"]
    assert [layer["mediaType"] for layer in layers] == [media_type] * len(layers)
    is_estargz = [
        "containerd.io/snapshot/stargz/toc.digest" in each.get("annotations", {}) for each in layers
    ]
    assert is_estargz == [setting == "estargz"] * len(layers)
    with shop.images.open_blob(PERSONAL, layers[1]["digest"]) as blob:
        assert blob.read().startswith(start)


def test_levels_of_compression(shop: Shop) -> None:
    text = "".join(f"{number} {number * number}\n" for number in range(20_000))
    shop.write("FROM scratch\nCOPY text /\n", text=text)
    sizes = []
    for level in ("1", "9"):
        shop.build("--no-cache", OKPLUG_COMPRESSION=f"gzip:{level}").assert_ok()
        sizes.append(shop.document["layers"][0]["size"])
    assert sizes[0] > sizes[1]


def test_the_media_types_of_docker(shop: Shop) -> None:
    shop.build(OKPLUG_OCI_MEDIATYPES="false").assert_ok()
    document = shop.document
    assert document["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert {layer["mediaType"] for layer in document["layers"]} == {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    }


def test_provenance(placed: Shop, tmp_path: Path) -> None:
    """The image becomes an index; it is reused, and can be written and unpacked, as any other."""
    placed.build("--provenance", "mode=max").assert_ok()
    archive, files = tmp_path / "image.tar", tmp_path / "files"
    outputs = ("--output", f"type=oci,dest={archive}", "--output", str(files))
    outcome = placed.build("--provenance", "mode=max", *outputs).assert_ok()
    assert "1 reused" in outcome.stderr
    assert (files / "dir/one").read_text() == "1\n"
    with tarfile.open(archive) as opened:

        def read(name: str) -> Any:
            stream = opened.extractfile(name)
            assert stream is not None
            return json.loads(stream.read())

        index = read(blob_path(read("index.json")["manifests"][0]["digest"]))
        image, attestation = index["manifests"]
        assert image["platform"] == {"architecture": "amd64", "os": "linux"}
        assert attestation["annotations"]["vnd.docker.reference.digest"] == image["digest"]
        assert index["annotations"]["dev.okplug.root"]
        (layer,) = read(blob_path(attestation["digest"]))["layers"]
        assert layer["annotations"]["in-toto.io/predicate-type"].startswith("https://slsa.dev/")
        definition = read(blob_path(layer["digest"]))["predicate"]["buildDefinition"]
        assert definition["externalParameters"]["request"]["frontend"] == "dockerfile.v0"
        assert "llbDefinition" in definition["internalParameters"]["buildConfig"]


def blob_path(digest: str) -> str:
    """Return where an archive has a blob."""
    return f"blobs/{digest.replace(':', '/')}"


def test_a_bill_of_materials_is_made_by_the_image_that_is_named(
    shop: Shop, registry_server: RegistryServer
) -> None:
    scanner = f"{registry_server.host}/scanner:none"
    outcome = shop.build("--sbom", f"generator={scanner}").assert_exit(1)
    assert scanner in outcome.stderr


# ------------------------------------------------------------------------------------------- caches


@pytest.fixture
def random(shop: Shop) -> Shop:
    """An image that is another one each time that it is really built."""
    shop.write_shell("RUN head -c 8 /dev/urandom | od -x > /random\n")
    return shop


def prune(shop: Shop) -> None:
    """Make the daemon forget everything."""
    command = [program("buildctl"), "--addr", shop.buildkit.address, "prune", "--all"]
    subprocess.run(command, check=True, capture_output=True)


def test_without_a_cache_nothing_is_kept(random: Shop) -> None:
    random.build().assert_ok()
    first = random.file("random")
    forget(random)
    random.build().assert_ok()
    assert random.file("random") != first


def forget(shop: Shop) -> None:
    """Have neither the daemon nor the registry know the image."""
    prune(shop)
    shutil.rmtree(shop.workspace.home / ".cache/okplug/registry")


@pytest.mark.parametrize("where", ["REF", "type=registry,ref=REF,mode=max", "type=local,dest=DIR"])
def test_a_cache_is_exported_and_imported(
    random: Shop, registry_server: RegistryServer, tmp_path: Path, where: str
) -> None:
    """What ran before the daemon forgot it does not run again."""
    reference = f"{registry_server.host}/{tmp_path.name}/cache"
    text = where.replace("REF", reference).replace("DIR", str(tmp_path / "cache"))
    random.build("--cache-to", text).assert_ok()
    first = random.file("random")
    forget(random)
    imported = text.replace("dest=", "src=").replace(",mode=max", "")
    random.build("--cache-from", imported).assert_ok()
    assert random.file("random") == first


def test_an_inline_cache_is_part_of_the_image(
    random: Shop, registry_server: RegistryServer, tmp_path: Path
) -> None:
    random.settings["OKPLUG_REGISTRY"] = registry_server.host
    random.build("--cache-to", "inline", "--output", str(tmp_path / "first")).assert_ok()
    prune(random)
    image = f"{registry_server.host}/cindy/image:okteto"
    random.write_shell("RUN head -c 8 /dev/urandom | od -x > /random\nENV OTHER=1\n")
    arguments = ("--cache-from", image, "--output", str(tmp_path / "second"))
    outcome = random.build(*arguments).assert_ok()
    assert "1 built" in outcome.stderr
    random_files = [(tmp_path / name / "random").read_text() for name in ("first", "second")]
    assert random_files[0] == random_files[1]


def test_a_cache_that_is_not_there_is_no_failure(shop: Shop, tmp_path: Path) -> None:
    outcome = shop.build("--cache-from", f"type=local,src={tmp_path}/none").assert_ok()
    assert f"the cache in {tmp_path}/none is not there; it is not imported" in outcome.stderr


# ------------------------------------------------------------------------------ what else is asked


def test_two_images_of_one_repository_that_only_this_side_has(shop: Shop) -> None:
    for tag in ("1", "2"):
        push_image(shop.images, Reference.parse(f"localhost/tools/t:{tag}"), files={tag: tag})
    shop.write("FROM localhost/tools/t:1\nCOPY --from=localhost/tools/t:2 /2 /\n")
    shop.build().assert_ok()
    assert sorted(shop.view().tree()) == ["1", "2"]


def test_several_platforms_become_one_index(shop: Shop, registry_server: RegistryServer) -> None:
    shop.settings["OKPLUG_REGISTRY"] = registry_server.host
    shop.write("FROM scratch\nARG TARGETPLATFORM\nLABEL p=$TARGETPLATFORM\nCOPY f /\n", f="1")
    shop.modify("platforms=('linux/amd64', 'linux/arm64')")
    shop.build().assert_ok()
    image = f"docker://{registry_server.host}/cindy/image:okteto"
    index = skopeo("inspect", "--tls-verify=false", "--raw", image)
    assert index["annotations"]["dev.okplug.root"]
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    for architecture in ("amd64", "arm64"):
        options = ("--tls-verify=false", f"--override-arch={architecture}")
        seen = skopeo("inspect", *options, image)
        assert seen["Labels"] == {"p": f"linux/{architecture}"}


@pytest.mark.parametrize("platforms", [("linux/arm64",), ("linux/arm64", "linux/amd64")])
def test_files_of_other_platforms(shop: Shop, tmp_path: Path, platforms: tuple[str, ...]) -> None:
    """Those of several are in a folder for each."""
    shop.write("FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n", amd64="1", arm64="2")
    shop.modify(f"platforms={platforms}")
    for name in ("built", "reused"):
        shop.build("--output", str(tmp_path / name)).assert_ok()
    options = (f"--opt=platform={','.join(platforms)}", EPOCH)
    output = f"--output=type=local,dest={tmp_path / 'theirs'}"
    assert shop.buildkit.build(shop.folder, *options, output).returncode == 0
    oracle = files_below(tmp_path / "theirs")
    assert len([path for path in oracle if path.endswith(("amd64", "arm64"))]) >= len(platforms)
    assert files_below(tmp_path / "built") == files_below(tmp_path / "reused") == oracle


def test_no_network(shop: Shop) -> None:
    shop.write_shell("RUN ls /sys/class/net > /x\n")
    shop.modify("network='none'")
    shop.build().assert_ok()
    assert shop.file("x") == "lo\n"


def test_the_network_of_the_host_has_to_be_granted(shop: Shop) -> None:
    shop.write_shell("RUN ls /sys/class/net > /x\n")
    shop.modify("network='host'")
    outcome = shop.build().assert_exit(1)
    assert "network.host" in outcome.stderr


def test_extra_hosts(shop: Shop) -> None:
    shop.write_shell("RUN cat /etc/hosts > /x\n")
    shop.modify("extra_hosts=(('db.example.com', '10.1.2.3'), ('six', '::1'))")
    shop.build().assert_ok()
    lines = [line.split() for line in shop.file("x").splitlines()]
    assert ["10.1.2.3", "db.example.com"] in lines
    assert ["::1", "six"] in lines


def test_named_contexts(shop: Shop, tmp_path: Path, registry_server: RegistryServer) -> None:
    """A folder, whose own ignore file counts, and an image in the place of another."""
    shop.settings["OKPLUG_REGISTRY"] = registry_server.host
    shop.write("FROM scratch\nCOPY f /from-image\n", f="1")
    shop.workspace.write({"ctx/okteto.yaml": "build: {outside: .}\n"})
    shop.build().assert_ok()
    shop.write("FROM nowhere.example.com/base:1\nCOPY --from=more . /more\n")
    shop.workspace.write(
        {"more/in": "in", "more/out": "out", "more/.dockerignore": "out\n.dockerignore\n"}
    )
    image = f"docker-image://{registry_server.host}/cindy/outside:okteto"
    shop.modify(f"named_contexts=(('nowhere.example.com/base:1', '{image}'), ('more', '../more'))")
    shop.build("--output", str(tmp_path / "out")).assert_ok()
    assert sorted(files_below(tmp_path / "out")) == ["from-image", "more", "more/in"]


# ---------------------------------------------------------------------------------------- frontends

FRONTEND = """\
FROM scratch
LABEL moby.buildkit.frontend.network.none=true
LABEL moby.buildkit.frontend.caps=moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,\
moby.buildkit.frontend.contexts
COPY dockerfile-frontend /bin/dockerfile-frontend
ENTRYPOINT ["/bin/dockerfile-frontend"]
"""


def test_a_frontend_of_the_dockerfile_s_own(
    shop: Shop, registry_server: RegistryServer, tmp_path: Path
) -> None:
    """It is an image that the embedded builder made; all of the context counts for a foreign one."""
    shop.settings["OKPLUG_REGISTRY"] = registry_server.host
    shop.write(FRONTEND)
    shutil.copy(program("dockerfile-frontend"), shop.folder / "dockerfile-frontend")
    (shop.folder / "dockerfile-frontend").chmod(0o755)
    shop.build(OKPLUG_BUILDER="embedded").assert_ok()
    (shop.folder / "dockerfile-frontend").unlink()
    syntax = f"# syntax={registry_server.host}/cindy/image:okteto"
    shop.write(f"{syntax}\nFROM scratch\nCOPY f /\n", f="1", other="2")
    shop.workspace.write({"ctx/okteto.yaml": "build: {front: .}\n"})
    for name in ("first", "second"):
        outcome = shop.build("--output", str(tmp_path / name)).assert_ok()
        assert "1 built" in outcome.stderr
        assert sorted(files_below(tmp_path / name)) == ["f"]
        shop.workspace.write({"ctx/other": "3"})
