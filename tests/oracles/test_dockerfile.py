"""Dockerfiles: okplug reads the instructions that BuildKit's parser reads, and refuses what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from okplug.dockerfile import parse
from okplug.errors import ManifestError
from tests.oracles.asking import (
    ON_PURPOSE,
    REFUSED,
    Comparison,
    Grammar,
    ask,
    case_count,
    chance,
    packed,
    unpacked,
    unpacked_all,
)

if TYPE_CHECKING:
    from okplug.dockerfile import Dockerfile, Instruction

_RULES = {
    "FILE": (
        *("ORIGIN NL BODY",) * 6,
        "HEAD ORIGIN NL BODY",
        "HEAD ORIGIN NL BODY",
        "ARGS NL ORIGIN NL BODY",
        "BODY",
    ),
    "HEAD": (
        "# SP escape=` NL",
        "#escape=\\ NL",
        "#syntax=docker/dockerfile:1 SP x NL",
        "# SP check=skip=all NL # SP ESCAPE SP = SP ` NL",
        "#!/bin/x NL #escape=` NL",
        "#x NL #escape=` NL",
        "# SP escape=x NL",
        "\ufeff",
        "NL # SP escape=` NL",
        "SP # SP escape=` SP NL",
    ),
    "BODY": ("LINE", "LINE NL BODY", "LINE NL BODY", "LINE NL BODY", "ORIGIN NL BODY"),
    "LINE": (
        "INSTRUCTION",
        *("INSTRUCTION",) * 8,
        "SP INSTRUCTION",
        "COMMENT",
        "",
        "INSTRUCTION SP \\ NL SP more",
        "INSTRUCTION SP ` NL COMMENT NL more",
        "INSTRUCTION SP \\ NL NL more",
        "HEREDOC",
    ),
    "COMMENT": ("#x", "SP #x", "# SP \\"),
    "ORIGIN": (
        "FROM SP IMAGE",
        "FROM SP IMAGE SP AS SP STAGE",
        "from SP IMAGE SP as SP STAGE",
        "FROM SP --platform=linux/amd64 SP IMAGE",
        "FROM SP IMAGE SP X",
    ),
    "IMAGE": ("scratch", "$A", "a:1", "${A:-b}"),
    "STAGE": ("a", "b", "A", "a-b.c_1", "1a", "é"),
    "ARGS": ("ARG SP A=1", "ARG SP A", "ARG SP A=1 SP B"),
    "INSTRUCTION": (
        "RUN SP RUNFLAGS COMMAND",
        "RUN SP COMMAND",
        "COPY SP COPYFLAGS PLACES",
        "COPY SP PLACES",
        "ADD SP FLAGS PLACES",
        "ENV SP PAIRS",
        "LABEL SP PAIRS",
        "ARG SP DECLARED",
        "CMD SP COMMAND",
        "ENTRYPOINT SP COMMAND",
        "SHELL SP ARRAY",
        "WORKDIR SP WORDS",
        "USER SP WORDS",
        "VOLUME SP PLACES",
        "EXPOSE SP WORDS",
        "STOPSIGNAL SP WORD",
        "MAINTAINER SP WORDS",
        "HEALTHCHECK SP HEALTH",
        "ONBUILD SP INSTRUCTION",
        "KEYWORD",
        "KEYWORD SP WORDS",
        "run SP COMMAND",
        "KEYWORD SP FLAG SP WORDS",
    ),
    "KEYWORD": (
        "RUN",
        "COPY",
        "ADD",
        "ENV",
        "LABEL",
        "ARG",
        "CMD",
        "ENTRYPOINT",
        "SHELL",
        "WORKDIR",
        "USER",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "MAINTAINER",
        "HEALTHCHECK",
        "ONBUILD",
        "FROM",
        "RUNS",
        "Env",
    ),
    "COMMAND": ("make SP WORDS", "ARRAY", "ARRAY SP WORD", "WORDS"),
    "ARRAY": (
        "[ STRING ]",
        "[ STRING , SP STRING ]",
        "[]",
        "[ STRING ,]",
        "[1]",
        "[ STRING",
        "SP [ SP STRING SP ] SP",
        "[null]",
        "[[]]",
        "['a']",
        "{}",
    ),
    "STRING": (
        '"a"',
        '""',
        '"a␣b"',
        '"\\u00e9"',
        '"\\ud800"',
        '"\\x"',
        '"a\\\\b"',
        '"$A"',
        '"\t"',
        '"é"',
    ),
    "RUNFLAGS": ("RUNFLAG SP", "RUNFLAG SP", "RUNFLAG SP RUNFLAGS", "FLAGS"),
    "RUNFLAG": (
        "--mount=type=cache,target=/a",
        "--mount=type=bind,from=a,target=/b",
        "--mount=type=secret,id=s",
        '--mount=type=cache,"target=/a"',
        "--mount=target=.",
        "--mount=from=$A,target=.",
        "--network=none",
        "--security=insecure",
    ),
    "COPYFLAGS": ("COPYFLAG SP", "COPYFLAG SP", "COPYFLAG SP COPYFLAGS", "FLAGS"),
    "COPYFLAG": (
        "--from=a",
        "--link",
        "--link=FALSE",
        "--chown=1:2",
        "--exclude=a",
        "--exclude=*",
        "--",
    ),
    "FLAGS": ("FLAG SP", "FLAG SP FLAG SP"),
    "FLAG": (
        "--from=a",
        "--link",
        "--link=false",
        "--link=x",
        "--chown=1:2",
        "--chmod=755",
        "--parents",
        "--exclude=*.a",
        "--exclude=b",
        "--mount=type=cache,target=/a",
        "--mount=type=bind,from=a,target=/b",
        "--mount=type=secret,id=s",
        "--mount=target=.",
        "--network=none",
        "--network=x",
        "--security=insecure",
        "--platform=a",
        "--",
        "--x",
        "--x=1",
        '--chown="a␣b"',
        "--from",
        "--from=",
        "--checksum=sha256:a",
        "--keep-git-dir=true",
        "--unpack",
        "--interval=5s",
        "--retries=3",
        "--a\\␣b",
    ),
    "PLACES": ("WORD SP WORD", "WORD SP WORD SP WORD", "ARRAY", "WORD", "<<EOF SP WORD"),
    "PAIRS": ("PAIR", "PAIR SP PAIR", "PAIR SP PAIRS", "NAME SP WORDS", "NAME", "PAIR SP WORD"),
    "PAIR": ("NAME = WORD", "NAME = WORD", "NAME =", "= WORD"),
    "DECLARED": ("NAME", "PAIR", "PAIR SP NAME", "NAME SP PAIR SP NAME"),
    "NAME": ("A", "B", "a.b", '"A"', "$A", "A\\␣B"),
    "HEALTH": (
        "NONE",
        "none",
        "NONE SP x",
        "CMD SP COMMAND",
        "cmd SP ARRAY",
        "CMD",
        "--interval=5s SP CMD SP a",
        "--retries=3 SP --timeout=1m SP CMD SP ARRAY",
        "WORDS",
        "--x=1 SP CMD SP a",
        "--interval=5 SP CMD SP a",
        "--retries=-1 SP CMD SP a",
    ),
    "HEREDOC": (
        "RUN SP DOC NL TEXT NL EOF",
        "COPY SP DOC SP /a NL TEXT NL EOF",
        "ADD SP DOC SP DOC2 SP /a NL TEXT NL EOF NL TEXT NL E2",
        "RUN SP cat SP DOC SP > SP a NL TEXT NL \t EOF",
        "ONBUILD SP RUN SP DOC NL TEXT NL EOF",
        "RUN SP DOC NL TEXT",
        "ENV SP A=<<EOF",
        "RUN SP DOC SP && SP DOC2 NL TEXT NL EOF NL E2",
    ),
    "DOC": (
        "<<EOF",
        "<<-EOF",
        "<<'EOF'",
        '<<"EOF"',
        "<< SP EOF",
        "3<<EOF",
        "<<\\EOF",
        "<<E$A",
        "<<",
        '"<<EOF"',
        "<<-'EOF'",
        "a<<EOF",
    ),
    "DOC2": ("<<E2", "<<-E2", "<<'E2'"),
    "TEXT": ("x", "", "\tx", "\t\tx NL \ty", "# SP x", "$A \\", "EOF2", "SP EOF", "FROM SP a"),
    "WORDS": ("WORD", "WORD SP WORD", "WORD SP WORDS"),
    "WORD": (
        "a",
        "b",
        "a/b",
        "$A",
        "${A}",
        '"a"',
        '"a␣b"',
        "'a␣b'",
        "a\\␣b",
        "é",
        "\\",
        "`",
        '"',
        "'",
        "--a",
        "[a",
        "#a",
        "a=b",
        "\udcff",
        "a\\\\",
        "&&",
        "<a",
        "\xa0",
    ),
    "SP": ("␣", "␣", "␣", "␣", "␣", "\t", "␣␣"),
    "NL": ("\n", "\n", "\n", "\n", "\r\n"),
}
_ALPHABET = "aF$\\`\"'<>=-[]#, \t\n\r{}é\x0b\xa0"


#: BuildKit reads flags byte by byte: others than ASCII end up as several characters or as blanks
_OF_BYTES = re.compile(r"--\S*[^\x00-\x7f]")
#: the values of HEALTHCHECK's flags are read by the builder, and a trigger of a file with another escape
#: character than the backslash as if it were the backslash
_LEFT = re.compile("ONBUILD with `|time: |--retries cannot|ParseInt|cannot be less than")
#: BuildKit carries out a RUN that says nothing
_RUNS_NOTHING = "RUN needs at least one argument"


def test_dockerfiles() -> None:
    source = chance("dockerfile")
    grammar = Grammar(_RULES, source)
    texts = [grammar.text("FILE") for _ in range(case_count())]
    texts = [grammar.spoilt(t, _ALPHABET) if source.random() < 0.15 else t for t in texts]
    comparison = Comparison("Dockerfiles", refused=0.9)
    questions = [{"Data": packed(text)} for text in texts]
    for text, (reply, refusal) in zip(texts, ask("dockerfile", questions), strict=True):
        if _LEFT.search(refusal):
            comparison.take(text, ON_PURPOSE, REFUSED)
            continue
        comparison.take(text, _readable(_ours(text)), _readable(_theirs(reply)))
    comparison.check()


def _readable(answer: object) -> str:
    """Return an answer without the difference between bytes that are not UTF-8: okplug keeps them."""
    return answer if isinstance(answer, str) else re.sub(r"\\udc..", "\ufffd", repr(answer))


def _ours(text: str) -> object:
    if _OF_BYTES.search(text):
        return ON_PURPOSE
    try:
        read = parse(text.encode("utf-8", "surrogateescape"), Path("Dockerfile"))
    except ManifestError as error:
        return ON_PURPOSE if error.message == _RUNS_NOTHING else REFUSED
    return read.escape, read.syntax, [stage.name for stage in read.stages], _instructions(read)


def _instructions(read: Dockerfile) -> list[object]:
    found = [*read.global_args]
    for stage in read.stages:
        found += [stage.origin, *stage.instructions]
    return [_told(instruction) for instruction in found]


def _told(it: Instruction) -> tuple[object, ...]:
    """Return what counts of an instruction."""
    flags = [f"--{f.name}" + ("" if f.value is None else f"={f.value}") for f in it.flags]
    heredocs = [(h.name, h.body, h.expand, h.chomp) for h in it.heredocs]
    words: object = it.pairs if it.name in ("ENV", "LABEL", "ARG") else it.words
    if it.trigger:
        words, heredocs = _told(it.trigger)[3:5], []
        heredocs = [(h.name, h.body, h.expand, h.chomp) for h in it.trigger.heredocs]
        trigger = _told(it.trigger)
        return it.name, it.line, it.end_line, trigger[:1] + trigger[3:5], False, heredocs, flags
    return it.name, it.line, it.end_line, words, it.is_json, heredocs, flags


def _theirs(reply: Any) -> object:
    if reply is None:
        return REFUSED
    return (
        reply["escape"],
        unpacked(reply["syntax"]),
        reply["stages"],
        [_told_of(instruction) for instruction in reply["instructions"]],
    )


def _told_of(it: dict[str, Any]) -> tuple[object, ...]:
    name = it["keyword"].upper()
    heredocs = [
        (unpacked(h["name"]), unpacked(h["body"]), h["expand"], h["chomp"]) for h in it["heredocs"]
    ]
    flags = list(unpacked_all(it["flags"]))
    words = unpacked_all(it["words"])
    told: object = words
    if name in ("ENV", "LABEL"):
        told = tuple(zip(words[::3], words[1::3], strict=True))
    elif name == "ARG":
        told = tuple(
            (w.partition("=")[0], w.partition("=")[2] if "=" in w else None) for w in words
        )
    elif name == "HEALTHCHECK":
        told = (words[0].upper(), *words[1:])
    elif name == "FROM" and len(words) > 1:
        told = (words[0], "AS", words[2].lower())
    is_json = it["json"]
    if it["trigger"]:
        trigger = _told_of(it["trigger"])
        told, is_json = trigger[:1] + trigger[3:5], False
    return name, it["line"], it["endLine"], told, is_json, heredocs, flags
