"""Values that nobody may read in what is printed: ``***`` stands in their place.

These are the values of ``.env`` files and the contents of build secrets, each line of it by itself.
What okplug shows anyhow is left: names of images and files, settings, and the words of flags.
Up to three characters count only where they are a word, and as a number only in what builds print:
okplug's own sentences have numbers of their own.
"""

from __future__ import annotations

import hashlib
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import BuildError, OkplugError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "***"
#: bytes of a secret that are looked for
LARGEST = 64 * 1024

_SHORT = 3
_FLAGS = frozenset({"true", "false", "yes", "no", "on", "off", "0", "1"})
_BREAKS = re.compile("[\r\n\0\ufffd]+")
#: how an instruction begins in what builders say: its number is okplug's business
_COUNT = re.compile(r"\[[^\]]*\] ")


class _Patterns(NamedTuple):
    """What is masked in what builds print, and what in okplug's own sentences; None for nothing."""

    output: re.Pattern[str] | None
    sentences: re.Pattern[str] | None


class Masks:
    """The values of one run; used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._contents: set[str] = set()
        self._shown: set[str] = set()
        self._patterns: _Patterns | None = _Patterns(None, None)

    def __bool__(self) -> bool:
        return bool(self._values or self._contents)

    def digest(self) -> bytes:
        """Return what tells these values from others, and none of them."""
        with self._lock:
            words = sorted(self._values | self._contents)
        data = "\0".join(words).encode("utf-8", "surrogateescape")
        return hashlib.sha256(data).digest() if words else b""

    def add(self, values: Iterable[str]) -> None:
        """Mask values, but for those that are shown anyhow."""
        self._extend(self._values, (piece for value in values for piece in _pieces(value)))

    def add_secret(self, content: bytes) -> None:
        """Mask the content of a secret, also as base64; of a large one, what it begins with."""
        data = content[:LARGEST]
        pieces = set(_pieces(data.decode("utf-8", "replace")))
        if data.strip() and len(content) <= LARGEST:
            pieces |= _encoded(data)
        self._extend(self._contents, pieces)

    def add_secrets(self, texts: Iterable[str]) -> None:
        """Mask secret texts, whatever else okplug shows."""
        self._extend(self._contents, (piece for text in texts for piece in _pieces(text)))

    def show(self, words: Iterable[str]) -> None:
        """Leave words that okplug shows anyhow, if they are no secret's content."""
        self._extend(self._shown, words)

    def _extend(self, known: set[str], words: Iterable[str]) -> None:
        with self._lock:
            known.update(words)
            self._patterns = None

    def output(self, text: str) -> str:
        """Return what a build printed, masked."""
        pattern = self._compiled().output
        return pattern.sub(MASK, text) if pattern else text

    def hides(self, text: str) -> bool:
        """Tell whether a text has something that is masked."""
        pattern = self._compiled().output
        return pattern is not None and pattern.search(text) is not None

    def instruction(self, text: str) -> str:
        """Return what a builder calls an instruction, such as ``[2/3] RUN make``, masked."""
        count = _COUNT.match(text)
        start = count.end() if count else 0
        return text[:start] + self.output(text[start:])

    def sentence(self, text: str) -> str:
        """Return a sentence of okplug's with what it cites masked."""
        pattern = self._compiled().sentences
        return pattern.sub(MASK, text) if pattern else text

    def error(self, error: BaseException | None) -> None:
        """Mask an error where it stands, but for the place that it is about."""
        if not self or error is None:
            return
        error.args = tuple(
            self.sentence(arg) if isinstance(arg, str) else arg for arg in error.args
        )
        if not isinstance(error, OkplugError):
            return
        error.message = self.sentence(error.message)
        error.hint = self.sentence(error.hint)
        if isinstance(error, BuildError):
            error.source = tuple(map(self.output, error.source))
            error.log = tuple(map(self.output, error.log))

    def _compiled(self) -> _Patterns:
        with self._lock:
            if self._patterns is None:
                pieces = self._values - self._shown | self._contents
                numbers = {piece for piece in pieces if len(piece) <= _SHORT and piece.isdecimal()}
                self._patterns = _Patterns(_pattern(pieces), _pattern(pieces - numbers))
            return self._patterns


def _pieces(text: str) -> Iterator[str]:
    """Yield what of a value would give it away: its lines, and what they assign."""
    lines = [line.strip() for line in _BREAKS.split(text)]
    for line in lines:
        if line.lower() in _FLAGS or (not any(map(str.isalnum, line)) and len({*line}) <= 1):
            continue
        if len(line) > _SHORT or any(map(str.isalnum, line)):
            yield line
            escaped = _as_json(line)
            if escaped != line:
                yield escaped
        assigned = line.partition("=")[2].strip(" \t\"'")
        if len(lines) > 1 and len(assigned) > _SHORT and any(map(str.isalnum, assigned)):
            yield assigned


def _as_json(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)[1:-1]


def _encoded(data: bytes) -> set[str]:
    """Return a secret as base64, with and without the line break at its end."""
    import base64

    bare = data.rstrip(b"\r\n")
    both = {base64.b64encode(each).decode() for each in (bare, bare + b"\n")}
    return both if len(bare) > _SHORT else set()


def _pattern(pieces: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds any of the pieces, the longest first; None for none."""
    ordered = sorted(pieces, key=lambda piece: (-len(piece), piece))
    long = [piece for piece in ordered if len(piece) > _SHORT]
    words = [re.escape(piece) for piece in ordered if len(piece) <= _SHORT]
    found = list(_by_beginning(long))
    if words:
        found.append(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")
    return re.compile("|".join(found)) if found else None


def _by_beginning(pieces: Iterable[str]) -> Iterator[str]:
    """Yield a pattern for all pieces with the same first letter: most of them are never tried."""
    rests: dict[str, list[str]] = {}
    for piece in pieces:
        rests.setdefault(piece[0], []).append(re.escape(piece[1:]))
    for letter, alternatives in rests.items():
        yield f"{re.escape(letter)}(?:{'|'.join(alternatives)})"
