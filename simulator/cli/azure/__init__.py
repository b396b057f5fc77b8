"""The peer's side of a running server, with the names and options of `az peering`."""

from simulator.cli.azure.asns import asn
from simulator.cli.azure.below import registered_asn, registered_prefix
from simulator.cli.azure.peerings import peering
from simulator.cli.azure.places import legacy, received_route
from simulator.cli.azure.services import service

APPS = {
    "asn": asn,
    "peering": peering,
    "legacy": legacy,
    "received-route": received_route,
    "registered-asn": registered_asn,
    "registered-prefix": registered_prefix,
    "service": service,
}
"""Command → its commands."""
