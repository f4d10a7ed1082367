"""Edits of Dockerfiles, of what they copy, and of what is ignored."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from tests.matrix.changes import all_of, remove, rename, replace, write
from tests.matrix.model import NEW, PLAIN, REFUSED, SAME, SHELL, Edit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.matrix.model import Change

_PLAIN = PLAIN["Dockerfile"]
AS_WRITTEN = "instructions count as they are written"
STAGES = {
    "Dockerfile": """
        FROM scratch AS docs
        COPY docs /docs
        FROM scratch AS made
        COPY src /src
        COPY data /data
        FROM scratch
        ARG WHO=me
        COPY --from=made /src /src
        """,
    "docs/index.md": "docs\n",
    "data/one": "1\n",
}


def dockerfile(text: str) -> Mapping[str, str]:
    """Have another Dockerfile."""
    return {"Dockerfile": text}


def to(text: str) -> Change:
    """Have another Dockerfile from now on."""
    return write("Dockerfile", text)


def change(old: str, new: str) -> Change:
    """Change the Dockerfile at one place."""
    return replace("Dockerfile", old, new)


#: an instruction of each kind, with a percent sign where one blank is as good as three
EACH = """
    FROM scratch
    ARG%V=1%W
    ENV%A=1%B="x y"
    LABEL%a=1%b=2
    COPY%src/main.py%README.md%/x/
    COPY%["README.md",%"/y"]
    ADD%README.md%/z/
    WORKDIR%/w
    USER%7
    EXPOSE%90%80/udp
    VOLUME%/v%/w
    VOLUME%["/u",%"/t"]
    CMD%["a",%"b"]
    ENTRYPOINT%["c",%"d"]
    SHELL%["/bin/x",%"-c"]
    STOPSIGNAL%SIGINT
    HEALTHCHECK%--retries=2%CMD%["x",%"y"]
    MAINTAINER%cindy
    ONBUILD%COPY a /b
    """

LAYOUT = (
    Edit(
        "blanks in instructions of all kinds",
        to(EACH.replace("%", "   ")),
        SAME,
        files=dockerfile(EACH.replace("%", " ")),
    ),
    Edit(
        "instructions of all kinds continued on other lines",
        to(EACH.replace("%", " \\\n    # more\n")),
        SAME,
        files=dockerfile(EACH.replace("%", " ")),
    ),
    Edit(
        "a blank at the end of what ONBUILD keeps for others",
        change("a /b", "a /b "),
        NEW,
        files=dockerfile("FROM scratch\nONBUILD COPY a /b\n"),
    ),
    Edit(
        "line ends of Windows, behind what ONBUILD keeps for others",
        to("FROM scratch\r\nONBUILD COPY a /b\r\n"),
        SAME,
        files=dockerfile("FROM scratch\nONBUILD COPY a /b\n"),
    ),
    Edit(
        "blanks in what ONBUILD keeps for others",
        change("COPY a", "COPY  a"),
        NEW,
        files=dockerfile("FROM scratch\nONBUILD COPY a /b\n"),
    ),
    Edit(
        "blanks in the command of a shell",
        change("a b", "a  b"),
        NEW,
        files=dockerfile("FROM scratch\nCMD a b\n"),
    ),
    Edit("a comment", change("COPY", "# what it is\nCOPY"), SAME),
    Edit("a blank line", change("COPY", "\nCOPY"), SAME),
    Edit("blanks at the end of a line", change("/src\n", "/src  \n"), SAME),
    Edit("blanks between words", change("COPY src", "COPY   src"), SAME),
    Edit("a continuation line", change("COPY src", "COPY \\\n  src"), SAME),
    Edit(
        "a comment within an instruction", change("COPY src", "COPY \\\n# the source\n  src"), SAME
    ),
    Edit("the case of a keyword", change("COPY", "copy"), SAME),
    Edit("line ends of Windows", to(_PLAIN.replace("\n", "\r\n")), SAME),
    Edit("no end of the last line", to(_PLAIN.rstrip()), SAME),
    Edit("a byte order mark", to(f"\ufeff{_PLAIN}"), SAME),
    Edit("another escape character, unused", to(f"# escape=`\n{_PLAIN}"), SAME),
    Edit("the checks of BuildKit", to(f"# check=skip=all\n{_PLAIN}"), SAME),
    Edit(
        "another name of the Dockerfile",
        all_of(
            rename("Dockerfile", "Dockerfile.app"),
            write("okteto.yaml", "build: {app: {context: ., dockerfile: Dockerfile.app}}\n"),
        ),
        SAME,
    ),
    Edit(
        "the Dockerfile moved into the manifest",
        all_of(
            remove("Dockerfile"),
            write(
                "okteto.yaml",
                """
                build:
                  app:
                    context: .
                    dockerfile_inline: |
                      FROM scratch
                      COPY src /src
                """,
            ),
        ),
        SAME,
    ),
    Edit(
        "a comment of a Dockerfile that is copied",
        change("COPY", "# x\nCOPY"),
        NEW,
        files=dockerfile("FROM scratch\nCOPY . /all\n"),
    ),
    Edit(
        "the form of a JSON array",
        change('["src",', '[ "src" , '),
        SAME,
        files=dockerfile('FROM scratch\nCOPY ["src", "/src"]\n'),
    ),
)

INSTRUCTIONS = (
    Edit("a new instruction", change("COPY", "ENV A=1\nCOPY"), NEW),
    Edit("the destination of COPY", change("/src", "/app"), NEW),
    Edit("COPY --chmod", change("COPY", "COPY --chmod=600"), NEW),
    Edit("COPY --chown", change("COPY", "COPY --chown=7:8"), NEW),
    Edit(
        "two instructions in another order",
        to("FROM scratch\nLABEL b=2\nLABEL a=1\n"),
        NEW,
        files=dockerfile("FROM scratch\nLABEL a=1\nLABEL b=2\n"),
    ),
    Edit("a stage that is not reached", change("COPY docs", "COPY nothing"), SAME, files=STAGES),
    Edit(
        "a new stage that is not reached",
        change("FROM scratch AS made", "FROM scratch AS more\nENV A=1\nFROM scratch AS made"),
        SAME,
        files=STAGES,
    ),
    Edit(
        "a file of a stage that is not reached",
        write("docs/index.md", "more\n"),
        SAME,
        files=STAGES,
    ),
    Edit(
        "a file of a stage, copied from there",
        write("src/main.py", "print(2)\n"),
        NEW,
        files=STAGES,
    ),
    Edit(
        "a file of a stage, left there",
        write("data/one", "2\n"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="what becomes of a stage's files is known when it is built",
        files=STAGES,
    ),
    Edit(
        "the name of a stage",
        all_of(change("AS made", "AS built"), change("from=made", "from=built")),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=AS_WRITTEN,
        files=STAGES,
    ),
    Edit(
        "the body of a here-document",
        change("hello", "hallo"),
        NEW,
        files=dockerfile("FROM scratch\nCOPY <<EOF /x\nhello\nEOF\n"),
    ),
    Edit(
        "a comment in a here-document",
        change("hello", "hello\n# really"),
        NEW,
        files=dockerfile("FROM scratch\nCOPY <<EOF /x\nhello\nEOF\n"),
    ),
    Edit(
        "an argument in a here-document",
        change("N=1", "N=2"),
        NEW,
        files=dockerfile("FROM scratch\nARG N=1\nCOPY <<EOF /x\nn=$N\nEOF\n"),
    ),
    Edit(
        "quotes of a here-document with a variable",
        change("<<EOF", "<<'EOF'"),
        NEW,
        files=dockerfile("FROM scratch\nARG N=1\nCOPY <<EOF /x\nn=$N\nEOF\n"),
    ),
    Edit(
        "the command of a RUN",
        change("echo 1", "echo 2"),
        NEW,
        embedded=REFUSED,
        files=dockerfile(f"{SHELL}RUN echo 1 > /x\n"),
    ),
    Edit(
        "a RUN continued on another line",
        change("&& echo", "&& \\\n# more\necho"),
        SAME,
        embedded=REFUSED,
        files=dockerfile(f"{SHELL}RUN echo 1 > /x && echo 2 > /y\n"),
    ),
    Edit(
        "blanks in a RUN",
        change("&& echo", "&&  echo"),
        NEW,
        embedded=REFUSED,
        files=dockerfile(f"{SHELL}RUN echo 1 > /x && echo 2 > /y\n"),
    ),
    Edit(
        "the here-document of a RUN",
        change("echo 2", "echo 3"),
        NEW,
        embedded=REFUSED,
        files=dockerfile(f"{SHELL}RUN <<EOF\necho 1 > /x\necho 2 > /y\nEOF\n"),
    ),
    Edit(
        "a file of a bind mount, read",
        write("src/main.py", "print(2)\n"),
        NEW,
        embedded=REFUSED,
        files=dockerfile(f"{SHELL}RUN --mount=source=src,target=/m cat /m/main.py > /x\n"),
    ),
    Edit(
        "a file of a bind mount, not read",
        write("src/part/one.py", "2\n"),
        NEW,
        embedded=REFUSED,
        buildkit=SAME,
        why="what a command reads of a mount is not known",
        files=dockerfile(f"{SHELL}RUN --mount=source=src,target=/m cat /m/main.py > /x\n"),
    ),
    Edit(
        "a file beside a bind mount",
        write("README.md", "more\n"),
        SAME,
        embedded=REFUSED,
        files=dockerfile(f"{SHELL}RUN --mount=source=src,target=/m cat /m/main.py > /x\n"),
    ),
    Edit("a new ONBUILD", change("COPY", "ONBUILD COPY README.md /\nCOPY"), NEW),
    Edit(
        "a file that ONBUILD copies for others",
        write("README.md", "more\n"),
        SAME,
        files=dockerfile("FROM scratch\nONBUILD COPY README.md /\n"),
    ),
    Edit(
        "a file that ONBUILD of the stage before copies",
        write("README.md", "more\n"),
        NEW,
        files=dockerfile("FROM scratch AS b\nONBUILD COPY README.md /\nFROM b\nLABEL a=1\n"),
    ),
)

COPIES = {"Dockerfile": "FROM scratch\nCOPY *.txt /x/\n", "a.txt": "a\n"}
EXCEPTED = {
    "Dockerfile": "FROM scratch\nCOPY src /src\n",
    ".dockerignore": "src/*\n!src/main.py\n",
}
EXCLUDED = {
    "Dockerfile": "FROM scratch\nCOPY --exclude=part/*.md ä /x\n",
    "ä/part/one.py": "1\n",
}
PARENTS = {
    "Dockerfile": "FROM scratch\nCOPY --parents ä/./par*/*.py /x/\n",
    "ä/part/one.py": "1\n",
}
OWN_IGNORE = {"Dockerfile.dockerignore": "*.md\n"}


def packed(time: int, content: bytes = b"1\n") -> bytes:
    """Return an archive of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("one")
        member.size, member.mtime = len(content), time
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE: Mapping[str, str | bytes] = {
    "Dockerfile": "FROM scratch\nADD one.tar /x/\n",
    "one.tar": packed(0),
}
SELECTED = (
    Edit("a file that a wildcard finds", write("b.txt", "b\n"), NEW, files=COPIES),
    Edit("a file that a wildcard does not find", write("b.md", "b\n"), SAME, files=COPIES),
    Edit(
        "a file that --exclude leaves out",
        write("src/new.md", "b\n"),
        SAME,
        files=dockerfile("FROM scratch\nCOPY --exclude=*.md src /src\n"),
    ),
    Edit(
        "a file beside one of --parents",
        write("src/part/two.py", "2\n"),
        SAME,
        files=dockerfile("FROM scratch\nCOPY --parents src/part/one.py /\n"),
    ),
    Edit(
        "a file that --exclude leaves out, in a folder that is not ASCII",
        write("ä/part/new.md", "b\n"),
        SAME,
        files=EXCLUDED,
    ),
    Edit(
        "a file that --exclude does not leave out, in a folder that is not ASCII",
        write("ä/part/new.py", "b\n"),
        NEW,
        files=EXCLUDED,
    ),
    Edit(
        "a file of --parents, in a folder that is not ASCII",
        write("ä/part/two.py", "2\n"),
        NEW,
        files=PARENTS,
    ),
    Edit(
        "a file beside those of --parents, in a folder that is not ASCII",
        write("ä/two.py", "2\n"),
        SAME,
        files=PARENTS,
    ),
    Edit("content of a local archive", write("one.tar", packed(0, b"2\n")), NEW, files=ARCHIVE),
    Edit(
        "a local archive packed again",
        write("one.tar", packed(1)),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="archives are hashed, not unpacked",
        files=ARCHIVE,
    ),
    Edit("an ignored file", write("src/x.log", "2\n"), SAME, files={".dockerignore": "**/*.log\n"}),
    Edit("a rule of .dockerignore with effect", write(".dockerignore", "src/part\n"), NEW),
    Edit("a rule of .dockerignore without effect", write(".dockerignore", "*.log\n*.md\n"), SAME),
    Edit("a comment in .dockerignore", write(".dockerignore", "# logs\n*.log\n"), SAME),
    Edit("no .dockerignore any more, which had no effect", remove(".dockerignore"), SAME),
    Edit(
        "an exception with effect",
        write(".dockerignore", "src/*\n!src/main.py\n!src/part\n"),
        NEW,
        files=EXCEPTED,
    ),
    Edit(
        "an exception without effect",
        write(".dockerignore", "src/*\n!src/main.py\n!src/nothing\n"),
        SAME,
        files=EXCEPTED,
    ),
    Edit("an excepted file", write("src/main.py", "print(2)\n"), NEW, files=EXCEPTED),
    Edit("a file that is not excepted", write("src/part/one.py", "2\n"), SAME, files=EXCEPTED),
    Edit(
        "two rules in another order, with effect",
        write(".dockerignore", "!src/main.py\nsrc/main.py\n"),
        NEW,
        files={".dockerignore": "src/main.py\n!src/main.py\n"},
    ),
    Edit(
        "a Dockerfile's own ignore file, with effect",
        write("Dockerfile.dockerignore", "src/part\n"),
        NEW,
    ),
    Edit(
        "the ignore file of a Dockerfile that is elsewhere",
        write("ci/Dockerfile.dockerignore", "part\n"),
        NEW,
        files={
            "okteto.yaml": "build: {app: {context: src, dockerfile: ../ci/Dockerfile}}\n",
            "ci/Dockerfile": "FROM scratch\nCOPY . /src\n",
            "ci/Dockerfile.dockerignore": "*.log\n",
        },
    ),
    Edit(
        "a Dockerfile's own ignore file, without effect",
        write("Dockerfile.dockerignore", "*.md\n"),
        SAME,
    ),
    Edit(
        "a .dockerignore that the Dockerfile's own file replaces",
        write(".dockerignore", "src\n"),
        SAME,
        files=OWN_IGNORE,
    ),
    Edit(
        "a file only in an ignored folder",
        write("src/part/two.py", "2\n"),
        SAME,
        files={".dockerignore": "src/part\n"},
    ),
)
