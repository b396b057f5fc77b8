"""What mends a cause, as it is typed for GoBGP."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "nothing-to-announce": "gobgp global rib add <prefix> -a {channel}",
}
