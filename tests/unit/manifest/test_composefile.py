"""What a compose file takes from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.composefolder import Folder


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


def test_a_service_that_an_included_file_has_too(shop: Folder) -> None:
    shop.write(lib__parts="services: {x: {build: .}, y: {image: y}}")
    assert shop.images("include: lib/parts.yaml\nservices: {x: {environment: [A=1]}, y: {}}") == {}
    assert shop.error("include: lib/parts.yaml\nservices:\n  x: {build: .}\n") == (
        "compose.yaml:3:3: the service 'x' is also in lib/parts.yaml, which is included\n"
        "  hint: rename it, or put what is to change into parts.override.yaml beside that file"
    )


def test_files_that_include_each_other(shop: Folder) -> None:
    shop.write(api__compose="include: [../compose.yaml]\n")
    assert "compose.yaml includes itself" in shop.error("include: [api/compose.yaml]\n")


def test_a_file_outside_of_the_workspace_has_no_address(shop: Folder) -> None:
    (shop.root.parent / "other.yaml").write_text("services: {x: {build: .}}")
    assert "the manifest is not in the workspace" in shop.error("include: [../other.yaml]\n")


def test_an_included_file_has_its_override_beside_it(shop: Folder) -> None:
    shop.write(
        lib__parts="services: {x: {build: .}}",
        **{"lib__parts.override": "services: {x: {build: {target: t}}}"},
    )
    (image,) = shop.read("include: lib/parts.yaml\n").included
    assert image.target == "t"
