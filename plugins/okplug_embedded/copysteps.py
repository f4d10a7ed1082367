"""COPY and ADD: their words and flags, and the trees that they copy from."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from okplug import ManifestError
from okplug.dockerfile import Matcher, announced_heredoc, expand_body, is_glob, is_remote
from okplug_embedded.archives import Unpacker, is_archive
from okplug_embedded.contents import Text
from okplug_embedded.copying import Copier, Manner
from okplug_embedded.failures import NEEDS_BUILDKIT, InstructionError
from okplug_embedded.filesystem import FILE, Entry, FileSystem, Owner, Path
from okplug_embedded.modes import Mode
from okplug_embedded.owners import UnknownNameError, read_owner
from okplug_embedded.sources import clean_names, find, missing, source_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Instruction
    from okplug_embedded.stage import Stage

_PIVOT = "/./"


@dataclass(frozen=True, slots=True)
class Copied:
    """How much an instruction copied."""

    files: int = 0
    size: int = 0

    def __add__(self, other: Copied) -> Copied:
        return Copied(self.files + other.files, self.size + other.size)


@dataclass(frozen=True, slots=True)
class CopyStep:
    """One COPY or ADD of a stage.

    :param source: what it copies from.
    :param is_context: that is the context.
    :param keep: keeps a temporary file open until the image is stored.
    :param check: called again and again; what it raises ends the work.
    """

    instruction: Instruction
    stage: Stage
    source: FileSystem
    is_context: bool
    keep: Callable[[IO[bytes]], IO[bytes]]
    check: Callable[[], None]

    def carry_out(self) -> Copied:
        """Copy all sources into the tree of the stage.

        With ``--link`` it goes to an empty tree, which is then laid over that of the stage, so that
        nothing in there has a say.

        :raises InstructionError: if a source is missing, or cannot be copied where it is to go.
        """
        links = self._is_set("link") and not self._flag("chmod")
        target = FileSystem() if links else self.stage.tree
        manner = self._manner(target)
        destination = self._destination()
        words = self.instruction.words[:-1]
        sources = [word for word in words if not announced_heredoc(word)]
        copied = Copied()
        for word in sources:
            copied += self._copy_source(word, target, manner, destination)
        for word in words:
            if heredoc := announced_heredoc(word):
                copied += self._copy_heredoc(heredoc.name, word, target, manner, destination)
        if links:
            self.stage.tree.overlay(target.take_changes())
        return copied

    # ------------------------------------------------------------------------------ words and flags

    def _expand(self, text: str) -> str:
        return self.stage.environment.expand(text).text

    def _flag(self, name: str) -> str:
        return self._expand(self.instruction.flag(name) or "")

    def _is_set(self, name: str, *, default: bool = False) -> bool:
        value = self.instruction.flag(name)
        return default if value is None else value.lower() != "false"

    def _manner(self, target: FileSystem) -> Manner:
        if self._flag("checksum"):
            raise InstructionError("--checksum is for URLs", hint=NEEDS_BUILDKIT, near="--checksum")
        chmod = self._flag("chmod")
        excludes = self.instruction.flag_values("exclude")
        try:
            matcher = Matcher(excludes) if excludes else None
        except ManifestError as error:
            raise InstructionError(error.message, hint=error.hint, near="--exclude") from error
        mode = Mode.parse(chmod) if chmod else None
        return Manner(self._owner(target), mode, matcher, self.check)

    def _owner(self, target: FileSystem) -> Owner | None:
        text = self._flag("chown")
        if not text:
            return None
        try:
            return read_owner(text, target)
        except UnknownNameError as error:
            hint = error.hint
            if self._is_set("link"):
                hint = "with --link write numbers: it looks at nothing but the sources"
            raise InstructionError(str(error), hint=hint, near="--chown") from error

    def _destination(self) -> str:
        """Return the destination, absolute, with a slash at its end if it must be a directory."""
        text = self._expand(self.instruction.words[-1])
        path = posixpath.join(self.stage.folder, text)
        clean = "/" + "/".join(clean_names(path))
        is_directory = path.endswith(("/", "/.")) or text in ("", ".")
        return f"{clean.rstrip('/')}/" if is_directory else clean

    # -------------------------------------------------------------------------------------- sources

    def _copy_source(
        self, word: str, target: FileSystem, manner: Manner, destination: str
    ) -> Copied:
        text = self._expand(word)
        if is_remote(text):
            raise InstructionError(f"it fetches {text}", hint=NEEDS_BUILDKIT, near=word)
        copier = Copier(self.source, target, manner)
        unpacked = Copied()
        if self._is_set("parents"):
            self._copy_with_parents(text, copier, destination)
        else:
            for path in self._find(text):
                if self._is_to_unpack(path, text):
                    unpacked += self._unpack(path, target, manner, destination)
                else:
                    copier.copy(path, destination)
        return unpacked + Copied(copier.files, copier.size)

    def _find(self, text: str) -> list[Path]:
        return find(self.source, text, is_whole=not self.is_context)

    def _copy_with_parents(self, text: str, copier: Copier, destination: str) -> None:
        base, pivot, below = text.partition(_PIVOT)
        base, below = (base, below) if pivot else ("", text)
        names = clean_names(below)
        if not names:
            raise InstructionError(
                "COPY --parents needs the name of what it copies",
                hint="copy the whole directory without --parents",
                near=text,
            )
        self._require(base, names, text)
        pattern = Matcher(("/".join(names),))
        for path in self._find(base):
            copier.copy(path, destination, pattern)

    def _require(self, base: str, names: Path, text: str) -> None:
        """See that a source without wildcards is there; links do not count here."""
        path = (*clean_names(base), *names)
        if not any(map(is_glob, path)) and self.source.get(path) is None:
            raise missing(self.source, path, text)

    def _copy_heredoc(
        self, name: str, word: str, target: FileSystem, manner: Manner, destination: str
    ) -> Copied:
        """Copy a here-document; of several with one name the last counts."""
        bodies = {heredoc.name: heredoc for heredoc in self.instruction.heredocs}
        if name not in bodies or "/" in name:
            raise InstructionError(
                f"the here-document {name} cannot be a file", hint="write <<EOF", near=word
            )
        body = bodies[name].body
        if bodies[name].expand:
            body = expand_body(body, self.stage.environment.get)
        tree = FileSystem()
        content = Text(body.encode("utf-8", "surrogateescape"))
        tree.put((name,), Entry(FILE, 0o644, content=content))
        copier = Copier(tree, target, manner)
        copier.copy((name,), destination)
        return Copied(copier.files, copier.size)

    # ------------------------------------------------------------------------------------- archives

    def _is_to_unpack(self, path: Path, text: str) -> bool:
        if self.instruction.name != "ADD" or not self._is_set("unpack", default=True):
            return False
        entry = source_node(self.source, self.source.resolve("/".join(path)), text).entry
        return entry.kind == FILE and entry.content is not None and is_archive(entry.content)

    def _unpack(self, path: Path, target: FileSystem, manner: Manner, destination: str) -> Copied:
        node = self.source.get(self.source.resolve("/".join(path)))
        assert node is not None
        assert node.entry.content is not None
        place = target.resolve(destination)
        target.make_directories(place, Manner(manner.owner, None, None, self.check).directory())
        unpacker = Unpacker(target, place, manner.owner, self.keep, self.check)
        return Copied(*unpacker.unpack(node.entry.content))
