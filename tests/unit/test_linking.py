"""From images and Dockerfiles to the graph: what names what, and why."""

from __future__ import annotations

import dataclasses
import os
import textwrap
from typing import TYPE_CHECKING

import pytest

from okplug.errors import Location, ManifestError
from okplug.graph import Cause
from okplug.linking import LinkInputs, build_graph
from okplug.manifest.model import BuildArg, Image, InlineDockerfile, Located

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from okplug.graph import ImageGraph


@dataclasses.dataclass
class Shop:
    """Images below a folder, each with its Dockerfile.

    :param references: what the workspace's images are called by.
    """

    root: Path
    images: dict[str, Image] = dataclasses.field(default_factory=dict)
    references: dict[str, str] = dataclasses.field(default_factory=dict)
    environ: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(
        self,
        address: str,
        dockerfile: str = "FROM scratch\n",
        *,
        depends_on: Iterable[str] = (),
        args: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Image:
        """Add an image; its manifest's depends_on begins at line 5 and its args at line 50."""
        one = self.image(address, dockerfile, depends_on=depends_on, args=args, **fields)
        self.images[one.address] = one
        return one

    def image(
        self,
        address: str,
        dockerfile: str = "FROM scratch\n",
        *,
        depends_on: Iterable[str] = (),
        args: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Image:
        """Return an image that is not yet in the workspace, with its Dockerfile written."""
        folder, _, name = address.rpartition(":")
        path = self.root / folder / f"{name}.Dockerfile"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(dockerfile).removeprefix("\n"))
        manifest = self.root / folder / "okteto.yaml"
        places = [Location(manifest, line, 7) for line in range(100)]
        plain = Image(
            name,
            folder,
            Location(manifest, 2, 3),
            path.parent,
            path,
            depends_on=tuple(Located(v, places[5 + n]) for n, v in enumerate(depends_on)),
            args=tuple(
                BuildArg(key, value, places[50 + number])
                for number, (key, value) in enumerate((args or {}).items())
            ),
        )
        return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]  # the tests' own fields

    def graph(self) -> ImageGraph:
        """Link the images."""
        return build_graph(
            self.images.values(), LinkInputs(self.references.get, self.environ, "linux/amd64")
        )

    def edges(self) -> dict[str, list[str]]:
        """Link the images, and return the edges with their causes."""
        return edges(self.graph(), self.root)

    def refusal(self) -> str:
        """Return the message, with paths below the root."""
        with pytest.raises(ManifestError) as caught:
            self.graph()
        return self.shown(caught.value)

    def shown(self, error: ManifestError) -> str:
        """Return the message with paths below the root."""
        return str(error).replace(f"{self.root}/", "")


def edges(graph: ImageGraph, root: Path) -> dict[str, list[str]]:
    """Return ``dependency -> dependant`` with the causes, places below the root."""
    return {
        f"{dependency} -> {address}": [
            str(cause).replace(f"{root}/", "") for cause in graph.causes(dependency, address)
        ]
        for address in graph.order()
        for dependency in graph.dependencies(address)
    }


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A workspace without images."""
    return Shop(tmp_path / "shop")


# --------------------------------------------------------------------------------------- depends_on


def test_no_images_make_an_empty_graph(shop: Shop) -> None:
    assert shop.graph().images() == ()


@pytest.mark.parametrize(
    ("wanted", "dependency"),
    [
        pytest.param("db", "api:db", id="of the same manifest, though others have the name"),
        pytest.param("libs/base:base", "libs/base:base", id="an address"),
        pytest.param("//libs/base:base", "libs/base:base", id="an address from the root"),
        pytest.param(":root", ":root", id="an address in the root"),
        pytest.param("base", "libs/base:base", id="a name that is unique"),
        pytest.param("web:db", "web:db", id="an address for a name that others have"),
    ],
)
def test_what_depends_on_names(shop: Shop, wanted: str, dependency: str) -> None:
    for address in ("api:db", "web:db", "libs/base:base", ":root"):
        shop.add(address)
    shop.add("api:api", depends_on=[wanted])
    assert shop.edges() == {f"{dependency} -> api:api": ["depends_on, api/okteto.yaml:5:7"]}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        pytest.param(
            "bass",
            "api/okteto.yaml:5:7: no image of the workspace is called 'bass', did you mean 'base'?\n"
            "  hint: images are api, base, db; another folder's are written folder:name",
        ),
        pytest.param(
            "libs/bass:base",
            "api/okteto.yaml:5:7: no image of the workspace is called 'libs/bass:base', "
            "did you mean 'libs/base:base'?\n"
            "  hint: images are api, base, db; another folder's are written folder:name",
        ),
        pytest.param(
            "db",
            "api/okteto.yaml:5:7: 'db' may be any of one:db, two:db\n"
            "  hint: write the address of the one that is meant",
        ),
        pytest.param(
            "api",
            "api/okteto.yaml:5:7: api:api depends on itself\n"
            "  hint: take the entry away, or name another image",
        ),
        pytest.param(
            "//api:api",
            "api/okteto.yaml:5:7: api:api depends on itself\n"
            "  hint: take the entry away, or name another image",
        ),
    ],
)
def test_a_wrong_dependency(shop: Shop, wanted: str, message: str) -> None:
    for address in ("one:db", "two:db", "libs/base:base"):
        shop.add(address)
    shop.add("api:api", depends_on=[wanted])
    assert shop.refusal() == message


def test_the_names_of_many_images_are_not_all_told(shop: Shop) -> None:
    for number in range(20):
        shop.add(f"f:image-{number:02}")
    shop.add("api:api", depends_on=["zzz"])
    assert "images are api, image-00, image-01, image-02, image-03, image-04, image-05, image-06, ...;" in (
        shop.refusal()
    )  # fmt: skip


def test_two_images_of_one_address(shop: Shop) -> None:
    one = shop.add("api:api")
    two = dataclasses.replace(one, location=Location(shop.root / "api/okteto.yml", 9, 3))
    with pytest.raises(ManifestError) as caught:
        build_graph([one, two], LinkInputs(shop.references.get, {}, "linux/amd64"))
    assert shop.shown(caught.value) == (
        "api/okteto.yml:9:3: there are two images api:api; "
        "the other one is at api/okteto.yaml:2:3\n"
        "  hint: rename one of them"
    )


# ---------------------------------------------------------------------------------- references


def test_a_dockerfile_names_images_by_reference(shop: Shop) -> None:
    shop.references = {name: f"{name}:{name}" for name in ("base", "tools", "cache")}
    for name in shop.references:
        shop.add(f"{name}:{name}")
    shop.add(
        "api:api",
        """
        FROM golang:1.22 AS build
        RUN --mount=from=cache,target=/cache make
        FROM base
        COPY --from=build /x /x
        COPY --from=tools /bin/tool /bin/
        COPY --from=busybox /bin/sh /bin/
        """,
    )
    assert shop.edges() == {
        "base:base -> api:api": ["FROM, api/api.Dockerfile:3:1"],
        "cache:cache -> api:api": ["RUN --mount, api/api.Dockerfile:2:1"],
        "tools:tools -> api:api": ["COPY --from, api/api.Dockerfile:5:1"],
    }
    assert shop.graph().node("api:api").images == {
        "base": "base:base",
        "cache": "cache:cache",
        "tools": "tools:tools",
    }


def test_every_line_that_names_an_image_is_a_cause(shop: Shop) -> None:
    shop.references = {"base": "base:base", "other/base": "base:base"}
    shop.add("base:base")
    shop.add(
        "api:api",
        "FROM base AS one\nFROM other/base\nCOPY --from=one / /\nCOPY --from=base / /\n",
        depends_on=["base"],
    )
    assert shop.edges() == {
        "base:base -> api:api": [
            "COPY --from, api/api.Dockerfile:4:1",
            "FROM, api/api.Dockerfile:1:1",
            "FROM, api/api.Dockerfile:2:1",
            "depends_on, api/okteto.yaml:5:7",
        ]
    }


def test_stages_that_the_target_does_not_reach_name_nothing(shop: Shop) -> None:
    shop.references = {"base": "base:base"}
    shop.add("base:base")
    shop.add("api:api", "FROM base AS one\nFROM scratch AS two\n", target="two")
    assert shop.edges() == {}


def test_a_stage_hides_the_image_of_its_name(shop: Shop) -> None:
    shop.references = {"base": "base:base"}
    shop.add("base:base")
    shop.add("api:api", "FROM scratch AS base\nFROM base\nCOPY --from=base / /\n")
    assert shop.edges() == {}


def test_an_image_that_is_built_from_its_own_reference(shop: Shop) -> None:
    shop.references = {"okteto.dev/api": "api:api"}
    shop.add("api:api", "FROM scratch AS x\nFROM okteto.dev/api\n")
    assert shop.refusal() == (
        "api/api.Dockerfile:2:1: api:api is built from itself\n  hint: name another image"
    )


def test_a_reference_may_come_from_an_argument_of_the_manifest(shop: Shop) -> None:
    shop.references = {"okteto.dev/base": "base:base"}
    shop.add("base:base")
    shop.add("api:api", "ARG BASE=busybox\nFROM $BASE\n", args={"BASE": "okteto.dev/base"})
    assert shop.edges() == {"base:base -> api:api": ["FROM, api/api.Dockerfile:2:1"]}


def test_a_reference_to_an_image_that_is_not_there_is_one_from_elsewhere(shop: Shop) -> None:
    shop.references = {"okteto.dev/base": "gone:gone"}
    shop.add("api:api", "FROM okteto.dev/base\n")
    assert shop.edges() == {}


# ------------------------------------------------------------------------- build arguments of images


FROM_VARIABLE = """
    ARG OKTETO_BUILD_BASE_IMAGE
    FROM ${OKTETO_BUILD_BASE_IMAGE}
    """


def test_a_dockerfile_names_an_image_by_its_variable(shop: Shop) -> None:
    shop.add("libs:base")
    shop.add("api:api", FROM_VARIABLE)
    assert shop.edges() == {"libs:base -> api:api": ["FROM, api/api.Dockerfile:2:1"]}
    node = shop.graph().node("api:api")
    assert node.args == {"OKTETO_BUILD_BASE_IMAGE": "okplug-image:libs:base#IMAGE"}
    assert node.images == {"okplug-image:libs:base#IMAGE": "libs:base"}


@pytest.mark.parametrize(
    ("addresses", "depends_on", "meant"),
    [
        pytest.param(["x:base", "api:base"], [], "api:base", id="of the same manifest"),
        pytest.param(["x:base", "y:base"], ["y:base"], "y:base", id="of those depended upon"),
        pytest.param(["x:base", "api:base"], ["x:base"], "x:base", id="depended upon goes first"),
        pytest.param(["x/y:base"], [], "x/y:base", id="the only one"),
    ],
)
def test_which_image_a_variable_means(
    shop: Shop, addresses: list[str], depends_on: list[str], meant: str
) -> None:
    for address in addresses:
        shop.add(address)
    shop.add("api:api", FROM_VARIABLE, depends_on=depends_on)
    assert shop.graph().dependencies("api:api") == (meant,)
    assert shop.graph().node("api:api").images == {f"okplug-image:{meant}#IMAGE": meant}


def test_a_variable_that_may_mean_several_images(shop: Shop) -> None:
    shop.add("x:base")
    shop.add("y:base")
    shop.add("api:api", FROM_VARIABLE)
    assert shop.refusal() == (
        "api/okteto.yaml:2:3: OKTETO_BUILD_BASE_IMAGE may be any of x:base, y:base\n"
        "  hint: name the one that is meant in depends_on of api:api"
    )


@pytest.mark.parametrize("name", ["my-base", "my_base", "My.Base"])
def test_a_variable_has_underscores_for_all_but_letters_and_digits(shop: Shop, name: str) -> None:
    shop.add(f"libs:{name}")
    shop.add("api:api", "ARG OKTETO_BUILD_MY_BASE_IMAGE\nFROM $OKTETO_BUILD_MY_BASE_IMAGE\n")
    assert shop.graph().dependencies("api:api") == (f"libs:{name}",)


def test_a_reference_may_be_put_together_from_the_fields_of_an_image(shop: Shop) -> None:
    shop.add("c#/100%:base")
    shop.add(
        "api:api",
        """
        ARG OKTETO_BUILD_BASE_REGISTRY
        ARG OKTETO_BUILD_BASE_REPOSITORY
        ARG OKTETO_BUILD_BASE_SHA
        FROM $OKTETO_BUILD_BASE_REGISTRY/$OKTETO_BUILD_BASE_REPOSITORY@$OKTETO_BUILD_BASE_SHA
        """,
    )
    assert shop.edges() == {"c#/100%:base -> api:api": ["FROM, api/api.Dockerfile:4:1"]}


def test_a_variable_that_no_reached_stage_uses_needs_no_image(shop: Shop) -> None:
    """Its image is not built before, and even so the FROM of no stage may be empty."""
    shop.add("libs:base")
    shop.add(
        "api:api",
        """
        ARG OKTETO_BUILD_BASE_IMAGE
        FROM $OKTETO_BUILD_BASE_IMAGE AS other
        ARG UNUSED
        FROM scratch
        """,
        args={"UNUSED": "${OKTETO_BUILD_BASE_TAG}"},
    )
    assert shop.edges() == {}
    args = shop.graph().node("api:api").args
    assert args == {"OKTETO_BUILD_BASE_IMAGE": "scratch", "UNUSED": "scratch"}


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("FROM node", {"https_proxy", "BUILDKIT_X"}),
        ("FROM node\nARG A", {"A", "https_proxy", "BUILDKIT_X"}),
        ("ARG A\nFROM node", {"A", "https_proxy", "BUILDKIT_X"}),
        ("FROM node\nARG A\nFROM node", {"A", "https_proxy", "BUILDKIT_X"}),
        ("FROM scratch AS b\nONBUILD ARG A\nFROM b", {"A", "https_proxy", "BUILDKIT_X"}),
        ("# syntax=example.com/front\nFROM node", {"A", "B", "https_proxy", "BUILDKIT_X"}),
    ],
)
def test_a_build_gets_the_arguments_that_its_key_counts(
    shop: Shop, text: str, taken: set[str]
) -> None:
    """An ONBUILD of a base from elsewhere would take others, and no key would tell."""
    given = {"A": "1", "B": "2", "https_proxy": "http://p", "BUILDKIT_X": "1"}
    shop.add("api:api", text, args=given)
    assert set(shop.graph().node("api:api").args) == taken


def test_a_variable_that_a_stage_declares_is_a_build_argument(shop: Shop) -> None:
    shop.add("libs:base")
    shop.add(
        "api:api",
        "FROM scratch\n\nARG OKTETO_BUILD_BASE_TAG\nLABEL base=$OKTETO_BUILD_BASE_TAG\n",
        depends_on=["base"],
    )
    assert shop.edges() == {
        "libs:base -> api:api": [
            "build argument, api/api.Dockerfile:3:1",
            "depends_on, api/okteto.yaml:5:7",
        ]
    }


def test_an_argument_of_the_manifest_that_holds_a_variable(shop: Shop) -> None:
    shop.add("libs:base")
    shop.add("libs:tools")
    shop.add(
        "api:api",
        "ARG PARENT\nFROM $PARENT\nARG BOTH\nENV BOTH=$BOTH\n",
        args={
            "PARENT": "${OKTETO_BUILD_BASE_IMAGE}",
            "BOTH": "<$OKTETO_BUILD_BASE_TAG ${OKTETO_BUILD_TOOLS_IMAGE}>",
        },
    )
    assert shop.edges() == {
        "libs:base -> api:api": ["FROM, api/api.Dockerfile:2:1"],
        "libs:tools -> api:api": ["build argument, api/okteto.yaml:51:7"],
    }
    assert shop.graph().node("api:api").args == {
        "PARENT": "okplug-image:libs:base#IMAGE",
        "BOTH": "<okplug-image:libs:base#TAG okplug-image:libs:tools#IMAGE>",
    }


def test_the_place_of_a_build_argument_is_the_last_that_gave_it(shop: Shop) -> None:
    shop.add("libs:base")
    image = shop.add("api:api", "FROM scratch\nARG A\n", args={"A": "1"})
    place = Location(shop.root / "x.yaml", 7, 7)
    again = BuildArg("A", "${OKTETO_BUILD_BASE_TAG}", place)
    shop.images["api:api"] = dataclasses.replace(image, args=(*image.args, again))
    assert shop.edges() == {"libs:base -> api:api": ["build argument, x.yaml:7:7"]}


def test_a_variable_of_the_environment_stands_for_an_image_that_is_not_there(shop: Shop) -> None:
    shop.environ["OKTETO_BUILD_GONE_IMAGE"] = "example.com/gone:1"
    shop.add("api:api", "ARG A\nFROM $A\n", args={"A": "${OKTETO_BUILD_GONE_IMAGE}"})
    assert shop.graph().node("api:api").args == {"A": "example.com/gone:1"}
    assert shop.edges() == {}


def test_an_image_of_the_workspace_goes_before_the_environment(shop: Shop) -> None:
    shop.environ["OKTETO_BUILD_BASE_IMAGE"] = "example.com/base:1"
    shop.add("libs:base")
    shop.add("api:api", "ARG A\nFROM $A\n", args={"A": "${OKTETO_BUILD_BASE_IMAGE}"})
    assert shop.graph().dependencies("api:api") == ("libs:base",)


def test_a_variable_of_no_image_and_without_value(shop: Shop) -> None:
    shop.add("libs:base")
    shop.add("api:api", "FROM scratch\n", args={"X": "1", "A": "${OKTETO_BUILD_BASS_IMAGE}"})
    assert shop.refusal() == (
        "api/okteto.yaml:51:7: OKTETO_BUILD_BASS_IMAGE has no value: "
        "no image of the workspace is called BASS, did you mean 'BASE'?\n"
        "  hint: images are api, base"
    )


def test_a_variable_of_no_image_in_a_dockerfile_is_an_argument_like_any_other(shop: Shop) -> None:
    shop.add("api:api", "ARG OKTETO_BUILD_GONE_IMAGE=busybox\nFROM $OKTETO_BUILD_GONE_IMAGE\n")
    assert shop.graph().node("api:api").args == {}
    assert [use.reference for use in shop.graph().node("api:api").resolution.images] == ["busybox"]


def test_a_variable_of_no_image_and_without_default_is_an_empty_base(shop: Shop) -> None:
    shop.add("api:api", FROM_VARIABLE)
    assert "OKTETO_BUILD_BASE_IMAGE" in shop.refusal()


def test_an_images_own_variable_is_not_set(shop: Shop) -> None:
    """It is what building the image makes; a Dockerfile can give it a default."""
    shop.add("libs:base", "ARG OKTETO_BUILD_BASE_IMAGE=busybox\nFROM $OKTETO_BUILD_BASE_IMAGE\n")
    assert shop.edges() == {}


def test_an_argument_of_the_manifest_that_holds_its_own_images_variable(shop: Shop) -> None:
    shop.add("libs:base", "FROM scratch\nARG A\n", args={"A": "${OKTETO_BUILD_BASE_TAG}"})
    assert shop.refusal() == (
        "libs/okteto.yaml:50:7: libs:base is built from itself\n  hint: name another image"
    )


# ----------------------------------------------------------------------------------- named contexts


def test_a_named_context_stands_for_the_image_of_its_name(shop: Shop) -> None:
    shop.references = {"okteto.dev/base": "libs:base", "debian": "libs:debian"}
    shop.add("libs:base", "FROM scratch\nENV WHERE=/srv\n")
    shop.add("libs:debian")
    place = Location(shop.root / "api/okteto.yaml", 12, 5)
    shop.add(
        "api:api",
        "FROM debian\nCOPY ${WHERE} /srv\nCOPY --from=assets / /\n",
        named_contexts=(("debian", "docker-image://okteto.dev/base"), ("assets", "./assets")),
        places={"contexts": place},
    )
    assert shop.edges() == {"libs:base -> api:api": ["named context, api/okteto.yaml:12:5"]}
    node = shop.graph().node("api:api")
    assert node.images == {"debian": "libs:base"}
    assert [read.patterns for read in node.resolution.reads] == [("srv",)]


@pytest.mark.parametrize("text", ["base", "libs:base", "//libs:base"])
def test_a_named_context_may_name_an_image_as_depends_on_does(shop: Shop, text: str) -> None:
    shop.add("libs:base", "FROM scratch\nENV WHERE=/srv\n")
    contexts = (("parent", f"okplug-named://{text}"), ("unused", f"okplug-named://{text}"))
    shop.add("api:api", "FROM parent\nCOPY ${WHERE} /srv\n", named_contexts=contexts)
    assert list(shop.edges()) == ["libs:base -> api:api"]
    node = shop.graph().node("api:api")
    assert node.images == {"parent": "libs:base"}
    assert [read.patterns for read in node.resolution.reads] == [("srv",)]


def test_a_named_context_that_no_instruction_uses_makes_no_edge(shop: Shop) -> None:
    shop.add("libs:base")
    shop.add("api:api", named_contexts=(("parent", "okplug-named://base"),))
    assert shop.edges() == {}


def test_a_named_context_of_no_image_is_an_error_though_nothing_uses_it(shop: Shop) -> None:
    shop.add("libs:base")
    place = Location(shop.root / "api/okteto.yaml", 12, 5)
    contexts = (("parent", "okplug-named://bsae"),)
    shop.add("api:api", named_contexts=contexts, places={"contexts": place})
    message = shop.refusal()
    assert message.startswith("api/okteto.yaml:12:5: no image of the workspace is called 'bsae'")
    assert message.endswith("a folder that is not there yet is written ./bsae")


def test_an_inline_dockerfile_counts_in_place_of_what_is_in_the_file(shop: Shop) -> None:
    shop.references = {"base": "libs:base"}
    shop.add("libs:base")
    shop.add("api:api", "this is no Dockerfile\n", inline=InlineDockerfile("FROM base\n", 7))
    assert shop.edges() == {"libs:base -> api:api": ["FROM, api/api.Dockerfile:7:1"]}


# ------------------------------------------------------------------------------------- inheritance


def reads(graph: ImageGraph, address: str) -> list[tuple[str, ...]]:
    return [read.patterns for read in graph.node(address).resolution.reads]


def test_variables_of_a_base_are_known_where_they_are_used(shop: Shop) -> None:
    shop.references = {"z-base": "z:base", "m-middle": "m:middle"}
    shop.add("a:top", "FROM m-middle\nCOPY ${FILES} /\n")
    shop.add("m:middle", "FROM z-base\nENV FILES=${FOLDER}/files\n")
    shop.add("z:base", "FROM scratch\nENV FOLDER=etc\n")
    graph = shop.graph()
    assert graph.order() == ("z:base", "m:middle", "a:top")
    assert reads(graph, "a:top") == [("etc/files",)]
    assert graph.node("a:top").resolution.whole_context == ""


def test_a_base_from_elsewhere_may_set_anything(shop: Shop) -> None:
    shop.add("a:top", "FROM busybox\nCOPY ${FILES} /\n")
    assert shop.graph().node("a:top").resolution.whole_context != ""


def test_a_base_that_sets_nothing_is_known_to(shop: Shop) -> None:
    shop.references = {"base": "base:base"}
    shop.add("base:base")
    shop.add("a:top", "FROM base\nARG FILES=etc\nCOPY ${FILES} /\n")
    graph = shop.graph()
    assert graph.node("a:top").resolution.whole_context == ""
    assert reads(graph, "a:top") == [("etc",)]


def test_triggers_of_a_base_read_use_and_declare(shop: Shop) -> None:
    shop.references = {"base": "base:base", "tools": "tools:tools"}
    shop.add(
        "base:base",
        """
        FROM scratch
        ONBUILD COPY src /src
        ONBUILD COPY --from=tools / /tools
        ONBUILD ARG OKTETO_BUILD_CERTS_TAG
        ONBUILD ARG EXTRA
        """,
    )
    for name in ("tools", "certs", "extra"):
        shop.add(f"{name}:{name}")
    shop.add(
        "api:api",
        "# syntax=docker/dockerfile:1\nFROM base\n",
        args={"EXTRA": "${OKTETO_BUILD_EXTRA_TAG}"},
    )
    assert shop.edges() == {
        "base:base -> api:api": ["FROM, api/api.Dockerfile:2:1"],
        "certs:certs -> api:api": ["build argument, api/api.Dockerfile"],
        "extra:extra -> api:api": ["build argument, api/okteto.yaml:50:7"],
        "tools:tools -> api:api": ["COPY --from, api/api.Dockerfile:2:1"],
    }
    graph = shop.graph()
    assert reads(graph, "api:api") == [("src",)]
    assert dict(graph.node("api:api").resolution.args) == {
        "EXTRA": "okplug-image:extra:extra#TAG",
        "OKTETO_BUILD_CERTS_TAG": "okplug-image:certs:certs#TAG",
    }


def test_a_trigger_can_close_a_circle(shop: Shop) -> None:
    shop.references = {"base": "base:base", "api": "api:api"}
    shop.add("base:base", "FROM scratch\nONBUILD COPY --from=tools / /\n")
    shop.references["tools"] = "tools:tools"
    shop.add("tools:tools", "FROM scratch\nCOPY --from=api / /\n")
    shop.add("api:api", "FROM base\n")
    assert shop.refusal() == (
        "tools/tools.Dockerfile:2:1: images are built from each other in a circle:\n"
        "  api:api -> tools:tools (COPY --from, tools/tools.Dockerfile:2:1)\n"
        "  tools:tools -> api:api (COPY --from, api/api.Dockerfile:1:1)\n"
        "  hint: take one of these edges away"
    )


def test_a_circle_of_manifests_and_dockerfiles(shop: Shop) -> None:
    shop.references = {"api": "api:api"}
    shop.add("api:api", depends_on=["base"])
    shop.add("base:base", "FROM api\n")
    assert shop.refusal() == (
        "base/base.Dockerfile:1:1: images are built from each other in a circle:\n"
        "  api:api -> base:base (FROM, base/base.Dockerfile:1:1)\n"
        "  base:base -> api:api (depends_on, api/okteto.yaml:5:7)\n"
        "  hint: take one of these edges away"
    )


# --------------------------------------------------------------------------- several platforms


def test_what_any_platform_reads_and_uses_counts(shop: Shop) -> None:
    shop.references = {"base-amd64": "x:amd", "base-arm64": "x:arm"}
    shop.add("x:amd", "FROM scratch\nENV BITS=64 ARCH=amd64\n")
    shop.add("x:arm", "FROM scratch\nENV BITS=64 ARCH=arm64\n")
    shop.add(
        "api:api",
        """
        FROM scratch AS src-amd64
        COPY amd /
        FROM scratch AS src-arm64
        COPY arm /
        FROM src-${TARGETARCH} AS src
        FROM base-${TARGETARCH}
        ARG TARGETARCH
        COPY bin/${TARGETARCH}/app /
        COPY --from=src / /
        """,
        platforms=("linux/amd64", "linux/arm64"),
    )
    graph = shop.graph()
    assert graph.dependencies("api:api") == ("x:amd", "x:arm")
    resolution = graph.node("api:api").resolution
    assert reads(graph, "api:api") == [
        ("amd",),
        ("bin/amd64/app",),
        ("arm",),
        ("bin/arm64/app",),
    ]
    assert [stage.index for stage in resolution.stages] == [0, 1, 2, 3]
    assert ("BITS", "64") in resolution.passes_on.env
    assert "ARCH" not in dict(resolution.passes_on.env)
    assert not resolution.passes_on.is_complete


def test_the_platform_setting_serves_images_that_name_none(shop: Shop) -> None:
    shop.add("api:api", "FROM scratch\nARG TARGETARCH\nCOPY bin/${TARGETARCH} /\n")
    graph = build_graph(shop.images.values(), LinkInputs(shop.references.get, {}, "linux/arm64"))
    assert reads(graph, "api:api") == [("bin/arm64",)]


# -------------------------------------------------------------------------------------- Dockerfiles


def test_images_can_share_a_dockerfile_and_build_other_targets_of_it(shop: Shop) -> None:
    dockerfile = "FROM scratch AS one\nCOPY a /\nFROM scratch AS two\nCOPY b /\n"
    one = shop.add("x:one", dockerfile, target="one")
    shop.add("x:two", target="two", dockerfile=dockerfile)
    shop.images["x:two"] = dataclasses.replace(shop.images["x:two"], dockerfile=one.dockerfile)
    graph = shop.graph()
    assert graph.node("x:one").dockerfile is graph.node("x:two").dockerfile
    assert reads(graph, "x:one") == [("a",)]
    assert reads(graph, "x:two") == [("b",)]


def test_a_dockerfile_that_went_away(shop: Shop) -> None:
    shop.add("api:api").dockerfile.unlink()
    assert shop.refusal() == (
        "api/api.Dockerfile: the Dockerfile cannot be read: No such file or directory\n"
        "  hint: make it a file that you may read"
    )


def test_a_dockerfile_that_is_wrong_is_told_with_its_place(shop: Shop) -> None:
    shop.add("api:api", "FROM scratch\nCOPPY a /\n")
    assert shop.refusal().startswith("api/api.Dockerfile:2:1: ")


# ----------------------------------------------------------------------- changes made by plugins


@pytest.fixture
def stack(shop: Shop) -> Shop:
    """A base, what starts from it by reference and by variable, and what depends on it."""
    shop.references = {"base": "base:base"}
    shop.add("base:base", "FROM scratch\nENV FROM_BASE=etc\n")
    shop.add("api:api", "FROM base AS app\nCOPY ${FROM_BASE} /\n")
    shop.add("web:web", FROM_VARIABLE)
    shop.add("docs:docs", depends_on=["base"])
    return shop


def test_an_added_image_is_linked(stack: Shop) -> None:
    graph = stack.graph()
    graph.add_image(stack.image("new:new", "FROM base\nCOPY ${FROM_BASE} /\n", depends_on=["web"]))
    assert graph.dependencies("new:new") == ("base:base", "web:web")
    assert reads(graph, "new:new") == [("etc",)]
    assert graph.order()[-1] == "new:new"


def test_an_added_image_can_be_depended_upon_by_the_next(stack: Shop) -> None:
    graph = stack.graph()
    graph.add_image(stack.image("new:one"))
    graph.add_image(stack.image("new:two", depends_on=["one"]))
    assert graph.dependencies("new:two") == ("new:one",)


def test_an_image_cannot_be_added_twice(stack: Shop) -> None:
    graph = stack.graph()
    with pytest.raises(ManifestError, match="there are two images api:api"):
        graph.add_image(stack.image("api:api"))
    assert graph.dependencies("api:api") == ("base:base",)


def test_other_labels_link_nothing_again(stack: Shop) -> None:
    graph = stack.graph()
    before = graph.node("api:api").resolution
    labelled = dataclasses.replace(graph.image("api:api"), labels=(("team", "a"),))
    graph.replace_image(labelled)
    assert graph.image("api:api") is labelled
    assert graph.node("api:api").resolution is before


@pytest.mark.parametrize(
    ("change", "dependencies"),
    [
        (lambda shop: shop.image("api:api", "FROM busybox\n"), ("base:base",)),
        (lambda shop: dataclasses.replace(shop.images["api:api"], target="app"), ("base:base",)),
        (lambda shop: shop.image("api:api", "FROM base\n", depends_on=["web"]), ("base:base", "web:web")),
    ],
)  # fmt: skip
def test_a_replaced_image_is_linked_again_where_that_matters(
    stack: Shop, change: Callable[[Shop], Image], dependencies: tuple[str, ...]
) -> None:
    """A Dockerfile is read once in a run, so that an edit meanwhile is not half seen."""
    graph = stack.graph()
    graph.replace_image(change(stack))
    assert graph.dependencies("api:api") == dependencies


def test_a_replaced_image_loses_what_it_no_longer_names_and_keeps_what_plugins_added(
    stack: Shop,
) -> None:
    graph = stack.graph()
    cause = Cause("smoke test", Location(stack.root / "okplugfile.py", 3))
    graph.add_edge("base:base", "docs:docs", cause)
    graph.add_edge("api:api", "docs:docs", cause)
    image = graph.image("docs:docs")
    graph.replace_image(dataclasses.replace(image, depends_on=(), args=image.args))
    assert edges(graph, stack.root)["base:base -> docs:docs"] == ["smoke test, okplugfile.py:3"]
    assert edges(graph, stack.root)["api:api -> docs:docs"] == ["smoke test, okplugfile.py:3"]


def test_another_platform_reads_other_files(shop: Shop) -> None:
    image = shop.add("api:api", "FROM scratch\nARG TARGETARCH\nCOPY bin/${TARGETARCH} /\n")
    graph = shop.graph()
    graph.replace_image(dataclasses.replace(image, platforms=("linux/arm64",)))
    assert reads(graph, "api:api") == [("bin/arm64",)]


def test_what_a_replaced_base_passes_on_reaches_all_that_starts_from_it(shop: Shop) -> None:
    shop.references = {"base": "z:base", "middle": "m:middle"}
    base = shop.add("z:base", "FROM scratch\nARG WHERE=etc\nENV WHERE=$WHERE\n")
    shop.add("m:middle", "FROM base\nENV THERE=$WHERE/x\n")
    shop.add("a:top", "FROM middle\nCOPY $THERE /\n")
    graph = shop.graph()
    assert reads(graph, "a:top") == [("etc/x",)]
    place = Location(shop.root / "okplugfile.py", 1)
    graph.replace_image(dataclasses.replace(base, args=(BuildArg("WHERE", "srv", place),)))
    assert reads(graph, "a:top") == [("srv/x",)]


def test_what_named_a_removed_image_by_reference_names_one_from_elsewhere(stack: Shop) -> None:
    graph = stack.graph()
    graph.remove_image("web:web")
    graph.remove_image("docs:docs")
    graph.remove_image("base:base")
    assert graph.order() == ("api:api",)
    assert graph.node("api:api").images == {}
    assert graph.node("api:api").resolution.whole_context != "", "nothing is known of that base"


def test_what_depends_on_a_removed_image_is_wrong(stack: Shop) -> None:
    graph = stack.graph()
    graph.remove_image("base:base")
    graph.remove_image("web:web")
    with pytest.raises(ManifestError, match="no image of the workspace is called 'base'"):
        graph.order()


def test_a_variable_of_a_removed_image_means_the_other_one_of_that_name(shop: Shop) -> None:
    shop.add("x:base")
    shop.add("api:base")
    shop.add("api:api", FROM_VARIABLE)
    graph = shop.graph()
    assert graph.dependencies("api:api") == ("api:base",)
    graph.remove_image("api:base")
    assert graph.order() == ("x:base", "api:api")
    assert graph.dependencies("api:api") == ("x:base",)


def test_an_edge_goes_unless_the_dockerfile_has_it(stack: Shop) -> None:
    graph = stack.graph()
    graph.remove_edge("base:base", "docs:docs")
    assert graph.dependencies("docs:docs") == ()
    for address in ("api:api", "web:web"):
        with pytest.raises(ValueError, match=f"the Dockerfile of {address} uses base:base"):
            graph.remove_edge("base:base", address)
    with pytest.raises(KeyError):
        graph.remove_edge("docs:docs", "api:api")


# -------------------------------------------------------------------------------------------- size


def test_the_work_grows_with_the_number_of_images(shop: Shop) -> None:
    """A chain of bases: what one passes on must not be worked out again for each below it."""
    counts = []
    for size in (50, 100):
        asked: list[str] = []
        shop.images = {}
        shop.references = {f"i{number}": f"f{number}:i{number}" for number in range(size)}
        shop.add("f0:i0", "FROM scratch\nENV A=1\n")
        for number in range(1, size):
            shop.add(f"f{number}:i{number}", f"FROM i{number - 1}\n")

        def find(reference: str, asked: list[str] = asked) -> str | None:
            asked.append(reference)
            return shop.references.get(reference)

        graph = build_graph(shop.images.values(), LinkInputs(find, {}, "linux/amd64"))
        assert graph.node(f"f{size - 1}:i{size - 1}").resolution.passes_on.env[-1] == ("A", "1")
        counts.append(len(asked))
    assert counts[1] <= 2.1 * counts[0]


def test_reads_a_dockerfile_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    image = shop.add("api:a")
    for name in "bcdefgh":
        shop.images[f"api:{name}"] = dataclasses.replace(image, name=name)
    opened = []
    read_bytes = type(image.dockerfile).read_bytes

    def count(path: Path) -> bytes:
        opened.append(os.fspath(path))
        return read_bytes(path)

    monkeypatch.setattr(type(image.dockerfile), "read_bytes", count)
    shop.graph()
    assert opened == [os.fspath(image.dockerfile)]


# -------------------------------------------------------------------------------------------- order


def test_what_an_image_comes_after_is_an_edge_where_it_is_an_image(shop: Shop) -> None:
    shop.add("db:db", "FROM scratch\n")
    place = Location(shop.root / "compose.yaml", 7, 9)
    after = (Located("db:db", place), Located("cache:cache", place))
    shop.add("web:web", "FROM scratch\n", after=after)
    assert shop.edges() == {"db:db -> web:web": ["order, compose.yaml:7:9"]}
    assert shop.graph().ingredients("web:web") == ()


def test_what_is_built_from_an_image_does_not_come_before_it(shop: Shop) -> None:
    place = Location(shop.root / "compose.yaml", 7, 9)
    shop.add("web:web", "FROM scratch\n", after=(Located("job:job", place),))
    shop.add("job:job", "FROM scratch\n", depends_on=["web:web"])
    assert list(shop.edges()) == ["web:web -> job:job"]


def test_of_two_that_come_after_each_other_one_does(shop: Shop) -> None:
    place = Location(shop.root / "compose.yaml", 7, 9)
    shop.add("a:a", "FROM scratch\n", after=(Located("b:b", place),))
    shop.add("b:b", "FROM scratch\n", after=(Located("a:a", place),))
    assert list(shop.edges()) == ["b:b -> a:a"]


def test_an_image_that_is_linked_again_keeps_its_order(shop: Shop) -> None:
    place = Location(shop.root / "compose.yaml", 7, 9)
    shop.add("a:a", "FROM scratch\n")
    shop.add("b:b", "FROM scratch\n")
    graph = shop.graph()
    graph.replace_image(dataclasses.replace(graph.image("b:b"), after=(Located("a:a", place),)))
    assert edges(graph, shop.root) == {"a:a -> b:b": ["order, compose.yaml:7:9"]}


# ------------------------------------------------------------------------ what is given to all


def test_arguments_for_all_reach_who_declares_them(shop: Shop) -> None:
    """What an image says of its own counts more."""
    shop.add("a:a", "FROM scratch\nARG WHO\nLABEL a=$WHO\n")
    shop.add("b:b", "FROM scratch\nARG WHO=me\nLABEL a=$WHO\n", args={"WHO": "b"})
    shop.add("c:c", "FROM scratch\n")
    given = {"WHO": "all"}
    graph = build_graph(
        shop.images.values(), LinkInputs(shop.references.get, {}, "linux/amd64", given)
    )
    args = {address: graph.node(address).args for address in ("a:a", "b:b", "c:c")}
    assert args == {"a:a": {"WHO": "all"}, "b:b": {"WHO": "b"}, "c:c": {}}
