"""The text of a manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from okplug.manifest.buildfiles import DEFAULT_DOCKERFILE
from okplug.manifest.expand import variable_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: what any reader of YAML takes for a text as it stands
_PLAIN: Final = re.compile(r"(?:\./|\.\./)*[A-Za-z](?:[\w./@-]|:(?=\S))*(?<!:)|\.{1,2}(?:/\.\.)*")
_WORDS: Final = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a manifest that is to be written.

    :param context: POSIX path from the manifest's folder.
    :param dockerfile: POSIX path from the context.
    :param arguments: build argument -> name of the image that it is to name.
    :param contexts: reference -> address.
    :param depends_on: names and addresses.
    """

    name: str
    context: str
    dockerfile: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    depends_on: Sequence[str] = ()


def manifest_text(entries: Sequence[Entry], compose: str = "") -> str:
    """Return the text of a manifest with these images.

    :param compose: POSIX path from the manifest's folder of a compose file whose services are
        images as well.
    """
    lines = ["build:"]
    for entry in entries:
        lines += (f"  {line}" for line in _entry_lines(entry))
    if compose:
        lines += ["deploy:", f"  compose: {quoted(compose)}"]
    return "".join(f"{line}\n" for line in lines)


def _entry_lines(entry: Entry) -> Iterator[str]:
    name = quoted(entry.name)
    is_default = entry.dockerfile == DEFAULT_DOCKERFILE
    if is_default and not (entry.arguments or entry.contexts or entry.depends_on):
        yield f"{name}: {_value(entry.context)}"
        return
    yield f"{name}:"
    yield f"  context: {_value(entry.context)}"
    if not is_default:
        yield f"  dockerfile: {_value(entry.dockerfile)}"
    if entry.arguments:
        yield "  args:"
        for argument, image in entry.arguments.items():
            yield f"    {quoted(argument)}: ${{OKTETO_BUILD_{variable_part(image)}_IMAGE}}"
    if entry.contexts:
        yield "  contexts:"
        for reference, address in entry.contexts.items():
            yield f"    {quoted(reference)}: {_value(address)}"
    if entry.depends_on:
        yield "  depends_on:"
        for wanted in entry.depends_on:
            yield f"    - {_value(wanted)}"


def _value(text: str) -> str:
    """Write a text in which the reader expands variables."""
    return quoted(text.replace("$", "$$"))


def quoted(text: str) -> str:
    """Write a text so that YAML reads it as it is."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
