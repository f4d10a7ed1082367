"""What the command line says of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import okplug_layout as layout
from okplug.collect import collect
from okplug.errors import UsageError
from okplug.manifest import plugin as okteto_plugin
from okplug.optionvalues import Addressed, GivenArg

if TYPE_CHECKING:
    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.manifest.model import Image
    from okplug.testing import Workspace

#: base <- api, and web, which has all that the command line can give
SHOP = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\n",
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
    "api/Dockerfile": """
        ARG OKTETO_BUILD_BASE_IMAGE
        FROM ${OKTETO_BUILD_BASE_IMAGE} AS dev
        ARG VERSION=1
        LABEL version=$VERSION
        FROM dev
        """,
    "web/okteto.yaml": """
        build:
          web:
            context: .
            platforms: [linux/amd64]
            labels: {a: '1', b: '2'}
            annotations: {c: '3'}
            extra_hosts: {db: 10.0.0.1}
            network: none
            cache_from: registry.test/cache
            export_cache: registry.test/cache
            push: false
        """,
    "web/Dockerfile": "FROM scratch\n",
}


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Three images."""
    workspace.write(SHOP)
    return workspace


def config_of(shop: Workspace, *selection: str, **options: object) -> Config:
    return shop.config(
        plugins=[okteto_plugin, layout],
        settings={"registry": "layout:registry", "platform": "linux/amd64"},
        options={"selection": selection, **options},
    )


def collected(shop: Workspace, *selection: str, **options: object) -> Collection:
    return collect(config_of(shop, *selection, **options))


def image(shop: Workspace, address: str, *selection: str, **options: object) -> Image:
    return collected(shop, *selection, **options).graph.image(address)


def warnings_of(config: Config) -> list[str]:
    heard: list[str] = []
    config.on_warning(lambda warned: heard.append(warned.message))
    return heard


# -------------------------------------------------------------------------------- selected images


def test_without_options_images_are_as_their_manifests_have_them(shop: Workspace) -> None:
    web = image(shop, "web:web")
    assert (web.platforms, web.network, web.push) == (("linux/amd64",), "none", False)
    assert web.cache_from == web.export_cache == ("registry.test/cache",)


def test_what_is_given_stands_in_place_of_what_the_manifest_says(shop: Workspace) -> None:
    web = image(
        shop,
        "web:web",
        "web",
        label=[("a", "x"), ("n", ""), ("a", "y")],
        annotation=[("c", "x"), ("d", "4")],
        add_host=[("db", "10.0.0.2"), ("db", "10.0.0.3"), ("mq", "10.0.0.4")],
        network="host",
        cache_from=["a/b,c/d", "type=local,src=x"],
        export_cache=["inline"],
        platforms=[Addressed("", "linux/arm64,linux/amd64")],
        push=True,
    )
    assert web.labels == (("b", "2"), ("a", "y"), ("n", ""))
    assert web.annotations == (("c", "x"), ("d", "4"))
    assert web.extra_hosts == (("db", "10.0.0.2"), ("db", "10.0.0.3"), ("mq", "10.0.0.4"))
    assert web.network == "host"
    assert web.cache_from == ("a/b", "c/d", "type=local,src=x")
    assert web.export_cache == ("inline",)
    assert web.platforms == ("linux/arm64", "linux/amd64")
    assert web.push


def test_the_default_network_is_that_of_no_network(shop: Workspace) -> None:
    assert image(shop, "web:web", "web", network="default").network == ""


def test_aliases_in_caches_are_expanded(shop: Workspace) -> None:
    (cache,) = image(shop, "api:api", "api", cache_from=["okteto.dev/cache"]).cache_from
    assert cache == "localhost/cindy/cache"


def test_what_comes_along_stays_as_it_is(shop: Workspace) -> None:
    found = collected(shop, "api", label=[("a", "1")], network="none", add_host=[("a", "::1")])
    assert found.graph.image("api:api").labels == (("a", "1"),)
    base = found.graph.image("base:base")
    assert (base.labels, base.network, base.extra_hosts) == ((), "", ())


# ---------------------------------------------------------------------------------------- targets


def test_the_target_of_the_selected_image(shop: Workspace) -> None:
    found = collected(shop, "api", target=[Addressed("", "dev")])
    assert [stage.name for stage in found.graph.node("api:api").resolution.stages] == ["dev"]
    assert found.selection.needed == {"api:api", "base:base"}


def test_what_another_target_does_not_need_is_not_built(shop: Workspace) -> None:
    shop.write(
        {
            "api/okteto.yaml": "build: {api: .}\n",
            "api/Dockerfile": """
                ARG OKTETO_BUILD_BASE_IMAGE
                FROM scratch AS alone
                FROM ${OKTETO_BUILD_BASE_IMAGE}
                """,
        }
    )
    assert collected(shop, "api").selection.needed == {"api:api", "base:base"}
    found = collected(shop, "api", target=[Addressed("", "alone")])
    assert found.selection.needed == {"api:api"}


def test_one_selected_image_with_dependencies_is_one_image(shop: Workspace) -> None:
    assert image(shop, "api:api", "api", target=[Addressed("", "dev")]).target == "dev"
    assert image(shop, "base:base", "api", target=[Addressed("", "dev")]).target == ""


def test_a_target_for_several_images(shop: Workspace) -> None:
    with pytest.raises(UsageError, match="one image, and 3 are selected") as caught:
        collected(shop, target=[Addressed("", "dev")])
    assert caught.value.hint == "select one, or say of which: --target ADDRESS=STAGE"


def test_a_target_of_an_image_among_several(shop: Workspace) -> None:
    found = collected(shop, target=[Addressed("api:api", "dev")])
    assert [each.target for each in found.graph.images()] == ["dev", "", ""]


def test_a_target_of_no_image(shop: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        collected(shop, target=[Addressed("api:apu", "dev")])
    assert caught.value.message == ("--target: 'api:apu' selects no image, did you mean 'api:api'?")


def test_an_address_from_the_users_folder(shop: Workspace) -> None:
    config = config_of(shop, target=[Addressed("./api:api", "dev")])
    assert collect(config).graph.image("api:api").target == "dev"


def test_a_cache_for_several_images_would_be_overwritten(shop: Workspace) -> None:
    with pytest.raises(UsageError, match="--export-cache is for one image, and 3 are selected"):
        collected(shop, export_cache=["registry.test/cache"])
    found = collected(shop, export_cache=["inline"])
    assert {each.export_cache for each in found.graph.images()} == {("inline",)}


# -------------------------------------------------------------------------------------- platforms


def test_what_an_image_starts_from_gets_its_platform(shop: Workspace) -> None:
    found = collected(shop, "api", platforms=[Addressed("", "linux/arm64")])
    platforms = {each.address: each.platforms for each in found.graph.images()}
    assert platforms == {
        "api:api": ("linux/arm64",),
        "base:base": ("linux/arm64",),
        "web:web": ("linux/amd64",),
    }


def test_what_several_start_from_gets_the_platforms_of_all(shop: Workspace) -> None:
    shop.write(
        {
            "ui/okteto.yaml": "build: {ui: {context: ., depends_on: 'base:base'}}\n",
            "ui/Dockerfile": "FROM scratch\n",
        }
    )
    found = collected(shop, platforms=[Addressed("ui:ui", "linux/arm64")])
    assert found.graph.image("base:base").platforms == ("linux/amd64", "linux/arm64")
    assert found.graph.image("api:api").platforms == ()


def test_what_names_its_platforms_keeps_them(shop: Workspace) -> None:
    shop.write({"base/okteto.yaml": "build: {base: {context: ., platforms: linux/s390x}}\n"})
    found = collected(shop, "api", platforms=[Addressed("", "linux/arm64")])
    assert found.graph.image("base:base").platforms == ("linux/s390x",)


# -------------------------------------------------------------------------------- build arguments


def values(found: Collection) -> dict[str, str]:
    return dict(found.graph.node("api:api").resolution.args)


def test_a_build_argument_for_one_image_wins_over_that_for_all(shop: Workspace) -> None:
    given = [GivenArg("api:api", "VERSION", "3"), GivenArg("", "VERSION", "2")]
    assert values(collected(shop, build_arg=given))["VERSION"] == "3"
    assert values(collected(shop, build_arg=given[1:]))["VERSION"] == "2"


def test_a_build_argument_of_the_environment(shop: Workspace) -> None:
    shop.environ["VERSION"] = "4"
    assert values(collected(shop, build_arg=[GivenArg("", "VERSION", None)]))["VERSION"] == "4"
    assert values(collected(shop, build_arg=[GivenArg("api", "VERSION", None)]))["VERSION"] == "4"


def test_a_build_argument_that_the_environment_does_not_have(shop: Workspace) -> None:
    config = config_of(shop, build_arg=[GivenArg("", "VERSION", None)])
    assert values(collect(config))["VERSION"] == "1"
    assert warnings_of(config) == [
        "--build-arg VERSION: there is no variable VERSION, and the argument is not set"
    ]


def test_a_build_argument_that_nothing_declares(shop: Workspace) -> None:
    given = [GivenArg("", name, "1") for name in ("VERSOIN", "HTTP_PROXY", "BUILDKIT_X", "VERSION")]
    config = config_of(shop, build_arg=given)
    collect(config)
    assert warnings_of(config) == [
        "--build-arg VERSOIN: no selected image declares it, did you mean 'VERSION'?"
    ]


def test_an_argument_of_a_stage_that_is_not_reached_is_declared(shop: Workspace) -> None:
    shop.write({"web/Dockerfile": "FROM scratch AS a\nARG DEBUG\nFROM scratch\n"})
    config = config_of(shop, "web", build_arg=[GivenArg("", "DEBUG", "1")])
    collect(config)
    assert warnings_of(config) == []


def test_a_build_argument_of_no_image(shop: Workspace) -> None:
    with pytest.raises(UsageError, match="--build-arg: 'apu:api' selects no image"):
        collected(shop, build_arg=[GivenArg("apu:api", "VERSION", "1")])
