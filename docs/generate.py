"""Write the generated parts of ``reference.md`` and ``keys.md``, or check them with ``--check``.

A part lies between ``<!-- generated: NAME -->`` and ``<!-- end -->``. It is made from what okplug
and its first-party plugins declare, and from the edits that the tests try, so that it cannot say
anything else.
"""
# ruff: noqa: INP001  # a script, no package

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

TOP = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP), str(TOP / "plugins")]

from okplug import hookspecs  # noqa: E402  # found through the lines above
from okplug.commandline import Parser  # noqa: E402
from okplug.commands.plugins import hook_signature  # noqa: E402
from okplug.coresettings import core_settings  # noqa: E402
from okplug.plugincheck import hook_names  # noqa: E402
from okplug.pluginloading import Wanted, load_plugins  # noqa: E402
from tests.matrix.model import REFUSED  # noqa: E402  # the same
from tests.matrix.table import EDITS, GROUPS  # noqa: E402  # the same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.settings import Setting
    from tests.matrix.model import Edit

PAGES = (TOP / "docs/reference.md", TOP / "docs/keys.md")
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HOOK_BANNER = re.compile(r"# -{10,} (?P<phase>\w+)\n|def (?P<hook>okplug_\w+)")

#: defaults that depend on the user and the machine
_DEFAULTS = {
    "registry": "`layout:<user cache>/okplug/registry`",
    "namespace": "your user name",
    "platform": "`linux/` and this machine's architecture",
}


def main() -> int:
    """Write or check; the exit code is 1 if the check finds a page out of date."""
    parts = generated_parts()
    stale = []
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = _PART.sub(lambda match: f"{match[1]}{parts[match[2]]}\n{match[3]}", old)
        if old != new:
            stale.append(page)
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    is_check = "--check" in sys.argv
    for page in stale:
        told = "is out of date: run python docs/generate.py" if is_check else "is written"
        sys.stderr.write(f"{page} {told}\n")
    return int(is_check and bool(stale))


def generated_parts() -> dict[str, str]:
    """Return the parts as they should be, by their names."""
    parser = declared()
    return {
        "commands": "\n".join(commands(parser)),
        "settings": "\n".join(settings(parser)),
        "hooks": "\n".join(hooks()),
        "matrix": "\n".join(matrix()),
    }


def declared() -> Parser:
    """Return a parser with all that okplug and its first-party plugins add."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = tuple(project["entry-points"]["okplug"].values())
    manager = load_plugins(TOP, Wanted(names, autoload=False))
    parser = Parser(core_settings({"HOME": "/home/user", "USER": "user"}))
    manager.addoption(parser)
    return parser


def commands(parser: Parser) -> Iterator[str]:
    """Yield a section per command, with its own options."""
    for name, command in sorted(parser.commands.items()):
        yield f"### `okplug {name}`\n"
        yield f"{(command.parser.description or '').strip()}\n"
        rows = [row for action in command.parser._actions if (row := _option(action))]  # noqa: SLF001  # argparse lists them nowhere else
        if rows:
            yield "| option | meaning |\n|---|---|"
            yield from rows
            yield ""


def _option(action: argparse.Action) -> str:
    if isinstance(action, argparse._HelpAction):  # noqa: SLF001  # the same
        return ""
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if isinstance(value, tuple):
        value = " ".join(value)
    names = ", ".join(action.option_strings)
    takes = f" {value}" if value and action.nargs != 0 else ""
    words = f"{names}{takes}" if names else str(value)
    return f"| `{words.strip()}` | {_cell(action.help or '')} |"


def settings(parser: Parser) -> Iterator[str]:
    """Yield a row per setting."""
    yield "| setting | kind | default | variables | options | meaning |"
    yield "|---|---|---|---|---|---|"
    for setting in parser.settings.values():
        cells = (
            f"`{setting.name}`",
            setting.kind,
            _DEFAULTS.get(setting.name) or _default(setting),
            ", ".join(f"`{name}`" for name in setting.variables),
            ", ".join(f"`{name}`" for name in setting.options),
            _cell(setting.help),
        )
        yield f"| {' | '.join(cells)} |"


def _default(setting: Setting) -> str:
    match setting.default:
        case bool():
            return f"`{str(setting.default).lower()}`"
        case tuple():
            return ", ".join(f"`{word}`" for word in setting.default)
        case "":
            return ""
    return f"`{setting.default}`"


def hooks() -> Iterator[str]:
    """Yield a section per hook, under its phase."""
    phases = _phases()
    phase = ""
    for name in hook_names():
        if phases[name] != phase:
            phase = phases[name]
            yield f"### {phase}\n"
        arguments = ", ".join(_arguments(name))
        yield f"#### `{name}({arguments})`\n"
        yield f"```python\n{hook_signature(name)}\n```\n"
        yield from _paragraphs(getattr(hookspecs, name).__doc__ or "")


def _phases() -> dict[str, str]:
    text = Path(hookspecs.__file__).read_text(encoding="utf-8")
    found: dict[str, str] = {}
    phase = ""
    for match in _HOOK_BANNER.finditer(text):
        if match["phase"]:
            phase = match["phase"]
        else:
            found[match["hook"]] = phase
    return found


def _arguments(name: str) -> tuple[str, ...]:
    code = getattr(hookspecs, name).__code__
    return tuple(code.co_varnames[: code.co_argcount])


def _paragraphs(doc: str) -> Iterator[str]:
    """Turn a docstring into Markdown: fields become items of a list."""
    import inspect

    text = inspect.cleandoc(doc).replace("``", "`")
    for paragraph in text.split("\n\n"):
        fields = re.split(r"\n(?=:)", paragraph)
        for field in fields:
            line = re.sub(r"\s+", " ", field)
            named = re.fullmatch(r":(param|raises) (\w+): (.*)|:(return): (.*)", line)
            if named is None:
                yield line
            elif named[4]:
                yield f"- returns {named[5]}"
            else:
                word = "raises " if named[1] == "raises" else ""
                yield f"- {word}`{named[2]}`: {named[3]}"
        yield ""


def matrix() -> Iterator[str]:
    """Yield how many edits do what, and a table for each group of them."""
    kinds = [_kind(edit) for edit in EDITS]
    exact, again, trusted = (kinds.count(kind) for kind in ("exact", "again", "trusted"))
    yield f"There are {len(EDITS)} edits:\n"
    yield f"- {exact} where the key is new exactly if the image is;"
    yield f"- {again} that build again what comes out the same, each with its reason;"
    yield f"- {trusted} of what is not in the workspace and is trusted, each with what helps;"
    yield f"- {len(EDITS) - exact - again - trusted} of images that no builder takes.\n"
    for group, edits in GROUPS.items():
        yield f"### {group}\n"
        yield "| edit | key | embedded | BuildKit | why they differ |\n|---|---|---|---|---|"
        for edit in edits:
            seen = (edit.key, edit.image["embedded"], edit.image["buildkit"])
            yield f"| {_cell(edit.name)} | {' | '.join(seen)} | {_cell(edit.why)} |"
        yield ""


def _kind(edit: Edit) -> str:
    if edit.key == REFUSED:
        return "refused"
    if edit.is_trusted:
        return "trusted"
    return "again" if edit.is_rebuild else "exact"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("%%", "%")


if __name__ == "__main__":
    sys.exit(main())
