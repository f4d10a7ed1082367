"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["okplug.testing"]

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")
