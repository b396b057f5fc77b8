"""Which ASNs a network can have: neither Microsoft's own nor one that IANA keeps from the Internet."""

from __future__ import annotations

from typing import Final

from simulator.policy.registries import BOGON_ASNS, DOCUMENTATION_ASNS, PRIVATE_ASNS
from simulator.topology.schema import Topology

MICROSOFT_ASNS: Final = (8068, 8069, 8075, 12076)
"""Microsoft's peering policy (2019, 2020)."""
_RULE: Final = "bogon-asn"


def nobodys(asn: int, topology: Topology) -> str:
    """Why an ASN is no peer's of Microsoft, in words that follow it; empty where it may be one.

    Private and documentation ASNs may ask: the REST specification's own example does.
    """
    if asn in MICROSOFT_ASNS or asn == topology.microsoft.asn:
        return "is Microsoft's own: give your network's"
    for block, label in BOGON_ASNS:
        if asn in block and (block, label) not in PRIVATE_ASNS:
            return f"belongs to nobody ({label}): give your network's"
    return ""


def not_routed(asn: int, topology: Topology) -> str:
    """Why a customer's routes cannot come from an ASN; empty: they can.

    A lab that takes private or documentation ASNs in its paths (the topology's rule `bogon-asn`) takes them here.
    """
    if fault := nobodys(asn, topology):
        return fault
    rule = topology.policy.rules.get(_RULE, True)
    if rule is False:
        return ""
    documentation = not isinstance(rule, dict) or rule.get("documentation", True)
    for block, label in PRIVATE_ASNS + (DOCUMENTATION_ASNS if documentation else ()):
        if asn in block:
            return f"is {label}: give the customer's public ASN (a lab may allow it by its rule {_RULE})"
    return ""
