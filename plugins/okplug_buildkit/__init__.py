"""BuildKit over its own gRPC API: the builder that users run.

It needs no docker, buildctl or buildx. ``connect`` reaches a daemon, ``pool`` chooses among
several, ``session`` serves what the daemon asks of this side while it builds (``sync`` files,
``attach`` all else), ``solve`` says what is to be built and what became of it, and ``outputs``
brings images to other places than the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import StashKey, UsageError, hookimpl

if TYPE_CHECKING:
    from okplug import Artifact, BuildControl, Builder, Config, Parser, Plan, Step
    from okplug_buildkit.outputs.wanted import WantedOutput
    from okplug_buildkit.pool.pool import Pool

#: the daemons of a run and why it has them, to be let go at its end; None if there are none
_POOL: StashKey[tuple[Pool, str] | None] = StashKey()
_OUTPUTS: StashKey[tuple[WantedOutput, ...]] = StashKey()


@hookimpl(trylast=True)  # the command build is there
def okplug_addoption(parser: Parser) -> None:
    """Add the settings of connections and builds, outputs, and the command ``builder``."""
    from okplug_buildkit.commands.builder import add_builder_command
    from okplug_buildkit.connect.settings import builder_settings
    from okplug_buildkit.outputs.wanted import add_output_arguments
    from okplug_buildkit.pool.settings import pool_settings
    from okplug_buildkit.solve.options import solve_settings

    for setting in (*builder_settings(), *pool_settings(), *solve_settings()):
        parser.add_setting(setting)
    if "build" in parser.commands:
        add_output_arguments(parser.command("build"))
    add_builder_command(parser)


@hookimpl
def okplug_builder(config: Config) -> Builder | None:
    """Offer BuildKit where an address is named, or one can be had."""
    found = _open(config)
    if found is None:
        return None
    from okplug_buildkit.opening import open_builder

    return open_builder(config, *found)


@hookimpl
def okplug_key_inputs(config: Config) -> dict[str, str]:
    """Have attestations, compression and media types count: they make other images."""
    from okplug_buildkit.solve.options import SolveOptions

    return SolveOptions.read(config).key_inputs


@hookimpl
def okplug_plan_modify(plan: Plan, config: Config) -> None:
    """Read what ``--output`` asks for, which one image can have."""
    texts = getattr(config.options, "output", ())
    if not texts:
        return
    from okplug_buildkit.outputs.wanted import read_outputs

    outputs = read_outputs(texts, config.cwd)
    config.stash[_OUTPUTS] = outputs
    for output in outputs:
        if output.path is not None:
            config.announce_output(output.path)
    if len(plan.asked) != 1:
        raise UsageError(
            f"--output is for one image, and {len(plan.asked)} are selected",
            hint="name the image, such as okplug build --output OUTPUT services/api:api",
        )


@hookimpl
def okplug_deliver(step: Step, artifact: Artifact, config: Config, control: BuildControl) -> None:
    """Bring an image to where ``--load`` and ``--output`` want it."""
    outputs = config.stash.get(_OUTPUTS, ())
    load = bool(getattr(config.options, "load", False))
    if not outputs and not load:
        return
    from okplug_buildkit.outputs.delivery import Delivery

    needs_daemon = any(output.is_unpacked for output in outputs)
    found = _open(config) if needs_daemon else None
    pool = found[0] if found else None
    Delivery(config, outputs, load, pool, control).deliver(step, artifact)


@hookimpl
def okplug_unconfigure(config: Config) -> None:
    """Let go of the daemons."""
    found = config.stash.get(_POOL, None)
    if found is not None:
        found[0].close()


def _open(config: Config) -> tuple[Pool, str] | None:
    """Return the run's daemons, opened when they are first wanted."""
    if _POOL not in config.stash:
        from okplug_buildkit.opening import open_pool, wanted_addresses

        addresses, origin = wanted_addresses(config)
        pool = open_pool(config, addresses, origin) if addresses else None
        config.stash[_POOL] = (pool, origin) if pool else None
    return config.stash[_POOL]
