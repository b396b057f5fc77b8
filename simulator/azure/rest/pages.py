"""The table of endpoints as Markdown, for the documentation: what is published, and what the simulator chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.azure.rest.endpoints import ENDPOINTS, type_of

_SCOPES: Final = {"P": "P", "S": "S P", "G": "G P"}
_VERBS: Final = ("GET", "PUT", "PATCH", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Note:
    """One resource type or action."""

    published: str
    chosen: str = ""
    """By the simulator, where nothing is published."""


NOTES: Final[dict[str, Note]] = {
    "operations": Note("The operations of the specification's example."),
    "": Note("ARM's own: the registration of the subscription.", "Every subscription is Registered."),
    "register": Note("ARM's own: registers the subscription.", "Answers as the GET does."),
    "peerAsns": Note(
        "ASN, contacts, ValidationState. A peering needs an Approved one; up to 12 hours.",
        "Approved after `peer_asn_review`, or by hand. The ASN cannot be changed; 409 to delete one that is in use. "
        "Private and documentation ASNs are taken, Microsoft's own and reserved ones are not.",
    ),
    "peeringLocations": Note(
        "`kind` is required, `directPeeringType` filters. Addresses comma-separated; offers of 10 and 100 Gbps.",
        "The lab's own places first, then the embedded list. Every facility takes every type; IxRs is ordered at the "
        "lab's exchange.",
    ),
    "legacyPeerings": Note(
        "`peeringLocation` and `kind` are required. Converted by a PUT without modifications: after a review, or "
        "Active at once (recorded).",
        "The setting `conversion_review` says how long the review takes. Peerings with `legacy: true`, of the "
        "subscription's Approved PeerAsns. 405 where a conversion would change "
        "something.",
    ),
    "cdnPeeringPrefixes": Note(
        "`peeringLocation` is required; the word `null` for an unknown metro. 8069:51… is compute, 8069:52… storage.",
        "An unknown metro has an empty list from 2025-05-01 on: the SDK stumbles over `null`. "
        "What AS8075 announces in the lab, at the lab's metro; nothing at others. Without such a community: compute.",
    ),
    "lookingGlass": Note(
        "Everything in the query; BgpRoute, Ping, Traceroute from an EdgeSite or AzureRegion.",
        "An edge's name or the metro; every Azure region is answered by the lab's first edge. "
        "BgpRoute as BIRD prints it. Ping and Traceroute need `link: netns`.",
    ),
    "peerings": Note(
        "PUT 201 and 200, PATCH of tags, DELETE 200 and 204. A connection that a PUT leaves out is removed; one "
        "address family of a connection is not. MaxPrefix updates: at any time (FAQ), or 405 (recorded); MD5: 405.",
        "409 to delete in ProvisioningStarted and ProvisioningCompleted. [Settings](server.md) say which updates are "
        "allowed. The rest: [life cycle](life-cycle.md).",
    ),
    "peerings/receivedRoutes": Note(
        "Filters, `$skipToken`. nextHop is the peer's session address, asPath separated by blanks.",
        "Pages of 500. `prefix` matches exactly, `asPath` ASNs in a row. The timestamp is the session's last UPDATE, "
        "trustAnchor `None`. originAsValidationState: registered ASNs and IRR lists; rpkiValidationState: VRPs.",
    ),
    "peerings/rpUnbilledPrefixes": Note(
        "The fields, and `consolidate`.",
        "Received prefixes that no Verified prefix of a peering service covers; 405 at a peering that is neither for "
        "it nor of type Cdn.",
    ),
    "peerings/registeredAsns": Note(
        "Exchange with route server only: else 405. Needs an Active connection. One key an ASN; no duplicates.",
        "405 while no connection is Active, 409 for a duplicate in the subscription. From the lift on only routes of "
        "registered origins are taken, at every peering of the PeerAsn. 400 for Microsoft's and reserved ASNs; for "
        "private and documentation ones unless the topology's `bogon-asn` takes them.",
    ),
    "peerings/registeredPrefixes": Note(
        "Pending, then Verified with its key, or Failed with one of the published messages. IPv4, one peering each.",
        "Validated after `prefix_validation`. 409 for a duplicate. As soon as one is Verified, only Verified prefixes "
        "are taken. Messages for private prefixes and unregistered origins.",
    ),
    "peerings/registeredPrefixes/validate": Note(
        "Answers with Pending.", "Judges what every session holds then; the key stays."
    ),
    "peeringServices": Note("PUT, PATCH of tags.", "Any provider and place may be named: its prefixes tell."),
    "peeringServices/prefixes": Note(
        "Key, states, messages, `$expand=events`. Two edges at the primary location, one session at the backup.",
        "A PUT validates again. Without a named location every one counts. What stands in an event.",
    ),
    "peeringServices/connectionMonitorTests": Note(
        "The fields.",
        "Done from the node of the lab that `sourceAgent` names, with `link: netns`: TCP, or a ping. Else never run.",
    ),
    "peeringServiceCountries": Note("Names.", "Countries of the known metros."),
    "peeringServiceLocations": Note("`country` filters.", "The known metros."),
    "peeringServiceProviders": Note("Names and locations.", "The peers with a peering for Peering Service in the lab."),
    "checkServiceProviderAvailability": Note(
        "A bare JSON string.", "Available where that provider has an Active connection."
    ),
    "initializeConnectionMonitor": Note("200 (204 in other places of the specification).", "Nothing starts."),
}
"""By resource type or action, without its names."""


def endpoints() -> str:
    """One row a resource type: its paths with their verbs, what is published, what was chosen."""
    rows: dict[str, dict[str, list[str]]] = {}
    for scope, path, verb in ENDPOINTS:
        place = f"`{_SCOPES[scope]}/{path}`".replace("/*", "/{name}").replace("/`", "`")
        rows.setdefault(type_of(path), {}).setdefault(place, []).append(verb)
    lines = ["| paths | published | chosen (simulator) |", "|---|---|---|"]
    for type_, paths in rows.items():
        shown = "<br>".join(f"{' '.join(sorted(verbs, key=_VERBS.index))} {path}" for path, verbs in paths.items())
        lines.append(f"| {shown} | {NOTES[type_].published} | {NOTES[type_].chosen} |")
    return "\n".join(lines)
