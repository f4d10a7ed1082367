"""A key changes exactly when the image would: whole commands on real trees."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.testing import Workspace

ADVICE = (
    "a key changed although nothing of the image did: images in every registry would be lost. "
    "If the change of rules is meant, raise SCHEME in okplug/keys.py and renew the vectors"
)

SHOP = {
    "okplug.toml": "",
    "base/okteto.yaml": """
        build:
          base: .
        """,
    "base/Dockerfile": """
        FROM scratch
        COPY etc /etc
        """,
    "base/etc/os-release": "ID=shop\n",
    "api/okteto.yaml": """
        build:
          api:
            context: .
            target: runtime
            args:
              VERSION: "1.20"
              UNDECLARED: "1"
            secrets:
              token: token.txt
            depends_on: base:base
        """,
    "api/Dockerfile": """
        # what it is
        ARG OKTETO_BUILD_BASE_IMAGE
        FROM scratch AS docs
        COPY docs /docs

        FROM ${OKTETO_BUILD_BASE_IMAGE} AS runtime
        ARG VERSION
        ENV VERSION=${VERSION}
        COPY src \\
          /src
        COPY bin/* /bin/
        """,
    "api/.dockerignore": "**/*.log\n",
    "api/src/main.py": "print('hello')\n",
    "api/src/debug.log": "noise\n",
    "api/bin/run": "#!/bin/sh\n",
    "api/docs/index.md": "# docs\n",
    "api/README.md": "# api\n",
    "api/token.txt": "very secret\n",
}

#: keys of SHOP under the scheme okplug-key-2, on linux/amd64
VECTORS = {
    "base:base": "b26451c82221de6e9b545bcf6fa51529",
    "api:api": "ad9b02ebf9f895b55bd2fce2b2d7e8c6",
}


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    workspace.write(SHOP)
    del workspace.environ["OKPLUG_PLATFORM"]
    workspace.environ["DOCKER_DEFAULT_PLATFORM"] = "linux/amd64"
    (workspace.root / "api/bin/run").chmod(0o755)
    return workspace


def keys(workspace: Workspace, *arguments: str) -> dict[str, str]:
    outcome = workspace.run("hash", *arguments)
    assert outcome.exit_code == ExitCode.OK, outcome.stderr
    return {line.split()[1]: line.split()[0] for line in outcome.stdout.splitlines()}


def test_golden_vectors(shop: Workspace) -> None:
    assert keys(shop) == VECTORS, ADVICE


def edit(path: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text(text)


def replace(path: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return change


MANIFEST, DOCKERFILE = "api/okteto.yaml", "api/Dockerfile"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edit("api/README.md", "# other\n"), id="a file that no stage copies"),
        pytest.param(edit("api/docs/index.md", "# other\n"), id="a file of another stage"),
        pytest.param(edit("api/src/debug.log", "more\n"), id="an ignored file"),
        pytest.param(edit("api/src/new.log", "more\n"), id="a new ignored file"),
        pytest.param(replace(DOCKERFILE, "# what it is", "# something"), id="a comment"),
        pytest.param(replace(DOCKERFILE, "ARG VERSION\n", "ARG VERSION\n\n# x\n"), id="a line"),
        pytest.param(replace(DOCKERFILE, "src \\\n  /src", "src /src"), id="a continuation line"),
        pytest.param(replace(DOCKERFILE, "COPY docs /docs", "COPY docs /d"), id="another stage"),
        pytest.param(replace(MANIFEST, 'UNDECLARED: "1"', 'UNDECLARED: "2"'), id="no such ARG"),
        pytest.param(edit("api/token.txt", "other\n"), id="the content of a secret"),
        pytest.param(replace(MANIFEST, "token.txt", "README.md"), id="the place of a secret"),
        pytest.param(replace(MANIFEST, "build:", "# x\nname: shop\nbuild:"), id="the manifest"),
        pytest.param(edit("api/.dockerignore", "**/*.log\n*.md\n"), id="an ignore rule for naught"),
        pytest.param(lambda root: os.utime(root / "api/src/main.py", (1, 1)), id="mtime"),
        pytest.param(lambda root: (root / "api/src/main.py").chmod(0o600), id="mode bits"),
        pytest.param(lambda root: (root / "api/src").chmod(0o700), id="mode bits of a folder"),
        pytest.param(
            lambda root: os.link(root / "api/src/main.py", root / "hard-link"), id="a hard link"
        ),
    ],
)
def test_what_cannot_change_an_image_leaves_every_key(
    shop: Workspace, change: Callable[[Path], object]
) -> None:
    before = keys(shop)
    change(shop.root)
    assert keys(shop) == before


def rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / old).rename(root / new)


def replace_by_link(path: str, target: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / path).unlink()
        (root / path).symlink_to(target)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edit("api/src/main.py", "print('hallo')\n"), id="content"),
        pytest.param(edit("api/src/new.py", ""), id="a new file"),
        pytest.param(lambda root: (root / "api/src/main.py").unlink(), id="a removed file"),
        pytest.param(rename("api/src/main.py", "api/src/Main.py"), id="case of a name"),
        pytest.param(lambda root: (root / "api/src/empty").mkdir(), id="an empty folder"),
        pytest.param(lambda root: (root / "api/src/main.py").chmod(0o755), id="executable"),
        pytest.param(replace_by_link("api/src/main.py", "run"), id="a link for a file"),
        pytest.param(edit("api/bin/run2", ""), id="a file that a wildcard finds"),
        pytest.param(edit("api/.dockerignore", ""), id="an ignore rule"),
        pytest.param(edit("api/Dockerfile.dockerignore", ""), id="a Dockerfile's own ignore file"),
        pytest.param(replace(DOCKERFILE, "COPY bin/* /bin/", "COPY bin/* /b/"), id="instruction"),
        pytest.param(replace(DOCKERFILE, "ENV", "ENV A=1\nENV"), id="a new instruction"),
        pytest.param(replace(MANIFEST, '"1.20"', '"1.21"'), id="a declared build argument"),
        pytest.param(replace(MANIFEST, "token:", "tokens:"), id="the id of a secret"),
        pytest.param(replace(MANIFEST, "token: token.txt", "token: {env: T}"), id="secret kind"),
        pytest.param(replace(MANIFEST, "target: runtime", "target: docs"), id="target"),
        pytest.param(edit("base/etc/os-release", "ID=other\n"), id="a dependency"),
    ],
)
def test_what_can_change_an_image_changes_its_key(
    shop: Workspace, change: Callable[[Path], object]
) -> None:
    before = keys(shop)["api:api"]
    change(shop.root)
    assert keys(shop)["api:api"] != before


@pytest.mark.parametrize(
    "field",
    [
        'labels=(("team", "a"),)',
        'ssh=("default",)',
        'network="none"',
        'extra_hosts=(("db", "10.0.0.1"),)',
        'named_contexts=(("lib", "docker-image://example.com/lib"),)',
        'platforms=("linux/arm64",)',
    ],
)
def test_what_a_plugin_gives_an_image_changes_its_key(shop: Workspace, field: str) -> None:
    before = keys(shop)
    shop.write(
        {
            "okplugfile.py": f"""
                import dataclasses
                from okplug import hookimpl

                @hookimpl
                def okplug_graph_modify(graph):
                    image = graph.image("base:base")
                    graph.replace_image(dataclasses.replace(image, {field}))
                """
        }
    )
    after = keys(shop)
    assert after["base:base"] != before["base:base"]
    assert after["api:api"] != before["api:api"], "the dependant's key holds its dependency's"


NAMED_FOLDER = """
    import dataclasses
    from okplug import hookimpl

    @hookimpl
    def okplug_graph_modify(graph):
        image = graph.image("base:base")
        graph.replace_image(dataclasses.replace(image, named_contexts=(("lib", "../lib"),)))
    """


def test_the_files_of_a_named_context_change_the_key(shop: Workspace) -> None:
    shop.write({"okplugfile.py": NAMED_FOLDER, "lib/one": "1", "lib/.dockerignore": "*.md\n"})
    before = keys(shop)
    shop.write({"lib/read.md": "ignored"})
    assert keys(shop) == before
    shop.write({"lib/one": "2"})
    after = keys(shop)
    assert after["base:base"] != before["base:base"]
    assert after["api:api"] != before["api:api"]


def test_a_named_context_that_is_not_there(shop: Workspace) -> None:
    shop.write({"okplugfile.py": NAMED_FOLDER})
    outcome = shop.run("hash")
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert outcome.stderr == (
        "error: base/okteto.yaml:2:3: the named context lib is no folder: ../lib\n"
        "  hint: name a folder, docker-image://REFERENCE, or the URL of a git repository\n"
    )


def test_key_inputs_of_a_plugin_change_the_keys_at_and_below_its_folder(shop: Workspace) -> None:
    before = keys(shop)
    shop.write(
        {
            "api/okplugfile.py": """
                from okplug import hookimpl

                @hookimpl
                def okplug_key_inputs(image):
                    return {"compiler": "gcc 14"}
                """
        }
    )
    after = keys(shop)
    assert after["base:base"] == before["base:base"]
    assert after["api:api"] != before["api:api"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SOURCE_DATE_EPOCH", "1700000000"), ("DOCKER_DEFAULT_PLATFORM", "linux/arm64")],
)
def test_variables_that_change_images_change_keys(
    shop: Workspace, variable: str, value: str
) -> None:
    before = keys(shop)
    shop.environ[variable] = value
    assert set(keys(shop).values()).isdisjoint(before.values())


def test_a_build_argument_of_the_command_line_counts_where_it_is_declared(shop: Workspace) -> None:
    before = keys(shop)
    after = keys(shop, "--build-arg", "VERSION=2", "--build-arg", "NOBODY=1")
    assert after["base:base"] == before["base:base"]
    assert after["api:api"] != before["api:api"]
    assert keys(shop, "--build-arg", "VERSION=1.20") == before


def test_two_secrets_give_one_key_in_any_order(shop: Workspace) -> None:
    secrets = "token: token.txt"
    replace(MANIFEST, secrets, f"{secrets}\n      other: x")(shop.root)
    first = keys(shop)
    replace(MANIFEST, f"{secrets}\n      other: x", f"other: x\n      {secrets}")(shop.root)
    assert keys(shop) == first


def test_reverting_a_dependency_brings_the_old_key_back(shop: Workspace) -> None:
    before = keys(shop)
    edit("base/etc/os-release", "ID=other\n")(shop.root)
    keys(shop)
    edit("base/etc/os-release", "ID=shop\n")(shop.root)
    assert keys(shop) == before


def test_a_new_reference_for_a_dependency_is_no_change(workspace: Workspace) -> None:
    workspace.write(
        {
            "okplug.toml": "",
            "base/okteto.yaml": "build: {base: {context: ., image: 'okteto.dev/one:1'}}\n",
            "base/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n",
            "api/okteto.yaml": "build: {api: .}\n",
            "api/Dockerfile": "FROM okteto.dev/one:1\nLABEL a=b\n",
        }
    )
    before = keys(workspace)
    replace("base/okteto.yaml", "one:1", "two:2")(workspace.root)
    replace("api/Dockerfile", "one:1", "two:2")(workspace.root)
    assert keys(workspace) == before


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def test_git_does_not_matter(shop: Workspace) -> None:
    seen = [keys(shop)]
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all"), ("gc", "-q")):
        git(shop.root, *command)
        seen.append(keys(shop))
    edit("api/src/main.py", "print('hallo')\n")(shop.root)
    dirty = keys(shop)
    git(shop.root, "add", "-A")
    staged = keys(shop)
    git(shop.root, "commit", "-qm", "changed")
    assert all(one == seen[0] for one in seen)
    assert dirty == staged == keys(shop) != seen[0]


def test_a_file_that_git_ignores_counts_when_the_image_reads_it(shop: Workspace) -> None:
    git(shop.root, "init", "-q")
    shop.write({".gitignore": "generated.py\n"})
    before = keys(shop)["api:api"]
    shop.write({"api/src/generated.py": "x = 1\n"})
    assert keys(shop)["api:api"] != before


def test_place_user_umask_and_environment_do_not_matter(shop: Workspace, tmp_path: Path) -> None:
    before = keys(shop)
    other = tmp_path / "another checkout ü"
    previous = os.umask(0o077)
    try:
        shutil.copytree(shop.root, other, ignore=shutil.ignore_patterns(".okplug"))
    finally:
        os.umask(previous)
    shop.environ.update(
        {"USER": "david", "OKTETO_NAMESPACE": "david", "TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8"}
    )
    assert keys(shop, "-C", str(other)) == before


def test_an_index_from_elsewhere_does_not_matter(shop: Workspace) -> None:
    before = keys(shop)
    for path in (shop.root / ".okplug").iterdir():
        if path.is_file():
            path.write_bytes(b"\x00 not what okplug wrote")
    assert keys(shop) == before


def test_a_record_holds_every_kind_of_item_and_no_secret(shop: Workspace) -> None:
    outcome = shop.run("hash", "--record", "api:api")
    assert "very secret" not in outcome.stdout
    assert "token.txt" not in outcome.stdout
    key, *lines = outcome.stdout.splitlines()
    assert key == f"{VECTORS['api:api']}  api:api"
    kinds = {line.split()[0] for line in lines}
    assert kinds == {
        *("arg", "dependency", "file", "files", "instruction", "platform", "secret", "target"),
    }
    assert [line.split()[1] for line in lines if line.startswith("  file ")] == [
        *("bin", "bin/run", "src", "src/main.py"),
    ]
