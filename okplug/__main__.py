"""``python -m okplug``."""

from __future__ import annotations

import sys

from okplug.cli import entry_point

if __name__ == "__main__":
    sys.exit(entry_point())
