"""``okplug build``: the order of builds, what is reused, the tags, what dependants get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from okplug.errors import RegistryError
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView

if TYPE_CHECKING:
    from tests.functional.conftest import Shop

ALL = ["api:api", "base:base", "lib:lib", "web:web"]


# ------------------------------------------------------------------------------ order and reuse


def test_all_images_are_built_in_graph_order(shop: Shop) -> None:
    shop.run("build").assert_ok()
    built = shop.built()
    assert sorted(built) == ALL
    assert built[0] == "base:base"
    assert built.index("lib:lib") < built.index("api:api")


def test_the_second_time_all_are_reused(shop: Shop) -> None:
    first = shop.results()
    shop.built()
    writes = shop.registry.writes
    second = shop.results()
    assert shop.built() == []
    assert shop.registry.writes == writes, "tags that are right are not written"
    for address in ALL:
        assert second[address]["verdict"] == "reuse"
        assert second[address]["key"] == first[address]["key"]
        assert second[address]["digest"] == first[address]["digest"]


def test_a_changed_file_rebuilds_its_image_and_the_dependants(shop: Shop) -> None:
    shop.run("build").assert_ok()
    shop.built()
    shop.edit("lib/data", "changed\n")
    assert shop.verdicts() == {
        "api:api": "build",
        "base:base": "reuse",
        "lib:lib": "build",
        "web:web": "reuse",
    }
    assert shop.built() == ["lib:lib", "api:api"]


def test_what_another_user_built_is_reused_and_gets_one_s_own_tag(shop: Shop) -> None:
    shop.run("build").assert_ok()
    shop.built()
    shop.workspace.environ["USER"] = "david"
    shop.run("build", "api").assert_ok()
    assert shop.built() == []
    (digest,) = shop.shared("api").values()
    assert shop.tags("david/api") == {"okteto": digest}
    assert shop.tags("david/lib") == {}, "it is not asked for"


def test_what_is_needed_but_not_asked_for_is_built(shop: Shop) -> None:
    shop.run("build", "lib").assert_ok()
    assert shop.built() == ["base:base", "lib:lib"]


def test_what_an_image_needs_is_not_looked_at_again_when_it_is_reused(shop: Shop) -> None:
    shop.run("build").assert_ok()
    assert shop.verdicts("api") == {"api:api": "reuse"}


def test_images_without_edges_are_built_at_once(empty_shop: Shop) -> None:
    import threading

    empty_shop.workspace.write(
        {
            f"{name}/{file}": text
            for name in ("a", "b")
            for file, text in {
                "okteto.yaml": f"build: {{{name}: .}}\n",
                "Dockerfile": f"FROM scratch\nLABEL name={name}\n",
            }.items()
        }
    )
    meeting = threading.Barrier(2, timeout=20)
    empty_shop.before = {"a:a": meeting.wait, "b:b": meeting.wait}
    empty_shop.run("build", "-j", "2").assert_ok()
    assert sorted(empty_shop.built()) == ["a:a", "b:b"]


# ----------------------------------------------------------------------------------------- tags


def test_the_personal_tag_has_the_digest_of_the_shared_one(shop: Shop) -> None:
    for address, image in shop.results().items():
        name = address.partition(":")[2]
        assert shop.shared(name) == {image["key"]: image["digest"]}
        assert shop.personal(name) == {"okteto": image["digest"]}
        view = shop.view(name)
        assert view.tree()["data"].content == f"{name}\n".encode()


def test_the_root_of_the_content_is_published_with_the_image(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    document = json.loads(shop.run("hash", "base", "--json").assert_ok().stdout)
    view = shop.view("base")
    assert view.manifest["annotations"] == {"dev.okplug.root": document["images"][0]["root"]}


def test_an_image_in_a_registry_of_its_own(shop: Shop) -> None:
    shop.hosts["other.test"] = other = FakeRegistry("other.test")
    shop.edit(
        "base/okteto.yaml",
        "build: {base: {context: ., image: 'other.test/team/base:1.2, okteto.dev/base'}}\n",
    )
    (image,) = shop.results("base").values()
    assert image["references"]["tags"] == [
        "other.test/team/base:1.2",
        "registry.test/cindy/base:latest",
    ]
    assert shop.personal("base") == {"latest": image["digest"]}
    copied = ImageView.read(other, Reference("other.test", "team/base", "1.2"))
    assert copied.descriptor.digest == image["digest"]


def test_an_image_for_a_registry_that_nobody_serves_fails(shop: Shop) -> None:
    shop.edit("base/okteto.yaml", "build: {base: {context: ., image: 'other.test/base:1'}}\n")
    (image,) = shop.results("base", "-p", "no:layout", "-p", "no:registry").values()
    assert image["verdict"] == "failed"
    assert image["message"].startswith("no plugin serves the registry 'other.test'\n")


def test_a_key_made_from_other_content_is_built_again(shop: Shop) -> None:
    base, lib = (shop.results(name)[f"{name}:{name}"] for name in ("base", "lib"))
    source = Reference("registry.test", "okteto/lib", digest=lib["digest"])
    shop.registry.tag(source, Reference("registry.test", "okteto/base", base["key"]))
    assert shop.shared("base") == {base["key"]: lib["digest"]}
    again = shop.results("base")["base:base"]
    assert again["reasons"] == [
        f"registry.test/okteto/base:{base['key']} was made from other content than its key says"
    ]
    assert shop.shared("base") == {base["key"]: base["digest"]}


# ------------------------------------------------------------------------------- dependencies


def test_a_dependant_gets_its_dependency_by_digest(shop: Shop) -> None:
    shop.edit(
        "web/Dockerfile",
        "ARG OKTETO_BUILD_BASE_IMAGE\n"
        "FROM ${OKTETO_BUILD_BASE_IMAGE}\n"
        + "".join(
            f"ARG OKTETO_BUILD_BASE_{name}\n" for name in ("REGISTRY", "REPOSITORY", "TAG", "SHA")
        )
        + "COPY data /web\n",
    )
    digest = shop.results("web")["base:base"]["digest"]
    request = shop.requests[-1]
    reference = f"registry.test/okteto/base@{digest}"
    given = {name: value for name, value in request.args.items() if "_BUILD_BASE_" in name}
    assert given == {
        "OKTETO_BUILD_BASE_IMAGE": reference,
        "OKTETO_BUILD_BASE_REGISTRY": "registry.test",
        "OKTETO_BUILD_BASE_REPOSITORY": "okteto/base",
        "OKTETO_BUILD_BASE_TAG": digest,
        "OKTETO_BUILD_BASE_SHA": f"okteto@{digest}",
    }
    assert {text: str(image) for text, image in request.images.items()} == {reference: reference}


def test_a_dependency_that_is_reused_is_passed_on_by_digest_too(shop: Shop) -> None:
    digest = shop.results("base")["base:base"]["digest"]
    shop.run("build", "web").assert_ok()
    reference = f"registry.test/okteto/base@{digest}"
    assert shop.requests[-1].args["OKTETO_BUILD_BASE_IMAGE"] == reference


def test_a_request_says_all_that_determines_a_build(shop: Shop) -> None:
    shop.workspace.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    shop.edit("base/Dockerfile", "FROM scratch\nARG X\nCOPY data /base\n")
    shop.run("build", "base", "--build-arg", "X=1", "--build-arg", "Y=1").assert_ok()
    (request,) = shop.requests
    assert request.platforms == ("linux/amd64",)
    assert request.source_date_epoch == 1_700_000_000
    assert request.args == {"X": "1"}, "nothing declares the other one"
    assert str(request.repository) == "registry.test/okteto/base"
    assert [file.relpath for file in request.context.files] == ["data"]
    assert request.key in shop.shared("base")
    assert not request.no_cache


# ------------------------------------------------------------------------ when nothing is reused


def test_no_cache_builds_everything_anew_and_tells_the_builder(shop: Shop) -> None:
    shop.run("build").assert_ok()
    shop.built()
    shop.registry.calls.clear()
    found = shop.results("--no-cache")
    assert {image["verdict"] for image in found.values()} == {"build"}
    assert {tuple(image["reasons"]) for image in found.values()} == {("--no-cache",)}
    assert all(request.no_cache for request in shop.requests)
    assert shop.registry.calls["resolve"] == 4, "only to see that each result is there"


def test_without_smart_builds_nothing_is_shared(shop: Shop) -> None:
    shop.workspace.environ["OKTETO_SMART_BUILDS_ENABLED"] = "false"
    for _ in range(2):
        found = shop.results()
        assert sorted(shop.built()) == ALL
    assert {tuple(image["reasons"]) for image in found.values()} == {("Smart Builds are off",)}
    for address, image in found.items():
        name = address.partition(":")[2]
        assert shop.shared(name) == {}
        assert shop.personal(name) == {"okteto": image["digest"]}


def test_without_smart_builds_dependencies_come_from_one_s_own_repository(shop: Shop) -> None:
    shop.workspace.environ["OKTETO_SMART_BUILDS_ENABLED"] = "false"
    digest = shop.results("web")["base:base"]["digest"]
    reference = f"registry.test/cindy/base@{digest}"
    assert shop.requests[-1].args["OKTETO_BUILD_BASE_IMAGE"] == reference


def test_a_registry_that_cannot_be_read_fails_what_it_should_keep(shop: Shop) -> None:
    shop.registry.failures["resolve"] = RegistryError("connection refused")
    (image,) = shop.results("base").values()
    assert image["reasons"] == ["the registry cannot be asked: connection refused"]
    assert (image["verdict"], image["message"]) == ("failed", "connection refused")
    assert shop.shared("base") == {}
