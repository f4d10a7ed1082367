"""The settings of pools and of daemons of our own."""

from __future__ import annotations

from okplug import Setting


def pool_settings() -> tuple[Setting, ...]:
    """Return the settings."""
    return (
        Setting(
            "buildkitd_idle",
            "number",
            15,
            "minutes without a run after which a daemon that buildkitd:// started ends",
        ),
    )
