"""What a branch would rebuild, as text, Markdown and JSON."""

from __future__ import annotations

import pytest

from okplug.diffformats import as_document, as_markdown, as_text, summary
from okplug.gitrefs import Base, Commit
from okplug.keydiff import Change
from okplug.markdown import LONGEST_COMMENT
from okplug.plandiff import MOVED, NEW, REBUILD, REMOVED, Difference, PlanDiff

BASE = Base(Commit("0123456789abcdef" * 2 + "01234567", ("main",)), "main", is_merge_base=True)
DATA = Change("file", "changed", "src/data")
ARG = Change("arg", "changed", "VERSION", "1 -> 2|3")
DIFF = PlanDiff(
    (
        Difference("base:base", REBUILD, (DATA, ARG)),
        Difference("services/api:api", REBUILD, (), ("base:base",)),
        Difference("web:web", REBUILD, (DATA,), ("base:base", "services/api:api")),
        Difference("tools:new", NEW),
        Difference("apps/site:site", MOVED, was="site:site"),
        Difference("old:old", REMOVED),
    ),
    unchanged=7,
)
NOTHING = PlanDiff((), unchanged=3)


def test_text() -> None:
    assert as_text(DIFF, all_reasons=False) == [
        "rebuild  base:base         src/data changed; build argument VERSION changed: 1 -> 2|3",
        "rebuild  services/api:api  because base:base changed",
        "rebuild  web:web           src/data changed; because base:base and services/api:api changed",
        "new      tools:new",
        "moved    apps/site:site    was site:site",
        "removed  old:old",
    ]
    assert as_text(NOTHING, all_reasons=False) == []


def test_text_of_many_reasons() -> None:
    changes = tuple(Change("file", "added", str(number)) for number in range(5))
    because = tuple(f"{letter}:{letter}" for letter in "abcde")
    diff = PlanDiff((Difference("x:x", REBUILD, changes, because),), 0)
    assert as_text(diff, all_reasons=False) == [
        (
            "rebuild  x:x  0 added; 1 added; 2 added; 2 more changes; "
            "because a:a, b:b, c:c and 2 more changed"
        )
    ]
    assert as_text(diff, all_reasons=True) == [
        (
            "rebuild  x:x  0 added; 1 added; 2 added; 3 added; 4 added; "
            "because a:a, b:b, c:c, d:d and e:e changed"
        )
    ]


@pytest.mark.parametrize(
    ("diff", "expected"),
    [(DIFF, "3 to rebuild, 1 new, 1 moved, 1 removed"), (NOTHING, "")],
)
def test_summary(diff: PlanDiff, expected: str) -> None:
    assert summary(diff) == expected


def test_document() -> None:
    document = as_document(DIFF, BASE)
    assert document["against"] == {
        "origin": "commit",
        "name": "main",
        "commit": BASE.commit.id,
        "is_merge_base": True,
    }
    assert document["unchanged"] == 7
    assert [image["verdict"] for image in document["images"]] == [
        *("rebuild", "rebuild", "rebuild", "new", "moved", "removed")
    ]
    assert document["images"][0] == {
        "address": "base:base",
        "verdict": "rebuild",
        "reasons": ["src/data changed", "build argument VERSION changed: 1 -> 2|3"],
        "changes": [
            {
                "kind": "file",
                "how": "changed",
                "subject": "src/data",
                "detail": "",
                "text": "src/data changed",
            },
            {
                "kind": "arg",
                "how": "changed",
                "subject": "VERSION",
                "detail": "1 -> 2|3",
                "text": "build argument VERSION changed: 1 -> 2|3",
            },
        ],
        "because": [],
        "was": "",
    }
    assert document["images"][2]["because"] == ["base:base", "services/api:api"]
    assert document["images"][4]["was"] == "site:site"


# ------------------------------------------------------------------------------------------ Markdown


def test_markdown() -> None:
    assert (
        as_markdown(DIFF, BASE)
        == """\
<!-- okplug plan --diff -->
### Images: 3 to rebuild, 1 new, 1 moved, 1 removed

Compared with `main` (merge base `0123456789ab`), 7 unchanged.

| verdict | image | why |
|---|---|---|
| rebuild | `base:base` | `src/data` changed; build argument `VERSION` changed: <code>1 -&#62; 2&#124;3</code> |
| rebuild | `services/api:api` | because `base:base` changed |
| rebuild | `web:web` | `src/data` changed; because `base:base` and `services/api:api` changed |
| new | `tools:new` |  |
| moved | `apps/site:site` | was `site:site` |
| removed | `old:old` |  |
"""
    )


def test_markdown_without_differences() -> None:
    base = Base(BASE.commit, "main", is_merge_base=False)
    assert as_markdown(NOTHING, base) == (
        "<!-- okplug plan --diff -->\n"
        "### Images: nothing to rebuild\n"
        "\n"
        "Compared with `main` (`0123456789ab`), 3 unchanged.\n"
    )


def many(causes: int, effects: int, detail: str = "") -> PlanDiff:
    change = Change("arg", "changed", "A", detail)
    return PlanDiff(
        (
            *(Difference(f"c{n}:c", REBUILD, (change,)) for n in range(causes)),
            *(Difference(f"e{n}:e", REBUILD, (), ("c0:c",)) for n in range(effects)),
        ),
        0,
    )


def test_of_many_images_the_causes_stand_first_and_the_rest_is_folded_away() -> None:
    text = as_markdown(many(2, 30), BASE)
    open_, folded = text.split("<details>")
    assert open_.count("| rebuild |") == 2
    assert folded.startswith("<summary>30 to rebuild because of others</summary>\n\n| verdict |")
    assert folded.count("| rebuild |") == 30
    assert folded.endswith("\n</details>\n")


def test_of_many_causes_the_first_stand_open() -> None:
    text = as_markdown(many(50, 3), BASE)
    parts = text.split("<details>")
    assert [part.count("| rebuild |") for part in parts] == [20, 30, 3]
    assert "<summary>30 more</summary>" in parts[1]


@pytest.mark.parametrize(("causes", "effects"), [(20, 0), (2, 18), (0, 20)])
def test_few_are_one_table(causes: int, effects: int) -> None:
    assert "<details>" not in as_markdown(many(causes, effects), BASE)


def test_effects_alone_need_no_empty_table() -> None:
    text = as_markdown(many(0, 30), BASE)
    assert text.count("| verdict |") == 1


@pytest.mark.parametrize(("causes", "effects"), [(5000, 5000), (10, 9000), (900, 0)])
def test_a_comment_is_no_longer_than_a_forge_takes(causes: int, effects: int) -> None:
    text = as_markdown(many(causes, effects, "x" * 50), BASE)
    assert len(text) < LONGEST_COMMENT + 200
    shown = text.count("| rebuild |")
    assert 0 < shown <= causes + effects
    if shown < causes + effects:
        assert text.endswith(f"\n{causes + effects - shown} more are not shown.\n")
    assert text.count("<details>") == text.count("</details>")


def test_it_is_the_same_for_the_same() -> None:
    assert as_markdown(many(50, 50), BASE) == as_markdown(many(50, 50), BASE)
