"""The lifted policy's profiles: which rules each kind of peering has, and where their parameters differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RuleSettings = Mapping[str, bool | Mapping[str, Any]]
"""Rule id → False to switch it off, True to switch it on, or its parameters."""

_PATHS: RuleSettings = {
    "bogon-asn": True,
    "as-path-too-long": True,
    "as-path-empty": True,
    "first-as": True,
    "link-local-next-hop": True,
    "next-hop": True,
    "as-set": True,
    "as-path-loop": True,
    "as12076": True,
    "transit-free-asn": True,
    "otc": True,
    "too-many-communities": True,
}
_ORIGINS: RuleSettings = {
    "rpki-invalid": True,
    "rpki-unknown": False,  # Microsoft may refuse what is not signed; it does not say that it does
    "irr-prefix": True,
    "irr-origin": True,
}
_PREFIXES: RuleSettings = {
    "prefix-too-long": True,
    "prefix-too-short": True,
    "default-route": True,
    "bogon-prefix": True,
}

_EXCHANGE: RuleSettings = {**_PREFIXES, "exchange-lan": True, "microsoft-prefix": True, **_PATHS, **_ORIGINS}
_DIRECT: RuleSettings = {**_PREFIXES, "microsoft-prefix": True, **_PATHS, **_ORIGINS}
# A route server stands between: its own AS is not in the path and its clients' addresses are the next hops (RFC 7947).
_IXRS: RuleSettings = {
    **_PREFIXES,
    "prefix-too-long": {"registered": True},
    "exchange-lan": True,
    "microsoft-prefix": True,
    **{name: setting for name, setting in _PATHS.items() if name != "first-as"},
    "next-hop": {"lan": True},
    "otc": {"role": "rs-client"},
    **_ORIGINS,
    "registered-prefix": True,
    "registered-origin": True,
    "long-prefix-as-path": True,
    # The walkthrough wants 8075:8007 on "all infrastructure prefixes"; which of a peer's prefixes these are, only the
    # peer knows, and most of what a route server passes on are its clients' own.
    "maps-community-missing": False,
}
_PEERING_SERVICE: RuleSettings = {
    **_DIRECT,
    "prefix-too-long": {"registered": True},
    "maps-community-missing": True,
    "maps-as-path-too-long": True,
    "maps-private-asn": True,
    "maps-prepending": True,
    "registered-prefix": True,
    "registered-origin": True,
}

PROFILES: dict[str, RuleSettings] = {
    "exchange": _EXCHANGE,
    "direct": _DIRECT,
    "ixrs": _IXRS,
    "peering-service": _PEERING_SERVICE,
}
"""Profile → its rules. One that is False here is known to the profile, and a topology can switch it on."""
