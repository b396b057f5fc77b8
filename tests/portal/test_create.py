"""Create a Peering and its sisters, over HTTP and without a script: steps, errors at fields, once and not twice."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from simulator.azure.model.resources import PeerAsn, ServicePrefix
from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.portal.forms.drafts import KEPT, Draft, DraftConnection, drafts
from simulator.portal.forms.field import values_of
from simulator.portal.forms.pages import FORMS
from simulator.portal.forms.peering_fields import (
    CONNECTION_FIELDS,
    METRO,
    NAME,
    OTHER_TYPES,
    USES,
    Use,
    use_of_document,
)
from simulator.portal.forms.wizards import WIZARDS, document_of, place_of, reviewed
from tests.azure.provider import support
from tests.azure.rest.test_refusals import PEERINGS
from tests.portal.form_support import BASICS, CONFIGURATION, CONNECTION, Browser, with_microsofts_circuits
from tests.portal.support import IPV4, put_asn, put_peering, send, text_of, until, until_all
from tests.serving.support import served
from tests.topologies import build, mixed

BY_HAND = Settings(peer_asn_review=None, peering_review=None, notification=None, provisioning=None, removal=0)
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


@pytest.mark.parametrize("use", Use)
async def test_each_kind_of_peering_is_requested(tmp_path: Path, use: Use) -> None:
    async with served(tmp_path, topology=build(with_microsofts_circuits())) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        text = await browser.request(use)
        assert browser.path.endswith("/review") and "Validation passed" in text, text_of(text)
        assert lab.provider.peerings.records == {}, "nothing is requested before Create"
        text = await browser.submit(do="create")
        assert browser.path.endswith("/deployment") and "Your deployment is complete" in text
        (record,) = lab.provider.peerings.records.values()
        assert record.resource.id == "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering/peerings/p"
        assert f'href="/peerings/lab/rg/{record.name}"' in text


async def test_a_type_that_is_in_the_api_alone_is_requested_as_it_is_called_there(tmp_path: Path) -> None:
    async with served(tmp_path, topology=build(with_microsofts_circuits())) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.basics()
        await browser.connection(Use.DIRECT)
        for name in OTHER_TYPES:
            text = await browser.configuration(Use.DIRECT, network=name)
            assert "Validation passed" in text and name in text_of(text), (name, text_of(text))
            await browser.open(browser.path.replace("review", "configuration"))
        await browser.configuration(Use.DIRECT, network="Cdn")
        await browser.submit(do="create")
        (record,) = lab.provider.peerings.records.values()
        assert record.request.direct_type == "Cdn"
        assert "Direct, Cdn" in await browser.open("/")


WRONG_BASICS: Mapping[str, tuple[str, ...]] = {
    "subscription": ("", "a b", "x" * 91, ".", HOSTILE),
    "new-group": ("", "a b", "x.", "x" * 91),
    "name": ("", "..", "a b", "x" * 64, HOSTILE),
    "region": ("", "east/us", "x" * 100),
    "peer-asn": ("", "/x", "/subscriptions/lab/providers/Microsoft.Peering/peerAsns/nobody"),
}
WRONG_CONFIGURATION: Mapping[str, tuple[str, ...]] = {
    "metro": ("", "Atlantis", "Seattle"),
    "sku": ("", "Gold", "Premium"),
}
WRONG_CONNECTION: list[tuple[Use, str, str]] = [
    (use, field, value)
    for use, fields in cast(
        "dict[Use, dict[str, tuple[str, ...]]]",
        {
            Use.EXCHANGE: {
                "facility": ("", "2", "x", "0"),
                "peer-4": ("192.0.2.1", "206.126.236.17", "206.126.236.0", "224.0.0.1", "x", "::1", HOSTILE),
                "peer-6": ("2001:db8::1", "2001:504:0:2::8075:1", "fe80::1%eth0", "1.2.3.4"),
                "limit-4": ("0", "-1", "many", "1.5", "9999999999"),
                "limit-6": ("-1", "x"),
                "md5": ("k" * 81, "a b", "ключ"),
            },
            Use.DIRECT: {
                "facility": ("86", ""),
                "provider": ("Nobody",),
                "prefix-4": ("198.51.100.8/29", "192.0.2.0/30", "x", "198.51.100.4"),
                "prefix-6": ("2001:db8:9::/127", "2001:db8:9::/64"),
                "limit-4": ("many",),
                "bandwidth": ("0", "x", "-10000"),
            },
            Use.ROUTE_SERVER: {
                "provider": ("Microsoft",),
                "prefix-4": ("198.51.100.0/24",),
                "peer-4": ("192.0.2.1", "206.126.236.17"),
                "microsoft-4": ("206.126.236.99", "x"),
                "microsoft-6": ("1.2.3.4",),
            },
            Use.VOICE: {"provider": ("Peer",)},
        },
    ).items()
    for field, values in fields.items()
    for value in values
]
WARNED: list[tuple[Use, str, str]] = [
    (Use.EXCHANGE, "limit-4", "20001"),
    (Use.EXCHANGE, "limit-6", "2001"),
    (Use.ROUTE_SERVER, "limit-4", "20001"),
]


async def test_each_error_of_basics_is_seen_at_its_field(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        for field, values in WRONG_BASICS.items():
            for value in values:
                await browser.basics(**{field: value})
                assert browser.path.endswith("/basics"), (field, value, browser.path)
                assert browser.error(field), (field, value, text_of(browser.text))
                assert browser.value(field) == value, "what was typed is kept"
                assert HOSTILE not in browser.text
        await browser.basics()
        assert browser.path.endswith("/configuration")


async def test_each_error_of_the_configuration_is_seen_at_its_field(tmp_path: Path) -> None:
    async with served(tmp_path, topology=build(mixed())) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.basics()
        await browser.configuration(Use.EXCHANGE)
        assert "There is no connection yet" in text_of(browser.text) and 'id="e-connections"' in browser.text
        await browser.connection(Use.EXCHANGE)
        for field, values in WRONG_CONFIGURATION.items():
            for value in values:
                await browser.configuration(Use.EXCHANGE, **{field: value})
                assert browser.path.endswith("/configuration"), (field, value)
                marked = f'id="e-{field}"' in browser.text
                assert marked, (field, value, text_of(browser.text))


async def test_each_error_of_a_connection_is_seen_at_its_field(tmp_path: Path) -> None:
    async with served(tmp_path, topology=build(with_microsofts_circuits())) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        for use, field, value in WRONG_CONNECTION:
            await browser.basics()
            await browser.connection(use, **{field: value})
            assert "/connections/" in browser.path, (use, field, value, browser.path)
            assert browser.error(field), (use, field, value, text_of(browser.text))
            if field != "provider":  # of its buttons none says what is no choice
                assert browser.value(field) == value, (use, field, value)
            assert HOSTILE not in browser.text
            configuration = browser.path.rsplit("/", 2)[0] + "/configuration"
            line = text_of(await browser.open(configuration))
            assert "Connection 1: " in line, "its line in the list says so, too"
            review = text_of(await browser.open(configuration.replace("configuration", "review")))
            assert "Validation failed" in review and "Connection 1: " in review


async def test_what_only_clients_refuse_is_said_and_taken(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        for use, field, value in WARNED:
            browser = Browser(lab)
            await browser.request(use, {field: value})
            assert "Validation passed" in browser.text and "Microsoft's own clients would refuse" in browser.text
            await browser.open(browser.path.replace("review", "configuration"))
            identifier = re.search(r'value="edit:([^"]+)"', browser.text)
            assert identifier
            await browser.open(browser.path.replace("configuration", f"connections/{identifier[1]}"))
            assert f'id="w-{field}"' in browser.text


async def test_the_review_says_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = Browser(lab)
        await browser.basics(name="..", region="")
        base = browser.path.removesuffix("basics")
        await browser.submit(f"{base}configuration", **CONFIGURATION[Use.EXCHANGE] | {"metro": ""}, do="add")
        await browser.submit(**CONNECTION[Use.EXCHANGE] | {"peer-4": "x", "peer-6": "y"}, do="save")
        text = await browser.open(f"{base}review")
        listed = set(re.findall(r'data-field="([^"]+)"', text))
        at_connection = {"connection-0-peer-4", "connection-0-peer-6"}
        assert listed == {"name", "region", "peer-asn", "metro", *at_connection}
        for name in listed:
            assert f'id="f-{name}"' in text, "each link leads to a place of the page"
        assert re.search(r"<button[^>]*disabled[^>]*>Create", text)
        await browser.submit(do="create")
        assert browser.path == f"{base}review" and not lab.provider.peerings.records


async def test_a_pending_asn_gives_the_documents_error_and_says_what_to_do(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        await put_asn(lab.provider, approved=False)
        browser = Browser(lab)
        assert "Pending: it cannot be chosen yet" in await browser.open("/create")
        await browser.basics()
        assert "is Pending" in browser.error("peer-asn") and "12 hours" in browser.text and "/desk" in browser.text
        (asn,) = lab.provider.unit.all(PeerAsn)
        lab.provider.asns.approve(asn)
        await browser.submit(**BASICS, do="next")
        assert browser.path.endswith("/configuration")


async def test_sent_twice_it_is_made_once(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.basics()
        await browser.configuration(Use.EXCHANGE, "add")
        connection = browser.path
        for _ in range(2):
            await browser.submit(connection, **CONNECTION[Use.EXCHANGE], do="save")
        await browser.configuration(Use.EXCHANGE)
        review = browser.path
        answers = await asyncio.gather(*(send(lab, review, do="create") for _ in range(5)))
        assert {answer.headers["location"] for answer in answers} == {review.replace("review", "deployment")}
        (record,) = lab.provider.peerings.records.values()
        assert len(record.connections) == len(lab.provider.topology.edges)
        for step in ("basics", "configuration", "review"):  # Back leads to what was made
            await browser.open(review.replace("review", step))
            assert browser.path.endswith("/deployment")
        made = [each for each in lab.provider.unit.events(0, 1000) if each.row.get("to") == "PendingApproval"]
        assert len(made) == len(record.connections)


async def test_a_name_that_is_taken_changes_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider, "p")
        browser = Browser(lab)
        await browser.request(Use.EXCHANGE)
        assert "There is a resource of this name already" in text_of(browser.text)
        await browser.submit(do="create")
        assert len(lab.provider.peerings.records) == 1


async def test_two_browsers_do_not_meet_in_one_form(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        one, other = Browser(lab), Browser(lab)
        await one.basics(name="one")
        await other.basics(name="other")
        await one.connection(Use.EXCHANGE)
        await other.connection(Use.EXCHANGE, **{"peer-4": "206.126.239.201"})
        for browser in (one, other):
            await browser.configuration(Use.EXCHANGE)
            await browser.submit(do="create")
        names = {record.name for record in lab.provider.peerings.records.values()}
        assert names == {"one", "other"}


async def test_a_restart_a_reload_and_back_keep_what_was_typed(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.basics(name="kept")
        await browser.connection(Use.EXCHANGE, **{"limit-4": "777"})
        await browser.configuration(Use.EXCHANGE, "previous")
        assert browser.value("name") == "kept"
        base = browser.path.removesuffix("basics")
    async with served(tmp_path) as lab:
        browser = Browser(lab)
        await browser.open(f"{base}configuration")
        assert "777" in browser.text and IPV4 in browser.text
        await browser.open(f"{base}basics")
        assert browser.value("name") == "kept"
        await browser.open(f"{base}review")
        assert "Validation passed" in browser.text
        await browser.submit(do="create")
        assert [record.name for record in lab.provider.peerings.records.values()] == ["kept"]
    async with served(tmp_path) as lab:  # a browser that had no answer before the end sends it once more
        before = len(lab.provider.control.records)
        await Browser(lab).submit(f"{base}review", do="create")
        assert [record.name for record in lab.provider.peerings.records.values()] == ["kept"]
        assert len(lab.provider.control.records) == before


async def test_no_key_is_shown_or_kept_longer_than_it_is_needed(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.request(Use.EXCHANGE, {"md5": "s3cret-key"})
        assert "s3cret-key" not in browser.text and "a key of 10 characters" in browser.text
        await browser.submit(do="create")
        assert "s3cret-key" not in browser.text
        assert "s3cret-key" not in str(lab.provider.unit.store.setting("portal-drafts"))


async def test_drafts_are_bounded(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        kept = drafts(lab.provider)
        made = [kept.new("peering", {}) for _ in range(KEPT + 5)]
        assert kept.get(made[0].id, "peering") is None and kept.get(made[-1].id, "peering") is made[-1]
        assert kept.get(made[-1].id, "asn") is None
        browser = Browser(lab)
        assert "not there any more" in await browser.open(f"/create/{made[0].id}/basics")
        assert browser.status == 404


async def test_an_existing_group_brings_its_region(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider, "before")
        browser = Browser(lab)
        assert '<option value="rg"' in await browser.open("/create")
        existing = {"group-choice": "existing", "group": "rg", "region": "westus"}
        await browser.basics(**existing)
        await browser.connection(Use.EXCHANGE, **{"peer-4": "206.126.239.201"})
        await browser.configuration(Use.EXCHANGE)
        await browser.submit(do="create")
        made = next(record for record in lab.provider.peerings.records.values() if record.name == "p")
        assert made.request.location == "eastus"


async def test_another_subscription_shows_its_own_asns(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.submit("/create", **BASICS | {"subscription": "other"}, do="refresh")
        assert browser.path.endswith("/basics") and browser.value("name") == "p"
        assert "contoso</option>" not in browser.text


async def test_a_pending_asn_is_seen_until_it_is_approved(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        browser = Browser(lab)
        assert "No ASN is associated" in await browser.open("/asns")
        fields = {
            "name": "contoso",
            "subscription": "lab",
            "peer-name": "Contoso",
            "email": "x@y.example",
            "role": "Noc",
        }
        for asn in ("8075", "", "x", "0", "70000000000", "23456"):
            await browser.submit("/asns/create", **fields, asn=asn, do="next")
            assert browser.error("asn"), asn
        for name, wrong in (("email", "x"), ("name", "a b"), ("subscription", ""), ("peer-name", "x" * 300)):
            await browser.submit("/asns/create", **fields | {"asn": "64496", name: wrong}, do="next")
            assert browser.error(name), name
        await browser.submit("/asns/create", **fields, asn="64496", do="next")
        assert "Validation passed" in browser.text
        await browser.submit(do="create")
        assert "Pending" in browser.text and "12 hours" in browser.text
        (made,) = lab.provider.unit.all(PeerAsn)
        lab.provider.asns.approve(made)
        assert "Approved" in await browser.open("/asns")
        await browser.submit("/asns/create", **fields, asn="64496", do="next")
        assert "There is a resource of this name already" in browser.error("name")


async def test_a_legacy_peering_is_converted_as_it_runs(tmp_path: Path) -> None:
    found = mixed()
    found["peerings"][0]["legacy"] = True
    async with served(tmp_path, topology=build(found)) as lab:
        browser = Browser(lab)
        assert "one is listed once its ASN is an Approved PeerAsn" in text_of(await browser.open("/legacy"))
        await put_asn(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        established = {plan.id for record in support.records(lab.provider) for plan in record.plans}
        legacy = re.search(r'name="legacy" value="([^"]+)"', await browser.open("/legacy"))
        assert legacy
        await browser.submit("/legacy", subscription="lab", legacy=legacy[1])
        assert browser.path.endswith("/basics")
        await browser.submit(**BASICS, do="next")
        assert text_of(browser.text).count("converted as it runs") == 2, text_of(browser.text)
        await browser.submit(**CONFIGURATION[Use.EXCHANGE], do="next")
        assert "Validation passed" in browser.text, text_of(browser.text)
        await browser.submit(do="create")
        (record,) = lab.provider.peerings.records.values()
        assert {live.record.state for live in record.connections} == {ConnectionState.ACTIVE}
        assert {plan.id for each in support.records(lab.provider) for plan in each.plans} == established
        assert "All were converted" in text_of(await browser.open("/legacy"))


async def test_legacy_connections_are_offered_where_a_peering_is_configured(tmp_path: Path) -> None:
    found = mixed()
    found["peerings"][0]["legacy"] = True
    async with served(tmp_path, topology=build(found)) as lab:
        await put_asn(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        browser = Browser(lab)
        await browser.basics()
        assert "Convert with this peering" in browser.text
        await browser.configuration(Use.EXCHANGE, "convert")
        assert text_of(browser.text).count("cannot be modified") == 2
        await browser.configuration(Use.EXCHANGE)
        assert "Validation passed" in browser.text


async def test_every_refusal_of_the_api_has_a_place_in_the_form(tmp_path: Path) -> None:
    """Of the whole table of documents that the API refuses: those that the form can make."""
    made = 0
    async with served(tmp_path, topology=build(mixed())) as lab:
        await put_asn(lab.provider)
        for body, field in PEERINGS:
            draft = _draft_of(body)
            if draft is None:
                continue
            made += 1
            faults = reviewed(lab.provider, draft).faults
            places = [place_of(WIZARDS["peering"], draft, fault) for fault in faults]
            assert places and all(each.step for each in places), (field, faults)
    assert made > 50


def _draft_of(body: Any) -> Draft | None:
    """The form that makes a document; None: none does."""
    try:
        use = use_of_document(body)
        inner = body["properties"][USES[use].inner]
        values = BASICS | CONFIGURATION[use] | values_of((METRO,), body)
        values |= {"region": body["location"], "peer-asn": inner["peerAsn"]["id"]}
        values["sku"] = body["sku"]["name"].split("_")[0]
        connections = [
            DraftConnection(each["connectionIdentifier"], values_of(CONNECTION_FIELDS[use], each))
            for each in inner["connections"]
        ]
    except (KeyError, TypeError, AttributeError):
        return None
    if "tags" in body or not all(isinstance(each.identifier, str) for each in connections):
        return None
    draft = Draft("x", "peering", values, connections)
    made = json.dumps(document_of(draft), sort_keys=True)
    return draft if made == json.dumps(_without_nothing(body), sort_keys=True) else None


def _without_nothing(value: Any) -> Any:
    """A document without fields that say nothing."""
    if isinstance(value, dict):
        return {key: _without_nothing(each) for key, each in value.items() if each not in (None, "")}
    return [_without_nothing(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("page", [each for each in FORMS if each.verb == "POST"], ids=lambda page: page.path)
async def test_no_form_of_another_page_is_taken(tmp_path: Path, page: Any) -> None:
    async with served(tmp_path) as lab:
        path = re.sub(r"{\w+}", "x", page.path)
        await lab.client.get("/")
        assert (await lab.client.post(path, data={"csrf": "x" * 43})).status_code == 403
        forged = {"Origin": "https://evil.example"}
        assert (await lab.client.post(path, data={"csrf": "x"}, headers=forged)).status_code == 403
        assert (await send(lab, path, do="next")).status_code in (303, 404, 400), "with the token it is answered"


async def test_hostile_words_stay_words(tmp_path: Path) -> None:
    """What a person types is shown as text on every page that shows it."""
    async with served(tmp_path) as lab:
        await put_asn(lab.provider, peer=HOSTILE)
        browser = Browser(lab)
        for path in ("/asns", "/create", f"/create?subscription={HOSTILE}&group={HOSTILE}"):
            assert HOSTILE not in await browser.open(path)
        await browser.basics(**dict.fromkeys(BASICS, HOSTILE))
        base = browser.path.removesuffix("basics")
        names = (*CONFIGURATION[Use.EXCHANGE], *CONNECTION[Use.EXCHANGE], "md5", "limit-4")
        await browser.submit(f"{base}configuration", **dict.fromkeys(names, HOSTILE), do="add")
        await browser.submit(**dict.fromkeys(names, HOSTILE), do="save")
        for step in ("basics", "configuration", "review"):
            text = await browser.open(f"{base}{step}")
            assert browser.status == 200 and HOSTILE not in text and "<script>alert" not in text
        for wrong in ("\0", "\ud7ff\x1b[31m", "é" * 5000, "\r\n"):
            await browser.basics(name=wrong)
            assert browser.error(NAME.name)


async def test_a_peering_service_and_its_prefixes(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        assert "No peering service yet" in await browser.open("/peering-services")
        basics = {key: BASICS[key] for key in ("subscription", "group-choice", "new-group", "region")}
        for name, wrong in (("name", ".."), ("region", ""), ("new-group", "a b")):
            await browser.submit("/create-service", **basics | {"name": "s", name: wrong}, do="next")
            assert browser.error(name), name
        await browser.submit("/create-service", **basics, name="branch", do="next")
        await browser.submit(provider="x" * 300, primary="", backup="", do="next")
        assert browser.error("provider")
        await browser.submit(provider="Nobody", primary="Ashburn", backup="", do="next")
        assert "Validation passed" in browser.text
        await browser.submit(do="create")
        page = "/peering-services/lab/rg/branch"
        await browser.open(page)
        for name, wrong in (("name", "a b"), ("prefix", ""), ("prefix", "x" * 200), ("key", "k" * 300)):
            fields = {"name": "p", "prefix": "192.0.2.0/24", "key": "k"} | {name: wrong}
            await browser.submit(page, **fields)
            assert browser.error(name), (name, text_of(browser.text))
        await browser.submit(page, name="p", prefix="192.0.2.0/24", key="k")
        assert "p is queued for validation" in browser.text
        await until(lab.provider, lambda: _judged(lab))
        assert "Peering service provider not found" in await browser.open(page)
        await browser.submit(f"{page}/prefixes/p/validate")
        assert "queued for validation again" in browser.text
        await browser.submit(f"{page}/prefixes/p/delete")
        assert "No prefix yet" in browser.text
        await browser.submit(f"{page}/delete", confirm="no")
        assert browser.error("confirm")
        await browser.submit(f"{page}/delete", confirm="yes")
        assert "No peering service yet" in browser.text


def _judged(lab: Any) -> bool:
    return all(not each.pending for each in lab.provider.unit.all(ServicePrefix))


async def test_what_is_missing_is_asked_for_once_and_where_it_can_be_given(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        browser = Browser(lab)
        await browser.basics(**{"group-choice": "existing", "group": "", "region": "", "name": ""})
        assert browser.error("group").startswith("Existing resource group is required: ")
        assert browser.error("name").startswith("Name is required: ")
        assert set(re.findall(r'data-field="([^"]+)"', browser.text)) == {"group", "name"}
