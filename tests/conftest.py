"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

pytest_plugins = ["okplug.testing"]

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # so a shell starts what runs in the background, and every process below inherits it; the tests
    # of Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)
