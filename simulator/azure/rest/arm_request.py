"""One request and its answer, as the handlers see them: no HTTP library in sight."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlencode

from simulator.azure.model.resources import Json, Resource
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.errors import ArmError, resource_not_found
from simulator.azure.rest.ids import ResourceId
from simulator.azure.rest.times import iso

PAGE_SIZE: Final = 500
"""Entries on one page of a list (simulator)."""


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """A request whose path was understood and whose api-version is known."""

    provider: Provider
    verb: str
    subscription: str
    group: str
    """Empty outside a resource group."""
    types: tuple[str, ...]
    """Resource types, in the spelling of the table."""
    names: tuple[str, ...]
    query: dict[str, str]
    body: Any
    api_version: str
    url: str
    """Scheme, host and path, without the query."""

    @property
    def id(self) -> ResourceId:
        """The resource that the path names; ValueError where it names a list."""
        return ResourceId(self.subscription, self.group, self.types[: len(self.names)], self.names)

    @property
    def type(self) -> str:
        return "/".join(("Microsoft.Peering", *self.types))

    def required(self, name: str) -> str:
        """A query parameter that has to be there. Raises ArmError."""
        value = self.query.get(name.lower(), "")
        if not value:
            raise ArmError(400, "BadArgument", f"The query parameter '{name}' is required.")
        return value

    def optional(self, name: str) -> str:
        return self.query.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """Status and body; a body of None is sent as none at all, unless `null` says to write the word."""

    status: int = 200
    body: Any = None
    null: bool = False
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[ArmRequest], ArmAnswer | Awaitable[ArmAnswer]]


def listing(values: list[Json]) -> ArmAnswer:
    return ArmAnswer(200, {"value": values})


def paged(request: ArmRequest, rows: Iterable[Any], render: Callable[[Any], Json]) -> ArmAnswer:
    """One page of a list, with a nextLink where there is more. `$skipToken` is the index to go on from."""
    token = request.optional("$skipToken") or "0"
    if not token.isdecimal() or len(token) > 12:
        raise ArmError(400, "BadArgument", f"The $skipToken '{token[:40]}' is not one of this list.")
    start = int(token)
    page = list(islice(rows, start, start + PAGE_SIZE + 1))
    answer: Json = {"value": [render(row) for row in page[:PAGE_SIZE]]}
    if len(page) > PAGE_SIZE:
        query = {key: value for key, value in request.query.items() if key not in ("$skiptoken", "api-version")}
        query |= {"api-version": request.api_version, "$skipToken": str(start + PAGE_SIZE)}
        answer["nextLink"] = f"{request.url}?{urlencode(query, quote_via=quote, safe='$')}"
    return ArmAnswer(200, answer)


def envelope(identifier: str, type_: str) -> Json:
    """What every resource shows of itself."""
    return {"id": identifier, "name": identifier.rsplit("/", 1)[1], "type": type_}


def system_data(created: str, changed: str) -> Json:
    """systemData, as api-version 2025-05-01 shows it. The lab knows no users: the creator is the lab's caller."""
    who = {"createdBy": "turnup", "createdByType": "User", "lastModifiedBy": "turnup", "lastModifiedByType": "User"}
    return {"systemData": {**who, "createdAt": created, "lastModifiedAt": changed}}


def shown_system_data(request: ArmRequest, resource: Resource) -> Json:
    """systemData, from the api-version on that has it."""
    if request.api_version < "2025-05-01":
        return {}
    return system_data(iso(resource.created), iso(resource.changed))


def missing(request: ArmRequest) -> ArmError:
    """404 for the resource that the path names."""
    type_, name = str(request.id).split("/providers/")[1].rsplit("/", 1)
    return resource_not_found(type_, name, request.group)
