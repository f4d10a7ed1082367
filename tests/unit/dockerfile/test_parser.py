"""Whole Dockerfiles: instructions, stages, and what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from okplug.dockerfile import Dockerfile, Flag, Heredoc, Instruction, Stage, parse
from okplug.dockerfile.lexer import MAX_LINE
from okplug.dockerfile.parser import INSTRUCTIONS
from okplug.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Parsed = Callable[[str], Dockerfile]

EXAMPLE = """\
# syntax=docker/dockerfile:1
# check=skip=all

# the version of Python
ARG VERSION=3.13
FROM --platform=$BUILDPLATFORM python:${VERSION} AS Build

WORKDIR /src
COPY --link pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache \\
    # comments may stand here
    --mount=type=bind,source=tools,target=/tools \\

    pip install . \\
    && rm -rf /tmp/*
COPY <<EOF /etc/motd
Welcome to $VERSION
EOF
RUN <<-'ONE' cat <<TWO
\techo one
\tONE
two
TWO

from debian:13
ENV A=1 B="two words"
ENV LEGACY  all  of this
LABEL org.example="x"
ONBUILD COPY --chown=1:1 . /app
HEALTHCHECK --interval=5s CMD ["true"]
EXPOSE 80 443
VOLUME ["/data"]
USER nobody
STOPSIGNAL SIGTERM
SHELL ["/bin/bash", "-c"]
MAINTAINER somebody
COPY --from=build /src/dist /dist
ADD --checksum=sha256:00 https://example.org/a.tgz /a/
ENTRYPOINT ["/dist/run"]
CMD -- --help
"""
NO_FROM = "begin with the base image, such as FROM debian:13, or FROM scratch"
KEYWORDS = (
    "the instructions are ADD, ARG, CMD, COPY, ENTRYPOINT, ENV, EXPOSE, FROM, HEALTHCHECK, LABEL, "
    "MAINTAINER, ONBUILD, RUN, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR"
)
TRIGGERS = "any instruction but FROM, MAINTAINER and ONBUILD can"


def everything(dockerfile: Dockerfile) -> Iterator[Instruction]:
    """Yield all instructions in file order."""
    yield from dockerfile.global_args
    for stage in dockerfile.stages:
        yield stage.origin
        yield from stage.instructions


def test_the_frame_of_an_example(parsed: Parsed) -> None:
    """Directives, arguments and stages are where they belong."""
    dockerfile = parsed(EXAMPLE)
    assert dockerfile.path == Path("Dockerfile")
    assert dockerfile.lines == tuple(EXAMPLE.splitlines())
    assert dockerfile.directives == (("syntax", "docker/dockerfile:1"), ("check", "skip=all"))
    assert (dockerfile.syntax, dockerfile.escape) == ("docker/dockerfile:1", "\\")
    assert dockerfile.global_args == (
        Instruction(
            "ARG", 5, 5, "VERSION=3.13", words=("VERSION=3.13",), pairs=(("VERSION", "3.13"),)
        ),
    )
    build, last = dockerfile.stages
    assert build == Stage(
        index=0,
        name="build",
        base="python:${VERSION}",
        platform="$BUILDPLATFORM",
        origin=Instruction(
            "FROM",
            6,
            6,
            "python:${VERSION} AS Build",
            (Flag("platform", "$BUILDPLATFORM"),),
            ("python:${VERSION}", "AS", "build"),
        ),
        instructions=build.instructions,
    )
    assert (last.index, last.name, last.base, last.platform) == (1, "", "debian:13", "")


def test_the_first_stage_of_an_example(parsed: Parsed) -> None:
    """Continuations, flags and here-documents."""
    assert parsed(EXAMPLE).stages[0].instructions == (
        Instruction("WORKDIR", 8, 8, "/src", words=("/src",)),
        Instruction(
            "COPY",
            9,
            9,
            "pyproject.toml uv.lock ./",
            (Flag("link"),),
            ("pyproject.toml", "uv.lock", "./"),
        ),
        Instruction(
            "RUN",
            10,
            15,
            "pip install .     && rm -rf /tmp/*",
            (
                Flag("mount", "type=cache,target=/root/.cache"),
                Flag("mount", "type=bind,source=tools,target=/tools"),
            ),
            ("pip install .     && rm -rf /tmp/*",),
        ),
        Instruction(
            "COPY",
            16,
            18,
            "<<EOF /etc/motd",
            words=("<<EOF", "/etc/motd"),
            heredocs=(Heredoc("EOF", "Welcome to $VERSION\n"),),
        ),
        Instruction(
            "RUN",
            19,
            23,
            "<<-'ONE' cat <<TWO",
            words=("<<-'ONE' cat <<TWO",),
            heredocs=(
                Heredoc("ONE", "echo one\n", expand=False, chomp=True),
                Heredoc("TWO", "two\n"),
            ),
        ),
    )


def test_the_last_stage_of_an_example(parsed: Parsed) -> None:
    """One instruction of almost every kind."""
    last = parsed(EXAMPLE).stages[1]
    assert [each.name for each in last.instructions] == [
        "ENV",
        "ENV",
        "LABEL",
        "ONBUILD",
        "HEALTHCHECK",
        "EXPOSE",
        "VOLUME",
        "USER",
        "STOPSIGNAL",
        "SHELL",
        "MAINTAINER",
        "COPY",
        "ADD",
        "ENTRYPOINT",
        "CMD",
    ]
    assert [each.line for each in last.instructions] == list(range(26, 41))
    assert last.instructions[0].pairs == (("A", "1"), ("B", '"two words"'))
    assert last.instructions[1].pairs == (("LEGACY", "all  of this"),)
    assert last.instructions[4].words == ("CMD", "true")
    assert last.instructions[12].flag("checksum") == "sha256:00"
    assert last.instructions[14].words == ("--help",)
    assert last.instructions[14].flags == ()


def test_onbuild_holds_its_trigger(instruction: Callable[[str], Instruction]) -> None:
    """The trigger is an instruction of its own, here-documents included."""
    assert instruction("ONBUILD copy --link <<E /x\nbody\nE") == Instruction(
        "ONBUILD",
        2,
        4,
        "copy --link <<E /x",
        words=("copy --link <<E /x",),
        trigger=Instruction(
            "COPY",
            2,
            4,
            "<<E /x",
            (Flag("link"),),
            ("<<E", "/x"),
            heredocs=(Heredoc("E", "body\n"),),
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "CMD cat <<EOF",
        'RUN ["cat", "<<EOF"]',
        "RUN echo '<<EOF'",
        "ENV A=<<EOF",
        "ONBUILD CMD <<EOF",
        'ONBUILD RUN ["<<EOF"]',
    ],
)
def test_no_heredoc(instruction: Callable[[str], Instruction], text: str) -> None:
    """Only RUN, COPY and ADD take them, and not in their JSON form."""
    found = instruction(text)
    assert (found.trigger or found).heredocs == ()
    assert found.end_line == 2


def test_heredocs_hide_instructions(parsed: Parsed) -> None:
    """A FROM in a script is no stage."""
    (stage,) = parsed("FROM a\nRUN <<EOF\nFROM b\nONBUILD FROM\nEOF\n").stages
    (run,) = stage.instructions
    assert run.heredocs == (Heredoc("EOF", "FROM b\nONBUILD FROM\n"),)


def test_flag_lookup(instruction: Callable[[str], Instruction]) -> None:
    """The last of a flag counts; one without value is the empty text."""
    run = instruction("RUN --mount=a=1 --mount=b=2 --network=none x")
    assert run.flag_values("mount") == ("a=1", "b=2")
    assert (run.flag("mount"), run.flag("network"), run.flag("security")) == ("b=2", "none", None)
    assert instruction("COPY --link a b").flag("link") == ""


def test_windows_files(parsed: Parsed) -> None:
    """Carriage returns, a byte order mark and a backquote as escape character."""
    dockerfile = parse(
        b"\xef\xbb\xbf# escape=`\r\nFROM a AS b\r\nCOPY a `\r\n  C:\\b\r\nWORKDIR C:\\\r\n",
        Path("Dockerfile"),
    )
    copy, workdir = dockerfile.stages[0].instructions
    assert copy.words == ("a", "C:\\b")
    assert workdir.words == ("C:\\",)
    assert dockerfile.lines[1] == "FROM a AS b"
    unix = parsed("# escape=`\nFROM a AS b\nCOPY a `\n  C:\\b\nWORKDIR C:\\\n")
    assert dockerfile == unix


def test_names_may_repeat(parsed: Parsed) -> None:
    """As in BuildKit; which one is meant depends on where the name is used."""
    assert [stage.name for stage in parsed("FROM a AS x\nFROM b AS X\n").stages] == ["x", "x"]


def test_bytes_that_are_no_text(parsed: Parsed) -> None:
    """They are kept, and can be written back."""
    dockerfile = parse(b"FROM a\nLABEL x=\xff\xfe\n", Path("Dockerfile"))
    ((_, value),) = dockerfile.stages[0].instructions[0].pairs
    assert value is not None
    assert value.encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert parsed("FROM a\nLABEL x=é").stages[0].instructions[0].pairs == (("x", "é"),)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "Dockerfile: the Dockerfile is empty", NO_FROM),
        ("# syntax=a\n\n# nothing\n", "Dockerfile: the Dockerfile is empty", NO_FROM),
        ("ARG A=1\n", "Dockerfile: no FROM in the Dockerfile", NO_FROM),
        (
            "ARG A\n  RUN x\nFROM a\n",
            "Dockerfile:2:3: RUN stands before the first FROM",
            "begin with FROM; only ARG may stand before it",
        ),
        (
            "FROM a\nCPOY a b\n",
            "Dockerfile:2:1: unknown instruction 'CPOY', did you mean 'COPY'?",
            KEYWORDS,
        ),
        (
            "FROM a\nRUN x \\\n\n&& y\n&& z\n",
            "Dockerfile:5:1: unknown instruction '&&'",
            KEYWORDS,
        ),
        (
            "FROM a\nCOPY \\\n  --form=b a b\n",
            "Dockerfile:3:3: COPY has no flag '--form', did you mean '--from'?",
            "the flags of COPY are --chmod, --chown, --exclude, --from, --link, --parents",
        ),
        (
            "FROM a\nCOPY a\n",
            "Dockerfile:2:1: COPY needs at least one source and a destination",
            "write COPY SOURCE... DESTINATION",
        ),
        (
            "FROM a AS\n",
            "Dockerfile:1:1: FROM takes one or three words, not 2",
            "write FROM IMAGE or FROM IMAGE AS NAME",
        ),
        (
            "FROM a AS b!\n",
            "Dockerfile:1:11: 'b!' cannot be the name of a stage",
            "a name begins with a letter; letters, digits, '-', '_' and '.' may follow",
        ),
        (
            "FROM a\nENV A=b \\\n  c\n",
            "Dockerfile:3:3: 'c' is no NAME=VALUE",
            "quote a value that holds blanks",
        ),
        (
            "FROM a\nRUN cat <<EOF\nx\n",
            "Dockerfile:2:9: here-document 'EOF' has no end",
            "end it with a line 'EOF', or quote '<<' if it begins none",
        ),
        (
            "FROM a\nONBUILD\n",
            "Dockerfile:2:1: ONBUILD needs an instruction",
            "write it like ONBUILD RUN make",
        ),
        (
            "FROM a\nONBUILD onbuild RUN x\n",
            "Dockerfile:2:9: ONBUILD cannot be the trigger of ONBUILD",
            TRIGGERS,
        ),
        (
            "FROM a\nONBUILD FROM b\n",
            "Dockerfile:2:9: FROM cannot be the trigger of ONBUILD",
            TRIGGERS,
        ),
        (
            "FROM a\nONBUILD MAINTAINER b\n",
            "Dockerfile:2:9: MAINTAINER cannot be the trigger of ONBUILD",
            TRIGGERS,
        ),
        (
            "FROM a\nONBUILD --link COPY a b\n",
            "Dockerfile:2:9: ONBUILD has no flag '--link'",
            "ONBUILD takes no flags; write '--' before an argument that begins with '--'",
        ),
        (
            "FROM a\nRUN --mount=from=$X,target=/x y\n",
            "Dockerfile:2:5: 'from' of a mount cannot hold a variable",
            "name a stage, and use the variable in the FROM of that stage",
        ),
        (
            "FROM a\nCMD [1]\n",
            "Dockerfile:2:5: a JSON array here holds strings only",
            'write ["word", "word"]',
        ),
    ],
)
def test_what_is_refused(refused: Callable[[str], str], text: str, message: str, hint: str) -> None:
    """The message has the place, what was expected and the remedy."""
    assert refused(text) == f"{message}\n  hint: {hint}"


def test_a_line_that_only_goes_on(refused: Callable[[str], str]) -> None:
    """The escape character alone is no instruction."""
    assert refused("FROM a\n\\\n").startswith("Dockerfile:2:1: unknown instruction ''\n")


def test_an_enormous_line(refused: Callable[[str], str]) -> None:
    """Nothing is parsed that BuildKit could not read."""
    assert refused("FROM a\nRUN " + "x" * MAX_LINE) == (
        "Dockerfile:2: the line has 65539 bytes, at most 65535 can be read\n"
        "  hint: break it with the escape character, or put the content into a file"
    )


def test_many_lines_are_one_instruction(instruction: Callable[[str], Instruction]) -> None:
    """There is no limit to how far an instruction goes on."""
    run = instruction("RUN true \\\n" + "  && true \\\n" * 5_000 + "  && true")
    assert (run.line, run.end_line, run.text.count("true")) == (2, 5_003, 5_002)


def test_many_flags_are_read_quickly(instruction: Callable[[str], Instruction]) -> None:
    """The time grows with the text, not with its square."""
    run = instruction("RUN" + " --mount=type=tmpfs,target=/x \\\n" * 5_000 + " true")
    assert len(run.flags) == 5_000


@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"FROM\x00")
def test_random_bytes_are_parsed_or_refused(data: bytes) -> None:
    """No file makes anything but a result or a message."""
    try:
        dockerfile = parse(data, Path("Dockerfile"))
    except ManifestError:
        return
    assert dockerfile.stages


_WORDS = [*INSTRUCTIONS, "AS", "--from=a", "--link", "a", "b", "=", "<<E", "E", "\\", "'", '"', "$"]
_SOUP = st.lists(st.sampled_from([*_WORDS, " ", "\n", "[", '["a"]', "#", "\t"]), max_size=40)


@given(_SOUP)
def test_soup_is_parsed_or_refused(words: list[str]) -> None:
    """The same of words that Dockerfiles are made of."""
    try:
        dockerfile = parse(f"FROM x\n{' '.join(words)}".encode(), Path("Dockerfile"))
    except ManifestError:
        return
    check_spans(dockerfile)


def check_spans(dockerfile: Dockerfile) -> None:
    """Assert that every line that says something belongs to exactly one instruction."""
    covered = [
        number for each in everything(dockerfile) for number in range(each.line, each.end_line + 1)
    ]
    assert covered == sorted(set(covered))
    for number, line in enumerate(dockerfile.lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            assert number in covered


def test_the_lines_of_the_example_belong_to_instructions(parsed: Parsed) -> None:
    """None is lost, none is counted twice."""
    check_spans(parsed(EXAMPLE))


@pytest.mark.parametrize("seed", range(6))
def test_mutations_are_parsed_or_refused(seed: int) -> None:
    """A valid file with bytes changed, dropped, doubled or turned round, 150 times each."""
    source = random.Random(seed)
    data = EXAMPLE.encode()
    outcomes = {mutated_outcome(source, data) for _ in range(150)}
    assert outcomes == {"parsed", "refused"}


def mutated_outcome(source: random.Random, data: bytes) -> str:
    """Parse a mutation of *data*; a refusal points into the file."""
    mutated = bytearray(data)
    for _ in range(source.randint(1, 4)):
        start = source.randrange(len(mutated))
        end = start + source.choice([1, 1, 1, 5, 40])
        piece = bytes(mutated[start:end])
        mutated[start:end] = source.choice(
            [b"", piece * 2, piece[::-1], bytes([source.randrange(256)])]
        )
    try:
        dockerfile = parse(bytes(mutated), Path("Dockerfile"))
    except ManifestError as error:
        return "refused" if points_into(error, bytes(mutated)) else f"nowhere: {error}"
    check_spans(dockerfile)
    return "parsed"


def points_into(error: ManifestError, data: bytes) -> bool:
    """Tell whether the error's place is in the file, or is the whole file."""
    return error.location is not None and error.location.line <= data.count(b"\n") + 1


def without_lines(instruction: Instruction) -> Instruction:
    """Return the instruction as if it stood nowhere, with no blank at the end of an ONBUILD."""
    placeless = replace(instruction, line=0, end_line=0)
    if instruction.trigger is None:
        return placeless
    text, trigger = instruction.text.rstrip(), without_lines(instruction.trigger)
    return replace(placeless, text=text, words=(text,), trigger=trigger)


@given(st.data())
def test_layout_changes_lines_only(parsed: Parsed, data: st.DataObject) -> None:
    """Comments, blank lines and blanks at the ends of lines mean nothing but what ONBUILD keeps."""
    plain = 'FROM a AS b\nRUN x \\\n  y\nENV A=b \\\n C=d\nONBUILD COPY --link a b\nCMD ["a"]'
    rows: list[str] = []
    for row in plain.split("\n"):
        rows += data.draw(st.lists(st.sampled_from(["", "  ", "# c", "  # c \\"]), max_size=2))
        rows.append(row + data.draw(st.sampled_from(["", " ", "\t", "\r"])))
    before, after = parsed(plain), parsed("\n".join([" # top", *rows]))
    assert [without_lines(each) for each in everything(before)] == [
        without_lines(each) for each in everything(after)
    ]


def test_onbuild_keeps_what_follows_it(parsed: Parsed) -> None:
    """An image has the text as it is written; lines that are continued are joined."""
    (onbuild,) = parsed("FROM a\n onbuild\tcopy  a \\\n  b \t\n").stages[0].instructions
    assert (onbuild.text, onbuild.words) == ("copy  a   b \t", ("copy  a   b \t",))
    assert onbuild.trigger is not None
    assert onbuild.trigger.words == ("a", "b")


def test_instructions_are_values(parsed: Parsed) -> None:
    """Parsing twice gives equal files, whose instructions can be keys of a mapping."""
    assert parsed(EXAMPLE) == parsed(EXAMPLE)
    both = {*everything(parsed(EXAMPLE)), *everything(parsed(EXAMPLE))}
    assert len(both) == len(list(everything(parsed(EXAMPLE)))) == 23


# ------------------------------------------------------------------- Dockerfiles within other files

INLINE = b"# syntax=docker/dockerfile:1\n# escape=`\nFROM scratch\nCOPY a `\n  /b\n"
INTERPRETED = b"#!/bin/x\n# syntax=docker/dockerfile:1\nFROM scratch\nCOPY a /\n"
MANIFEST = Path("/shop/okteto.yaml")


def test_lines_are_those_of_the_file_that_holds_it() -> None:
    file = parse(INLINE, MANIFEST, 10)
    (stage,) = file.stages
    assert (stage.origin.line, stage.instructions[0].line, stage.instructions[0].end_line) == (
        12,
        13,
        14,
    )
    assert file.lines[11] == "FROM scratch"
    assert (file.syntax, file.escape) == ("docker/dockerfile:1", "`")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"FROM scratch\nCOYP a /\n", ":11"),
        (b"# escape=x\n", ":10:1"),
        (b"# syntax=a\n# syntax=b\n", ":11:1"),
        (b"FROM scratch\nRUN <<E\n", ":11"),
        (b"FROM scratch\n" + b"#" * (MAX_LINE + 1), ":11"),
    ],
)
def test_so_are_those_of_errors(text: bytes, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(text, MANIFEST, 10)
    assert str(caught.value).startswith(f"{MANIFEST}{message}")


def test_builders_read_it_with_its_directives_at_the_top() -> None:
    lines = parse(INLINE, MANIFEST, 10).text.split("\n")
    assert lines[:2] == ["# syntax=docker/dockerfile:1", "# escape=`"]
    assert set(lines[2:11]) == {""}
    assert lines[11:] == ["FROM scratch", "COPY a `", "  /b", ""]


@pytest.mark.parametrize("first_line", [1, 3, 4, 10])
@pytest.mark.parametrize("data", [INLINE, b"FROM scratch\nCOPY a /\n", INTERPRETED])
def test_what_builders_read_means_the_same(data: bytes, first_line: int) -> None:
    file = parse(data, MANIFEST, first_line)
    again = parse(file.text.encode(), MANIFEST)
    assert again.stages == file.stages
    assert again.directives == file.directives


def test_a_file_of_its_own_is_read_as_it_is() -> None:
    assert parse(INLINE, MANIFEST).text == INLINE.decode()
