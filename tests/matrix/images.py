"""Edits of what an image is built from, and of who builds it where."""

from __future__ import annotations

import locale
import os
import time
from typing import TYPE_CHECKING

from okplug.reference import Reference
from tests.matrix.changes import (
    all_of,
    check_out_again,
    give,
    own_everything,
    rename,
    replace,
    set_variable,
    write,
)
from tests.matrix.model import NEW, REFUSED, SAME, Edit

if TYPE_CHECKING:
    from tests.matrix.model import Change, Scene


def push(name: str, content: str, **config: object) -> Change:
    """Put an image from elsewhere into the registry."""

    def change(scene: Scene) -> None:
        from okplug.testing.images import push_image

        reference = Reference.parse(f"localhost/elsewhere/{name}")
        push_image(scene.registry, reference, files={"elsewhere": content}, config=config)

    return change


BASED = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY data more /base/\n",
    "base/data": "1\n",
    "base/more": "1\n",
    "base/README.md": "base\n",
    "okteto.yaml": "build: {app: {context: ., depends_on: 'base:base'}}\n",
    "Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY src /src\n",
}
COPYING = {
    **BASED,
    "Dockerfile": (
        "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE} AS base\n"
        "FROM scratch\nCOPY --from=base /base/data /\n"
    ),
}
COPY_BY_REFERENCE = "COPY --from=okteto.dev/one:1 /base/data /copied\n"
BY_REFERENCE = {
    **BASED,
    "base/okteto.yaml": "build: {base: {context: ., image: 'okteto.dev/one:1'}}\n",
    "okteto.yaml": "build: {app: .}\n",
    "Dockerfile": f"FROM okteto.dev/one:1\n{COPY_BY_REFERENCE}",
}
TRIGGERING = {
    **BASED,
    "base/Dockerfile": "FROM scratch\nONBUILD COPY README.md /\n",
    "Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nLABEL a=1\n",
}
DEEP = {
    **BASED,
    "ground/okteto.yaml": "build: {ground: .}\n",
    "ground/Dockerfile": "FROM scratch\nCOPY data /ground\n",
    "ground/data": "1\n",
    "base/okteto.yaml": "build: {base: {context: ., depends_on: 'ground:ground'}}\n",
    "base/Dockerfile": (
        "ARG OKTETO_BUILD_GROUND_IMAGE\nFROM ${OKTETO_BUILD_GROUND_IMAGE}\nCOPY data /base\n"
    ),
}
PASSING_ON = {
    **BASED,
    "base/Dockerfile": "FROM scratch\nENV WHAT=src/main.py\n",
    "Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY $WHAT /x\n",
}
WHOLE = "a key is there before anything is built, and is made of whole dependencies"
UNKNOWN = "its instructions are not known before it is built; the error tells what helps"
BY_TAG = "names of images from elsewhere are taken to stay what they are; `--pull` looks"
ELSEWHERE = {"Dockerfile": "FROM localhost/elsewhere/os:1\nCOPY src /src\n"}
COPIED = {"Dockerfile": "FROM scratch\nCOPY --from=localhost/elsewhere/os:1 /elsewhere /\n"}
NAMED = {
    "okteto.yaml": "build: {app: {context: ., contexts: {lib: ./lib}}}\n",
    "Dockerfile": "FROM scratch\nCOPY --from=lib / /lib\n",
    "lib/.dockerignore": "*.md\n",
    "lib/one": "1\n",
}
NAMED_IMAGE = {
    "okteto.yaml": (
        "build: {app: {context: ., contexts: {lib: docker-image://localhost/elsewhere/os:1}}}\n"
    ),
    "Dockerfile": "FROM scratch\nCOPY --from=lib /elsewhere /\n",
}
PLUGIN = """
    from okplug import hookimpl

    @hookimpl
    def okplug_key_inputs(image):
        return {"compiler": "gcc 14"}
    """

DEPENDENCIES = (
    Edit("a dependency", write("base/data", "2\n"), NEW, files=BASED),
    Edit(
        "a dependency, and then what it was before",
        all_of(write("base/data", "2\n"), write("base/data", "1\n")),
        SAME,
        files=BASED,
    ),
    Edit(
        "a file that the dependency does not copy",
        write("base/README.md", "more\n"),
        SAME,
        files=BASED,
    ),
    Edit(
        "a comment in the Dockerfile of a dependency",
        replace("base/Dockerfile", "COPY", "# why\nCOPY"),
        SAME,
        files=BASED,
    ),
    Edit(
        "a dependency that gets no tag of its own",
        write("base/okteto.yaml", "build: {base: {context: ., push: false}}\n"),
        SAME,
        files=BASED,
    ),
    Edit(
        "a further platform of a dependency",
        write(
            "base/okteto.yaml",
            "build: {base: {context: ., platforms: [linux/amd64, linux/arm64]}}\n",
        ),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=WHOLE,
        files=BASED,
    ),
    Edit("a dependency of a dependency", write("ground/data", "2\n"), NEW, files=DEEP),
    Edit("what is copied from a dependency", write("base/data", "2\n"), NEW, files=COPYING),
    Edit(
        "what is copied from a dependency by its reference",
        write("base/data", "2\n"),
        NEW,
        files={**BY_REFERENCE, "Dockerfile": f"FROM scratch\n{COPY_BY_REFERENCE}"},
    ),
    Edit(
        "what is not copied from a dependency",
        write("base/more", "2\n"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why=WHOLE,
        files=COPYING,
    ),
    Edit(
        "an argument of a dependency",
        replace("base/Dockerfile", "COPY", "ENV A=1\nCOPY"),
        NEW,
        files=BASED,
    ),
    Edit(
        "a dependency that is named and not used",
        write("okteto.yaml", BASED["okteto.yaml"]),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="depends_on counts as it is written",
        files={
            **BASED,
            "okteto.yaml": "build: {app: .}\n",
            "Dockerfile": "FROM scratch\nCOPY src /src\n",
        },
    ),
    Edit(
        "another reference of a dependency",
        all_of(
            replace("base/okteto.yaml", "one:1", "two:2"),
            write("Dockerfile", BY_REFERENCE["Dockerfile"].replace("one:1", "two:2")),
        ),
        SAME,
        files=BY_REFERENCE,
    ),
    Edit(
        "another folder of a dependency",
        all_of(rename("base", "libs/base"), replace("okteto.yaml", "base:base", "libs/base:base")),
        SAME,
        files=BASED,
    ),
    Edit(
        "another name of a dependency",
        all_of(
            replace("base/okteto.yaml", "base", "core"),
            replace("okteto.yaml", "base:base", "base:core"),
            write("Dockerfile", BASED["Dockerfile"].replace("BASE", "CORE")),
        ),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="its argument has another name, and instructions count as they are written",
        files=BASED,
    ),
    Edit(
        "a file that ONBUILD of a dependency copies",
        write("README.md", "more\n"),
        NEW,
        files=TRIGGERING,
    ),
    Edit(
        "a file that ONBUILD of a dependency does not copy",
        write("src/main.py", "2\n"),
        SAME,
        files=TRIGGERING,
    ),
    Edit(
        "a variable of a dependency that names the file to copy",
        replace("base/Dockerfile", "src/main.py", "README.md"),
        NEW,
        files=PASSING_ON,
    ),
    Edit(
        "the tag of a base image moved",
        push("os:1", "2"),
        SAME,
        embedded=NEW,
        buildkit=NEW,
        why=BY_TAG,
        files=ELSEWHERE,
        before=push("os:1", "1"),
    ),
    Edit(
        "the tag of a base image moved, with --pull",
        push("os:1", "2"),
        NEW,
        files=ELSEWHERE,
        before=all_of(give("--pull"), push("os:1", "1")),
    ),
    Edit(
        "another tag of the same base image",
        replace("Dockerfile", "os:1", "os:2"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="what a name from elsewhere stands for is not looked up",
        files=ELSEWHERE,
        before=all_of(push("os:1", "1"), push("os:2", "1")),
    ),
    Edit(
        "the tag of an image to copy from moved",
        push("os:1", "2"),
        SAME,
        embedded=NEW,
        buildkit=NEW,
        why=BY_TAG,
        files=COPIED,
        before=push("os:1", "1"),
    ),
    Edit(
        "the tag of an image to copy from moved, with --pull",
        push("os:1", "2"),
        NEW,
        files=COPIED,
        before=all_of(give("--pull"), push("os:1", "1")),
    ),
    Edit(
        "a file that ONBUILD of a base image from elsewhere copies",
        write("README.md", "more\n"),
        REFUSED,
        why=UNKNOWN,
        files=ELSEWHERE,
        before=push("os:1", "1", OnBuild=["COPY README.md /"]),
    ),
    Edit(
        "all files, copied by ONBUILD of a base image from elsewhere",
        write("README.md", "more\n"),
        REFUSED,
        why=UNKNOWN,
        files=ELSEWHERE,
        before=push("os:1", "1", OnBuild=["COPY . /all"]),
    ),
    Edit(
        "a file that ONBUILD of a base image from elsewhere copies, and the Dockerfile as well",
        write("README.md", "more\n"),
        NEW,
        files={"Dockerfile": "FROM localhost/elsewhere/os:1\nCOPY README.md /twice\n"},
        before=push("os:1", "1", OnBuild=["COPY README.md /"]),
    ),
    Edit(
        "an argument that only ONBUILD of a base image from elsewhere declares",
        replace("okteto.yaml", "1", "2"),
        SAME,
        files={**ELSEWHERE, "okteto.yaml": "build: {app: {context: ., args: {V: '1'}}}\n"},
        before=push("os:1", "1", OnBuild=["ARG V", "ENV V=$V"]),
    ),
    Edit(
        "an argument that ONBUILD of a base image from elsewhere declares, and the Dockerfile as well",
        replace("okteto.yaml", "1", "2"),
        NEW,
        files={
            "Dockerfile": "FROM localhost/elsewhere/os:1\nARG V\n",
            "okteto.yaml": "build: {app: {context: ., args: {V: '1'}}}\n",
        },
        before=push("os:1", "1", OnBuild=["ARG V", "ENV V=$V"]),
    ),
    Edit(
        "the image that a named context stands for",
        replace("okteto.yaml", "os:1", "os:2"),
        NEW,
        files=NAMED_IMAGE,
        before=all_of(push("os:1", "1"), push("os:2", "2")),
    ),
    Edit(
        "a named context that nothing uses",
        replace("okteto.yaml", "os:1", "os:2"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="named contexts count as they are written",
        files={**NAMED_IMAGE, "Dockerfile": "FROM scratch\nCOPY src /src\n"},
        before=all_of(push("os:1", "1"), push("os:2", "2")),
    ),
    Edit("a file of a named context", write("lib/one", "2\n"), NEW, embedded=REFUSED, files=NAMED),
    Edit(
        "an ignored file of a named context",
        write("lib/two.md", "2\n"),
        SAME,
        embedded=REFUSED,
        files=NAMED,
    ),
    Edit(
        "the folder of a named context",
        all_of(rename("lib", "elsewhere"), replace("okteto.yaml", "./lib", "./elsewhere")),
        SAME,
        embedded=REFUSED,
        files=NAMED,
    ),
    Edit(
        "what a plugin says",
        replace("okplugfile.py", "gcc 14", "gcc 15"),
        NEW,
        embedded=SAME,
        buildkit=SAME,
        why="a plugin says that it counts",
        files={"okplugfile.py": PLUGIN},
    ),
    Edit(
        "another line of a plugin",
        replace("okplugfile.py", "from", "# why\nfrom"),
        SAME,
        files={"okplugfile.py": PLUGIN},
    ),
)


def be_elsewhere(scene: Scene) -> None:
    """Be in another time zone, with other language settings, on another machine."""
    old_zone, old_locale = os.environ.get("TZ"), locale.setlocale(locale.LC_ALL)
    scene.undo.callback(_set_zone, old_zone)
    scene.undo.callback(locale.setlocale, locale.LC_ALL, old_locale)
    _set_zone("Asia/Kathmandu")
    locale.setlocale(locale.LC_ALL, "C")
    scene.environ.update({"TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "de_DE.ISO-8859-1"})
    scene.environ.update({"HOSTNAME": "elsewhere", "CI": "true", "TERM": "dumb"})


def _set_zone(zone: str | None) -> None:
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()


def be_david(scene: Scene) -> None:
    """Be somebody else, with a home and files of one's own."""
    home = scene.root.parent / "david"
    home.mkdir()
    own_everything(scene)
    variables = {"USER": "david", "LOGNAME": "david", "HOME": str(home)}
    scene.environ.update({**variables, "XDG_CACHE_HOME": str(home / "cache")})


def go_through_a_link(scene: Scene) -> None:
    """Reach the workspace through a symbolic link."""
    there = scene.root.parent / "linked"
    there.symlink_to(scene.root)
    scene.workspace.root = there


def take_another_registry(scene: Scene) -> None:
    """Keep images elsewhere."""
    from okplug_layout.registry import LayoutRegistry

    images = scene.root.parent / "other images"
    scene.environ["OKPLUG_REGISTRY"] = f"layout:{images}"
    scene.registry = LayoutRegistry(images)


LABELLED = {
    **BASED,
    "Dockerfile": f"{BASED['Dockerfile']}ARG OKTETO_BUILD_BASE_IMAGE\nLABEL base=$OKTETO_BUILD_BASE_IMAGE\n",
}
PLACES = (
    Edit("another checkout", check_out_again("another checkout ü"), SAME, files=BASED),
    Edit("the workspace reached through a link", go_through_a_link, SAME, files=BASED),
    Edit("another namespace", set_variable("OKTETO_NAMESPACE", "david"), SAME, files=BASED),
    Edit(
        "another namespace, where a label names the dependency",
        set_variable("OKTETO_NAMESPACE", "david"),
        SAME,
        files=LABELLED,
    ),
    Edit("another user", be_david, SAME, files=BASED),
    Edit("another time zone, locale and host", be_elsewhere, SAME, files=BASED),
    Edit("another registry", take_another_registry, SAME, files=BASED),
    Edit("how many images are built at once", set_variable("OKPLUG_JOBS", "1"), SAME, files=BASED),
    Edit(
        "an image that it has nothing to do with",
        write("other/Dockerfile", "FROM scratch\nENV A=1\n"),
        SAME,
        files={
            **BASED,
            "other/okteto.yaml": "build: {other: .}\n",
            "other/Dockerfile": "FROM scratch\n",
        },
    ),
)
