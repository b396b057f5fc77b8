"""What mends a cause, as it is typed for OpenBGPD."""

from __future__ import annotations

REMEDIES: dict[str, str] = {
    "nothing-to-announce": "network <prefix>    bgpctl show rib selforiginated",
    "export-policy": "allow to {edge} prefix <prefix>    bgpctl show rib out neighbor {edge}",
}
