"""Files that override others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.manifest.composefolder import Folder


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
