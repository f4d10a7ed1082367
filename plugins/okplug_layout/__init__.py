"""Images in a folder: a registry backend of OCI image layouts, which needs no server.

It answers when the setting ``registry`` is ``layout:FOLDER``, and then serves every host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import StashKey, hookimpl

if TYPE_CHECKING:
    from okplug import Config, Registry

#: one object for all hosts of a run, so that okplug sees that they are one store
_REGISTRY: StashKey[Registry] = StashKey()


@hookimpl
def okplug_registry(host: str, config: Config) -> Registry | None:
    """Return the layouts for whatever host, if layouts are what the user has set."""
    from okplug_layout.setting import is_layout, layout_folder

    del host
    setting = config.text("registry")
    if not is_layout(setting):
        return None
    if _REGISTRY not in config.stash:
        from okplug_layout.registry import LayoutRegistry

        folder = layout_folder(setting, config.root, config.environ)
        config.announce_output(folder)
        config.stash[_REGISTRY] = LayoutRegistry(folder)
    return config.stash[_REGISTRY]
