from __future__ import annotations

from okplug.suggestions import closest, did_you_mean


def test_the_most_alike_word_is_guessed() -> None:
    assert closest("registy", ["names", "registry", "plugins"]) == "registry"


def test_nothing_is_guessed_when_nothing_is_alike() -> None:
    assert closest("zzz", ["names", "registry"]) == ""


def test_a_guess_ends_a_message() -> None:
    assert did_you_mean("registy", ["registry"]) == ", did you mean 'registry'?"
    assert did_you_mean("zzz", ["registry"]) == ""
