"""How the helpers speak: one JSON object a line, with the system's monotonic clock."""

from __future__ import annotations

import json
import sys
import time


def say(**what: object) -> None:
    """Print a line, at once."""
    sys.stdout.write(json.dumps({"time": time.monotonic(), **what}) + "\n")
    sys.stdout.flush()
