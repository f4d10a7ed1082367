"""Who may import whom."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import okplug
from okplug import testing
from okplug.plugincheck import hook_names

if TYPE_CHECKING:
    from tests.meta.conftest import Source

#: the rooms of the core from the top of the house to its ground: a module may import from its own
#: room and from those below
ROOMS = (
    ("__main__", "cli", "testing", "testing.*"),
    ("startup",),
    ("sources",),
    ("pluginloading",),
    (
        "commands",
        "commands.*",
        "diffformats",
        "markdown",
        "terminal*",
        "manifest.plugin",
        "watching",
    ),
    ("session", "keptkeys", "othercommit"),
    ("checkouts",),
    (
        "collect",
        "comparison",
        "commitcomparison",
        "cutoff",
        "drafting",
        "drafting.*",
        "executor",
        "explanation",
        "givenarguments",
        "givenmounts",
        "givenoptions",
        "interest",
        "manifestset",
        "plandiff",
        "planning",
        "reporting",
        "eventbus",
        "result*",
        "secretcontents",
    ),
    ("scheduler", "stepgraph", "canceltoken"),
    ("selection", "keyword", "linking", "resolving", "wanted", "collectionstore", "rereading"),
    (
        "bases",
        "contents",
        "giventags",
        "garbage",
        "storedimages",
        "heldtags",
        "lookups",
        "plan",
        "naming",
        "registries",
        "sharing",
        "transfer",
        "state",
        "admin*",
        "record*",
    ),
    ("keyring", "keydiff", "keys", "keystore", "hiding"),
    ("fingerprint", "context*", "graph*", "namedcontexts"),
    ("manifest", "manifest.*", "dockerfile", "dockerfile.*", "dotenv", "environment"),
    ("config", "credentials"),
    ("commandline", "coresettings", "pluginmanager", "settingsfile", "usercontexts"),
    (
        "optionscan",
        "optionvalues",
        "fileevents",
        "plugincheck",
        "pluginfile",
        "rounds",
        "settings",
        "stash",
        "statedir",
        "tomlfile",
    ),
    (
        "hookspecs",
        "backends",
        "oci",
        "credential*",
        "events",
        "entrypoints",
        "folderstats",
        "forking",
        "gitrefs",
        "gitshadow",
        "messages",
        "notes",
        "patterns",
        "platforms",
        "standins",
        "suggestions",
        "valuefile",
    ),
    ("address", "atomicfile", "errors", "login", "masking", "reference"),
    ("okplug",),
)

THIRD_PARTY = {
    "networkx": {"graph*", "selection*"},
    "pluggy": {"hookspecs", "pluginmanager"},
    "pytest": {"testing.*"},
    "watchfiles": {"fileevents"},
    "xxhash": {"keys", "fingerprint", "folderstats", "valuefile", "context*"},
    "yaml": {"manifest.yamlnodes"},
}


def is_one_of(module: str, patterns: tuple[str, ...] | set[str]) -> bool:
    name = module.removeprefix("okplug.")
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def room_of(module: str) -> int:
    rooms = [number for number, room in enumerate(ROOMS) if is_one_of(module, room)]
    assert rooms, f"say in ROOMS where {module} belongs"
    return rooms[0]


def core_imports(source: Source, modules: set[str]) -> set[str]:
    """Return which modules of the core a file imports when it runs."""
    found = set()
    for name in source.imports():
        if name in modules:
            found.add(name)
        elif name.rpartition(".")[0] in modules:
            found.add(name.rpartition(".")[0])
    return found - {source.module}


def test_imports_go_down_the_house(core: list[Source]) -> None:
    modules = {source.module for source in core}
    wrong = [
        f"{source.module} imports {other}"
        for source in core
        for other in sorted(core_imports(source, modules))
        if room_of(other) < room_of(source.module)
    ]
    assert wrong == []


def test_nothing_imports_itself_over_others(core: list[Source]) -> None:
    modules = {source.module for source in core}
    left = {source.module: core_imports(source, modules) for source in core}
    while ready := {module for module, needs in left.items() if not needs & left.keys()}:
        left = {module: needs for module, needs in left.items() if module not in ready}
    assert left == {}


def test_every_room_is_lived_in(core: list[Source]) -> None:
    names = [source.module.removeprefix("okplug.") for source in core]
    empty = [
        pattern
        for room in ROOMS
        for pattern in room
        if not any(fnmatchcase(name, pattern) for name in names)
    ]
    assert empty == []


def test_the_core_needs_few_packages_and_each_in_its_place(core: list[Source]) -> None:
    wrong = []
    for source in core:
        for name in source.imports():
            package = name.partition(".")[0]
            if package == "okplug" or package in sys.stdlib_module_names:
                continue
            if not is_one_of(source.module, THIRD_PARTY.get(package, set())):
                wrong.append(f"{source.module} imports {package}")
    assert wrong == []


def test_the_core_names_no_plugin(core: list[Source], plugins: list[Source]) -> None:
    packages = {source.module.partition(".")[0] for source in plugins}
    assert packages
    wrong = [
        (source.module, package)
        for source in core
        for package in packages
        if package in source.imports(checking=True)
        or (package in source.text and package not in hook_names())  # one is called like a hook
    ]
    assert wrong == []


def test_plugins_know_public_names_only(plugins: list[Source]) -> None:
    modules = ("credentials", "dockerfile", "oci")
    public = {f"okplug.{name}" for name in [*okplug.__all__, "__version__", *modules]}
    public |= {f"okplug.testing.{name}" for name in testing.__all__}
    wrong = [
        f"{source.module} imports {name}"
        for source in plugins
        for name in sorted(source.imports(checking=True))
        if name.startswith("okplug.")
        and name not in public
        and name.rpartition(".")[0] not in {f"okplug.{name}" for name in modules}
    ]
    assert wrong == []


def test_plugins_do_not_know_each_other(plugins: list[Source]) -> None:
    packages = {source.module.partition(".")[0] for source in plugins}
    wrong = [
        f"{source.module} imports {name}"
        for source in plugins
        for name in source.imports(checking=True)
        if name.partition(".")[0] in packages - {source.module.partition(".")[0]}
    ]
    assert wrong == []
