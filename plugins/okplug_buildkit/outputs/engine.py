"""Load images into a Docker engine, after its API: ``POST /images/load``."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from okplug import BuildError, CancelledError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.endpoints import engine_endpoint
from okplug_buildkit.connect.engineapi import EngineAPI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug import BuildControl


def load_archive(
    archive: IO[bytes], size: int, environ: Mapping[str, str], control: BuildControl
) -> None:
    """Load an image into the engine of ``docker://``.

    :param archive: as ``docker save`` writes it, from where it stands.
    :param size: of it in bytes.
    :param control: tells of an interruption, which ends the connection.
    :raises BuildError: if the engine cannot be reached, or does not take it.
    :raises CancelledError: if the run is interrupted.
    """
    endpoint = engine_endpoint(parse_address("docker://"), environ)
    engine = EngineAPI(endpoint, environ)
    control.on_cancel(engine.interrupt)
    try:
        engine.load(archive, size)
    except BuildError as error:
        if control.is_cancelled:
            raise CancelledError from error
        raise
