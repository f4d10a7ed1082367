"""What the words of a command line select."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.model import Dockerfile, Inherited, Resolution
from okplug.errors import Location, UsageError
from okplug.graph import Cause, ImageGraph, Node
from okplug.manifest.model import Image
from okplug.selection import add_selection_arguments, select, user_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOP = (
    ":site",
    "api:docs",
    "base:base",
    "services:all",
    "services/api:api",
    "services/api:worker",
    "services/old:old",
    "services/old/cron:cron",
    "services/web:web",
    "tools/web:web",
    "tools/.hidden:hidden",
)
EDGES = (
    ("base:base", "services/api:api"),
    ("services/api:api", "services/web:web"),
    ("base:base", "services/old:old"),
)


def make_graph(addresses: Iterable[str], edges: Iterable[tuple[str, str]] = ()) -> ImageGraph:
    graph = ImageGraph()
    place = Location(Path("/shop/okteto.yaml"))
    dockerfile = Dockerfile(Path("/shop/Dockerfile"), (), (), (), ())
    resolution = Resolution((), (), (), "", (), Inherited())
    for address in addresses:
        folder, _, name = address.rpartition(":")
        image = Image(name, folder, place, Path("/shop"), dockerfile.path)
        graph.put(Node(image, dockerfile, resolution, {}, {}))
    for dependency, dependant in edges:
        graph.add_edge(dependency, dependant, Cause("FROM", place))
    return graph


def asked(*texts: str, cwd: str = "", keyword: str = "") -> list[str]:
    graph = make_graph(SHOP, EDGES)
    return sorted(select(graph, texts, cwd=cwd, keyword=keyword).asked)


OLD = ["services/old/cron:cron", "services/old:old"]
API = ["services/api:api", "services/api:worker"]
BELOW_SERVICES = sorted([*API, *OLD, "services:all", "services/web:web"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("services/api:api", API[:1], id="an address"),
        pytest.param("//services/api:api", API[:1], id="an address from the root"),
        pytest.param(":site", [":site"], id="an address in the root"),
        pytest.param("//:site", [":site"], id="the same, from the root"),
        pytest.param("services/api", API, id="a folder"),
        pytest.param("services/api/", API, id="a folder as a shell completes it"),
        pytest.param("services/api:", API, id="a folder with a colon"),
        pytest.param("//services/api", API, id="a folder from the root"),
        pytest.param("services", ["services:all"], id="a folder, not what is below"),
        pytest.param("services::", BELOW_SERVICES, id="all at and below a folder"),
        pytest.param("services/::", BELOW_SERVICES, id="the same, with a slash"),
        pytest.param("services/old::", OLD, id="all at and below a deeper folder"),
        pytest.param("::", sorted(SHOP), id="all"),
        pytest.param("//::", sorted(SHOP), id="all, from the root"),
        pytest.param(":", [":site"], id="the root's images"),
        pytest.param("cron", ["services/old/cron:cron"], id="a name"),
        pytest.param("api", ["api:docs"], id="a folder goes before a name"),
        pytest.param(
            "services/*:*", sorted([*API, OLD[1], "services/web:web"]), id="a star is no slash"
        ),
        pytest.param("services/**:*", [a for a in BELOW_SERVICES if a != "services:all"], id="**"),
        pytest.param("**:web", ["services/web:web", "tools/web:web"], id="a name in any folder"),
        pytest.param("*:*", [":site", "api:docs", "base:base", "services:all"], id="one deep"),
        pytest.param("*/web", ["services/web:web", "tools/web:web"], id="folders"),
        pytest.param("w[eo]*", ["services/api:worker", "services/web:web", "tools/web:web"], id="names"),
        pytest.param("services/o*::", OLD, id="all below what a pattern fits"),
        pytest.param("*/web:", ["services/web:web", "tools/web:web"], id="a pattern with a colon"),
        pytest.param("tools/.hidden", ["tools/.hidden:hidden"], id="a hidden folder"),
    ],
)  # fmt: skip
def test_one_word(text: str, expected: list[str]) -> None:
    assert asked(text) == expected


@pytest.mark.parametrize(
    ("cwd", "text", "expected"),
    [
        ("services", "./api:api", API[:1]),
        ("services", "./api", API),
        ("services", ".", ["services:all"]),
        ("services", "./", ["services:all"]),
        ("services", ".::", BELOW_SERVICES),
        ("services", "./::", BELOW_SERVICES),
        ("services", ".:all", ["services:all"]),
        ("services", "./:all", ["services:all"]),
        ("services/api", "../old::", OLD),
        ("services/api", "..", ["services:all"]),
        ("services/api", "../../base:base", ["base:base"]),
        ("services/api", "../..", [":site"]),
        ("services/api", "../..::", sorted(SHOP)),
        ("services/api", "./../web", ["services/web:web"]),
        ("tools", "./.hidden", ["tools/.hidden:hidden"]),
        ("", ".", [":site"]),
        ("", ".::", sorted(SHOP)),
        ("", "./services/api", API),
        ("services", "services/api", API),
        ("services", "cron", ["services/old/cron:cron"]),
    ],
)
def test_words_from_where_the_user_is(cwd: str, text: str, expected: list[str]) -> None:
    assert asked(text, cwd=cwd) == expected


def test_without_words_all_at_and_below_the_folder_is_selected() -> None:
    assert asked() == sorted(SHOP)
    assert asked(cwd="services/old") == OLD
    assert asked(cwd="no/images/here") == []


def test_several_words_are_a_union() -> None:
    assert asked("services/old::", "cron", ":site") == [":site", *OLD]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["services::", "-services/old::"], [a for a in BELOW_SERVICES if a not in OLD]),
        (["-services/old::", "services::"], [a for a in BELOW_SERVICES if a not in OLD]),
        (["-services::", "-tools::"], [":site", "api:docs", "base:base"]),
        (["services/api", "-worker"], API[:1]),
        (["services/api", "-base"], API),
        (["::", "-**:*"], []),
        (["cron", "-cron"], []),
    ],
)
def test_what_is_left_out_is_so_in_any_order(texts: list[str], expected: list[str]) -> None:
    assert asked(*texts) == expected


def test_what_is_left_out_counts_from_the_users_folder_too() -> None:
    assert asked(".::", "-./old::", cwd="services") == [a for a in BELOW_SERVICES if a not in OLD]
    assert asked("-./cron", cwd="services/old") == ["services/old:old"]


def test_a_keyword_keeps_what_it_holds_for() -> None:
    assert asked(keyword="web and not tools") == ["services/web:web"]
    assert asked("services::", keyword="OLD") == OLD
    assert asked("base", keyword="nothing") == []


def test_needed_is_what_images_are_built_from() -> None:
    selection = select(make_graph(SHOP, EDGES), ["services/web"])
    assert selection.asked == {"services/web:web"}
    assert selection.needed == {"services/web:web", "services/api:api", "base:base"}


def test_what_is_left_out_may_still_be_needed() -> None:
    selection = select(make_graph(SHOP, EDGES), ["services/api:api", "base", "-base"])
    assert selection.asked == {"services/api:api"}
    assert selection.needed == {"services/api:api", "base:base"}


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services/apis", "'services/apis' selects no image, did you mean 'services/api'?"),
        ("services/apy:api", "'services/apy:api' selects no image, did you mean 'services/api:api'?"),
        ("servicse::", "'servicse::' selects no image, did you mean 'services'?"),
        ("wbe", "'wbe' selects no image, did you mean 'web'?"),
        ("zzzzz", "'zzzzz' selects no image"),
        ("z*", "'z*' selects no image"),
        ("", "'' selects no image"),
        ("services/ap", "'services/ap' selects no image, did you mean 'services/api'?"),
        ("./cron", "'./cron' selects no image, did you mean 'cron'?"),
        ("/shop/services", "'/shop/services' selects no image, did you mean 'services'?"),
    ],
)  # fmt: skip
def test_a_word_that_selects_nothing(text: str, message: str) -> None:
    for given_text in (text, f"-{text}"):
        with pytest.raises(UsageError) as caught:
            asked("::", given_text)
        assert caught.value.message == message
        assert caught.value.hint == "okplug list shows all addresses"


def test_a_name_of_several_images() -> None:
    with pytest.raises(UsageError) as caught:
        asked("web")
    assert str(caught.value) == (
        "'web' may be any of services/web:web, tools/web:web\n"
        "  hint: write the address of the one that is meant, or a pattern for all of them"
    )


def test_a_name_of_very_many_images_is_not_told_with_all_of_them() -> None:
    graph = make_graph(f"team-{number}/app:app" for number in range(10, 40))
    with pytest.raises(UsageError, match=re.escape("team-17/app:app, ...")) as caught:
        select(graph, ["app"])
    assert caught.value.message.count("app:app") == 8


@pytest.mark.parametrize(("cwd", "text"), [("", ".."), ("", "../x:x"), ("a/b", "../../../c::")])
def test_a_way_out_of_the_workspace(cwd: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(text, cwd=cwd)
    assert caught.value.message == f"{text!r} is outside of the workspace"


def test_a_wrong_keyword_is_an_error_even_where_nothing_is_selected() -> None:
    with pytest.raises(UsageError, match="a word is missing"):
        asked("cron", "-cron", keyword="and")


# --------------------------------------------------------------------------------- the user's folder


@pytest.mark.parametrize(
    ("cwd", "folder"),
    [
        ("/shop", ""),
        ("/shop/services/api", "services/api"),
        ("/shop/.github", ".github"),
        ("/shop/v1.", "v1."),
        ("/shopping", ""),
        ("/", ""),
    ],
)
def test_the_users_folder(cwd: str, folder: str) -> None:
    assert user_folder(Path("/shop"), Path(cwd)) == folder


# ----------------------------------------------------------------------------------- command lines


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_selection_arguments(parser)
    return parser.parse_intermixed_args(argv)


def test_the_arguments_of_commands() -> None:
    options = parsed("a", "--exclude", "b", "-k", "not x", "c::", "--exclude=-d")
    assert options.selection == ["a", "c::"]
    assert options.exclude == ["b", "-d"]
    assert options.keyword == "not x"
    assert vars(parsed()) == {"selection": [], "exclude": [], "file": None, "keyword": ""}


# --------------------------------------------------------------------------------------------- laws


NAMES = st.text("ab[*-.#: é", min_size=1, max_size=4).filter(
    lambda name: ":" not in name and name not in {".", ".."}
)
FOLDERS = st.lists(NAMES, max_size=3).map("/".join)
ADDRESSES = st.tuples(FOLDERS, NAMES).map(":".join)
WORKSPACES = st.sets(ADDRESSES, min_size=1, max_size=8)


@given(WORKSPACES)
def test_every_address_selects_exactly_itself(addresses: set[str]) -> None:
    graph = make_graph(addresses)
    for address in addresses:
        assert select(graph, [f"//{address}"]).asked == {address}
        if not address.startswith("-"):
            assert select(graph, [address]).asked == {address}


@given(WORKSPACES)
def test_every_address_can_be_left_out(addresses: set[str]) -> None:
    graph = make_graph(addresses)
    for address in addresses:
        assert select(graph, [f"-//{address}"]).asked == addresses - {address}
        assert select(graph, [f"//{address}", f"-{address}"]).asked == frozenset()


@given(WORKSPACES)
def test_two_colons_are_all(addresses: set[str]) -> None:
    assert select(make_graph(addresses), ["::"]).asked == addresses


@given(WORKSPACES, st.data())
def test_below_a_folder_is_at_it_and_below_its_folders(
    addresses: set[str], data: st.DataObject
) -> None:
    """Folders are taken whole: ``a`` is not above ``ab``."""
    folder = data.draw(st.sampled_from(sorted(addresses))).rpartition(":")[0]
    if not folder or "*" in folder or "[" in folder:
        return
    selected = select(make_graph(addresses), [f"//{folder}::"]).asked
    assert selected == {a for a in addresses if f"{a.rpartition(':')[0]}/".startswith(f"{folder}/")}


@given(WORKSPACES, st.lists(st.text("ab:/*[].-", max_size=6), max_size=3))
def test_any_words_select_images_or_are_a_clean_error(
    addresses: set[str], texts: list[str]
) -> None:
    graph = make_graph(addresses)
    try:
        selection = select(graph, texts)
    except UsageError:
        return
    assert selection.asked <= selection.needed <= addresses


@given(WORKSPACES, st.data())
def test_the_order_of_words_does_not_count(addresses: set[str], data: st.DataObject) -> None:
    known = sorted(addresses)
    texts = data.draw(st.lists(st.sampled_from(["::", *(f"//{a}" for a in known)]), max_size=3))
    texts += [f"-//{a}" for a in data.draw(st.lists(st.sampled_from(known), max_size=2))]
    graph = make_graph(addresses)
    shuffled = data.draw(st.permutations(texts))
    assert select(graph, texts).asked == select(graph, shuffled).asked


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Services/Web:WEB", None),
        ("services/web:WEB", "services/web:web"),
        ("Site", ":site"),
        (":Si_Te", None),
        ("services/api: API ", "services/api:api"),
    ],
)
def test_a_name_is_sanitised_as_in_a_manifest_and_a_folder_is_not(
    text: str, address: str | None
) -> None:
    if address:
        assert asked(text) == [address]
    else:
        with pytest.raises(UsageError, match="selects no image"):
            asked(text)


def test_among_a_few_all_are_meant_wherever_the_user_is() -> None:
    graph = make_graph(SHOP, EDGES)
    among = {"services/web:web", "services/api:api", ":site"}
    assert select(graph, (), cwd="base", among=among).asked == among
    assert select(graph, ("web",), among=among).asked == {"services/web:web"}
    assert select(graph, ("-:site",), among=among).asked == among - {":site"}
    assert select(graph, ("web",), among=among).needed == {
        "services/web:web",
        "services/api:api",
        "base:base",
    }
    with pytest.raises(UsageError, match="'old' selects no image"):
        select(graph, ("old",), among=among)


def test_what_is_only_built_before_is_not_needed() -> None:
    graph = make_graph(("a:a", "b:b", "c:c"), [("a:a", "b:b")])
    place = Location(Path("/shop/compose.yaml"))
    graph.add_edge("c:c", "b:b", Cause("order", place))
    assert select(graph, ("b",)).needed == {"a:a", "b:b"}
