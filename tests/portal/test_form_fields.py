"""The tables of the forms: what they make of values, and where they show what is wrong."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from simulator.azure.model.errors import Field, FieldName
from simulator.azure.rest import documents
from simulator.azure.rest.errors import path
from simulator.portal.forms.field import Filled, FormField, InputKind, field_of, fill, put, read, split, values_of
from simulator.portal.forms.peering_fields import (
    BASICS,
    CONFIGURATION,
    CONNECTION_FIELDS,
    CONNECTIONS,
    NETWORK,
    USES,
    Use,
    connection,
    document,
    place_of_target,
    use_of,
    use_of_document,
)
from simulator.portal.forms.resource_fields import (
    PEER_ASN_FIELDS,
    REGISTERED_ASN_FIELDS,
    REGISTERED_PREFIX_FIELDS,
    SERVICE_BASICS,
    SERVICE_CONFIGURATION,
    SERVICE_PREFIX_FIELDS,
)
from simulator.session.messages import Family
from tests.portal import form_support

FORMS = {
    "basics": BASICS,
    "configuration": CONFIGURATION,
    **{use.name: fields for use, fields in CONNECTION_FIELDS.items()},
    "PeerAsn": PEER_ASN_FIELDS,
    "registered ASN": REGISTERED_ASN_FIELDS,
    "registered prefix": REGISTERED_PREFIX_FIELDS,
    "service": (*SERVICE_BASICS, *SERVICE_CONFIGURATION),
    "service prefix": SERVICE_PREFIX_FIELDS,
}
MODELS: dict[str, type[BaseModel]] = {
    **{use.name: documents.ConnectionDocument for use in Use},
    "PeerAsn": documents.PeerAsnDocument,
    "registered ASN": documents.RegisteredAsnDocument,
    "registered prefix": documents.RegisteredPrefixDocument,
    "service": documents.ServiceDocument,
    "service prefix": documents.ServicePrefixDocument,
}


@pytest.mark.parametrize("form", FORMS)
def test_each_field_says_what_it_is(form: str) -> None:
    names = [each.name for each in FORMS[form]]
    assert len(set(names)) == len(names)
    for each in FORMS[form]:
        assert each.label and each.help.endswith((".", ")")), each.name
        if each.when is not None:
            assert each.when[0] in names or form == "service", each.name


@pytest.mark.parametrize("form", MODELS)
def test_each_path_is_a_field_of_the_apis_document(form: str) -> None:
    for each in FORMS[form]:
        known: list[type[BaseModel]] = [MODELS[form]]
        for step in re.findall(r"[A-Za-z0-9]+(?=[.\[]|$)", re.sub(r"\[\d+\]", "", each.path)):
            models = [model for model in known if step in model.model_fields]
            assert models, (each.name, each.path, step)
            known = list(documents._models(models[0].model_fields[step].annotation))


def test_each_direct_peering_type_of_the_api_can_be_chosen_once() -> None:
    asked = form_support.BASICS | form_support.CONFIGURATION[Use.DIRECT]
    made = [document(asked | {"network": each.value}, [], {}) for each in NETWORK.choices]
    types = [each["properties"]["direct"]["directPeeringType"] for each in made]
    assert sorted(types) == sorted(documents.DIRECT_TYPES)


@pytest.mark.parametrize("use", Use)
def test_a_use_is_found_again_in_its_document(use: Use) -> None:
    values = form_support.BASICS | form_support.CONFIGURATION[use]
    made = document(values, [("ID", form_support.CONNECTION[use])], {})
    assert use_of(values) is use_of_document(made) is use
    inner = made["properties"][USES[use].inner]
    assert inner["connections"][0]["connectionIdentifier"] == "ID"
    assert inner["peerAsn"] == {"id": values["peer-asn"]}
    assert made["sku"]["name"] in (*documents.EXCHANGE_SKUS, *documents.DIRECT_SKUS)


@pytest.mark.parametrize("use", Use)
def test_values_make_a_connection_and_a_connection_makes_the_values(use: Use) -> None:
    fields = CONNECTION_FIELDS[use]
    values = {each.name: "7" if each.kind in (InputKind.NUMBER, InputKind.SLIDER) else "x" for each in fields}
    values |= {each.name: "Peer" for each in fields if each.name == "provider"}
    values |= {each.name: "Enabled" for each in fields if each.name == "peering-service"}
    made = connection(use, "ID", values)
    assert values_of(fields, made) == values
    assert made["peeringDBFacilityId"] == 7


def test_what_is_no_number_stays_as_it_was_typed() -> None:
    (facility, *_) = CONNECTION_FIELDS[Use.EXCHANGE]
    for text, value in (("7", 7), ("-7", -7), ("07", 7), ("7.0", "7.0"), ("٧", "٧"), ("x", "x"), ("9" * 21, "9" * 21)):
        assert fill({}, [facility], {"facility": text}) == {"peeringDBFacilityId": value}


def test_what_was_not_asked_is_not_sent() -> None:
    values = form_support.CONNECTION[Use.DIRECT] | {"provider": "Microsoft"}
    assert connection(Use.DIRECT, "ID", values).get("bgpSession", {}) == {}


def test_a_legacy_connection_keeps_what_the_form_does_not_ask() -> None:
    kept = {"connectionIdentifier": "ID", "x": 1, "bgpSession": {"md5AuthenticationKey": "k"}}
    values = values_of(CONNECTION_FIELDS[Use.EXCHANGE], kept)
    made = document(form_support.CONFIGURATION[Use.EXCHANGE], [("ID", values)], {"ID": kept})
    assert made["properties"]["exchange"]["connections"] == [kept]


def test_paths_are_set_read_and_taken_out() -> None:
    made: dict[str, object] = {}
    put(made, "a.b[0].c", 1)
    put(made, "kind", "x")
    assert made == {"a": {"b": [{"c": 1}]}, "kind": "x"}
    assert (read(made, "a.b[0].c"), read(made, "a.b[1].c"), read(made, "a.x.y")) == (1, None, None)
    put(made, "a.b[0].c", None)
    put(made, "no.such[3].thing", None)
    assert made == {"a": {"b": [{}]}, "kind": "x"}


SHOWN_NOWHERE = {
    FieldName.ASN,  # of other resources
    FieldName.CUSTOMER_ASN,
    FieldName.PREFIX,
    FieldName.IDENTIFIER,  # the form makes it
}


@pytest.mark.parametrize("use", Use)
@pytest.mark.parametrize("name", [each for each in FieldName if each not in SHOWN_NOWHERE])
def test_each_field_that_the_provider_can_refuse_has_its_place(use: Use, name: FieldName) -> None:
    """A field that a form does not have is shown where it stands in the document: at the connection."""
    inner = USES[use].inner
    bare = path(Field(name, None, Family.IPV4), inner)
    if not bare.startswith(("properties", "kind", "sku", "location")):
        index, inside = split(path(Field(name, 3, Family.IPV4), inner))
        assert index == 3
        has = any(each.path.startswith(inside) for each in CONNECTION_FIELDS[use])
        assert bool(field_of(inside, CONNECTION_FIELDS[use])) is has
        return
    place = place_of_target(bare)
    assert place == CONNECTIONS or any(each.name == place for each in (*BASICS, *CONFIGURATION)), bare


def test_a_list_offers_what_there_is_and_keeps_what_was_typed() -> None:
    asked = FormField("x", "X", "x.", kind=InputKind.SELECT)
    assert Filled([asked], {"x": "<b>"}).options(asked)[0][1][0].value == "<b>"
    assert [each.label for each in Filled([asked], {}).options(asked)[0][1]] == ["Select…"]
