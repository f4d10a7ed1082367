"""A workspace that somebody edits while it is built, and what the images of it must be.

Whatever is in an image tells what its key has to be: its files go back into a clean folder, which is
hashed. An image under another key was made of other files than its key says.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from okplug.testing import Node, Workspace

#: image -> its Dockerfile; the label stands for what is in no file of an image
DOCKERFILES = {
    "all": "FROM scratch\nLABEL all={}\nCOPY . /all/\n",
    "top": (
        "ARG OKTETO_BUILD_ALL_IMAGE\nFROM ${{OKTETO_BUILD_ALL_IMAGE}}\nLABEL top={}\nCOPY . /top/\n"
    ),
    "part": "FROM scratch\nLABEL part={}\nCOPY --parents x* sub /part/\n",
}
#: image -> its context; two share one
CONTEXTS = {"all": "low", "top": "high", "part": "low"}
_LARGE = 200_000


class Image(NamedTuple):
    """An image of the workspace as a registry has it.

    :param name: as in ``DOCKERFILES``.
    :param key: the tag that it is found under.
    """

    name: str
    key: str
    labels: Mapping[str, str]
    tree: Mapping[str, Node]


def write_group(folder: Path) -> None:
    """Write the manifest, the Dockerfiles and the contexts of three images."""
    folder.mkdir(parents=True)
    for name, text in DOCKERFILES.items():
        (folder / f"{name}.Dockerfile").write_text(text.format(0))
    images = {
        name: {"context": context, "dockerfile": str(folder / f"{name}.Dockerfile")}
        for name, context in CONTEXTS.items()
    }
    images["top"]["depends_on"] = "all"
    (folder / "okteto.yaml").write_text(json.dumps({"build": images}))
    for context in set(CONTEXTS.values()):
        for relpath in ("x1", "x2", "sub/y1", "sub/deep/y2", "dir/z1", "ignored"):
            path = folder / context / relpath
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(relpath)
        (folder / context / "large").write_bytes(bytes(_LARGE))
        (folder / context / "link").symlink_to("x1")


# ------------------------------------------------------------------------------------------ editing


class Editor:
    """Changes files of groups at random, all the time, in a thread of its own.

    :param folders: of the groups.
    :param spare: a folder on the same filesystem, for what is made elsewhere and moved in.
    :param pauses: seconds between two changes, of which one is taken each time.
    """

    def __init__(
        self, folders: Iterable[Path], spare: Path, seed: str, pauses: tuple[float, ...]
    ) -> None:
        self._folders = list(folders)
        self._spare = spare
        self._random = random.Random(seed)
        self._pauses = pauses
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._errors: list[BaseException] = []
        self.changes = 0
        spare.mkdir()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        assert self._errors == []

    def _run(self) -> None:
        try:
            while not self._stopped.wait(self._random.choice(self._pauses)):
                self.change(self._random.choice(self._folders))
        except BaseException as error:  # noqa: BLE001  # the test fails with it
            self._errors.append(error)

    def change(self, folder: Path) -> None:
        """Change one thing in a group; what is not there just now is left alone."""
        changes: list[Callable[[Path], None]] = [
            *(self._overwrite, self._overwrite, self._replace, self._replace, self._append),
            *(self._truncate, self._remove, self._toggle, self._swap_link, self._swap_folder),
            *(self._fold_link, self._hide, self._label),
        ]
        change = self._random.choice(changes)
        context = folder / self._random.choice(("low", "low", "high"))
        with suppress(OSError):
            change(folder if change in (self._hide, self._label) else context)
            self.changes += 1

    def _file(self, context: Path) -> Path:
        names = ("x1", "x2", "x3", "sub/y1", "sub/deep/y2", "dir/z1", "large")
        return context / self._random.choice(names)

    def _bytes(self, size: int) -> bytes:
        return self._random.randbytes(min(size, 64)).ljust(size, b".")

    def _overwrite(self, context: Path) -> None:
        """Change the content and nothing else that can be had back."""
        path = self._file(context)
        before = path.stat()
        with path.open("r+b") as file:
            file.write(self._bytes(before.st_size))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _replace(self, context: Path) -> None:
        path = self._file(context)
        before = path.stat()
        draft = self._spare / "draft"
        draft.write_bytes(self._bytes(before.st_size))
        os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns))
        draft.replace(path)

    def _append(self, context: Path) -> None:
        path = self._file(context)
        with path.open("ab") as file:
            file.write(self._bytes(3))

    def _truncate(self, context: Path) -> None:
        os.truncate(context / "large", self._random.choice((0, 5, _LARGE, _LARGE + 1)))

    def _remove(self, context: Path) -> None:
        path = self._file(context)
        data = path.read_bytes()
        path.unlink()
        self._stopped.wait(self._random.choice((0, 0.001)))
        path.write_bytes(data)

    def _toggle(self, context: Path) -> None:
        path = self._file(context)
        path.chmod(path.stat().st_mode ^ 0o111)

    def _swap_link(self, context: Path) -> None:
        draft = self._spare / "link"
        draft.unlink(missing_ok=True)
        draft.symlink_to(self._random.choice(("x1", "x2", "sub", "..", "/etc")))
        draft.replace(context / "link")

    def _fold_link(self, context: Path) -> None:
        """Put a link to a folder in the place of that folder, and the other way round."""
        here, away = context / "dir", self._spare / f"dir-{context.parent.name}-{context.name}"
        if here.is_symlink():
            here.unlink()
            away.rename(here)
        else:
            here.rename(away)
            here.symlink_to(away)

    def _swap_folder(self, context: Path) -> None:
        other, between = context / "other", self._spare / "between"
        if not other.exists():
            shutil.copytree(context / "sub", other)
            (other / "y1").write_bytes(self._bytes(2))
        (context / "sub").rename(between)
        other.rename(context / "sub")
        between.rename(other)

    def _hide(self, folder: Path) -> None:
        path = folder / f"{self._random.choice(list(DOCKERFILES))}.Dockerfile.dockerignore"
        path.write_text(self._random.choice(("", "ignored\n", "x2\nignored\n")))

    def _label(self, folder: Path) -> None:
        name = self._random.choice(list(DOCKERFILES))
        draft = self._spare / "Dockerfile"
        draft.write_text(DOCKERFILES[name].format(self._random.randrange(1000)))
        draft.replace(folder / f"{name}.Dockerfile")


# ----------------------------------------------------------------------------------------- checking


def wrong_keys(clean: Workspace, images: Iterable[Image]) -> list[str]:
    """Return the images that are under another key than their content has.

    :param clean: an empty workspace.
    """
    expected = {f"{n}:{image.name}": image for n, image in enumerate(images)}
    for address, image in expected.items():
        _put_back(clean.root / address.partition(":")[0], image)
    (clean.root / "okplug.toml").write_text('names = "{folder}/{name}"\n')
    lines = clean.run("hash").assert_ok().stdout.splitlines()
    keys = {address: key for key, address in map(str.split, lines)}
    return [
        f"{image.name} is under {image.key}, and has the content of {keys[address]}"
        for address, image in expected.items()
        if keys[address] != image.key
    ]


def _put_back(folder: Path, image: Image) -> None:
    """Make a folder that gives the image, and what it is built on."""
    folder.mkdir()
    names = ["all", "top"] if image.name == "top" else [image.name]
    images = {}
    for name in names:
        label = image.labels[name]
        (folder / f"{name}.Dockerfile").write_text(DOCKERFILES[name].format(label))
        images[name] = {"context": name, "dockerfile": str(folder / f"{name}.Dockerfile")}
        _write(folder / name, dict(_below(image.tree, name)))
    if image.name == "top":
        images["top"]["depends_on"] = "all"
    (folder / "okteto.yaml").write_text(json.dumps({"build": images}))


def _below(tree: Mapping[str, Node], name: str) -> Iterator[tuple[str, Node]]:
    for path, node in tree.items():
        if path.startswith(f"{name}/"):
            yield path.removeprefix(f"{name}/"), node


def _write(folder: Path, tree: Mapping[str, Node]) -> None:
    folder.mkdir()
    for relpath, node in sorted(tree.items()):
        path = folder / relpath
        if node.kind == "directory":
            path.mkdir()
        elif isinstance(node.content, str):
            path.symlink_to(node.content)
        else:
            path.write_bytes(node.content)
            path.chmod(node.mode)
