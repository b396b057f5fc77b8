"""The resource surface of Microsoft.Peering: which function answers which verb on which path (REST specification).

`P` is the provider itself, `S` a subscription, `G` a resource group. `*` stands for a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from simulator.azure.rest import (
    asns,
    legacy,
    looking_glass,
    monitor_tests,
    operations,
    peerings,
    places,
    received_routes,
    registrations,
    services,
)
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, Handler
from simulator.azure.rest.errors import ArmError
from simulator.azure.rest.ids import NAMESPACE


def _registration(request: ArmRequest) -> ArmAnswer:
    types = (type_of(path) for _, path, _ in ENDPOINTS)
    return operations.registration(request.subscription, dict.fromkeys(each for each in types if each not in _OF_ARM))


def type_of(path: str) -> str:
    """`peerings/registeredAsns` for `peerings/*/registeredAsns/*`."""
    return "/".join(part for part in path.split("/") if part != "*")


_OF_ARM: Final = ("", "register")
"""What Azure Resource Manager answers for every provider: no types of this one."""
ENDPOINTS: Final[dict[tuple[str, str, str], Handler]] = {
    ("S", "peerAsns", "GET"): asns.list_all,
    ("S", "peerAsns/*", "GET"): asns.get,
    ("S", "peerAsns/*", "PUT"): asns.put,
    ("S", "peerAsns/*", "DELETE"): asns.delete,
    ("S", "peerings", "GET"): peerings.list_all,
    ("G", "peerings", "GET"): peerings.list_all,
    ("G", "peerings/*", "GET"): peerings.get,
    ("G", "peerings/*", "PUT"): peerings.put,
    ("G", "peerings/*", "PATCH"): peerings.patch,
    ("G", "peerings/*", "DELETE"): peerings.delete,
    ("G", "peerings/*/receivedRoutes", "GET"): received_routes.list_all,
    ("G", "peerings/*/rpUnbilledPrefixes", "GET"): received_routes.unbilled,
    ("G", "peerings/*/registeredAsns", "GET"): registrations.list_all,
    ("G", "peerings/*/registeredAsns/*", "GET"): registrations.get,
    ("G", "peerings/*/registeredAsns/*", "PUT"): registrations.put_asn,
    ("G", "peerings/*/registeredAsns/*", "DELETE"): registrations.delete,
    ("G", "peerings/*/registeredPrefixes", "GET"): registrations.list_all,
    ("G", "peerings/*/registeredPrefixes/*", "GET"): registrations.get,
    ("G", "peerings/*/registeredPrefixes/*", "PUT"): registrations.put_prefix,
    ("G", "peerings/*/registeredPrefixes/*", "DELETE"): registrations.delete,
    ("G", "peerings/*/registeredPrefixes/*/validate", "POST"): registrations.validate,
    ("S", "peeringLocations", "GET"): places.list_all,
    ("S", "legacyPeerings", "GET"): legacy.list_all,
    ("S", "cdnPeeringPrefixes", "GET"): places.cdn_prefixes,
    ("S", "lookingGlass", "POST"): looking_glass.invoke,
    ("S", "peeringServices", "GET"): services.list_all,
    ("G", "peeringServices", "GET"): services.list_all,
    ("G", "peeringServices/*", "GET"): services.get,
    ("G", "peeringServices/*", "PUT"): services.put,
    ("G", "peeringServices/*", "PATCH"): services.patch,
    ("G", "peeringServices/*", "DELETE"): services.delete,
    ("G", "peeringServices/*/prefixes", "GET"): services.list_prefixes,
    ("G", "peeringServices/*/prefixes/*", "GET"): services.get_prefix,
    ("G", "peeringServices/*/prefixes/*", "PUT"): services.put_prefix,
    ("G", "peeringServices/*/prefixes/*", "DELETE"): services.delete,
    ("G", "peeringServices/*/connectionMonitorTests", "GET"): monitor_tests.list_all,
    ("G", "peeringServices/*/connectionMonitorTests/*", "GET"): monitor_tests.get,
    ("G", "peeringServices/*/connectionMonitorTests/*", "PUT"): monitor_tests.put,
    ("G", "peeringServices/*/connectionMonitorTests/*", "DELETE"): services.delete,
    ("S", "peeringServiceCountries", "GET"): places.countries,
    ("S", "peeringServiceLocations", "GET"): places.service_locations,
    ("S", "peeringServiceProviders", "GET"): places.providers,
    ("S", "checkServiceProviderAvailability", "POST"): places.check_availability,
    ("S", "initializeConnectionMonitor", "POST"): monitor_tests.initialize,
    ("P", "operations", "GET"): operations.list_all,
    ("S", "", "GET"): _registration,
    ("S", "register", "POST"): _registration,
}

_SPELLING: Final = {word.lower(): word for _, path, _ in ENDPOINTS for word in path.split("/") if word != "*"}
_PATHS: Final = {(scope, path.lower()) for scope, path, _ in ENDPOINTS}


@dataclass(frozen=True, slots=True)
class NamedPath:
    """What a path names."""

    scope: str
    subscription: str
    group: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """With `*` for each name: the second part of a key of ENDPOINTS."""
        parts = []
        for number, type_ in enumerate(self.types):
            parts.append(type_)
            if number < len(self.names):
                parts.append("*")
        return "/".join(parts)


def target(path: str) -> NamedPath:
    """Read a path as it was sent, with its percent-encoded octets: an encoded slash is a part of a name, and parts
    nothing. Raises ArmError 404 for what is no path of this provider."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    lower = [part.lower() for part in parts]
    subscription = group = ""
    scope, at = "P", 0
    if lower[:1] == ["subscriptions"] and len(parts) > 1:
        scope, subscription, at = "S", parts[1], 2
        if lower[2:3] == ["resourcegroups"] and len(parts) > 3:
            scope, group, at = "G", parts[3], 4
    if lower[at : at + 2] != ["providers", NAMESPACE.lower()]:
        raise ArmError(404, "InvalidResourceNamespace", f"'{path[:200]}' is no path of {NAMESPACE} in this lab.")
    tail = parts[at + 2 :]
    types = tuple(_SPELLING.get(part.lower(), part) for part in tail[::2])
    found = NamedPath(scope, subscription, group, types, tuple(tail[1::2]))
    if (scope, found.path.lower()) not in _PATHS or not all(found.names):
        known = "/".join((NAMESPACE, *types))[:200]
        raise ArmError(404, "InvalidResourceType", f"The resource type '{known}' could not be found at this scope.")
    return found


def handler(found: NamedPath, verb: str) -> Handler:
    """Who answers. Raises ArmError 405."""
    answer = ENDPOINTS.get((found.scope, found.path, verb))
    if answer is None:
        allowed = sorted(method for scope, path, method in ENDPOINTS if (scope, path) == (found.scope, found.path))
        raise ArmError(
            405,
            "MethodNotAllowed",
            f"The HTTP method '{verb}' is not supported at scope '{found.path}'.",
            {"Allow": ", ".join(allowed)},
        )
    return answer
