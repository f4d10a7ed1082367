from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.manifest.entrykeys import ALIASES, EXCLUSIVE, KEYS, Form

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

#: what each form takes, and what it does not
RIGHT = {
    Form.TEXT: ["a"],
    Form.TEXTS: ["a", "[a, b]"],
    Form.COMMA_TEXTS: ["linux/a", "linux/a,linux/b", "[linux/a]"],
    Form.VERBATIM: ["FROM scratch"],
    Form.ARGUMENTS: ["{A: 1}", "[A=1, B]"],
    Form.PAIRS: ["{A: 1}", "[A=1, B]"],
    Form.CONTEXTS: ["{a: base}", "[a=base]"],
    Form.HOSTS: ["{a: 1.1.1.1}", "['a:1.1.1.1']"],
    Form.SECRETS: ["{a: b, c: {env: D}}"],
    Form.NETWORK: ["none", "host", "default"],
    Form.FLAG: ["true", "false"],
}
WRONG = {
    Form.TEXT: ["[a]", "{a: b}"],
    Form.TEXTS: ["{a: b}", "[[a]]"],
    Form.COMMA_TEXTS: ["{a: b}", "[[a]]"],
    Form.VERBATIM: ["[FROM scratch]"],
    Form.ARGUMENTS: ["a=1", "[{a: 1}]"],
    Form.PAIRS: ["a=1", "[{a: 1}]"],
    Form.CONTEXTS: ["a=base", "[{a: base}]"],
    Form.HOSTS: ["a=1.1.1.1", "{a: b}"],
    Form.SECRETS: ["[a]", "a"],
    Form.NETWORK: ["bridge", "[none]"],
    Form.FLAG: ["1", "perhaps", "[true]"],
}


def entry(key: str, value: str) -> str:
    return f"build:\n  base: .\n  x:\n    {key}: {value}\n"


@pytest.fixture
def full(workspace: Workspace) -> Workspace:
    """A workspace with every file that the values name."""
    workspace.add("a/Dockerfile")
    return workspace


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, form in KEYS.items() for value in RIGHT[form] if key != "dockerfile"],
)
def test_a_key_takes_its_form(full: Workspace, key: str, value: str) -> None:
    image = full.read(entry(key, value)).images[1]
    assert key in image.places


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, form in KEYS.items() for value in WRONG[form]]
)
def test_a_key_takes_no_other_form(full: Workspace, key: str, value: str) -> None:
    assert full.error(entry(key, value)).startswith("ROOT/okteto.yaml:4:")


@pytest.mark.parametrize("key", KEYS)
def test_a_key_with_nothing_below_it_counts_as_not_written(full: Workspace, key: str) -> None:
    assert full.read(entry(key, "")).images[1].places == {}


def test_other_names_and_pairs_are_of_keys_that_there_are() -> None:
    assert set(ALIASES.values()) <= KEYS.keys()
    assert {key for pair in EXCLUSIVE for key in pair} <= KEYS.keys()
    assert not ALIASES.keys() & KEYS.keys()
