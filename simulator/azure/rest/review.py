"""The review of a request before it is made: everything for which it would be refused, field by field.

A PUT is refused for the first thing that is wrong. A person who fills in a form wants all of them at once, so the same
check is made again without each field that it has refused, until it finds nothing more. There is no other rule here.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.azure.model.errors import RefusalError
from simulator.azure.model.resources import Json
from simulator.azure.provider.provider import Provider
from simulator.azure.rest import asns, documents, ids, peerings
from simulator.azure.rest.api_versions import NEWEST
from simulator.azure.rest.app import kept
from simulator.azure.rest.arm_request import ArmRequest
from simulator.azure.rest.errors import ArmError, refused
from simulator.azure.rest.ids import ResourceId

_MOST: Final = 100
"""Faults that one review tells; one more is found when these are mended (simulator)."""
_CONNECTION: Final = re.compile(r"properties\.(exchange|direct)\.connections\[(\d+)\]\.?(.*)\Z")


@dataclass(frozen=True, slots=True)
class ReviewFault:
    """One thing that is wrong, or that a client of Microsoft's would not let through."""

    target: str
    """The field of the document; empty: none of it."""
    text: str
    """What is wrong, without the field's name."""
    code: str = ""
    """ARM's code of the error; empty for a warning."""


@dataclass(frozen=True, slots=True)
class RequestReview:
    """What a PUT would come to."""

    faults: tuple[ReviewFault, ...] = ()
    warnings: tuple[ReviewFault, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.faults


_Check = Callable[[ArmRequest], list[str]]
_CHECKS: Final[dict[tuple[str, ...], tuple[type[documents.Document], _Check]]] = {
    ("peerAsns",): (documents.PeerAsnDocument, asns.check),
    ("peerings",): (documents.PeeringDocument, peerings.check),
    ("peeringServices",): (documents.ServiceDocument, lambda _request: []),
}


def review(provider: Provider, resource: ResourceId, body: Json) -> RequestReview:
    """What a PUT of `body` as a peerAsn, a peering or a peeringService would be refused for. Nothing changes."""
    request = ArmRequest(
        provider, "PUT", resource.subscription, resource.group, resource.types, resource.names, {}, body, NEWEST, ""
    )
    found = [*_of_names(resource), *_of_peer_asn(request)]
    model, check = _CHECKS[resource.types]
    try:
        kept(body)
    except ArmError as error:
        return RequestReview((*found, fault(error)))
    wrong = [fault(each) for each in documents.faults(model, body)]
    numbers = list(range(_count(body)))
    if wrong:
        request = replace(request, body=_mended(body, wrong))
        _drop(request, model, numbers)
        if documents.faults(model, request.body):
            return RequestReview((*found, *wrong)[:_MOST])
    more, warnings = _all(request, check, numbers, _count(body))
    wrong += [each for each in more if not any(_same_place(each.target, other.target) for other in wrong)]
    return RequestReview((*found, *wrong)[:_MOST], tuple(warnings))


def _drop(request: ArmRequest, model: type[documents.Document], numbers: list[int]) -> None:
    """Leave out the connections of a new peering that lack what each must have."""
    if request.provider.peering(request.id.key) is not None:
        return
    matches = (_CONNECTION.match(each.target) for each in documents.faults(model, request.body))
    for kind, index in sorted({(match[1], int(match[2])) for match in matches if match}, reverse=True):
        del request.body["properties"][kind]["connections"][index], numbers[index]


_STAND_INS: Final[Mapping[str, Any]] = {
    "location": "eastus",
    "properties.exchange.peerAsn": {"id": "/"},
    "properties.direct.peerAsn": {"id": "/"},
}
"""What a required field gets so that the others can be checked, which do not depend on it. On whose ASN asks, the
circuit of a Direct connection does; an exchange with route server has none."""


def _mended(body: Json, wrong: list[ReviewFault]) -> Json:
    """The document with every field that is wrong left out, so that the rest of it can be checked."""
    body = copy.deepcopy(body)
    for each in wrong:
        *way, last = re.findall(r"[^.\[\]]+", each.target)
        inner: Any = body
        for step in way:
            known = isinstance(inner, list) and step.isdigit() and int(step) < len(inner)
            inner = inner[int(step)] if known else inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
            of_circuit = last == "peerAsn" and inner.get("directPeeringType", "IxRs") != "IxRs"
            if each.target in _STAND_INS and not of_circuit:
                inner[last] = copy.deepcopy(_STAND_INS[each.target])
    return dict(body) if isinstance(body, dict) else {}


def _same_place(one: str, other: str) -> bool:
    """Whether one field is the other, or has it inside."""
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))


def _of_names(resource: ResourceId) -> Iterator[ReviewFault]:
    """What is wrong with the path, as ARM says it; the targets are `subscription`, `group` and `name`. A name that is
    missing cannot be in a path: of that only a form can tell."""
    texts = {"subscription": ids.scope_fault("subscription", resource.subscription)}
    if resource.types != ("peerAsns",):
        texts["group"] = ids.scope_fault("resource group", resource.group)
    texts["name"] = ids.name_fault(resource.types[-1], resource.name)
    missing = {"subscription": not resource.subscription, "group": not resource.group, "name": not resource.name}
    for target, text in texts.items():
        if text and missing[target]:
            yield ReviewFault(target, f"is required: {ids.NAME_RULE if target == 'name' else ids.SCOPE_RULE}")
        elif text:
            yield ReviewFault(target, text, "InvalidResourceName")


def fault(error: ArmError) -> ReviewFault:
    """An error as a form shows it, beside its field."""
    return ReviewFault(error.target, error.message.removeprefix(f"{error.target}: "), error.code)


def _of_peer_asn(request: ArmRequest) -> list[ReviewFault]:
    """The one check that does not depend on any other field of a peering."""
    if request.types != ("peerings",) or request.provider.peering(request.id.key) is not None:
        return []
    properties = request.body.get("properties") if isinstance(request.body, dict) else None
    for kind in ("exchange", "direct"):
        inner = properties.get(kind) if isinstance(properties, dict) else None
        peer_asn = inner.get("peerAsn") if isinstance(inner, dict) else None
        name = peer_asn.get("id") if isinstance(peer_asn, dict) else None
        if isinstance(name, str) and name.strip():
            try:
                request.provider.peerings.must_be_approved(name)
            except RefusalError as error:
                return [fault(refused(error, kind))]
    return []


def _all(
    request: ArmRequest, check: _Check, numbers: list[int], count: int
) -> tuple[list[ReviewFault], list[ReviewFault]]:
    """Every fault, and the warnings of what is left. `numbers`: the connections that are left of `count`, by their
    index in the request."""
    body = copy.deepcopy(request.body)
    is_new = request.provider.peering(request.id.key) is None
    found: list[ReviewFault] = []
    while len(found) < _MOST:
        try:
            warnings = [_warning(text, numbers) for text in check(replace(request, body=copy.deepcopy(body)))]
            return found, warnings
        except RefusalError as error:
            one = fault(refused(error))
        except ArmError as error:
            one = fault(error)
        match = _CONNECTION.match(one.target)
        if match is None:  # with a connection left out, how many there are says nothing
            counted = one.target.endswith(".connections") and len(numbers) < count
            return found if counted else [*found, one], []
        kind, index, field = match[1], int(match[2]), match[3]
        connections = body["properties"][kind]["connections"]
        there = replace(one, target=_at(one.target, numbers[index]))
        if _follows(there.target, field, connections[index], found):
            field = ""  # the connection has no more to tell
        else:
            found.append(there)
        if not field or not _left_out(connections[index], field):
            if not is_new:  # to leave out a connection that is there would be to remove it
                return found, []
            del connections[index], numbers[index]
        if not connections:
            return found, []
    return found, []


def _count(body: Any) -> int:
    """How many connections a document has."""
    found = 0
    for kind in ("exchange", "direct"):
        inner: Any = body
        for step in ("properties", kind, "connections"):
            inner = inner.get(step) if isinstance(inner, dict) else None
        found += len(inner) if isinstance(inner, list) else 0
    return found


def _at(target: str, number: int) -> str:
    """The same field of the connection with a number of the request's."""
    return re.sub(r"\[\d+\]", f"[{number}]", target, count=1)


def _follows(target: str, field: str, connection: Any, found: list[ReviewFault]) -> bool:
    """Whether a fault is only there because a field of the same connection was left out."""
    start = target.removesuffix(field)
    before = [each.target for each in found if each.target.startswith(start)]
    return bool(before) and not _has(connection, field)


def _has(connection: Any, field: str) -> bool:
    """Whether a connection has a field that holds no others."""
    for part in field.split("."):
        if not isinstance(connection, dict) or part not in connection:
            return False
        connection = connection[part]
    return not isinstance(connection, dict)


def _left_out(connection: Any, field: str) -> bool:
    """Take a field out; whether there was one."""
    *way, last = field.split(".")
    for part in way:
        connection = connection.get(part)
        if not isinstance(connection, dict):
            return False
    return connection.pop(last, None) is not None


def _warning(text: str, numbers: list[int]) -> ReviewFault:
    target, _, words = text.partition(": ")
    match = _CONNECTION.match(target)
    return ReviewFault(_at(target, numbers[int(match[2])]) if match else target, words)
