"""The settings of pools and of daemons of our own."""

from __future__ import annotations

from okplug import Setting


def _check_attempts(text: str) -> str:
    if not (text.strip().isdecimal() and text.isascii() and int(text)):
        raise ValueError(f"expected a whole number, 1 or more, not {text!r}")
    return text


def pool_settings() -> tuple[Setting, ...]:
    """Return the settings."""
    return (
        Setting(
            "buildkitd_idle",
            "number",
            15,
            "minutes without a run after which a daemon that buildkitd:// started ends",
        ),
        Setting(
            "builder_attempts",
            "text",
            "5",
            "how often a build is attempted whose builder is lost meanwhile, 1 or more",
            environ=("OKTETO_BUILDKIT_MAX_RETRIES_FOR_TRANSIENT_ERRORS",),
            convert=_check_attempts,
        ),
    )
