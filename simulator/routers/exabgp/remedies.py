"""What mends a cause, as it is typed for ExaBGP."""

from __future__ import annotations

REMEDIES: dict[str, str] = {}
