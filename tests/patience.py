"""How long a test waits for what has to come: a machine that is busy makes no program wrong."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 60.0
"""Seconds. What comes ends the wait; a test that waits for ever ends so, and says for what."""
