"""TCP MD5 keys (RFC 2385): what may be one, wherever it is written."""

from __future__ import annotations

from typing import Final

MD5_LIMIT: Final = 80
"""Octets of a key: what every router should take (RFC 2385 §4.5), and the most that Linux takes. Microsoft publishes
no limit (simulator)."""


def md5_fault(key: str) -> str:
    """Why no session could be configured with a key, in words that follow its name; empty for a good one.

    RFC 2385 §4.5: "printable ASCII of 80 bytes or less". No blank either: most routers' files would need quotes.
    """
    octets = len(key.encode("utf-8", "surrogatepass"))
    if octets > MD5_LIMIT:
        return f"is {octets} octets long: TCP MD5 takes {MD5_LIMIT} at most"
    if not all("!" <= letter <= "~" for letter in key):
        return "has a blank, a control character or one outside ASCII: routers take printable ASCII only"
    return ""
