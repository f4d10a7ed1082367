"""What ``.dockerignore`` leaves out of a context, with the rules of moby's patternmatcher.

A path is left out if the last pattern that decides about it or about a folder above it is not an
exception (``!``). There are two forms of that rule and they differ in rare cases, such as ``a/b``
followed by ``!a``: ``Matcher.matches`` looks at one path alone, ``Matcher.enter`` is the form for
walks, which remembers for every folder what each pattern said. BuildKit sends what the walk leaves.

https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import itertools
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.dockerfile.globs import check_glob, compile_regexp, malformed
from okplug.errors import Location, ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

#: what Go's strings.TrimSpace takes away; str.strip would also take the separators 1C to 1F
_BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: what makes a regular expression of a pattern
_SPECIAL = re.compile(r"[*?\[\]\\]")

#: what the patterns of a matcher say of a folder and those above it; empty for the root
Results = tuple[bool, ...]


def read_patterns(data: bytes, path: Path | None = None) -> tuple[str, ...]:
    """Read the patterns of a ``.dockerignore`` file, cleaned, exceptions with their ``!``.

    :param path: where *data* comes from, for the location of errors.
    :raises ManifestError: if a pattern is malformed.
    """
    patterns = []
    for number, line in enumerate(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        text = line.decode("utf-8", "surrogateescape").strip(_BLANKS)
        if line.startswith(b"#") or not text:
            continue
        pattern = _clean_line(text)
        try:
            _check(pattern)
        except ManifestError as error:
            place = Location(path, number) if path else None
            raise ManifestError(error.message, location=place, hint=error.hint) from None
        patterns.append(pattern)
    return tuple(patterns)


def clean_path(path: str) -> str:
    """Return the shortest form of a POSIX path: no ``//``, ``.`` or needless ``..``."""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def _clean_line(text: str) -> str:
    exception = "!" * text.startswith("!")
    pattern = text.removeprefix("!").strip(_BLANKS)
    if not pattern:
        return exception
    pattern = clean_path(pattern)
    return exception + (pattern.removeprefix("/") or "/")


def _check(pattern: str) -> None:
    """Look for what is wrong with *pattern*; the plain ones cost nothing."""
    if pattern == "!":
        raise malformed(pattern, "nothing follows the '!'")
    if "[" in pattern or "\\" in pattern:
        Pattern.parse(pattern)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, ready to be matched.

    :param test: tells whether the pattern names a path; folders above it do not count here.
    :param prefix: the leading components that hold no wildcard.
    :param is_literal: no component holds a wildcard.
    """

    text: str
    is_exception: bool
    test: Callable[[str], object]
    prefix: tuple[str, ...]
    is_literal: bool

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern whose blanks around it are gone.

        :raises ManifestError: if it is malformed.
        """
        clean = clean_path(text)
        if clean == "!":
            raise malformed(text, "nothing follows the '!'")
        body = clean.removeprefix("!")
        check_glob(body)
        prefix, is_literal = _literal_prefix(body)
        return cls(body, body != clean, _compile(body), prefix, is_literal)

    def may_match_below(self, folder: tuple[str, ...]) -> bool:
        """Tell whether a path below *folder* can match though *folder* does not."""
        if self.is_literal and len(self.prefix) <= len(folder):
            return False
        return all(a == b for a, b in zip(self.prefix, folder, strict=False))


class Matcher:
    """A list of patterns.

    :raises ManifestError: if a pattern is malformed.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        trimmed = (pattern.strip(_BLANKS) for pattern in patterns)
        self._patterns = tuple(Pattern.parse(pattern) for pattern in trimmed if pattern)
        self._exceptions = tuple(p for p in self._patterns if p.is_exception)
        self._names = frozenset(p.text for p in self._patterns if p.is_literal)
        self._tests = tuple(p.test for p in self._patterns if not p.is_literal)

    def matches(self, relpath: str) -> bool:
        """Tell whether *relpath* is left out, looking at it and the folders above it."""
        paths = [relpath, *_parents(relpath)]
        matched = False
        for pattern in self._patterns:
            if pattern.is_exception == matched and any(map(pattern.test, paths)):
                matched = not pattern.is_exception
        return matched

    def enter(self, relpath: str, above: Results = ()) -> tuple[bool, Results]:
        """Tell whether *relpath* is left out, with what is to be known for paths below it.

        :param above: what this function returned for the folder that *relpath* lies in.
        """
        if not self._exceptions:
            matched = self.leaves_out(relpath, above)
            return matched, (True,) * matched
        matched = False
        results = []
        for number, pattern in enumerate(self._patterns):
            hit = bool(above) and above[number]
            if not hit and pattern.is_exception == matched:
                hit = bool(pattern.test(relpath))
            if hit:
                matched = not pattern.is_exception
            results.append(hit)
        return matched, tuple(results)

    def leaves_out(self, relpath: str, above: Results = ()) -> bool:
        """Tell what ``enter`` tells, where nothing lies below; the quick form for files."""
        if self._exceptions:
            return self.enter(relpath, above)[0]
        if above or relpath in self._names:
            return True
        return any(test(relpath) for test in self._tests)

    def can_skip_directory(self, relpath: str) -> bool:
        """Tell whether all below a folder that is left out is left out, too."""
        if not self._exceptions:
            return True
        folder = tuple(relpath.split("/"))
        return not any(pattern.may_match_below(folder) for pattern in self._exceptions)

    def may_match_below(self, relpath: str) -> bool:
        """Tell whether something below a folder may match though the folder does not."""
        folder = tuple(relpath.split("/"))
        return any(p.may_match_below(folder) for p in self._patterns if not p.is_exception)


def _literal_prefix(pattern: str) -> tuple[tuple[str, ...], bool]:
    """Return the leading components without wildcards, and whether they are all."""
    if not _SPECIAL.search(pattern):
        return tuple(pattern.split("/")), True
    if "|" in pattern or "{" in pattern:
        return (), False
    plain = itertools.takewhile(lambda part: not _SPECIAL.search(part), pattern.split("/"))
    return tuple(plain), False


def _parents(relpath: str) -> list[str]:
    components = relpath.split("/")
    return ["/".join(components[:length]) for length in range(1, len(components))]


def _compile(pattern: str) -> Callable[[str], object]:
    """Choose the cheapest test for *pattern*; moby's choice shows in what a pattern means.

    A trailing ``**`` after plain text compares beginnings: ``foo**`` names ``foo/x`` and ``food``.
    """
    body, _, tail = pattern.rpartition("**")
    if not _SPECIAL.search(pattern):
        return pattern.__eq__
    if pattern == "**":
        return lambda _: True
    if not tail and body and not _SPECIAL.search(body):
        return lambda relpath: relpath.startswith(body)
    if pattern.startswith("**") and not _SPECIAL.search(pattern[2:]):
        return _suffix_test(pattern[2:])
    return compile_regexp(_expression(pattern), pattern)


def _suffix_test(suffix: str) -> Callable[[str], object]:
    bare = suffix.removeprefix("/") if suffix.startswith("/") else None
    return lambda relpath: relpath.endswith(suffix) or relpath == bare


def _expression(pattern: str) -> str:
    """Return the regular expression that moby makes of *pattern*.

    Odd as the outcome is, wildcards are replaced inside ``[...]`` as well, and ``|`` and ``{2}``
    keep the meaning that they have in regular expressions.
    """
    return re.sub(
        r"(?P<any>\*\*/?)(?P<end>\Z)?|(?P<star>\*)|(?P<one>\?)|(?P<escape>\\.)|(?P<plain>[.+()$])",
        _replace_wildcard,
        pattern,
        flags=re.DOTALL,
    )


def _replace_wildcard(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "plain":
        return f"\\{match[0]}"
    return {"any": "(.*/)?", "end": ".*", "star": "[^/]*", "one": "[^/]"}.get(kind or "", match[0])
