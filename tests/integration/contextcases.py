"""Cases of contexts with a COPY, made at random of few names, so that patterns meet files."""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.integration.arrivals import Case
from tests.oracles import test_ignore, test_wildcards
from tests.oracles.asking import Grammar

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

#: bytes that are not UTF-8 cannot be part of what the daemon is asked
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
#: how many of a hundred cases are of each kind
_KINDS = {"ignored": 45, "wildcards": 25, "both": 10, "parents": 7, "excluded": 6, "links": 7}
_BLANKS = " \t\v\f\r\x85\xa0"
_FORMS = {"named": 55, "part": 42, "whole": 3}
_NAMES = [name.replace("␣", " ") for name in test_ignore._NAMES]


class Cases:
    """Makes cases.

    :param source: of all that is random.
    :param prefix: of their names, which no daemon is to see twice.
    """

    def __init__(self, source: random.Random, prefix: str) -> None:
        self._names = (f"{prefix}{number:05d}" for number in itertools.count())
        self._random = source
        self._ignore = Grammar(test_ignore._RULES, source)
        self._globs = Grammar(test_wildcards._RULES, source)

    def make(self, count: int) -> Iterator[Case]:
        """Yield cases of all kinds and forms."""
        kinds = self._random.choices(list(_KINDS), weights=list(_KINDS.values()), k=count)
        forms = self._random.choices(list(_FORMS), weights=list(_FORMS.values()), k=count)
        for kind, form in zip(kinds, forms, strict=True):
            yield self._filled(Case(next(self._names), kind, {}, form=form))

    # ------------------------------------------------------------------------------------- kinds

    def _filled(self, case: Case) -> Case:
        if case.kind == "links":
            return self._linked(case)
        case = replace(case, tree=self._tree())
        if case.kind in ("ignored", "both"):
            case = replace(case, ignore=self._ignore_text(case.below))
        if case.kind != "ignored":
            case = replace(case, sources=self._sources(case.tree))
        if case.kind == "parents":
            return self._with_parents(case)
        if case.kind == "excluded":
            sources = case.sources if self._random.random() < 0.4 else (".",)
            return replace(case, flags=self._excludes(), sources=sources)
        return case

    def _with_parents(self, case: Case) -> Case:
        sources = [source.strip("/") or "*" for source in case.sources]
        if self._random.random() < 0.4:
            sources = [re.sub(r"(?<=[^/.])/(?=[^/.])", "/./", text, count=1) for text in sources]
        if case.below:  # the case's folder is no part of what is copied
            sources = [f"./{source}" for source in sources]
        if case.kind == "links" and self._random.random() < 0.3:
            sources = [f"**/{posixpath.basename(source)}" for source in sources]
        excludes = self._excludes() if self._random.random() < 0.3 else ()
        return replace(case, flags=("--parents", *excludes), sources=tuple(sources))

    def _linked(self, case: Case) -> Case:
        tree = self._tree_with_links(case.below)
        globs = ("l*", "*/f*", "d*/*", "*/*/f?", "l?/f*", "f*", "*", "l[12]/*")
        path, inner, ignored = self._random.choices(list(tree), k=3)
        inner = posixpath.basename(inner)
        sources = (
            *(self._random.choice(globs), path, path),
            *(f"{path}/{inner}", f"{path}/*", f"{path}/f*"),
        )
        ignore = case.below + ignored if self._random.random() < 0.2 else ""
        case = replace(case, tree=tree, ignore=ignore, sources=(self._random.choice(sources),))
        chance = self._random.random()
        if chance < 0.3:
            return self._with_parents(case)
        if chance < 0.5:
            pattern = self._random.choice(("f*", "d*", "**/f1", "l*", "*/f*", "d1", "**/d3"))
            return replace(case, flags=(f"--exclude={pattern}",))
        return case

    # ------------------------------------------------------------------------------------- pieces

    def _tree(self) -> dict[str, str]:
        paths = {""}
        for _ in range(self._random.choice((4, 8, 12))):
            folder = self._random.choice(sorted(paths))
            paths.add(f"{folder}/{self._random.choice(_NAMES)}".lstrip("/"))
        paths.remove("")
        above = {posixpath.dirname(path) for path in paths}
        kinds = ("", "", "", "", "+", "/")
        return {path: self._random.choice(kinds) for path in sorted(paths) if path not in above}

    def _tree_with_links(self, base: str) -> dict[str, str]:
        """Return folders, files and links, with a name each."""
        folders = [""]
        for number in range(1, 4):
            folders.append(posixpath.join(self._random.choice(folders), f"d{number}"))
        tree = {posixpath.join(self._random.choice(folders), f"f{n}"): "" for n in range(1, 6)}
        places = [*folders[1:], *tree]
        for number in range(1, 5):
            folder = self._random.choice(folders)
            link = posixpath.join(folder, f"l{number}")
            to = self._random.choice([*places, "nowhere"])
            tree[link] = self._random.choice(
                (
                    os.path.relpath(f"/{to}", f"/{folder}"),
                    os.path.relpath(f"/{to}", f"/{folder}"),
                    f"/{base}{to}",
                    f"../../../../{base}{to}",
                    f"./x/../{os.path.relpath(f'/{to}', f'/{folder}')}/",
                )
            )
            places.append(link)
        return tree

    def _ignore_text(self, below: str) -> str:
        text = self._ignore.text("FILE")
        if self._random.random() < 0.15:
            text = self._ignore.spoilt(text, test_ignore._ALPHABET)
        text = "\n".join(filter(None, map(_sendable, text.split("\n"))))
        return _below(text, below) if below else text

    def _excludes(self) -> tuple[str, ...]:
        return tuple(f"--exclude={self._pattern()}" for _ in range(self._random.choice((1, 1, 2))))

    def _pattern(self) -> str:
        """Return a pattern for ``--exclude``, without what would end it there."""
        text = "!" * (self._random.random() < 0.15) + self._ignore.text("BODY")
        return re.sub("[^!-#%&(-~]", "", text)  # flags are read byte by byte

    def _sources(self, tree: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(self._source(tree) for _ in range(self._random.choice((1, 1, 1, 1, 2))))

    def _source(self, tree: Mapping[str, str]) -> str:
        """Return a source that is made of a path of the tree, as a rule."""
        chance = self._random.random()
        if chance < 0.1:
            parts = [self._globs.text("GLOB") for _ in range(self._random.choice((1, 1, 2)))]
        else:
            parts = [*map(self._loose, self._random.choice(sorted(tree)).split("/"))]
            parts = parts[: self._random.randint(1, len(parts))]
        text = "/".join(parts)
        if chance > 0.9:
            text = self._globs.spoilt(text, test_wildcards._ALPHABET)
        before, behind = self._random.choice(
            (("", ""),) * 8 + (("/", ""), ("./", ""), ("x/../", ""), ("", "/"), ("", "/."))
        )
        return _NOT_UTF8.sub("", before + text + behind).replace("\n", "") or "*"

    def _loose(self, name: str) -> str:
        """Return a pattern for a name, or at least the name."""
        at = self._random.randrange(len(name))
        head, char, tail = name[:at], name[at], name[at + 1 :]
        return self._random.choice(
            (
                *(name, name, name, "*", "**", f"{head}*", f"*{tail}", f"{head}?{tail}"),
                *(f"{head}[{char}b]{tail}", f"{head}[^{char}]{tail}", f"{head}[a-c]{tail}"),
                *(f"{head}\\{char}{tail}", f"{head}\\\\{char}{tail}*", self._globs.text("GLOB")),
            )
        )


def _sendable(line: str) -> str:
    """Return a line without what no call to a daemon can carry within a pattern."""
    pattern = line.strip(_BLANKS).removeprefix("!").strip(_BLANKS)
    return "" if re.search("[\x00-\x1f\x7f]", pattern) else _NOT_UTF8.sub("", line)


def _below(text: str, below: str) -> str:
    """Make each pattern one for paths below a folder; what would leave it is left out."""
    lines = []
    for line in text.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#") or ".." in pattern or "|" in pattern:
            continue
        mark = "!" * pattern.startswith("!")
        body = pattern.removeprefix("!").strip()
        lines.append(f"{mark}{below}{body}")
    return "\n".join(lines)
