"""``okplug why`` and ``plan`` where another checkout, or another user, built before: whole screens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode, RegistryError
from okplug.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Shop

BASE = Reference("registry.test", "okteto/base")


@pytest.fixture
def fresh(shop: Shop) -> Shop:
    """All images have been built by david, in another checkout."""
    shop.run("build", "--namespace", "david").assert_ok()
    forget(shop)
    return shop


def forget(shop: Shop) -> None:
    """Make the checkout one in which nothing has run."""
    for path in (shop.workspace.root / ".okplug").iterdir():
        path.unlink()
    shop.built()


def build_other(shop: Shop, **contents: str) -> None:
    """Have another build base with other files, and leave the checkout as it was."""
    root = shop.workspace.root / "base"
    before = {name: (root / name).read_text() for name in contents if (root / name).exists()}
    for name, text in contents.items():
        (root / name).write_text(text)
    shop.run("build", "base", "--namespace", "erin").assert_ok()
    for name in contents:
        (root / name).unlink()
    for name, text in before.items():
        (root / name).write_text(text)
    forget(shop)


def why(shop: Shop, *argv: str) -> str:
    return shop.run("why", *argv).assert_ok().stdout


def test_compared_with_what_another_built(fresh: Shop, masked: Callable[[str], str]) -> None:
    fresh.edit("base/data", "changed\n")
    assert (
        masked(why(fresh, "base"))
        == """\
base:base: compared with registry.test/okteto/base:KEY, the only one in the registry
  data changed
"""
    )


def test_down_to_the_file_of_a_dependency(fresh: Shop, masked: Callable[[str], str]) -> None:
    fresh.edit("base/data", "changed\n")
    assert (
        masked(why(fresh, "api"))
        == """\
api:api: compared with registry.test/okteto/api:KEY, the only one in the registry
  dependency lib:lib changed
    dependency base:base changed
      data changed
  to build: depends on the result of lib:lib
"""
    )


def test_a_dependency_is_compared_with_the_one_that_was_built_from(
    fresh: Shop, masked: Callable[[str], str]
) -> None:
    """Not with the nearest of all."""
    build_other(fresh, data="changed\n", Dockerfile="FROM scratch\nCOPY data /else\n")
    fresh.edit("base/data", "changed\n")
    assert masked(why(fresh, "web")).splitlines()[1:3] == [
        "  dependency base:base changed",
        "    data changed",
    ]


def test_the_nearest_of_several(fresh: Shop, masked: Callable[[str], str]) -> None:
    build_other(fresh, Dockerfile="FROM scratch\nCOPY . /base\n", data="far\n", more="more\n")
    build_other(fresh, Dockerfile="FROM scratch\nCOPY . /base\n", more="more\n")
    fresh.edit("base/Dockerfile", "FROM scratch\nCOPY . /base\n")
    assert (
        masked(why(fresh, "base"))
        == """\
base:base: compared with registry.test/okteto/base:KEY, the nearest of 3 in the registry
  more removed
"""
    )


def test_here_comes_before_the_registry(fresh: Shop, masked: Callable[[str], str]) -> None:
    fresh.run("build", "base").assert_ok()
    fresh.edit("base/data", "mine\n")
    fresh.run("build", "base").assert_ok()
    fresh.edit("base/data", "changed\n")
    fresh.edit("base/Dockerfile", "FROM scratch\nCOPY data /here\n")
    here = """\
base:base: changed since it was last built or reused
  data changed
  instruction Dockerfile:2 changed: COPY data /base -> COPY data /here
"""
    assert why(fresh, "base") == here
    assert why(fresh, "base", "--against", "here") == here
    registry = masked(why(fresh, "base", "--against", "registry"))
    assert registry == here.replace(
        "changed since it was last built or reused",
        "compared with registry.test/okteto/base:KEY, the nearest of 2 in the registry",
    )


def test_against_here_asks_nobody(fresh: Shop) -> None:
    fresh.edit("base/data", "changed\n")
    assert why(fresh, "base", "--against", "here").startswith(
        "base:base: never built or reused in this checkout\n"
    )


def test_a_hit_is_not_compared(fresh: Shop, masked: Callable[[str], str]) -> None:
    for option in ((), ("--against", "registry")):
        assert (
            masked(why(fresh, "base", *option))
            == """\
base:base: never built or reused in this checkout
  the registry has its key KEY
"""
        )
    assert fresh.registry.calls["referrers"] == 0


def test_what_nobody_built(shop: Shop) -> None:
    assert (
        why(shop, "base", "--against", "registry")
        == """\
base:base: never built or reused in this checkout
  to build: new
"""
    )


def test_images_without_records(shop: Shop) -> None:
    shop.run("build", "base", "-o", "publish_records=false").assert_ok()
    assert shop.registry.referrers(BASE.with_tag(next(iter(shop.shared("base"))))) == ()
    forget(shop)
    shop.edit("base/data", "changed\n")
    assert (
        why(shop, "base")
        == """\
base:base: the registry has 1 of it, and none says what it is made of
  to build: its key is not in the registry
"""
    )


def test_a_registry_that_cannot_be_asked(fresh: Shop) -> None:
    fresh.edit("base/data", "changed\n")
    fresh.registry.failures["tags"] = RegistryError("connection refused", hint="start it")
    assert (
        why(fresh, "base")
        == """\
base:base: never built or reused in this checkout
  to build: its key is not in the registry
"""
    )
    outcome = fresh.run("why", "base", "--against", "registry")
    outcome.assert_exit(ExitCode.FAILED)
    assert "connection refused\n  hint: start it" in outcome.stderr


def test_a_damaged_record_is_passed_over(fresh: Shop) -> None:
    (tag,) = fresh.shared("base")
    (record,) = fresh.registry.referrers(BASE.with_tag(tag))
    fresh.registry.repository(BASE).blobs[record.digest] += b" "
    fresh.edit("base/data", "changed\n")
    assert "none says what it is made of" in why(fresh, "base")


def test_what_others_wrote_cannot_steer_the_terminal(fresh: Shop) -> None:
    build_other(fresh, **{"Dockerfile": "FROM scratch\nCOPY . /\n", "\x1b[2Jevil\u202e": "x"})
    fresh.edit("base/Dockerfile", "FROM scratch\nCOPY . /\n")
    for text in (why(fresh, "base"), fresh.run("plan", "base").assert_ok().stdout):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "evil" in text


def test_json(fresh: Shop, masked: Callable[[str], str]) -> None:
    fresh.edit("base/data", "changed\n")
    (image,) = json.loads(masked(why(fresh, "base", "--json")))["images"]
    assert image["against"] == {
        "origin": "registry",
        "key": "KEY",
        "reference": "registry.test/okteto/base:KEY",
        "compared": 1,
        "known": 1,
    }
    assert [change["text"] for change in image["changes"]] == ["data changed"]


# --------------------------------------------------------------------------------------------- plan


def test_the_reasons_of_a_plan(fresh: Shop) -> None:
    fresh.edit("base/data", "changed\n")
    assert (
        fresh.run("plan").assert_ok().stdout
        == """\
build  base:base  data changed
build  lib:lib    depends on the result of base:base
build  api:api    depends on the result of lib:lib
build  web:web    depends on the result of base:base
"""
    )


def test_the_user_s_own_image_counts_where_there_are_too_many(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    for number in range(5):
        build_other(shop, data=f"{number}\n")
    shop.edit("base/Dockerfile", "FROM scratch\nCOPY data /else\n")
    assert shop.run("plan", "base").assert_ok().stdout == (
        "build  base:base  instruction Dockerfile:2 changed: COPY data /base -> COPY data /else\n"
    )


def test_where_there_are_too_many_nothing_is_guessed(fresh: Shop) -> None:
    for number in range(5):
        build_other(fresh, data=f"{number}\n")
    fresh.edit("base/data", "changed\n")
    fresh.registry.calls.clear()
    assert fresh.run("plan", "base").assert_ok().stdout == (
        "build  base:base  its key is not in the registry\n"
    )
    assert fresh.registry.calls["referrers"] == 0


def test_hits_cost_nothing_more(fresh: Shop) -> None:
    fresh.registry.calls.clear()
    fresh.run("plan").assert_ok()
    assert fresh.registry.calls["resolve"] == 4
    assert not {"tags", "referrers", "open_blob"} & fresh.registry.calls.keys()


def test_a_plan_with_few_misses_asks_for_those_only(fresh: Shop) -> None:
    fresh.edit("api/data", "changed\n")
    fresh.registry.calls.clear()
    fresh.run("plan").assert_ok()
    assert (fresh.registry.calls["tags"], fresh.registry.calls["referrers"]) == (1, 1)


# -------------------------------------------------------------------------------------------- build


def test_a_record_that_is_refused_loses_no_image(shop: Shop) -> None:
    write = shop.registry.write_manifest

    def refusing(reference: Reference, media_type: str, data: bytes) -> object:
        if b'"subject"' in data:
            raise RegistryError("artifacts are not allowed here")
        return write(reference, media_type, data)

    shop.registry.write_manifest = refusing  # type: ignore[method-assign, assignment]  # a registry that is old
    outcome = shop.run("build").assert_ok()
    assert outcome.stderr.count("artifacts are not allowed here") == 1
    assert (
        "others cannot see what your images are made of, with okplug why: artifacts are not "
        "allowed here (-o publish_records=false does without)"
    ) in outcome.stderr
    assert set(shop.verdicts().values()) == {"reuse"}


def test_a_record_is_there_before_its_key(shop: Shop) -> None:
    calls: list[str] = []
    write, tag = shop.registry.write_manifest, shop.registry.tag

    def writing(reference: Reference, media_type: str, data: bytes) -> object:
        calls.append("record" if b'"subject"' in data else "image")
        return write(reference, media_type, data)

    def tagging(source: Reference, target: Reference) -> object:
        calls.append(target.repository)
        return tag(source, target)

    shop.registry.write_manifest = writing  # type: ignore[method-assign, assignment]  # to see the order
    shop.registry.tag = tagging  # type: ignore[method-assign, assignment]  # to see the order
    shop.run("build", "base").assert_ok()
    assert calls == ["image", "record", "okteto/base", "cindy/base"]


def test_what_is_reused_gets_no_second_record(fresh: Shop) -> None:
    writes = fresh.registry.calls["write_manifest"]
    fresh.run("build").assert_ok()
    assert fresh.registry.calls["write_manifest"] == writes


def test_who_may_not_share_keeps_the_record_with_the_image(shop: Shop) -> None:
    shop.registry.read_only.add("okteto")
    shop.run("build", "base").assert_ok()
    own = Reference("registry.test", "cindy/base", "okteto")
    assert len(shop.registry.referrers(own)) == 1


@pytest.mark.parametrize("verify", [True, False])
def test_a_hit_that_was_made_from_something_else(shop: Shop, *, verify: bool) -> None:
    shop.run("build", "base").assert_ok()
    (key,) = shop.shared("base")
    build_other(shop, data="forged\n")
    (other,) = shop.shared("base").keys() - {key}
    shop.registry.tag(BASE.with_tag(other), BASE.with_tag(key))
    outcome = shop.run("plan", "base", "-o", f"verify_hits={str(verify).lower()}").assert_ok()
    assert outcome.stdout == (
        f"build  base:base  {BASE.with_tag(key)} was made from other content than its key says\n"
        if verify
        else "reuse  base:base\n"
    )
