"""operations: what can be done here, as role definitions name it; and the subscription's registration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulator.azure.model.resources import Json
from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, listing
from simulator.azure.rest.ids import NAMESPACE

_CRUD: Final = ("write", "read", "delete")
_READ_FIRST: Final = ("read", "write", "delete")
_RESOURCES: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("peerAsns", "PeerAsn", _CRUD),
    ("peeringLocations", "PeeringLocation", ("read",)),
    ("legacyPeerings", "LegacyPeering", ("read",)),
    ("peerings", "Peering", _CRUD),
    ("peeringServiceLocations", "PeeringServiceLocations", ("read",)),
    ("peeringServiceProviders", "PeeringServiceProviders", ("read",)),
    ("peeringServices", "PeeringServices", _READ_FIRST),
    ("peeringServices/prefixes", "PeeringServicePrefixes", _READ_FIRST),
    ("peerings/registeredPrefixes", "RegisteredPrefixes", _READ_FIRST),
    ("peerings/registeredAsns", "RegisteredAsns", _READ_FIRST),
    ("peerings/receivedRoutes", "PeeringReceivedRoutes", ("read",)),
    ("peeringServices/connectionMonitorTests", "Peering Service Connection Monitor Tests", _READ_FIRST),
)
"""The operations of the REST specification's example, in its order."""
_MONITOR: Final = "peeringServices/connectionMonitorTests"
_AS_PUBLISHED: Final = {
    ("peeringServices", "write"): {"operation": "Write PeeringService"},
    (_MONITOR, "read"): {"description": "Read any Peering Service Connection Monitor Tests"},
    (_MONITOR, "delete"): {"description": "Delete any Peering Service Connection Monitor Tests"},
}
"""Where the example's words do not follow from the type."""
_REGISTER: Final = {
    "name": f"{NAMESPACE}/register/action",
    "display": {
        "provider": NAMESPACE,
        "resource": "Peering Resource Provider",
        "operation": "Registers the Peering Resource Provider",
        "description": "Registers the subscription for the Peering Resource Provider and enables the creation of "
        "peerings",
    },
    "isDataAction": False,
}


def _operation(path: str, what: str, verb: str) -> Json:
    resource = path.rsplit("/", 1)[-1]
    display = {
        "provider": NAMESPACE,
        "resource": resource,
        "operation": f"{verb.capitalize()} {what}",
        "description": f"{verb.capitalize()} any {resource}",
        **_AS_PUBLISHED.get((path, verb), {}),
    }
    return {"name": f"{NAMESPACE}/{path}/{verb}", "display": display, "isDataAction": False}


def list_all(request: ArmRequest) -> ArmAnswer:
    return listing([_REGISTER, *(_operation(path, what, verb) for path, what, verbs in _RESOURCES for verb in verbs)])


def registration(subscription: str, resource_types: Iterable[str]) -> ArmAnswer:
    """Of a subscription with the provider. In a lab every subscription is Registered, asked for or not (simulator)."""
    types = [
        {"resourceType": type_, "locations": ["global"], "apiVersions": list(reversed(API_VERSIONS))}
        for type_ in resource_types
    ]
    body = {
        "id": f"/subscriptions/{subscription}/providers/{NAMESPACE}",
        "namespace": NAMESPACE,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": types,
    }
    return ArmAnswer(200, body)
