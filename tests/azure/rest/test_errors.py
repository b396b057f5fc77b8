"""The tables that make an ARM error of a domain's refusal: every kind of refusal and every field has its row."""

from __future__ import annotations

import pytest

from simulator.azure.model import errors
from simulator.azure.model.errors import Field, FieldName, InvalidError, RefusalError
from simulator.azure.rest.errors import path, refused
from simulator.session.messages import Family

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RefusalError) and kind is not RefusalError
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_has_a_status_and_a_code(kind: type[RefusalError]) -> None:
    error = refused(kind("no"))
    assert 400 <= error.status < 500 and error.code and error.message == "no" and error.target == ""


def test_a_kind_of_refusal_is_told_by_its_code() -> None:
    told = {kind: refused(kind("no")) for kind in KINDS}
    assert len({error.code for error in told.values()}) == len(KINDS) == 6


@pytest.mark.parametrize("name", FieldName)
def test_every_field_has_its_place_in_a_document(name: FieldName) -> None:
    for family in Family:
        found = path(Field(name, 3, family), "direct")
        assert found.startswith("properties.direct.connections[3].") and "{" not in found, found


@pytest.mark.parametrize(
    ("field", "kind", "wanted"),
    [
        (Field(FieldName.KIND), "direct", "kind"),
        (Field(FieldName.PEER_ASN), "direct", "properties.direct.peerAsn.id"),
        (Field(FieldName.CONNECTIONS), "exchange", "properties.exchange.connections"),
        (Field(FieldName.FACILITY, 0), "exchange", "properties.exchange.connections[0].peeringDBFacilityId"),
        (
            Field(FieldName.PEER_ADDRESS, 1, Family.IPV6),
            "direct",
            "properties.direct.connections[1].bgpSession.peerSessionIPv6Address",
        ),
        (Field(FieldName.SESSION_PREFIX, None, Family.IPV4), "direct", "bgpSession.sessionPrefixV4"),
    ],
)
def test_a_field_is_named_as_its_document_writes_it(field: Field, kind: str, wanted: str) -> None:
    assert path(field, kind) == wanted


def test_the_message_names_the_field_unless_it_is_microsofts_own() -> None:
    field = Field(FieldName.METRO)
    assert refused(InvalidError("is elsewhere", field)).message == "properties.peeringLocation: is elsewhere"
    recorded = refused(InvalidError("Connection are not unique", Field(FieldName.CONNECTIONS), recorded=True))
    assert (recorded.message, recorded.target) == ("Connection are not unique", "properties.exchange.connections")
