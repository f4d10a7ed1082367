"""The settings of connections, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from okplug import Setting
from okplug_buildkit.connect import durations
from okplug_buildkit.connect.keepalive import INFINITE, KeepAlive, check_time, check_timeout
from okplug_buildkit.connect.options import ChannelOptions

if TYPE_CHECKING:
    from okplug import Config

_TLS_NAMES = ("builder_ca", "builder_cert", "builder_key")


def builder_settings() -> tuple[Setting, ...]:
    """Return the settings of connections to builders."""
    return (
        Setting(
            "builder_ca",
            "text",
            "",
            "the file with the certificates that a builder at tcp:// is trusted by, for TLS",
        ),
        Setting("builder_cert", "text", "", "the file with our certificate for TLS, and its chain"),
        Setting("builder_key", "text", "", "the file with the key of builder_cert"),
        Setting(
            "builder_server_name",
            "text",
            "",
            "the name in the builder's certificate, for TLS; by default the host of its address",
        ),
        Setting(
            "builder_token",
            "text",
            "",
            "a bearer token that every call to a builder carries",
            convert=check_token,
            secret=True,
        ),
        Setting(
            "builder_proxy",
            "flag",
            default=False,
            help="reach builders at tcp:// through the proxy that https_proxy or http_proxy names",
        ),
        *_patience_settings(),
        *_keepalive_settings(),
    )


def _patience_settings() -> tuple[Setting, ...]:
    return (
        Setting(
            "builder_wait",
            "text",
            "0s",
            "how long a builder that is not there yet is waited for, such as 10m",
            environ=("OKTETO_BUILDKIT_WAIT_TIMEOUT",),
            convert=durations.check_duration,
        ),
        Setting(
            "builder_retry_interval",
            "text",
            "1s",
            "the longest pause between two attempts to reach a builder",
            environ=("OKTETO_BUILDKIT_RETRY_INTERVAL",),
            convert=durations.check_time,
        ),
        Setting(
            "builder_readiness_timeout",
            "text",
            "5s",
            "how long a builder may take to answer one such attempt",
            environ=("OKTETO_BUILDKIT_READINESS_TIMEOUT",),
            convert=durations.check_time,
        ),
    )


def _keepalive_settings() -> tuple[Setting, ...]:
    return (
        Setting(
            "keepalive_time",
            "text",
            INFINITE,
            "milliseconds without activity before a builder is pinged; below 10000 counts as 10000",
            environ=("OKTETO_KEEPALIVE_CLIENT_TIME_MS",),
            convert=check_time,
        ),
        Setting(
            "keepalive_timeout",
            "text",
            "20000",
            "milliseconds that the answer to a ping may take before the connection is closed",
            environ=("OKTETO_KEEPALIVE_CLIENT_TIMEOUT_MS",),
            convert=check_timeout,
        ),
        Setting(
            "keepalive_permit_without_stream",
            "flag",
            default=False,
            help="ping a builder also while no call to it is open",
            environ=("OKTETO_KEEPALIVE_CLIENT_PERMIT_WITHOUT_STREAM",),
        ),
    )


def check_token(text: str) -> str:
    """Return a token without surrounding white space.

    :raises ValueError: if it cannot be one; the message does not repeat it.
    """
    token = text.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("expected a token of printable ASCII characters without blanks")
    return token


def options_of(config: Config) -> ChannelOptions:
    """Return what a run's settings ask of connections.

    :raises UsageError: if a file for TLS cannot be read or parsed.
    """
    ca, cert, key = (_file(config, name) for name in _TLS_NAMES)
    server_name = config.text("builder_server_name")
    tls = None
    if ca or cert or key or server_name:
        from okplug_buildkit.connect.tls import TLSFiles, load_tls

        tls = load_tls(TLSFiles(ca, cert, key, server_name), _TLS_NAMES)
    return ChannelOptions(
        tls=tls,
        token=config.text("builder_token"),
        keepalive=KeepAlive.from_settings(
            config.text("keepalive_time"),
            config.text("keepalive_timeout"),
            permit_without_stream=config.flag("keepalive_permit_without_stream"),
        ),
        proxy=config.flag("builder_proxy"),
        wait=durations.seconds(config.text("builder_wait")),
        pause=durations.seconds(config.text("builder_retry_interval")),
        attempt=durations.seconds(config.text("builder_readiness_timeout")),
        environ=config.environ,
    )


def _file(config: Config, name: str) -> Path | None:
    """Return the file that a setting names, below the root if it is relative."""
    text = config.text(name)
    if not text:
        return None
    home = config.environ.get("HOME")
    if home and text.startswith("~/"):
        return Path(home, text.removeprefix("~/"))
    return config.root / text
