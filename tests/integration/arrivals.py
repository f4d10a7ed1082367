"""Generated contexts, what okplug selects from each, and what of it arrives when BuildKit copies it.

Every file of a context says where it was, so that what has arrived is known whatever it is called now.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import tarfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from okplug.dockerfile import parse
from okplug.dockerfile.globs import compile_glob, crosses_folders, is_glob
from okplug.dockerfile.ignore import Pattern, read_patterns
from okplug.dockerfile.model import Inherited
from okplug.errors import ManifestError
from okplug.fingerprint import ContextIndex
from okplug.resolving import resolve_on_all
from tests.integration.conftest import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from okplug.context import ContextFile
    from okplug.dockerfile import ContextRead
    from tests.integration.conftest import BuildKit

#: seconds that a build of many cases may take on a machine that is busy
_LONGEST = 240


class Thing(NamedTuple):
    """What has arrived: a file with its text, a link with its target, or a folder."""

    kind: str
    text: str = ""
    is_executable: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """One context and one COPY.

    :param name: also the folder that the case lies in, and the one that it is copied to.
    :param tree: relative path -> the target of a link, ``"+"`` for an executable file, ``"/"`` for an
        empty folder, else ``""``.
    :param ignore: the text of ``.dockerignore``.
    :param flags: of COPY.
    :param form: ``part``, a folder of a build's one context; ``named``, a context of its own beside
        others in a build; ``whole``, the one context of a build.
    """

    name: str
    kind: str
    tree: Mapping[str, str]
    ignore: str = ""
    flags: tuple[str, ...] = ()
    sources: tuple[str, ...] = (".",)
    form: str = "named"

    @property
    def below(self) -> str:
        """What paths of the case begin with in its context."""
        return f"{self.name}/" if self.form == "part" else ""

    def write(self, root: Path) -> None:
        """Write the files."""
        folder = root / self.name
        folder.mkdir(parents=True)
        for relpath, what in self.tree.items():
            path = folder / relpath
            path.parent.mkdir(parents=True, exist_ok=True)
            if what == "/":
                path.mkdir(exist_ok=True)
            elif what in ("", "+"):
                path.write_text(relpath, encoding="utf-8", errors="surrogateescape")
                path.chmod(0o755 if what else 0o644)
            else:
                path.symlink_to(what)
        if self.ignore and not self.below:
            write_text(folder / ".dockerignore", self.ignore)

    def instruction(self, origin: str = "") -> str:
        """Return the COPY.

        :param origin: the flag that says where it copies from.
        """
        sources = [self.below + source for source in self.sources]
        words = json.dumps([*sources, f"/{self.name}/"], ensure_ascii=False)
        return " ".join(["COPY", *filter(None, [origin]), *self.flags, words])


def write_text(path: Path, text: str) -> None:
    """Write a text in which surrogates stand for bytes that are not UTF-8."""
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


# ------------------------------------------------------------------------------------------- okplug


@dataclass(frozen=True)
class Selected:
    """What okplug makes of a case.

    :param files: the entries of the snapshot.
    :param refusal: why it is not to be built.
    :param by_source: the entries that each source brings, with how okplug reads the source.
    """

    files: tuple[ContextFile, ...] = ()
    refusal: str = ""
    by_source: tuple[tuple[ContextRead, tuple[ContextFile, ...]], ...] = ()


def select(case: Case, root: Path, patterns: Sequence[str]) -> Selected:
    """Ask okplug; the files of the case lie below *root*.

    :param patterns: of the ``.dockerignore`` of a context that the case is part of.
    """
    context = root if case.below else root / case.name
    try:
        if not case.below:
            patterns = read_patterns(case.ignore.encode("utf-8", "surrogateescape"))
        (read,) = _reads(case.instruction())
        index = ContextIndex(context, None)
        whole = index.snapshot(context, (read,), patterns)
        singles = [replace(read, patterns=(pattern,)) for pattern in read.patterns]
        by_source = [(one, index.snapshot(context, (one,), patterns).files) for one in singles]
    except ManifestError as error:
        return Selected(refusal=error.message)
    lost = sorted(source.reason for source in whole.unmatched if source.is_error)
    return Selected(whole.files, lost[0] if lost else "", tuple(by_source))


def _reads(instruction: str) -> tuple[ContextRead, ...]:
    text = f"FROM scratch\n{instruction}\n"
    dockerfile = parse(text.encode("utf-8", "surrogateescape"), Path("Dockerfile"))
    resolution = resolve_on_all(
        dockerfile, target="", args={}, platforms=("linux/amd64",), inherited=lambda _: Inherited()
    )
    assert not resolution.whole_context
    return resolution.reads


def expected(selected: Selected) -> dict[str, list[ContextFile]]:
    """Return where the entries go if no link is followed: several may go to one place."""
    places: dict[str, list[ContextFile]] = defaultdict(list)
    for read, files in selected.by_source:
        (pattern,) = read.patterns
        depth = _depth(pattern)
        for file in files:
            parts = file.relpath.split("/")
            if read.parents:
                depth = _depth(_base(pattern))
            if len(parts) > depth:
                parts = parts[depth:]
            elif len(parts) == depth and file.kind != "directory":
                parts = parts[-1:]
            else:
                parts = []
            if parts:
                places["/".join(parts)].append(file)
    return places


def _depth(path: str) -> int:
    return 0 if path == "." else path.count("/") + 1


def _base(pattern: str) -> str:
    """Return what stands before ``/./`` in a source with ``--parents``."""
    return pattern.partition("/./")[0] if "/./" in pattern else "."


def has_clash(places: Mapping[str, Sequence[ContextFile]]) -> bool:
    """Tell whether a folder and something else go to the same place, which no builder can do."""
    kinds = {place: {file.kind == "directory" for file in files} for place, files in places.items()}
    return any(len(each) > 1 for each in kinds.values())


def is_read_in_two_ways(case: Case, selected: Selected) -> bool:
    """Tell whether BuildKit's client takes wildcards of COPY for something else than the daemon.

    It sends what they match as patterns of ``.dockerignore``, the daemon then copies what they match
    by the rules of ``filepath.Match``.
    """
    return any(_differ(read, case) for read, _ in selected.by_source)


def _differ(read: ContextRead, case: Case) -> bool:
    (text,) = read.patterns
    try:
        pattern = Pattern.parse(text)
        if read.parents:
            return _differ_before_pivot(text, case)
        names = text.split("/")
        globs = [compile_glob(name) for name in names]
    except ManifestError:
        return True
    if any("\\" in name and not is_glob(name) for name in names):
        return True  # without a wildcard it is part of a name, and the client does not send that
    if names[-2:] == ["*", "**"]:
        return True  # of which the client sends nothing
    for path in _all_paths(case):
        parts = path.split("/")
        copied = len(parts) >= len(names) and all(map(_call, globs, parts))
        is_named = copied and len(parts) == len(names)
        if bool(pattern.test(path)) != is_named and (is_named or not copied):
            return True
    return False


def _differ_before_pivot(text: str, case: Case) -> bool:
    base, _, rest = text.partition("/./") if "/./" in text else (".", "", text)
    if rest.startswith("!"):
        return True  # of which the daemon copies nothing
    is_folder = rest in (".", "")  # and no pattern: the client sends nothing of it
    is_file = case.kind == "links" and base.rpartition("/")[2][:1] in ("f", "l")
    if is_folder or is_file or any(map(is_glob, base.split("/"))):
        return True
    client, daemon = Pattern.parse(posixpath.join(base, rest)), Pattern.parse(rest)
    start = 0 if base == "." else len(base) + 1
    below = [path for path in _all_paths(case) if start == 0 or path.startswith(f"{base}/")]
    return any(bool(client.test(path)) != bool(daemon.test(path[start:])) for path in below)


def _all_paths(case: Case) -> set[str]:
    paths = {case.below + path for path in case.tree}
    for path in list(paths):
        above = path
        while above := posixpath.dirname(above):
            paths.add(above)
    return paths


def _call(glob: Callable[[str], object], name: str) -> bool:
    return bool(glob(name))


def has_loop(case: Case) -> bool:
    """Tell whether a link leads to the folder that it lies in, or above."""
    for path, target in case.tree.items():
        folder = f"/{posixpath.dirname(case.below + path)}".rstrip("/")
        to = posixpath.normpath(posixpath.join(folder or "/", target))
        if target not in ("", "+", "/") and f"{folder}/".startswith(f"{to.rstrip('/')}/"):
            return True
    return False


def has_only_links(selected: Selected) -> bool:
    """Tell whether nothing but links is selected, which wildcards might have to pass through."""
    return not any(file.kind == "file" for file in selected.files)


def ignores_a_link(case: Case) -> bool:
    """Tell whether ``.dockerignore`` may leave out a link, which BuildKit's client follows still."""
    return bool(case.ignore) and any(what not in ("", "+", "/") for what in case.tree.values())


def leads_nowhere(selected: Selected, failure: str) -> bool:
    """Tell whether BuildKit misses what one of the links leads to; okplug lets the builder say so."""
    names = [file.relpath.rpartition("/")[2] for file in selected.files if file.kind == "link"]
    return any(f'/{name}": not found' in failure for name in names)


# --------------------------------------------------------------------------------------- comparison


def difference(case: Case, selected: Selected, arrived: Mapping[str, Thing]) -> str:
    """Return how what arrived differs from what okplug selected, ``""`` if it does not."""
    prefix = case.below
    arrived = {place: _told(thing, case) for place, thing in arrived.items()}
    files = {f.relpath.removeprefix(prefix): f for f in selected.files if f.kind == "file"}
    came = {thing.text: thing for thing in arrived.values() if thing.kind == "file"}
    if came.keys() - files.keys():
        return f"arrived and not selected: {sorted(came.keys() - files.keys())}"
    wrong = [text for text in came if came[text].is_executable != files[text].executable]
    if wrong:
        return f"executable or not: {wrong}"
    if case.kind == "links":
        missing = {prefix + path for path in files.keys() - came.keys()}
        return _difference_with_links(selected, missing, arrived)
    if any(map(_crosses, selected.by_source)):  # who knows what goes where
        return _difference_of_names(selected, files.keys() - came.keys())
    return _difference_of_places(selected, arrived, prefix)


def _difference_of_names(selected: Selected, missing: set[str]) -> str:
    names = Counter(posixpath.basename(file.relpath) for file in selected.files)
    lacking = [path for path in missing if names[posixpath.basename(path)] == 1]
    return f"selected and not arrived: {lacking}" if lacking else ""


def _difference_of_places(selected: Selected, arrived: Mapping[str, Thing], prefix: str) -> str:
    places = expected(selected)
    missing = places.keys() - arrived.keys()
    if missing - perhaps_missing(selected) or arrived.keys() - places.keys():
        return f"at other places: {sorted(places.keys() ^ arrived.keys())}"
    for place, thing in arrived.items():
        if not any(_is(thing, file, prefix) for file in places[place]):
            return f"{place} is {thing}, not {places[place]}"
    return ""


def perhaps_missing(selected: Selected) -> set[str]:
    """Return the files before ``/./``: the daemon copies them if the client happens to send them."""
    return {
        file.relpath.rpartition("/")[2]
        for read, files in selected.by_source
        for file in files
        if file.kind == "file"
        and read.parents
        and _depth(_base(read.patterns[0])) == _depth(file.relpath)
    }


def _told(thing: Thing, case: Case) -> Thing:
    """The one file that does not say where it was is ``.dockerignore``."""
    is_ignore = thing.kind == "file" and case.ignore and thing.text == case.ignore
    return thing._replace(text=".dockerignore") if is_ignore else thing


def _crosses(source: tuple[ContextRead, object]) -> bool:
    (pattern,) = source[0].patterns
    return not source[0].parents and any(map(crosses_folders, pattern.split("/")))


def _is(thing: Thing, file: ContextFile, prefix: str) -> bool:
    return thing.kind == file.kind and (
        thing.kind != "file" or thing.text == file.relpath.removeprefix(prefix)
    )


def _difference_with_links(
    selected: Selected, missing: set[str], arrived: Mapping[str, Thing]
) -> str:
    """Compare where the names of all entries differ, and links lead to other places."""
    needless = {path for path in missing if not _is_behind_a_link(path, selected)}
    if needless:
        return f"selected and not arrived: {sorted(needless)}"
    links = {(f.relpath.rpartition("/")[2], f.target) for f in selected.files if f.kind == "link"}
    came = {(p.rpartition("/")[2], t.text) for p, t in arrived.items() if t.kind == "link"}
    if came - links:
        return f"links that were not selected: {sorted(came - links)}"
    folders = {f.relpath.rpartition("/")[2] for f in selected.files if f.kind == "directory"}
    found = {path.rpartition("/")[2] for path, t in arrived.items() if t.kind == "directory"}
    return f"folders that were not selected: {sorted(found - folders)}" if found - folders else ""


def _is_behind_a_link(path: str, selected: Selected) -> bool:
    """Tell whether ``--parents`` copies a link to a path, or to a folder above it, as a link."""
    return any(read.parents for read, _ in selected.by_source) and any(
        f"/{path}/".startswith(f"{to.rstrip('/')}/") for to in _targets(selected)
    )


def dangles(selected: Selected) -> bool:
    """Tell whether a link leads to what is not there, so that a builder may refuse it."""
    paths = {f"/{file.relpath}" for file in selected.files} | {"/"}
    links = [f"/{file.relpath}/" for file in selected.files if file.kind == "link"]
    return any(to not in paths and not to.startswith((*links,)) for to in _targets(selected))


def _targets(selected: Selected) -> Iterator[str]:
    for file in selected.files:
        if file.kind == "link":
            folder = posixpath.dirname(f"/{file.relpath}")
            target = posixpath.normpath(posixpath.join(folder, file.target))
            yield target.replace("//", "/", 1)


# ----------------------------------------------------------------------------------------- BuildKit


@dataclass
class Arrivals:
    """Has BuildKit copy cases, many in one build, and keeps what arrived for each.

    :ivar failures: what BuildKit said of the cases that it refuses.
    """

    buildkit: BuildKit
    root: Path
    arrived: dict[str, dict[str, Thing]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    builds: int = 0

    def copy(self, cases: Sequence[Case], ignore: str = "") -> None:
        """Copy cases of one form; one that fails is looked for by halves.

        :param ignore: the text of ``.dockerignore`` of the context that cases are part of.
        """
        if not cases:
            return
        self.builds += 1
        copies = [
            case.instruction(f"--from={case.name}" if case.form == "named" else "")
            for case in cases
        ]
        failure, things = self._build("\n".join(["FROM scratch", *copies]), cases, ignore)
        if not failure:
            for case in cases:
                self.arrived[case.name] = {}
            for path, thing in things:
                name, _, relpath = path.partition("/")
                if relpath:
                    self.arrived[name][relpath] = thing
        elif len(cases) == 1:
            self.failures[cases[0].name] = failure
        else:
            middle = len(cases) // 2
            self.copy(cases[:middle], ignore)
            self.copy(cases[middle:], ignore)

    def _build(
        self, dockerfile: str, cases: Sequence[Case], ignore: str
    ) -> tuple[str, list[tuple[str, Thing]]]:
        definition = self.root / "definition"
        definition.mkdir(exist_ok=True)
        write_text(definition / "Dockerfile", dockerfile)
        archive = self.root / "arrived.tar"
        named = [case.name for case in cases if case.form == "named"]
        context = self.root / cases[0].name if cases[0].form == "whole" else self.root
        own = definition / "Dockerfile.dockerignore"
        own.unlink(missing_ok=True)
        if context == self.root:
            write_text(own, ignore)
        done = subprocess.run(
            [
                *(program("buildctl"), "--addr", self.buildkit.address, "build"),
                *("--progress=plain", "--frontend=dockerfile.v0", f"--local=context={context}"),
                f"--local=dockerfile={definition}",
                *(f"--local={name}={self.root / name}" for name in named),
                *(f"--opt=context:{name}=local:{name}" for name in named),
                f"--output=type=tar,dest={archive}",
            ],
            capture_output=True,
            check=False,
            timeout=_LONGEST,
        )
        if done.returncode:
            errors = done.stderr.decode(errors="replace").strip().splitlines()
            return re.sub(r"\s+", " ", errors[-1] if errors else "?"), []
        return "", list(_read(archive))


def _read(archive: Path) -> Iterator[tuple[str, Thing]]:
    with tarfile.open(archive) as members:
        for member in members:
            path = member.name.strip("/")
            if member.isdir():
                yield path, Thing("directory")
            elif member.issym():
                yield path, Thing("link", member.linkname)
            else:
                stream = members.extractfile(member)
                assert stream is not None
                text = stream.read().decode("utf-8", "surrogateescape")
                yield path, Thing("file", text, bool(member.mode & 0o100))
