"""The one way to write an instruction, for keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.dockerfile.model import Heredoc, Instruction

#: blanks between the words of these mean nothing; in the others they reach a shell or the image,
#: which keeps what follows ONBUILD as it is written
_SPLIT = frozenset({"ADD", "ARG", "COPY", "ENV", "EXPOSE", "FROM", "LABEL", "VOLUME"})


def instruction_text(instruction: Instruction) -> str:
    """Return an instruction as text that depends on what it says, not on how it is laid out.

    Comments, blank lines, the case of the keyword and blanks that only separate do not count. Two
    instructions with the same text do the same. The bodies of here-documents follow, each with its
    delimiter behind it.
    """
    return " ".join(_parts(instruction)) + "".join(
        f"\n{heredoc.body}{heredoc.name}" for heredoc in _heredocs(instruction)
    )


def _parts(instruction: Instruction) -> Iterator[str]:
    yield instruction.name
    for flag in instruction.flags:
        yield f"--{flag.name}" if flag.value is None else f"--{flag.name}={_flag(flag.value)}"
    if instruction.is_json:
        yield from _json(instruction)
    elif instruction.name in _SPLIT:
        yield from instruction.words
    else:
        yield instruction.text


def _flag(value: str) -> str:
    """Quote a value where it would not be read again as one."""
    if not any(char in value for char in " \t\n\v\f\r'\"\\"):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)


def _json(instruction: Instruction) -> Iterator[str]:
    import json

    words = instruction.words
    if instruction.name == "HEALTHCHECK":
        yield words[0]
        words = words[1:]
    yield json.dumps(words, ensure_ascii=False)


def _heredocs(instruction: Instruction) -> Iterator[Heredoc]:
    yield from (instruction.trigger or instruction).heredocs
