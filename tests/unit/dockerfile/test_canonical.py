"""The text of an instruction that goes into keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile import instruction_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Instruction


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("run  make  all", "RUN make  all"),
        ('RUN [ "make","all" ]', 'RUN ["make", "all"]'),
        ("RUN make \\\n  # comment\n\n  all", "RUN make   all"),
        ("COPY   a \\\n   b  c", "COPY a b c"),
        ("copy --link  --from=x\ta b", "COPY --link --from=x a b"),
        ('COPY --chown="a b" a b', 'COPY --chown="a b" a b'),
        ("COPY --exclude='a\"' a b", 'COPY --exclude="a\\"" a b'),
        ('COPY [ "a b" , "c" ]', 'COPY ["a b", "c"]'),
        ("ENV A=b  C='d  e'", "ENV A=b C='d  e'"),
        ("ENV A  b  c", "ENV A b  c"),
        ("LABEL a=b \\\n  c=d", "LABEL a=b c=d"),
        ("ARG A  B=c", "ARG A B=c"),
        ("EXPOSE 80   90", "EXPOSE 80 90"),
        ("VOLUME /a  /b", "VOLUME /a /b"),
        ('CMD ["a",  "ä"]', 'CMD ["a", "ä"]'),
        ("CMD", "CMD "),
        ("CMD a  b", "CMD a  b"),
        ("ENTRYPOINT []", "ENTRYPOINT []"),
        ("HEALTHCHECK --interval=5s CMD  curl  x", "HEALTHCHECK --interval=5s CMD  curl  x"),
        ('healthcheck cmd [ "curl" ]', 'HEALTHCHECK CMD ["curl"]'),
        ("USER  a:b ", "USER a:b"),
        ("onbuild  copy  a   b ", "ONBUILD copy  a   b "),
        ("RUN <<EOF\n a\n\n# b\nEOF", "RUN <<EOF\n a\n\n# b\nEOF"),
        ("RUN <<-EOF\n\ta\n\tEOF", "RUN <<-EOF\na\nEOF"),
        ("COPY <<A  <<'B' /x/\na\nA\nb\nB", "COPY <<A <<'B' /x/\na\nA\nb\nB"),
        ("ONBUILD RUN <<EOF\na\nEOF", "ONBUILD RUN <<EOF\na\nEOF"),
    ],
)
def test_instruction_text(
    instruction: Callable[[str], Instruction], written: str, text: str
) -> None:
    """Layout goes, and whatever reaches a shell stays."""
    assert instruction_text(instruction(written)) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RUN a b", "RUN a  b"),
        ('RUN ["a b"]', "RUN a b"),
        ('RUN ["a", "b"]', 'RUN ["a b"]'),
        ("COPY a b", "COPY --link a b"),
        ("COPY --link a b", "COPY --link=false a b"),
        ("COPY a b", "ADD a b"),
        ('ENV A="b c"', "ENV A=b\\ c"),
        ("ENV A=b C=d", "ENV A b C=d"),
        ("RUN <<EOF\na\nEOF", "RUN <<EOF\nb\nEOF"),
        ("RUN <<EOF\na\nEOF", "RUN <<'EOF'\na\nEOF"),
        ("RUN <<EOF\na\n\nEOF", "RUN <<EOF\na\nEOF"),
        ("ONBUILD RUN a", "RUN a"),
        ("ONBUILD COPY a b", "ONBUILD COPY a  b"),
        ("ENTRYPOINT", "ENTRYPOINT []"),
    ],
)
def test_what_differs_has_another_text(
    instruction: Callable[[str], Instruction], one: str, other: str
) -> None:
    """Whatever may build something else, or says something else to the image, counts."""
    assert instruction_text(instruction(one)) != instruction_text(instruction(other))


_words = st.lists(st.sampled_from(["a", "b/c", "--x", "é", "'q r'", "\\ "]), min_size=2, max_size=5)
_blanks = st.sampled_from([" ", "  ", "\t", " \\\n ", " \\\n# comment\n  ", " \\\n\n "])


@given(words=_words, data=st.data())
def test_layout_does_not_count(
    instruction: Callable[[str], Instruction], words: list[str], data: st.DataObject
) -> None:
    """However the words of COPY are laid out, the text is one."""
    laid_out = "".join(f"{data.draw(_blanks)}{word}" for word in ["--", *words])
    assert instruction_text(instruction(f"COPY{laid_out} x")) == instruction_text(
        instruction(f"copy -- {' '.join(words)} x")
    )
