"""What a branch would rebuild, as text, Markdown and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from okplug.explanation import base_document, change_document
from okplug.markdown import LONGEST_COMMENT, code, table
from okplug.plandiff import MOVED, NEW, REBUILD, REMOVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from okplug.gitrefs import Base
    from okplug.keydiff import Change
    from okplug.plandiff import Difference, PlanDiff

#: reasons that a line has, and images that a table shows at once
_FEW: Final = 3
_MANY: Final = 20
#: what a program finds the comment by that it is to replace
_MARK: Final = "<!-- okplug plan --diff -->"

_WORDS: Final = {REBUILD: "to rebuild", NEW: "new", MOVED: "moved", REMOVED: "removed"}


def summary(diff: PlanDiff) -> str:
    """Return how many images are what, those that stay as they are left out."""
    counts = ((diff.count(verdict), words) for verdict, words in _WORDS.items())
    return ", ".join(f"{number} {words}" for number, words in counts if number)


def as_text(diff: PlanDiff, *, all_reasons: bool) -> list[str]:
    """Return a line for each image that is not what it was.

    :param all_reasons: however many an image has.
    """
    width = max((len(each.address) for each in diff.differences), default=0)
    lines = []
    for each in diff.differences:
        few = None if all_reasons else _FEW
        reasons = "; ".join(_reasons(each, str, str, few))
        lines.append(f"{each.verdict:7}  {each.address:{width}}  {reasons}".rstrip())
    return lines


def as_document(diff: PlanDiff, base: Base) -> dict[str, Any]:
    """Return the JSON document; fields are only ever added."""
    return {
        "against": base_document(base),
        "images": [
            {
                "address": each.address,
                "verdict": each.verdict,
                "reasons": list(_reasons(each, str, str, None)),
                "changes": [change_document(change) for change in each.changes],
                "because": list(each.because),
                "was": each.was,
            }
            for each in diff.differences
        ],
        "unchanged": diff.unchanged,
    }


def as_markdown(diff: PlanDiff, base: Base) -> str:
    """Return a comment for a pull request, at most as long as a forge takes.

    It is the same for the same differences, and begins with a mark that it can be found by. Of many
    images those that only follow from others are folded away.
    """
    merged = "merge base " if base.is_merge_base else ""
    head = (
        f"{_MARK}\n### Images: {summary(diff) or 'nothing to rebuild'}\n\n"
        f"Compared with {code(base.name)} ({merged}{code(base.commit.id[:12])}), "
        f"{diff.unchanged} unchanged.\n"
    )
    blocks = _blocks(diff)
    left = LONGEST_COMMENT - len(head)
    parts = [head]
    for number, (title, differences) in enumerate(blocks):
        rows = [_row(each) for each in differences]
        text, fitting = table(("verdict", "image", "why"), rows, left)
        missing = len(rows) - fitting + sum(len(rest) for _, rest in blocks[number + 1 :])
        parts.append(
            f"\n<details><summary>{title}</summary>\n\n{text}\n</details>\n"
            if title
            else f"\n{text}"
        )
        left -= len(parts[-1])
        if fitting < len(rows):
            parts.append(f"\n{missing} more are not shown.\n")
            break
    return "".join(parts)


def _blocks(diff: PlanDiff) -> Sequence[tuple[str, Sequence[Difference]]]:
    """Return the tables, each with the title under which it is folded away, ``""`` if it is not."""
    if len(diff.differences) <= _MANY:
        return [("", diff.differences)] if diff.differences else []
    causes = [each for each in diff.differences if not _follows(each)]
    effects = [each for each in diff.differences if _follows(each)]
    blocks = (
        ("", causes[:_MANY]),
        (f"{len(causes) - _MANY} more", causes[_MANY:]),
        (f"{len(effects)} to rebuild because of others", effects),
    )
    return [block for block in blocks if block[1]]


def _follows(difference: Difference) -> bool:
    return difference.verdict == REBUILD and not difference.changes


def _row(difference: Difference) -> tuple[str, str, str]:
    reasons = "; ".join(_reasons(difference, code, _as_markdown, _FEW))
    return difference.verdict, code(difference.address), reasons


def _as_markdown(change: Change) -> str:
    subject = code(change.subject) if change.subject else ""
    text = " ".join(part for part in (change.words, subject, change.how) if part)
    return f"{text}: {code(change.detail)}" if change.detail else text


def _reasons(
    difference: Difference,
    name: Callable[[str], str],
    tell: Callable[[Change], str],
    few: int | None,
) -> Iterator[str]:
    """Yield what is to be said of an image.

    :param name: writes an address.
    :param tell: writes a change.
    :param few: changes, and causes, at most; None for all.
    """
    changes = difference.changes
    yield from map(tell, changes[:few])
    if changes[len(changes[:few]) :]:
        yield f"{len(changes) - len(changes[:few])} more changes"
    if difference.because:
        yield f"because {_listed(list(map(name, difference.because)), few)} changed"
    if difference.was:
        yield f"was {name(difference.was)}"


def _listed(names: list[str], few: int | None) -> str:
    if few and len(names) > few:
        names = [*names[:few], f"{len(names) - few} more"]
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
