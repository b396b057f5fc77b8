"""Resources from documents, to documents, and to rows of the store and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, PeeringResource, SessionRequest
from simulator.azure.model.resources import (
    EVENTS_KEPT,
    AsnState,
    ConnectionMonitorTest,
    PeerAsn,
    PeeringService,
    PrefixState,
    RegisteredAsn,
    RegisteredPrefix,
    Resource,
    ServicePrefix,
)
from simulator.azure.provider.rows import KINDS, connection_of, connection_row_of, resource_of, row_of
from simulator.azure.store.lock import StoreError
from simulator.azure.store.store import ResourceRow
from simulator.connection.states import Flow
from simulator.session.messages import Family

Json = dict[str, Any]
PROPERTIES: dict[type[Resource], Json] = {
    PeerAsn: {"peerAsn": 64496, "peerName": "Contoso"},
    RegisteredAsn: {"asn": 64497},
    RegisteredPrefix: {"prefix": "198.51.100.0/24"},
    PeeringService: {"peeringServiceProvider": "Contoso", "providerPrimaryPeeringLocation": "Ashburn"},
    ServicePrefix: {"prefix": "198.51.100.0/24", "peeringServicePrefixKey": "A-Key"},
    ConnectionMonitorTest: {"sourceAgent": " edge-1 ", "destination": "192.0.2.1", "destinationPort": 443},
}
"""Of a document of each kind."""
READ: dict[type[Resource], Json] = {
    PeerAsn: {"asn": 64496, "peer_name": "Contoso", "state": AsnState.PENDING},
    RegisteredAsn: {"asn": 64497, "prefix_key": ""},
    RegisteredPrefix: {"prefix": IPv4Network("198.51.100.0/24"), "state": PrefixState.PENDING},
    PeeringService: {"provider": "Contoso", "primary": "Ashburn", "backup": ""},
    ServicePrefix: {"prefix": "198.51.100.0/24", "prefix_key": "a-key"},
    ConnectionMonitorTest: {"agent": "edge-1", "destination": "192.0.2.1", "port": 443, "frequency": None},
}
"""What is read of it."""
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CASES = pytest.mark.parametrize("kind", PROPERTIES, ids=lambda kind: kind.__name__)


def made(kind: Any, unknown: Any = None) -> Any:
    """A resource of a document with a field that nobody knows."""
    document = {"properties": {**PROPERTIES[kind], "unknown": unknown}, "unknown": unknown}
    return kind.from_document(f"/subscriptions/S/providers/{kind.TYPE}/One", document)


def shown(resource: Any) -> Json:
    extra = (True, ("192.0.2.1",)) if isinstance(resource, ConnectionMonitorTest) else ()
    found: Json = resource.to_document(*extra)
    return found


def test_every_kind_is_tested() -> None:
    assert {*PROPERTIES, PeeringResource} == set(KINDS) and len({kind.TYPE for kind in KINDS}) == len(KINDS)


@CASES
def test_a_document_is_read(kind: type[Resource]) -> None:
    resource = made(kind)
    assert {name: getattr(resource, name) for name in READ[kind]} == READ[kind]
    assert (resource.name, resource.key) == ("One", resource.id.lower())


@CASES
@given(unknown=ANYTHING)
def test_unknown_fields_are_shown_as_they_came(kind: type[Resource], unknown: Any) -> None:
    resource = made(kind, unknown)
    document = shown(resource)
    assert document["properties"]["unknown"] == unknown
    assert (document["id"], document["name"], document["type"]) == (resource.id, "One", kind.TYPE)
    assert {name: document["properties"][name] for name in PROPERTIES[kind]} == PROPERTIES[kind]


@CASES
@given(unknown=ANYTHING)
def test_a_resource_comes_back_from_its_row(kind: type[Resource], unknown: Any) -> None:
    resource = replace(made(kind, unknown), created=1.5, changed=2.25)
    row = row_of(resource)
    assert resource_of(replace(row, status=json.loads(json.dumps(row.status)))) == resource


@CASES
def test_a_row_names_every_field_as_the_model_does(kind: type[Resource]) -> None:
    row = row_of(made(kind))
    assert row.status.keys() == {each.name for each in fields(kind)} - {"id", "document", "created", "changed"}
    assert not [name for name in row.status if name != name.lower()], "none of Azure's names"


@CASES
def test_what_is_written_does_not_change_with_what_was_saved(kind: type[Resource]) -> None:
    resource = made(kind, {"deep": [1]})
    row = row_of(resource)
    resource.document["unknown"]["deep"].append(2)
    assert row.document["unknown"] == {"deep": [1]}


def test_a_peering_comes_back_from_its_row() -> None:
    request = PeeringRequest(Flow.IXRS, 64496, "/x/peerAsns/One", "Ashburn", "IxRs", "Premium_Direct_Free", "East US")
    peering = PeeringResource(id="/subscriptions/S/x/Two", document={"properties": {"a": None}}, request=request)
    assert resource_of(row_of(peering)) == peering


@given(
    st.builds(
        ConnectionRequest,
        identifier=st.uuids().map(lambda each: str(each).upper()),
        facility=st.integers(1, 2**31 - 1),
        sessions=st.dictionaries(
            st.sampled_from(Family),
            st.builds(
                SessionRequest,
                peer=st.none() | st.ip_addresses(),
                microsoft=st.none() | st.ip_addresses(),
                prefix=st.none() | st.ip_addresses(v=4).map(IPv4Network),
                max_prefixes=st.none() | st.integers(1, 20000),
            ),
        ),
        md5=st.none() | st.text(max_size=8),
        bandwidth=st.integers(0, 100_000),
        peering_service=st.none() | st.booleans(),
    )
)
def test_a_connection_comes_back_from_its_row(request: ConnectionRequest) -> None:
    row = json.loads(json.dumps(connection_row_of(replace(request, index=3))))
    assert connection_of(row) == request


@pytest.mark.parametrize(
    "changed",
    [
        lambda row: replace(row, type="Microsoft.Peering/unheardOf"),
        lambda row: replace(row, status={**row.status, "asn": "no number"}),
        lambda row: replace(row, status={}),
    ],
)
def test_a_row_that_is_of_no_resource_is_one_line(changed: Callable[[ResourceRow], ResourceRow]) -> None:
    with pytest.raises(StoreError, match="cannot be read") as refused:
        resource_of(changed(row_of(made(PeerAsn))))
    assert "\n" not in str(refused.value)


def test_a_prefix_keeps_its_newest_events() -> None:
    prefix = made(ServicePrefix)
    for number in range(EVENTS_KEPT + 5):
        prefix = prefix.moved(PrefixState.PENDING, "", float(number))
    prefix = prefix.moved(PrefixState.FAILED, "no route", 99.0)
    assert len(prefix.events) == EVENTS_KEPT
    assert (prefix.events[-1].text, prefix.events[-2].text) == ("no route", "198.51.100.0/24 is Pending")
    assert (prefix.state, prefix.error_message, prefix.since, prefix.learned) == (
        PrefixState.FAILED,
        "no route",
        99.0,
        "None",
    )
    assert resource_of(row_of(prefix)) == prefix
