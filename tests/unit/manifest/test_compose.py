"""Compose files, read to images."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from okplug.errors import ManifestError
from okplug.manifest.compose import Surroundings, read_compose

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.manifest.model import Image, Manifest


@dataclass
class Folder:
    """A workspace with a compose file at its root."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    registry: str = "registry.test"

    def write(self, **files: str) -> None:
        """Write YAML files: ``a__b`` is ``a/b.yaml``."""
        for name, text in files.items():
            path = self.root / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def add(self, *relpaths: str) -> None:
        """Make files."""
        for relpath in relpaths:
            path = self.root / relpath
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("FROM scratch\n")

    def read(self, text: str = "", name: str = "compose") -> Manifest:
        """Write the compose file, if there is a text, and read it."""
        if text:
            self.write(**{name: text})
        around = Surroundings(self.root, self.environ, self.registry)
        return read_compose(self.root / f"{name}.yaml", around)

    def images(self, text: str = "") -> dict[str, Image]:
        """Read a file that nothing is to be said about; return its images by name."""
        manifest = self.read(text)
        assert manifest.warnings == ()
        return {image.name: image for image in manifest.images}

    def image(self, text: str) -> Image:
        """Read a file of one image."""
        (image,) = self.images(text).values()
        return image

    def build(self, text: str) -> Image:
        """Read a file with one service, of which this is the build section."""
        return self.image(f"services:\n  web:\n    build:\n{textwrap.indent(text, ' ' * 6)}\n")

    def warnings(self, text: str) -> str:
        """Return the warnings, one to a line."""
        return "\n".join(self.read(text).warnings).replace(f"{self.root}/", "")

    def error(self, text: str) -> str:
        """Return what the user reads."""
        with pytest.raises(ManifestError) as caught:
            self.read(text)
        return str(caught.value).replace(f"{self.root}/", "").replace(str(self.root), "ROOT")


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """A workspace with Dockerfiles in its root and in ``api``."""
    folder = Folder(tmp_path / "shop")
    folder.add("Dockerfile", "api/Dockerfile", "api/dev.Dockerfile", "lib/Dockerfile")
    return folder


# ------------------------------------------------------------------------------------ which images


def test_services_with_a_build_section_are_images(shop: Folder) -> None:
    images = shop.images("""
        name: shop
        services:
          web:
            build: .
            ports: ["80:80"]
          api:
            build:
              context: ./api
              dockerfile: dev.Dockerfile
          db:
            image: postgres:16
          nothing:
        """)
    assert list(images) == ["web", "api"]
    assert images["web"].address == ":web"
    assert images["web"].context == shop.root
    assert images["api"].context == shop.root / "api"
    assert images["api"].dockerfile == shop.root / "api/dev.Dockerfile"
    assert str(images["api"].location) == f"{shop.root}/compose.yaml:7:3"


@pytest.mark.parametrize(
    "text", ["# nothing\n", "services:\n", "services: {}\n", "flags: {x: [build]}\n", "build: x\n"]
)
def test_a_file_without_services_has_no_image(shop: Folder, text: str) -> None:
    assert shop.images(text) == {}


def test_a_file_that_builds_nothing_is_not_even_parsed(shop: Folder) -> None:
    assert shop.images("services: {{ template }}\n") == {}


@pytest.mark.parametrize("build", ["build:", "build: null", "image: x"])
def test_a_build_section_of_nothing_is_none(shop: Folder, build: str) -> None:
    assert shop.images(f"services:\n  web:\n    {build}\n  build: {{image: x}}\n") == {}


def test_the_context_is_the_files_folder_if_none_is_named(shop: Folder) -> None:
    assert shop.build("dockerfile: api/Dockerfile").dockerfile == shop.root / "api/Dockerfile"
    assert shop.image("services: {web: {build: {}}}").context == shop.root


def test_profiles_do_not_matter(shop: Folder) -> None:
    assert shop.image("services: {web: {build: ., profiles: [debug]}}").name == "web"


def test_the_images_of_a_file_below_okteto_belong_to_the_folder_around_it(shop: Folder) -> None:
    shop.write(api___okteto__compose="services: {web: {build: ..}}")
    (shop.root / "api/_okteto").rename(shop.root / "api/.okteto")
    around = Surroundings(shop.root, {})
    (image,) = read_compose(shop.root / "api/.okteto/compose.yaml", around).images
    assert image.address == "api:web"
    assert image.context == shop.root / "api"


def test_names_are_sanitised_with_a_warning(shop: Folder) -> None:
    text = "services:\n  My_Web: {build: .}\n  Db_1: {image: x}\n"
    assert shop.warnings(text) == "compose.yaml:2:3: the image 'My_Web' is called 'my-web'"
    assert [image.name for image in shop.read().images] == ["my-web"]


def test_two_services_of_one_name(shop: Folder) -> None:
    assert shop.error("services:\n  my_web: {build: .}\n  my-web: {build: .}\n") == (
        "compose.yaml:3:3: the images 'my_web' and 'my-web' are both called 'my-web'; "
        "the other one is in line 2, column 3\n"
        "  hint: rename one; names are lower case, with - for blanks and _"
    )


# ------------------------------------------------------------------------------- the build section


def test_every_key_has_its_place_in_an_image(shop: Folder) -> None:
    shop.environ["TOKEN"] = "t"
    image = shop.build("""\
        context: api
        target: prod
        args: {A: 1, B: "x y"}
        cache_from: [type=gha, okteto.dev/x:cache]
        cache_to: [type=gha]
        platforms: [linux/amd64, linux/arm64]
        labels: {a.b: c}
        extra_hosts: ["db:10.0.0.1"]
        network: host
        ssh: [default]
        """)
    assert image.target == "prod"
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "1"), ("B", "x y")]
    assert image.cache_from == ("type=gha", "okteto.dev/x:cache")
    assert image.export_cache == ("type=gha",)
    assert image.platforms == ("linux/amd64", "linux/arm64")
    assert image.labels == (("a.b", "c"),)
    assert image.extra_hosts == (("db", "10.0.0.1"),)
    assert image.network == "host"
    assert image.ssh == ("default",)


def test_lists_of_pairs(shop: Folder) -> None:
    image = shop.build('args: [A=1, "B=x=y", C=]\nlabels: [a=b, c]')
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "1"), ("B", "x=y"), ("C", "")]
    assert image.labels == (("a", "b"), ("c", ""))


@pytest.mark.parametrize("args", ["[A, B, C=c]", "{A: , B: , C: c}"])
def test_an_argument_without_a_value_is_the_environments_or_none(shop: Folder, args: str) -> None:
    shop.environ["A"] = "$a"
    image = shop.build(f"args: {args}")
    assert [(arg.name, arg.value) for arg in image.args] == [("A", "$$a"[1:]), ("C", "c")]


def test_the_platform_of_a_service_counts_where_the_build_names_none(shop: Folder) -> None:
    assert shop.image("services: {web: {build: ., platform: linux/arm64}}").platforms == (
        "linux/arm64",
    )
    assert shop.image(
        "services: {web: {build: {platforms: [linux/386]}, platform: linux/arm64}}"
    ).platforms == ("linux/386",)


def test_an_inline_dockerfile_has_its_variables_filled_in_once(shop: Folder) -> None:
    shop.environ["V"] = "1"
    image = shop.build("dockerfile_inline: |\n  FROM alpine:$V\n  RUN echo $$HOME\n")
    assert image.inline is not None
    assert image.inline.text == "FROM alpine:1\nRUN echo $HOME\n"


def test_ssh_may_be_a_map(shop: Folder) -> None:
    assert shop.build("ssh: {default: , x: /run/agent}").ssh == ("default", "x=/run/agent")


def test_contexts_may_be_services(shop: Folder) -> None:
    images = shop.images(
        """
        services:
          Base_1: {build: lib}
          web:
            build:
              context: .
              additional_contexts: {base: "service:Base_1", src: ./lib, alpine: docker-image://alpine:3}
        """.replace("Base_1", "base-1")
    )
    contexts = dict(images["web"].named_contexts)
    assert contexts["src"] == str(shop.root / "lib")
    assert contexts["alpine"] == "docker-image://alpine:3"
    assert ":base-1" in contexts["base"]


def test_a_context_that_is_no_service(shop: Folder) -> None:
    text = """\
        services:
          base: {build: lib}
          web: {build: {additional_contexts: ["x=service:bass"]}}
        """
    assert shop.error(text) == (
        "compose.yaml:3:39: no service 'bass' is built here, did you mean 'base'?\n"
        "  hint: name a service with a build section"
    )


def test_keys_that_change_no_image_are_told_once(shop: Folder) -> None:
    text = """\
        services:
          a: {build: {context: ., no_cache: true, shm_size: 1gb, x-mine: 1}}
          b: {build: {context: api, no_cache: true, provenance: false, pull: true}}
        """
    assert shop.warnings(text).splitlines() == [
        "compose.yaml: no_cache of a, b has no effect here",
        "compose.yaml: provenance of b has no effect here",
        "compose.yaml: pull of b has no effect here",
        "compose.yaml: shm_size of a has no effect here",
    ]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ("contxt: .", "4:7: unknown key 'contxt' in services.web.build\n  hint: did you mean cont"),
        ("- x", "4:7: build: expected a folder or a map, found a list"),
        ("context: nope", "4:16: the context nope does not exist"),
        ("context: https://x.test/y.git", "4:16: the context https://x.test/y.git is remote"),
        ("dockerfile: nope", "4:19: the Dockerfile nope does not exist"),
        ("args: [A=1, A=2]", "the key 'A' of args is written twice"),
        ("args: [{A: 1}]", "an item of build.args: expected NAME=value, found a map"),
        ("context: ${X:?say where}", "4:16: the variable X is required: say where\n  hint: set X"),
        ("context: !x .", "the tag !x means nothing in a manifest"),
    ],
)
def test_what_is_wrong(shop: Folder, build: str, message: str) -> None:
    assert message in shop.error(f"services:\n  web:\n    build:\n      {build}\n")


# ---------------------------------------------------------------------------------------- secrets


def test_secrets_are_those_of_the_file(shop: Folder) -> None:
    image = shop.image(
        """
        services:
          web:
            build:
              context: api
              secrets:
                - token
                - {source: netrc, target: .netrc, mode: 0400}
        secrets:
          token: {environment: TOKEN}
          netrc: {file: "./$DIR/netrc"}
          other: {external: true}
        """.replace("$DIR", "conf")
    )
    assert [(s.id, s.kind, s.source) for s in image.secrets] == [
        ("token", "env", "TOKEN"),
        (".netrc", "file", str(shop.root / "conf/netrc")),
    ]


@pytest.mark.parametrize(
    ("secret", "top", "message"),
    [
        ("tken", "token: {file: x}", "there is no secret 'tken' in the file, did you mean 'token'"),
        ("token", "token: {external: true}", "secrets.token: expected either file or environment"),
        ("token", "token: {file: x, environment: X}", "secrets.token: expected either"),
        ("token", "token:", "secrets.token: expected either file or environment"),
        ("{target: x}", "token: {file: x}", "build.secrets: source is missing"),
        ("{source: token, src: x}", "token: {file: x}", "unknown key 'src' in build.secrets"),
    ],
)
def test_a_wrong_secret(shop: Folder, secret: str, top: str, message: str) -> None:
    text = f"services: {{web: {{build: {{secrets: [{secret}]}}}}}}\nsecrets:\n  {top}\n"
    assert message in shop.error(text)


# ------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "image", ["registry.test/shop/web:1", "okteto.dev/web", "okteto.global/web:x"]
)
def test_a_name_in_the_users_registry_is_the_images(shop: Folder, image: str) -> None:
    found = shop.image(f"services: {{web: {{build: ., image: '{image}'}}}}")
    assert (found.reference, found.aliases) == (image, ())


@pytest.mark.parametrize("image", ["shop/web", "registry.testing/web", "ghcr.io/shop/web:1"])
def test_another_name_is_what_dockerfiles_may_call_it(shop: Folder, image: str) -> None:
    found = shop.image(f"services: {{web: {{build: ., image: '{image}'}}}}")
    assert (found.reference, found.aliases) == ("", (image,))


def test_tags_are_names_too(shop: Folder) -> None:
    found = shop.build("context: .\ntags: [okteto.dev/web:2, shop/web:2]")
    assert found.tags == ("okteto.dev/web:2",)
    assert found.aliases == ("shop/web:2",)


def test_the_name_of_another_image_is_none_of_this_one(shop: Folder) -> None:
    text = "services: {web: {build: ., image: '${OKTETO_BUILD_BASE_IMAGE}'}}"
    assert shop.image(text).aliases == ()


def test_services_that_share_a_build_share_its_name(shop: Folder) -> None:
    images = shop.images("""
        x-app: &app
          build: {context: ., args: {A: "1"}}
          image: shop/app
        services:
          web: {<<: *app, command: web}
          worker: {<<: *app, command: worker}
          cron:
            build: {context: ., args: [A=1]}
            image: shop/app
        """)
    assert [image.aliases for image in images.values()] == [("shop/app",), (), ()]
    images = shop.images("""
        services:
          web: {build: ., image: okteto.dev/app}
          worker: {build: ., image: okteto.dev/app}
        """)
    assert [image.reference for image in images.values()] == ["okteto.dev/app", ""]


def test_services_of_one_name_and_other_content_both_have_it(shop: Folder) -> None:
    images = shop.images("""
        services:
          web: {build: ., image: shop/app}
          api: {build: api, image: shop/app}
        """)
    assert [image.aliases for image in images.values()] == [("shop/app",), ("shop/app",)]


# ------------------------------------------------------------------------------------------- order


@pytest.mark.parametrize("wanted", ["[db, Api, web]", "{Api: {condition: service_started}, db: }"])
def test_services_that_are_built_come_after_those_that_they_depend_on(
    shop: Folder, wanted: str
) -> None:
    manifest = shop.read(f"""\
        services:
          web: {{build: ., depends_on: {wanted}}}
          Api: {{build: api}}
          db: {{image: postgres}}
        """)
    web, api = manifest.images
    assert [before.value for before in web.after] == [":api"]
    assert web.after[0].location.line == 2
    assert (web.depends_on, api.after) == ((), ())


# --------------------------------------------------------------------------------------- variables


def test_variables_that_are_not_set_are_told_once(shop: Folder) -> None:
    text = """\
        services:
          web: {build: {context: "./$DIR", args: {A: "$A", B: "${B:-b}", C: $$C}}}
          api: {build: "$DIR", image: "x:$TAG"}
          db: {image: "postgres:$NEVER", command: $1}
        """
    assert shop.warnings(text) == "compose.yaml: DIR, A, TAG are not set and count as empty"
    images = {image.name: image for image in shop.read().images}
    assert [(a.name, a.value) for a in images["web"].args] == [("A", ""), ("B", "b"), ("C", "$C")]
    assert images["api"].context == shop.root


def test_the_variable_of_another_image_is_its_value(shop: Folder) -> None:
    image = shop.build("args: {BASE: '${OKTETO_BUILD_BASE_IMAGE}'}")
    assert image.args[0].value == "${OKTETO_BUILD_BASE_IMAGE}"


# --------------------------------------------------------------------------------------- overrides


def test_the_override_beside_a_file_counts_more(shop: Folder) -> None:
    shop.write(
        **{
            "compose.override": """\
                services:
                  web:
                    build:
                      args: {B: "3"}
                      cache_from: [b, a]
                    image: shop/web
                  db: {build: lib}
                  worker: {build: !reset null}
                """
        }
    )
    images = shop.images("""
        services:
          web: {build: {context: api, args: [A=1, B=2], cache_from: [a]}}
          worker: {build: lib}
          db: {image: postgres}
        """)
    assert list(images) == ["web", "db"]
    web = images["web"]
    assert [(arg.name, arg.value) for arg in web.args] == [("A", "1"), ("B", "3")]
    assert (web.context.name, web.cache_from, web.aliases) == ("api", ("a", "b"), ("shop/web",))
    assert images["db"].context == shop.root / "lib"


def test_tags_that_replace_and_take_away(shop: Folder) -> None:
    shop.write(
        **{
            "compose.override": """\
                services:
                  web:
                    build: {args: !override {C: "3"}, target: !reset null}
                    depends_on: !override [lib]
                  api: !override {build: lib}
                  gone: !reset null
                """
        }
    )
    images = shop.images("""
        services:
          web: {build: {context: ., args: {A: "1"}, target: x}, depends_on: [api]}
          api: {build: {context: api, target: y}}
          lib: {build: lib}
          gone: {build: nowhere}
        """)
    assert list(images) == ["web", "api", "lib"]
    assert [arg.name for arg in images["web"].args] == ["C"]
    assert images["web"].target == ""
    assert [before.value for before in images["web"].after] == [":lib"]
    assert (images["api"].context.name, images["api"].target) == ("lib", "")


def test_lists_and_maps_of_one_key_cannot_be_merged(shop: Folder) -> None:
    shop.write(**{"compose.override": "services: {web: {build: {extra_hosts: {b: 10.0.0.2}}}}\n"})
    assert shop.error("services: {web: {build: {extra_hosts: ['a:10.0.0.1']}}}\n") == (
        "compose.override.yaml:1:39: extra_hosts is a map here and a list at compose.yaml:1:39\n"
        "  hint: write both alike"
    )


# ----------------------------------------------------------------------------------------- extends


def test_a_service_may_extend_another_of_the_file(shop: Folder) -> None:
    images = shop.images("""
        services:
          base: {build: {context: api, args: {A: "1"}}}
          dev: {extends: base, build: {target: dev}}
          debug:
            extends: {service: dev}
            build: {args: {B: "2"}}
        """)
    assert images["dev"].context == shop.root / "api"
    assert images["debug"].target == "dev"
    assert [arg.name for arg in images["debug"].args] == ["A", "B"]


def test_paths_of_a_service_of_another_file_start_there(shop: Folder) -> None:
    shop.write(
        lib__common="""
            services:
              base:
                build: {context: ., additional_contexts: {src: ../api, x: docker-image://y}}
                image: shop/base
            """
    )
    image = shop.image("services: {web: {extends: {file: lib/common.yaml, service: base}}}")
    assert image.address == ":web"
    assert image.context == shop.root / "lib"
    assert dict(image.named_contexts) == {"src": str(shop.root / "api"), "x": "docker-image://y"}
    assert image.aliases == ("shop/base",)


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("bas", "1:37: extends: compose.yaml has no service 'bas', did you mean 'base'?"),
        ("{file: nope.yaml, service: x}", "extends: there is no file nope.yaml\n  hint: paths st"),
        ("{file: https://x.test/a.yaml, service: x}", "https://x.test/a.yaml is remote; only file"),
        ("{file: compose.yaml, service: web}", "the service 'web' extends itself"),
        ("{servce: base}", "unknown key 'servce' in extends"),
        ("{file: compose.yaml}", "extends.service: expected a string, found a map"),
        ("[x]", "extends: expected the name of a service or a map, found a list"),
    ],
)
def test_what_cannot_be_extended(shop: Folder, extends: str, message: str) -> None:
    text = f"services: {{base: {{}}, web: {{extends: {extends}, build: .}}}}\n"
    assert message in shop.error(text)


def test_services_that_extend_each_other(shop: Folder) -> None:
    text = "services: {a: {extends: b, build: .}, b: {extends: a}}"
    assert "the service 'a' extends itself" in shop.error(text)


# ----------------------------------------------------------------------------------------- include


def test_included_services_belong_to_their_own_folder(shop: Folder) -> None:
    shop.write(
        api__compose="""
            include: [../lib/parts.yaml]
            services: {api: {build: ., depends_on: [lib]}}
            """,
        lib__parts="services: {lib: {build: .}}",
    )
    manifest = shop.read("""
        include:
          - path: api/compose.yaml
        services: {web: {build: ., depends_on: [api, lib]}}
        """)
    (web,) = manifest.images
    assert [before.value for before in web.after] == ["api:api", "lib:lib"]
    assert [(each.address, each.context.name) for each in manifest.included] == [
        ("api:api", "api"),
        ("lib:lib", "lib"),
    ]


def test_an_include_of_several_files_and_another_folder(shop: Folder) -> None:
    shop.write(api__a="services: {x: {build: .}}", api__b="services: {x: {build: {target: t}}}")
    manifest = shop.read(
        "include: [{path: [api/a.yaml, api/b.yaml], project_directory: lib}]\nservices: {}\n"
    )
    (image,) = manifest.included
    assert (image.address, image.context.name, image.target) == ("api:x", "lib", "t")


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ("[compose.yaml]", "1:11: compose.yaml includes itself\n  hint: take one of the includes"),
        ("nope.yaml", "1:10: include: there is no file nope.yaml"),
        ("[oci://x/y]", "1:11: include: oci://x/y is remote"),
        ("[{env_file: x, path: y}]", "1:12: include: variables of an env_file are not read"),
        ("[{}]", "1:11: include: a path is missing"),
        ("[{pth: x}]", "1:12: unknown key 'pth' in include\n  hint: did you mean path?"),
    ],
)
def test_what_cannot_be_included(shop: Folder, include: str, message: str) -> None:
    assert f"compose.yaml:{message}" in shop.error(f"include: {include}\n")


def test_files_that_include_each_other(shop: Folder) -> None:
    shop.write(api__compose="include: [../compose.yaml]\n")
    assert "compose.yaml includes itself" in shop.error("include: [api/compose.yaml]\n")


def test_a_file_outside_of_the_workspace_has_no_address(shop: Folder) -> None:
    (shop.root.parent / "other.yaml").write_text("services: {x: {build: .}}")
    assert "the manifest is not in the workspace" in shop.error("include: [../other.yaml]\n")


# -------------------------------------------------------------------------------------------- any

FULL = """\
name: shop
x-app: &app
  build: &build {context: api, args: [A=1, B], labels: {a: b}}
services:
  web:
    <<: *app
    image: ${REGISTRY-shop}/web:$TAG
    depends_on: {api: {condition: service_started}, db: }
  api:
    build:
      <<: *build
      additional_contexts: ["lib=service:lib", "src=./lib"]
      secrets: [token, {source: key, target: k}]
      ssh: {default: }
      cache_to: [type=inline]
    platform: linux/amd64
  lib:
    extends: {service: web}
    build: {target: !reset null, tags: [x/y, okteto.dev/z]}
  db: {image: postgres}
secrets:
  token: {environment: TOKEN}
  key: {file: ./key}
"""

mutations = st.lists(
    st.tuples(
        st.integers(0, len(FULL)),
        st.integers(0, 12),
        st.sampled_from(["", " ", "\n", ":", "- ", "[", "{", "}", "'", "*app", "&build ", "null"])
        | st.sampled_from(["<<: ", "$", "${", "${X?}", "~", "!reset ", "!override ", "!x ", "web"])
        | st.sampled_from(
            ["include: [compose.yaml]\n", "extends: api", "service:", "build", "=", "/"]
        )
        | st.text(max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def test_the_whole_of_it(shop: Folder) -> None:
    manifest = shop.read(FULL)
    assert [image.name for image in manifest.images] == ["web", "api", "lib"]
    assert [image.aliases for image in manifest.images] == [("shop/web:",), (), ("x/y",)]


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the workspace is only read
)
@given(mutations)
def test_any_change_of_a_file_is_a_manifest_or_a_located_error(
    shop: Folder, changes: list[tuple[int, int, str]]
) -> None:
    text = FULL
    for start, length, replacement in changes:
        text = text[:start] + replacement + text[start + length :]
    (shop.root / "compose.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome: Manifest | ManifestError
    try:
        outcome = shop.read()
    except ManifestError as error:
        outcome = error
    if isinstance(outcome, ManifestError):
        assert outcome.location is not None
        assert outcome.location.path == shop.root / "compose.yaml"
        assert "\n" not in outcome.message
        assert not outcome.message.endswith(".")
    else:
        assert all(image.context.is_absolute() for image in outcome.images)
