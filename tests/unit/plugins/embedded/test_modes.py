"""``--chmod``: the values of BuildKit, and the laws of octal modes and clauses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_embedded.failures import InstructionError
from okplug_embedded.modes import Mode

FILE, SCRIPT, FOLDER = (0o644, False), (0o755, False), (0o755, True)


@pytest.mark.parametrize(
    ("text", "of_file", "of_script", "of_folder"),
    [
        # what BuildKit v0.32 makes of them
        ("0", 0, 0, 0),
        ("600", 0o600, 0o600, 0o600),
        ("0750", 0o750, 0o750, 0o750),
        ("000644", 0o644, 0o644, 0o644),
        ("7777", 0o7777, 0o7777, 0o7777),
        ("u+x", 0o744, 0o755, 0o755),
        ("+x", 0o755, 0o755, 0o755),
        ("-x", 0o644, 0o644, 0o644),
        ("a=", 0, 0, 0),
        ("=", 0, 0, 0),
        ("a=r", 0o444, 0o444, 0o444),
        ("go-r", 0o600, 0o711, 0o711),
        ("u=rwX,g=u,o=", 0o660, 0o770, 0o770),
        ("+X", 0o644, 0o755, 0o755),
        ("-X", 0o644, 0o644, 0o644),
        ("u=X", 0o044, 0o155, 0o155),
        ("u+X,a-r", 0o200, 0o311, 0o311),
        ("a-x,a+X", 0o644, 0o755, 0o755),
        ("ug=o", 0o444, 0o555, 0o555),
        ("go=u,o-w+x", 0o665, 0o775, 0o775),
        ("g+u", 0o664, 0o775, 0o775),
        ("u-g", 0o244, 0o255, 0o255),
        ("+t,u+s", 0o5644, 0o5755, 0o5755),
        ("g+s,o+s,o+t", 0o2644, 0o2755, 0o2755),
        ("+s", 0o6644, 0o6755, 0o6755),
        ("ug+s,-s", 0o644, 0o755, 0o755),
        ("u+", 0o644, 0o755, 0o755),
        ("u+r-w", 0o444, 0o555, 0o555),
        ("ugo+rwx", 0o777, 0o777, 0o777),
        ("u=rw,go=r", 0o644, 0o644, 0o644),
    ],
)
def test_modes(text: str, of_file: int, of_script: int, of_folder: int) -> None:
    mode = Mode.parse(text)
    found = [mode.apply(bits, is_directory=is_folder) for bits, is_folder in (FILE, SCRIPT, FOLDER)]
    assert [oct(bits) for bits in found] == [oct(of_file), oct(of_script), oct(of_folder)]


@pytest.mark.parametrize(
    "text",
    ["8", "999", "10000", "bogus", "u", "u+x,", ",u+x", "u+q", "z+x", "0o755", "+755", "-1", "7 5"],
)
def test_no_modes(text: str) -> None:
    with pytest.raises(InstructionError) as caught:
        Mode.parse(text)
    assert str(caught.value) == (
        f"--chmod={text} is no mode: expected up to 7777, or such as u=rwX,go=rX"
    )
    assert caught.value.near == "--chmod"


@pytest.mark.parametrize(
    ("text", "mode"), [("600", 0o600), ("4711", 0o711), ("u+s", 0o755), ("a=", 0o755)]
)
def test_new_directories(text: str, mode: int) -> None:
    """They get the permission bits of an octal mode; clauses have nothing to begin with."""
    assert Mode.parse(text).of_new_directories == mode


modes = st.integers(0, 0o7777)
clauses = st.from_regex(r"[ugoa]{0,3}([-+=][rwxXst]{0,3}){1,2}", fullmatch=True)


@given(modes, modes)
def test_an_octal_mode_does_not_ask_what_was(wanted: int, old: int) -> None:
    assert Mode.parse(f"{wanted:o}").apply(old, is_directory=True) == wanted
    assert Mode.parse(f"{wanted:o}").apply(old, is_directory=False) == wanted


@given(clauses, modes)
def test_a_clause_twice_is_a_clause_once(text: str, old: int) -> None:
    """Nothing that is set or cleared depends on itself, but for X, which looks at the old mode."""
    mode = Mode.parse(text)
    once = mode.apply(old, is_directory=True)
    assert mode.apply(once, is_directory=True) == once
    assert 0 <= mode.apply(old, is_directory=False) <= 0o7777


@given(st.sampled_from("ugo"), st.sampled_from("rwx"), modes)
def test_plus_sets_and_minus_clears_what_it_names(who: str, letter: str, old: int) -> None:
    bit = {"r": 4, "w": 2, "x": 1}[letter] << {"u": 6, "g": 3, "o": 0}[who]
    assert Mode.parse(f"{who}+{letter}").apply(old, is_directory=False) == old | bit
    assert Mode.parse(f"{who}-{letter}").apply(old, is_directory=False) == old & ~bit


@given(st.sampled_from("ugo"), st.sampled_from("ugo"), modes)
def test_copies_between_classes(to: str, of: str, old: int) -> None:
    shift = {"u": 6, "g": 3, "o": 0}
    new = Mode.parse(f"{to}={of}").apply(old, is_directory=False)
    assert new >> shift[to] & 7 == old >> shift[of] & 7
    for other in set("ugo") - {to}:
        assert new >> shift[other] & 7 == old >> shift[other] & 7
