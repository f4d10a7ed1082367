from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import hookspecs
from okplug.commands import config
from okplug.commands.plugins import hook_reference, hook_signature
from okplug.plugincheck import hook_names

if TYPE_CHECKING:
    from okplug.testing import Workspace


def test_plugins_of_all_origins_are_shown(workspace: Workspace) -> None:
    workspace.write(
        {
            "okplugfile.py": """
            from okplug import hookimpl

            @hookimpl
            def okplug_finish(report): ...
            """,
            "services/api/okplugfile.py": """
            from okplug import hookimpl

            @hookimpl
            def okplug_key_inputs(image): ...
            """,
        }
    )
    text = workspace.run("plugins").assert_ok().stdout
    for expected in (
        f"config (okplug, {config.__file__})\n  okplug_addoption\n",
        f"okplugfile.py (workspace, {workspace.root}/okplugfile.py)\n  okplug_finish\n",
        (
            f"services/api/okplugfile.py (workspace, {workspace.root}/services/api/okplugfile.py)\n"
            "  okplug_key_inputs\n"
        ),
    ):
        assert expected in text


def test_a_plugin_that_is_left_out_is_not_shown(workspace: Workspace) -> None:
    assert "\nplan (okplug" in workspace.run("plugins").assert_ok().stdout
    assert "\nplan (okplug" not in workspace.run("plugins", "-p", "no:plan").assert_ok().stdout


def test_the_reference_of_all_hooks_is_printed(workspace: Workspace) -> None:
    text = workspace.run("plugins", "--hooks").assert_ok().stdout
    assert text == "\n".join(map(hook_reference, hook_names()))
    assert (
        "okplug_event(event: Event) -> None\n"
        "    Follow the run; observe, called for each event in order, always from the same thread.\n"
        "\n"
        "okplug_finish(report: Report, config: Config) -> None\n"
    ) in text


def test_every_hook_says_of_which_kind_it_is() -> None:
    for name in hook_names():
        doc = getattr(hookspecs, name).__doc__
        kind = next(kind for kind in ("observe", "contribute", "decide") if f"; {kind}," in doc)
        is_first = getattr(hookspecs, name).okplug_spec["firstresult"]
        assert (kind == "decide") == is_first, name
        assert hook_signature(name).endswith("-> None") == (kind == "observe"), name
