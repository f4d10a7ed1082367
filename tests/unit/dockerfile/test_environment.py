"""The variables of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.dockerfile import BadSubstitutionError, Inherited
from okplug.dockerfile.environment import DEFAULT_PATH, Environment, Expanded
from okplug.dockerfile.variables import UnsetVariableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Instruction

KNOWN = Inherited(env=(("A", "a"), ("PATH", "/bin")))
PARTLY_KNOWN = Inherited(env=(("A", "a"),), is_complete=False)


@pytest.mark.parametrize(
    ("text", "known", "partly_known"),
    [
        ("x", Expanded("x"), Expanded("x")),
        ("'x y'", Expanded("x y"), Expanded("x y")),
        ("$A/x", Expanded("a/x"), Expanded("a/x")),
        ("$B/x", Expanded("/x"), Expanded("/x", "B")),
        ("$C$B", Expanded(""), Expanded("", "B")),
        ("${B:-x}", Expanded("x"), Expanded("x", "B")),
        ("'$B'", Expanded("$B"), Expanded("$B")),
        ("$PATH", Expanded("/bin"), Expanded("", "PATH")),
    ],
)
def test_expand(text: str, known: Expanded, partly_known: Expanded) -> None:
    """A variable without value is unknown where the base image may set it."""
    assert Environment("\\", KNOWN).expand(text) == known
    assert Environment("\\", PARTLY_KNOWN).expand(text) == partly_known


def test_a_required_variable_may_come_from_the_base() -> None:
    """Whether it does, only the build can tell."""
    assert Environment("\\", PARTLY_KNOWN).expand("${B:?}") == Expanded("", "B")
    with pytest.raises(UnsetVariableError):
        Environment("\\", KNOWN).expand("${B:?}")


def test_what_is_wrong_whatever_the_base_sets() -> None:
    """Quotes that are not closed are an error in any case."""
    with pytest.raises(BadSubstitutionError):
        Environment("\\", PARTLY_KNOWN).expand("'$B")


def test_the_escape_character_counts() -> None:
    """A backquote escapes if the file says so."""
    assert Environment("`", KNOWN).expand("`$A\\x") == Expanded("$A\\x")


def test_path_has_a_default() -> None:
    """An image that is known to set none gets one; BuildKit adds it when it starts a stage."""
    assert Environment("\\", Inherited()).expand("$PATH") == Expanded(DEFAULT_PATH)
    assert Environment("\\", Inherited()).passed_on(()).env == (("PATH", DEFAULT_PATH),)
    assert Environment("\\", PARTLY_KNOWN).passed_on(()).env == (("A", "a"),)


def test_values_of_one_env_do_not_see_each_other(
    instruction: Callable[[str], Instruction],
) -> None:
    """They see what was set before."""
    environment = Environment("\\", KNOWN)
    environment.set_env(instruction("ENV A=b B=$A"))
    assert environment.expand("$A $B") == Expanded("b a")
    environment.set_env(instruction('ENV X$A "$B  c"'))
    assert environment.expand("$Xb") == Expanded("a  c")


def test_the_later_of_arg_and_env_wins(instruction: Callable[[str], Instruction]) -> None:
    """As in BuildKit; the image keeps what ENV set."""
    environment = Environment("\\", KNOWN)
    environment.set_arg("A", Expanded("argument"))
    assert environment.expand("$A") == Expanded("argument")
    assert environment.passed_on(()).env == (("A", "a"), ("PATH", "/bin"))
    environment.set_env(instruction("ENV A=environment"))
    assert environment.expand("$A") == Expanded("environment")
    assert environment.passed_on(()).env == (("A", "environment"), ("PATH", "/bin"))


def test_doubt_is_handed_on(instruction: Callable[[str], Instruction]) -> None:
    """What is made of an unknown value is unknown, until it is set anew."""
    environment = Environment("\\", PARTLY_KNOWN)
    environment.set_env(instruction("ENV B=$UNKNOWN/b C=c"))
    environment.set_arg("D", environment.expand("$B"))
    assert environment.expand("$D").unknown == "D"
    assert environment.expand("$C$A") == Expanded("ca")
    assert environment.passed_on(()) == Inherited(env=(("A", "a"), ("C", "c")), is_complete=False)
    environment.set_env(instruction("ENV B=b"))
    environment.set_arg("D", Expanded("d"))
    assert environment.expand("$B$D") == Expanded("bd")


def test_a_required_variable_that_is_doubtful(instruction: Callable[[str], Instruction]) -> None:
    """Empty by what is known here, it may be something else."""
    environment = Environment("\\", PARTLY_KNOWN)
    environment.set_env(instruction("ENV B=$UNKNOWN"))
    assert environment.expand("${B:?}") == Expanded("", "B")


def test_a_copy_goes_its_own_way(instruction: Callable[[str], Instruction]) -> None:
    """Arguments are handed on to a stage of the same file, and nothing comes back."""
    environment = Environment("\\", PARTLY_KNOWN)
    environment.set_arg("ARG", Expanded("1"))
    environment.set_arg("DOUBT", Expanded("", "X"))
    child = environment.copy()
    assert child.expand("$ARG$A") == Expanded("1a")
    assert child.expand("$DOUBT").unknown == "DOUBT"
    child.set_env(instruction("ENV A=b NEW=1"))
    assert environment.expand("$A") == Expanded("a")
    assert environment.passed_on(()).env == (("A", "a"),)
    assert child.passed_on(()).env == (("A", "b"), ("NEW", "1"))


def test_triggers_are_passed_on(instruction: Callable[[str], Instruction]) -> None:
    """They are the caller's."""
    trigger = instruction("ONBUILD RUN x")
    assert Environment("\\", KNOWN).passed_on((trigger,)).triggers == (trigger,)
