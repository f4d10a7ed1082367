"""Which daemon an image goes to: stable, balanced, and never one that has too much to do."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.pool.rendezvous import capacity, choose, preferences

images = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
daemons = st.sets(st.from_regex(r"tcp://[a-z]{1,8}:[0-9]{1,4}", fullmatch=True), min_size=1)
loads = st.dictionaries(
    st.sampled_from([f"tcp://b{n}:1" for n in range(9)]), st.integers(0, 50), min_size=1
)


@given(images, daemons)
def test_every_daemon_is_a_choice_once(image: str, members: set[str]) -> None:
    assert sorted(preferences(image, members)) == sorted(members)


@given(images, st.lists(st.sampled_from([f"tcp://b{n}:1" for n in range(9)]), unique=True))
def test_the_order_of_the_addresses_does_not_matter(image: str, members: list[str]) -> None:
    assert preferences(image, members) == preferences(image, members[::-1])


@given(images, daemons, st.data())
def test_without_a_daemon_only_its_own_images_move(
    image: str, members: set[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(members)))
    before = preferences(image, members)
    assert preferences(image, members - {gone}) == [name for name in before if name != gone]


@given(images, daemons)
def test_a_daemon_that_joins_takes_images_and_moves_no_other(image: str, members: set[str]) -> None:
    (first, *_), joined = preferences(image, members), "unix:///new"
    assert preferences(image, {*members, joined})[0] in (first, joined)


def test_the_choice_is_the_same_on_every_machine() -> None:
    members = ["tcp://one:1234", "tcp://two:1234", "tcp://three:1234"]
    first = {
        image: preferences(image, members)[0]
        for image in ("base:base", "services/api:api", "services/cart:cart", "web:front")
    }
    assert first == {
        "base:base": "tcp://two:1234",
        "services/api:api": "tcp://two:1234",
        "services/cart:cart": "tcp://two:1234",
        "web:front": "tcp://one:1234",
    }


def test_many_images_spread_evenly() -> None:
    members = [f"tcp://builder-{number}:1234" for number in range(4)]
    counts = Counter(preferences(f"services/{n}:{n}", members)[0] for n in range(4000))
    assert all(900 < counts[name] < 1100 for name in members)


def test_the_second_choices_of_one_daemon_spread_as_well() -> None:
    members = [f"tcp://builder-{number}:1234" for number in range(4)]
    orders = [preferences(f"services/{n}:{n}", members) for n in range(4000)]
    counts = Counter(order[1] for order in orders if order[0] == members[0])
    assert all(230 < counts[name] < 440 for name in members[1:])


@given(images, loads)
def test_a_choice_has_room(image: str, running: dict[str, int]) -> None:
    chosen = choose(image, running)
    assert running[chosen] < capacity(sum(running.values()), len(running))


@given(images, loads)
def test_those_that_an_image_likes_better_have_no_room(image: str, running: dict[str, int]) -> None:
    limit = capacity(sum(running.values()), len(running))
    order = preferences(image, running)
    better = order[: order.index(choose(image, running))]
    assert all(running[name] >= limit for name in better)


@given(images, daemons)
def test_of_daemons_without_work_the_first_choice_is_taken(image: str, members: set[str]) -> None:
    assert choose(image, dict.fromkeys(members, 0)) == preferences(image, members)[0]


@given(images, st.integers(0, 1000))
def test_the_only_daemon_takes_everything(image: str, builds: int) -> None:
    assert choose(image, {"unix:///only": builds}) == "unix:///only"


@given(st.integers(1, 9), st.lists(images, max_size=80))
def test_builds_that_come_one_after_the_other_keep_within_the_bound(
    count: int, wanted: list[str]
) -> None:
    running = {f"tcp://b{number}:1": 0 for number in range(count)}
    for image in wanted:
        running[choose(image, running)] += 1
    assert max(running.values()) <= capacity(max(0, len(wanted) - 1), count)


@pytest.mark.parametrize(
    ("running", "count", "limit"),
    [(0, 1, 2), (0, 2, 1), (1, 2, 2), (3, 4, 2), (7, 4, 3), (99, 10, 13), (15, 1, 20)],
)
def test_the_bound(running: int, count: int, limit: int) -> None:
    assert capacity(running, count) == limit


def test_an_image_goes_to_its_second_choice_when_the_first_is_busy() -> None:
    first, second, third = preferences("web:front", ["tcp://a:1", "tcp://b:1", "tcp://c:1"])
    assert choose("web:front", {first: 4, second: 1, third: 0}) == second
    assert choose("web:front", {first: 4, second: 4, third: 0}) == third
    assert choose("web:front", {first: 2, second: 2, third: 2}) == first


def test_no_daemon_is_no_choice() -> None:
    with pytest.raises(ValueError, match=r"^no daemon to choose from$"):
        choose("web:front", {})
