"""How instructions announce here-documents; the tables were checked on BuildKit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.heredocs import announced_heredoc, find_heredocs
from okplug.dockerfile.model import Heredoc


@pytest.mark.parametrize(
    ("line", "heredocs"),
    [
        ("RUN echo hello", ()),
        ("RUN <<EOF", (Heredoc("EOF", ""),)),
        ("RUN <<-EOF", (Heredoc("EOF", "", chomp=True),)),
        ("RUN <<'EOF'", (Heredoc("EOF", "", expand=False),)),
        ('RUN <<"EOF"', (Heredoc("EOF", "", expand=False),)),
        ("RUN <<E'O'F", (Heredoc("EOF", "", expand=False),)),
        ("RUN <<-'a b'", (Heredoc("a b", "", expand=False, chomp=True),)),
        ("RUN << EOF", (Heredoc("EOF", ""),)),
        ("RUN 3<<EOF", (Heredoc("EOF", ""),)),
        ("RUN cat <<A <<-'B' > x", (Heredoc("A", ""), Heredoc("B", "", expand=False, chomp=True))),
        ("COPY <<a.txt <<b.txt /x/", (Heredoc("a.txt", ""), Heredoc("b.txt", ""))),
        ("RUN <<EOF bash -c ${A:0:3}", (Heredoc("EOF", ""),)),
        ("RUN echo ${A} <<EOF", (Heredoc("EOF", ""),)),
        ("RUN <<$NAME", (Heredoc("$NAME", ""),)),
        ("RUN cat<<EOF", ()),
        ("RUN cat <<<EOF", ()),
        ("RUN <<", ()),
        ("RUN <<- EOF", ()),
        ("RUN echo '<<EOF'", ()),
        ('RUN echo "<<EOF"', ()),
        ("RUN echo \\<<EOF", ()),
        ("RUN echo $((1<<2))", ()),
        ("RUN it's <<EOF", ()),
        ("RUN echo ${A^^} <<EOF", ()),
    ],
)
def test_find_heredocs(line: str, heredocs: tuple[Heredoc, ...]) -> None:
    """Quotes hide them, and quotes around the delimiter keep their bodies as they are."""
    assert find_heredocs(line) == heredocs


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("<<EOF", "EOF"),
        ("<<-EOF", "EOF"),
        ("12<<EOF", "EOF"),
        ("<<\\EOF", "EOF"),
        ("EOF", None),
        ("<EOF", None),
        ("a<<EOF", None),
        ("<<a<b", None),
        ("<<'a", None),
        ("<<''", None),
        ("<<a b", None),
    ],
)
def test_announced_heredoc(word: str, name: str | None) -> None:
    """A word announces one here-document or none."""
    heredoc = announced_heredoc(word)
    assert (heredoc.name if heredoc else None) == name


@given(st.text(st.sampled_from("<-'\"\\$ {}a1E"), max_size=16))
def test_any_line_is_read(line: str) -> None:
    """Odd lines announce something or nothing, and the same each time."""
    assert find_heredocs(line) == find_heredocs(line)


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True), st.booleans(), st.booleans())
def test_what_is_written_is_found(name: str, quoted: bool, chomp: bool) -> None:  # noqa: FBT001  # hypothesis gives them by name
    """Any plain delimiter can be used, in all forms."""
    written = f"<<{'-' if chomp else ''}{repr(name) if quoted else name}"
    assert find_heredocs(f"RUN cat {written} x") == (
        Heredoc(name, "", expand=not quoted, chomp=chomp),
    )


def test_long_lines_are_read_quickly() -> None:
    """The time grows with the text, not with its square."""
    assert find_heredocs("RUN <<" + " " * 60_000 + "a<b") == ()
    assert find_heredocs("RUN <<" + " " * 60_000 + "a") == (Heredoc("a", ""),)
