"""What follows the flags of an instruction, split as each instruction splits it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from okplug.dockerfile.heredocs import announced_heredoc
from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.variables import WHITESPACE

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Arguments(NamedTuple):
    """The arguments of an instruction, as :class:`okplug.dockerfile.model.Instruction` has them."""

    words: tuple[str, ...]
    is_json: bool = False
    pairs: tuple[tuple[str, str | None], ...] = ()


def read_arguments(instruction: str, text: str, escape: str) -> Arguments:
    """Split *text* as *instruction* does, and check the number of words.

    :raises MalformedError: if they are not what the instruction takes.
    """
    return _READERS[instruction](instruction, text, escape)


@lru_cache(maxsize=2)
def _quoted_word(escape: str) -> re.Pattern[str]:
    esc, blank = re.escape(escape), re.escape(WHITESPACE)
    return re.compile(
        rf"(?:{esc}.|'[^']*(?:'|\Z)|\"(?:{esc}.|[^\"{esc}])*(?:\"|(?={esc}?\Z))"
        rf"|[^{blank}'\"{esc}])+",
        re.DOTALL,
    )


def _quoted_words(text: str, escape: str) -> list[str]:
    """Split at blanks outside quotes; quotes and escapes stay."""
    return _quoted_word(escape).findall(text)


def _json_list(text: str) -> tuple[str, ...] | None:
    """Return the elements of a JSON array, None if *text* is none.

    :raises MalformedError: for an array of other things than strings.
    """
    if not text.startswith("["):
        return None
    import json

    try:
        elements = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(elements, list) or not all(isinstance(word, str) for word in elements):
        raise MalformedError(
            "a JSON array here holds strings only", hint='write ["word", "word"]', near="["
        )
    return tuple(_SURROGATES.sub("\ufffd", word) for word in elements)


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _one_or_more(instruction: str, words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise MalformedError(f"{instruction} needs at least one argument")
    return words


def _text(instruction: str, text: str, _escape: str) -> Arguments:
    if not text:
        raise MalformedError(f"{instruction} needs exactly one argument")
    return Arguments((text,))


def _command(_instruction: str, text: str, _escape: str) -> Arguments:
    elements = _json_list(text)
    if elements is not None:
        return Arguments(elements, is_json=True)
    return Arguments((text,) if text else ())


def _run(instruction: str, text: str, escape: str) -> Arguments:
    arguments = _command(instruction, text, escape)
    _one_or_more(instruction, arguments.words)
    return arguments


def _shell(instruction: str, text: str, escape: str) -> Arguments:
    arguments = _run(instruction, text, escape)
    if not arguments.is_json:
        raise MalformedError(
            "SHELL takes a JSON array", hint='write it like SHELL ["/bin/bash", "-c"]'
        )
    return arguments


def _list(_instruction: str, text: str, _escape: str) -> Arguments:
    elements = _json_list(text)
    if elements is not None:
        return Arguments(elements, is_json=True)
    return Arguments(tuple(_BLANKS.split(text)) if text else ())


def _copy(instruction: str, text: str, escape: str) -> Arguments:
    arguments = _list(instruction, text, escape)
    if len(arguments.words) < 2:  # noqa: PLR2004  # a source and a destination
        raise MalformedError(
            f"{instruction} needs at least one source and a destination",
            hint=f"write {instruction} SOURCE... DESTINATION",
        )
    if not arguments.is_json and announced_heredoc(arguments.words[-1]):
        raise MalformedError(
            f"the destination of {instruction} cannot be a here-document",
            hint=f"write {instruction} <<EOF DESTINATION",
            near=arguments.words[-1],
        )
    return arguments


def _volume(instruction: str, text: str, escape: str) -> Arguments:
    arguments = _list(instruction, text, escape)
    if not all(word.strip(WHITESPACE) for word in _one_or_more(instruction, arguments.words)):
        raise MalformedError("a VOLUME cannot be empty", near='"')
    return arguments


def _expose(instruction: str, text: str, _escape: str) -> Arguments:
    return Arguments(_one_or_more(instruction, tuple(_BLANKS.split(text)) if text else ()))


def _from(_instruction: str, text: str, _escape: str) -> Arguments:
    words = tuple(_BLANKS.split(text)) if text else ()
    form = "write FROM IMAGE or FROM IMAGE AS NAME"
    if len(words) not in (1, 3):
        raise MalformedError(f"FROM takes one or three words, not {len(words)}", hint=form)
    if len(words) == 1:
        return Arguments(words)
    base, keyword, name = words
    if keyword.upper() != "AS":
        raise MalformedError(f"'AS' is expected, not '{keyword}'", hint=form, near=keyword)
    if _STAGE_NAME.fullmatch(name.lower()) is None:
        raise MalformedError(
            f"'{name}' cannot be the name of a stage",
            hint="a name begins with a letter; letters, digits, '-', '_' and '.' may follow",
            near=name,
        )
    return Arguments((base, "AS", name.lower()))


def _pairs(instruction: str, text: str, escape: str) -> Arguments:
    words = _one_or_more(instruction, tuple(_quoted_words(text, escape)))
    if "=" not in words[0]:
        parts = tuple(_BLANKS.split(text, maxsplit=1))
        if len(parts) == 1:
            raise MalformedError(
                f"'{text}' has no value", hint=f"write {instruction} NAME=VALUE", near=text
            )
        return Arguments(parts, pairs=((parts[0], parts[1]),))
    pairs: list[tuple[str, str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise MalformedError(
                f"'{word}' is no NAME=VALUE", hint="quote a value that holds blanks", near=word
            )
        pairs.append((_name(instruction, name, word), value))
    return Arguments(words, pairs=tuple(pairs))


def _arg(instruction: str, text: str, escape: str) -> Arguments:
    words = _one_or_more(instruction, tuple(_quoted_words(text, escape)))
    pairs: list[tuple[str, str | None]] = []
    for word in words:
        name, equals, value = word.partition("=")
        pairs.append((_name(instruction, name, word), value if equals else None))
    return Arguments(words, pairs=tuple(pairs))


def _name(instruction: str, name: str, word: str) -> str:
    if not name:
        raise MalformedError(f"'{word}' of {instruction} has no name", near=word)
    return name


def _healthcheck(instruction: str, text: str, escape: str) -> Arguments:
    kind, *rest = text.split(maxsplit=1)[:2] if text else ("",)
    _one_or_more(instruction, (kind,) if kind else ())
    command = _command(instruction, rest[0] if rest else "", escape)
    form = "write HEALTHCHECK CMD command, or HEALTHCHECK NONE"
    if kind.upper() not in ("CMD", "NONE"):
        raise MalformedError(f"'{kind}' is no kind of HEALTHCHECK", hint=form, near=kind)
    if (kind.upper() == "CMD") != bool(command.words):
        wrong = "no command" if kind.upper() == "CMD" else "a command"
        raise MalformedError(f"HEALTHCHECK {kind} with {wrong}", hint=form, near=kind)
    return Arguments((kind.upper(), *command.words), is_json=command.is_json)


_READERS: dict[str, Callable[[str, str, str], Arguments]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _command,
    "ENV": _pairs,
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _pairs,
    "MAINTAINER": _text,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _text,
    "USER": _text,
    "VOLUME": _volume,
    "WORKDIR": _text,
}
