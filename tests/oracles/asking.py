"""Cases for programs that hold an original, and the comparison of its answers with okplug's.

``OKPLUG_ORACLE_CASES`` says how many cases each comparison makes, ``OKPLUG_ORACLE_SEED`` which: the same
seed makes the same cases, and ``today`` others every day.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PROGRAMS = Path(__file__).parents[2] / ".tox/bin/oracles"
#: what one process is asked; more would only take memory
_BATCH = 5000
#: how deep rules of a grammar lie in one another before each takes its first form
_DEEPEST = 12
_SHOWN = 20
#: seconds that a batch may take on a machine that is busy
_LONGEST = 60

#: what stands for an answer where there is none
REFUSED = "refused"
#: the same for what okplug reads otherwise on purpose; docs/oracles.md lists it all
ON_PURPOSE = "on purpose"


def case_count() -> int:
    """Return how many cases a comparison makes."""
    return int(os.environ.get("OKPLUG_ORACLE_CASES", "20000"))


def chance(name: str) -> random.Random:
    """Return the source of all that is random in the cases of one comparison."""
    seed = os.environ.get("OKPLUG_ORACLE_SEED", "0")
    if seed == "today":
        seed = dt.datetime.now(dt.UTC).date().isoformat()
    return random.Random(f"{seed} {name}")


def packed(text: str) -> str:
    """Return a text as it travels; what was not UTF-8 once is not again."""
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def unpacked(text: str | None) -> str:
    """Return a text that has travelled."""
    return base64.b64decode(text or "").decode("utf-8", "surrogateescape")


def unpacked_all(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts that have travelled."""
    return tuple(unpacked(text) for text in texts)


def ask(name: str, questions: Sequence[object]) -> Iterator[tuple[Any, str]]:
    """Yield what the program *name* replies to each question, or None and why it refuses it."""
    program = PROGRAMS / name
    if not program.exists():
        pytest.fail(f"{program} is not there; tests/run builds it")
    for start in range(0, len(questions), _BATCH):
        batch = questions[start : start + _BATCH]
        lines = "".join(f"{json.dumps(question)}\n" for question in batch)
        done = subprocess.run(
            [program], input=lines, capture_output=True, text=True, check=True, timeout=_LONGEST
        )
        answers = done.stdout.splitlines()
        assert len(answers) == len(batch)
        for line in answers:
            answer = json.loads(line)
            yield answer.get("reply"), answer.get("refusal", "")


class Grammar:
    """Texts from rules: each has forms of symbols with blanks between them.

    A symbol that names a rule stands for one of its forms, any other for itself, with ``␣`` for a blank
    in it. A rule's first form is the one that ends.
    """

    def __init__(self, rules: Mapping[str, Iterable[str]], source: random.Random) -> None:
        self._rules = {name: [form.split(" ") for form in forms] for name, forms in rules.items()}
        self._random = source

    def text(self, rule: str, depth: int = 0) -> str:
        """Return a text that *rule* allows."""
        forms = self._rules[rule]
        form = forms[0] if depth > _DEEPEST else self._random.choice(forms)
        return "".join(
            self.text(symbol, depth + 1) if symbol in self._rules else symbol.replace("␣", " ")
            for symbol in form
        )

    def spoilt(self, text: str, alphabet: str) -> str:
        """Return *text* with a few characters dropped, doubled, or put in from *alphabet*."""
        for _ in range(self._random.choice((1, 1, 2, 3))):
            at = self._random.randint(0, len(text))
            how = self._random.random()
            piece = self._random.choice(alphabet) if how < 0.5 else text[at : at + 1] * 2
            text = text[:at] + (piece if how < 0.75 else "") + text[at + (how >= 0.5) :]
        return text


@dataclass(frozen=True)
class Difference:
    """A case that is read in two ways."""

    case: object
    ours: object
    theirs: object


class Comparison:
    """Counts answers and keeps those that differ.

    :param exceptions: the share of the cases that may differ on purpose.
    :param refused: the share that the original may refuse.
    """

    def __init__(self, name: str, *, exceptions: float = 0.1, refused: float = 0.75) -> None:
        self._refused = refused
        self._exceptions = exceptions
        self.cases = 0
        self.refused = 0
        self.on_purpose = 0
        self.differences: list[Difference] = []
        self._name = name

    def take(self, case: object, ours: object, theirs: object) -> None:
        """Compare what okplug and the original make of a case; ``REFUSED`` is no answer."""
        self.cases += 1
        self.refused += theirs == REFUSED
        self.on_purpose += ours == ON_PURPOSE
        if ours not in (theirs, ON_PURPOSE):
            self.differences.append(Difference(case, ours, theirs))

    def check(self) -> None:
        """Fail with the shortest of the cases that differ, and if the cases tell nothing."""
        if self.differences:
            found = {repr(difference.case): difference for difference in self.differences}
            shown = "\n".join(
                f"{d.case!r}\n    okplug   {d.ours!r}\n    original {d.theirs!r}"
                for _, d in sorted(found.items(), key=lambda item: len(item[0]))[:_SHOWN]
            )
            pytest.fail(f"{self._name}: {len(self.differences)} of {self.cases} differ\n{shown}")
        assert self.on_purpose <= self.cases * self._exceptions, "the exceptions are too wide"
        telling = self.cases * 0.02 < self.refused < self.cases * self._refused
        assert telling, f"{self.refused} of {self.cases} cases are refused"
