"""The example monorepo: built, read by other tools, and started."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "example-monorepo"
IMAGES = (
    "base:base",
    "libs:messages",
    "libs:settings",
    "release:release",
    "services/api:api",
    "services/cart:cart",
    "services/mail:mail",
    "tools/show:show",
    "web:assets",
    "web:front",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example that is built once for all tests that only read."""
    folder = tmp_path_factory.mktemp("shop") / "example-monorepo"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".okplug"))
    assert build(folder)["exit_code"] == 0
    return folder


def okplug(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(folder.parent),
        "USER": "cindy",
    }
    return subprocess.run(
        [sys.executable, "-m", "okplug", "-C", str(folder), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def build(folder: Path, *arguments: str) -> dict[str, object]:
    finished = okplug(folder, "build", "--json", "-", *arguments)
    assert finished.returncode in (0, 1), finished.stderr
    document: dict[str, object] = json.loads(finished.stdout)
    return document


def verdicts(document: dict[str, object]) -> dict[str, str]:
    images = document["images"]
    assert isinstance(images, list)
    return {image["address"]: image["verdict"] for image in images}


def layout(folder: Path, repository: str) -> Path:
    return folder.parent / ".cache/okplug/registry/localhost" / repository


def tool(program: str, *arguments: str) -> str:
    """Run a program that the tests cannot do without."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert path, f"{program} is not installed; tests/run installs it"
    finished = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_all_images_are_built_and_then_all_are_reused(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".okplug"))
    first, second = build(folder), build(folder)
    assert verdicts(first) == dict.fromkeys(IMAGES, "build")
    assert verdicts(second) == dict.fromkeys(IMAGES, "reuse")


@pytest.mark.parametrize(
    ("path", "rebuilt"),
    [
        ("services/api/README.md", ()),
        ("libs/messages/drafts/sale.txt", ()),
        ("services/mail/preview.html", ()),
        ("services/cart/routes.txt", ("release:release", "services/cart:cart")),
        ("web/public/shop.css", ("release:release", "web:assets", "web:front")),
        (
            "libs/settings/shop.conf",
            (
                *("libs:settings", "release:release", "services/api:api"),
                *("services/cart:cart", "services/mail:mail"),
            ),
        ),
    ],
)
def test_an_edit_rebuilds_what_it_affects(
    tmp_path: Path, path: str, rebuilt: tuple[str, ...]
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".okplug"))
    build(folder)
    with (folder / path).open("a") as stream:
        stream.write("edited\n")
    built = [address for address, verdict in verdicts(build(folder)).items() if verdict == "build"]
    assert tuple(sorted(built)) == rebuilt


def test_a_branch_tells_what_it_rebuilds_as_the_readme_shows(tmp_path: Path) -> None:
    folder = tmp_path / "example-monorepo"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".okplug"))
    for command in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (
            "-c",
            "user.name=cindy",
            "-c",
            "user.email=cindy@example.com",
            "commit",
            "-q",
            "-m",
            "all",
        ),
        ("checkout", "-q", "-b", "topic"),
    ):
        tool("git", "-C", str(folder), *command)
    settings = folder / "libs/settings/shop.conf"
    settings.write_text(settings.read_text(encoding="utf-8") + "edited = yes\n", encoding="utf-8")
    outcome = okplug(folder, "plan", "--diff", "main")
    assert outcome.returncode == 0, outcome.stderr
    screen = re.sub(r"\b[0-9a-f]{12}\b", "COMMIT", outcome.stdout + outcome.stderr)
    readme = (SOURCE.parent / "README.md").read_text(encoding="utf-8")
    assert f"$ okplug plan --diff main\n{screen}```\n" in re.sub(
        r"\b[0-9a-f]{12}\b", "COMMIT", readme
    )


def test_the_program_is_what_its_script_writes() -> None:
    script = runpy.run_path(str(SOURCE / "tools/show/make_show.py"))
    assert script["program"]() == (SOURCE / "tools/show/show").read_bytes()


@pytest.mark.parametrize(
    ("image", "output"),
    [
        ("api", "Welcome to the example shop.\n"),
        ("cart", "POST /cart\nDELETE /cart/{id}\n"),
        ("mail", "Your order is on its way.\n"),
    ],
)
def test_a_service_starts(shop: Path, tmp_path: Path, image: str, output: str) -> None:
    """Unpack the image with umoci and start it with runc, as root or in a user namespace."""
    bundle = tmp_path / "bundle"
    reference = f"{layout(shop, f'cindy/{image}')}:okteto"
    rootless = ["--rootless"] if os.getuid() else []
    tool("umoci", "unpack", *rootless, "--image", reference, str(bundle))
    config = json.loads((bundle / "config.json").read_text())
    assert config["process"]["args"][0] == "/bin/show"
    assert config["process"]["cwd"] == "/srv/shop"
    config["process"]["terminal"] = False
    (bundle / "config.json").write_text(json.dumps(config))
    name = f"okplug-{image}-{os.getpid()}"
    state = tmp_path / "state"
    assert tool("runc", "--root", str(state), "run", "--bundle", str(bundle), name) == output


def test_other_tools_read_the_layouts(shop: Path) -> None:
    for name in ("base", "show", "messages", "settings", "api", "release"):
        for tag in ("okteto",):
            document = json.loads(
                tool("skopeo", "inspect", "--config", f"oci:{layout(shop, f'cindy/{name}')}:{tag}")
            )
            assert document["os"] == "linux"
            labels = document["config"]["Labels"]
            assert labels["org.opencontainers.image.vendor"] == "The Example Shop"


def test_the_personal_and_the_shared_tag_are_one_image(shop: Path) -> None:
    key = okplug(shop, "hash", "api").stdout.split()[0]
    personal = tool("skopeo", "inspect", "--raw", f"oci:{layout(shop, 'cindy/api')}:okteto")
    shared = tool("skopeo", "inspect", "--raw", f"oci:{layout(shop, 'okteto/api')}:{key}")
    assert personal == shared


def test_a_release_names_the_other_images_by_digest(shop: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    rootless = ["--rootless"] if os.getuid() else []
    image = f"{layout(shop, 'cindy/release')}:okteto"
    tool("umoci", "unpack", *rootless, "--image", image, str(bundle))
    lines = (bundle / "rootfs/release.env").read_text().splitlines()
    assert [line.partition("=")[0] for line in lines] == ["API", "CART", "MAIL", "FRONT"]
    for line in lines:
        name, _, reference = line.partition("=")
        repository, _, digest = reference.partition("@")
        assert repository == f"localhost/okteto/{name.lower()}"
        assert (
            layout(shop, f"okteto/{name.lower()}") / "blobs" / digest.replace(":", "/")
        ).exists()
