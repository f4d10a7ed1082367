"""What the daemon may ask of this side while it builds one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.dockerfile import refuse_unknown_reads, unknown_bases
from okplug_buildkit.attach import auth, content, secrets, ssh
from okplug_buildkit.solve.attributes import CONTEXT_DIR, DOCKERFILE_DIR
from okplug_buildkit.sync.filters import Wanted
from okplug_buildkit.sync.sender import METHOD, serve_trees
from okplug_buildkit.sync.trees import MemoryTree, SnapshotTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from okplug import BuildRequest, ContextSnapshot, Image
    from okplug.credentials import Credentials
    from okplug_buildkit.attach.stores import Store
    from okplug_buildkit.rpc import Call, Handler
    from okplug_buildkit.solve.contexts import Contexts
    from okplug_buildkit.sync.entries import Tree

#: when every file of a context was changed last, seconds since the epoch: 1980-01-02, since zip
#: archives know no time before 1980 in any time zone
_LONG_AGO = 315_619_200
#: the daemon looks for this file first; okplug has left out already what is to be left out
_NOTHING_IGNORED = b"# okplug sends only what counts\n"


@dataclass(frozen=True, slots=True)
class Services:
    """Makes the services of each build.

    :param environ: where agents are looked for.
    :param environ_of: returns where the secrets of an image are looked for, None for the same.
    """

    credentials: Credentials
    environ: Mapping[str, str]
    environ_of: Callable[[Image], Mapping[str, str]] | None = None

    def handlers(
        self,
        request: BuildRequest,
        snapshots: Sequence[ContextSnapshot],
        contexts: Contexts,
        stores: Mapping[str, Store],
    ) -> dict[str, Handler]:
        """Return the handlers of one build, by method.

        :param snapshots: of the context, those of images that share it among them.
        :param stores: by the ids that the daemon knows them by.
        :raises BuildError: if an SSH agent is not there.
        """
        image = request.image
        repository = request.repository
        handlers = {
            METHOD: _checked(serve_trees(_trees(request, snapshots, contexts)), request),
            **auth.handlers(self.credentials, {repository.registry: repository.repository}),
        }
        if request.secrets:
            environ = self.environ_of(image) if self.environ_of else self.environ
            handlers.update(secrets.handlers(request.secrets, environ))
        if image.ssh:
            folder = image.location.path.parent
            agents = ssh.find_agents(image.ssh, self.environ, folder, image.place("ssh"))
            handlers.update(ssh.handlers(agents))
        if stores:
            handlers.update(content.handlers(stores))
        return handlers


def _checked(serve: Handler, request: BuildRequest) -> Handler:
    """Have the service refuse what the daemon reads because of a base that is not known here."""
    bases = unknown_bases(request.resolution, request.images)
    if not bases:
        return serve

    def handle(call: Call) -> None:
        wanted = Wanted.read(call.metadata)
        if wanted.directory == CONTEXT_DIR:
            sources = wanted.follow or _whole(request)
            refuse_unknown_reads(request.resolution, bases, sources, request.dockerfile.path)
        serve(call)

    return handle


def _whole(request: BuildRequest) -> tuple[str, ...]:
    """Return the source that has the daemon ask for all; a tmpfs mount does, and reads none."""
    instructions = (each for stage in request.resolution.stages for each in stage.instructions)
    mounts = (mount for each in instructions for mount in each.flag_values("mount"))
    return () if any("tmpfs" in mount for mount in mounts) else (".",)


def _trees(
    request: BuildRequest, snapshots: Sequence[ContextSnapshot], contexts: Contexts
) -> dict[str, Tree]:
    name = request.dockerfile.path.name
    text = request.dockerfile.text.encode("utf-8", "surrogateescape")
    epoch = request.source_date_epoch
    mtime = _LONG_AGO if epoch is None else epoch
    trees: dict[str, Tree] = {
        CONTEXT_DIR: SnapshotTree(snapshots, mtime, is_whole=True),
        DOCKERFILE_DIR: MemoryTree({name: text, f"{name}.dockerignore": _NOTHING_IGNORED}),
    }
    trees.update((name, SnapshotTree([one], mtime)) for name, one in contexts.folders.items())
    return trees
