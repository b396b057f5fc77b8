"""What is asked of a peering that is there: connections, limits, registrations, the end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from simulator.azure.model.resources import RegisteredAsn, RegisteredPrefix
from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.portal.arm import ask, resource_path
from simulator.portal.forms.peering_fields import Use
from simulator.session.messages import Family
from tests.portal.form_support import CONNECTION, Browser
from tests.portal.support import IPV4, IPV6, put_asn, put_peering, send, text_of, until, until_all
from tests.serving.support import Served, served

HELD = Settings(provisioning=None, removal=0)
PAGE = "/peerings/lab/rg/p"
V4_ONLY = {"peerSessionIPv4Address": IPV4}
_S = ConnectionState


async def edited(browser: Browser, index: int = 0) -> str:
    """The form of a connection, from the link in the peering's page; the path."""
    links = re.findall(rf'href="({PAGE}/connections/[0-9A-F-]+)"', await browser.open(PAGE))
    await browser.open(links[index])
    return browser.path


async def change(browser: Browser, path: str, **fields: str) -> str:
    as_of = re.search(r'name="as-of" value="([^"]+)"', browser.text)
    assert as_of
    return await browser.submit(path, **fields, **{"as-of": as_of[1]}, do="save")


async def active(lab: Served, **session: Any) -> Browser:
    await put_asn(lab.provider)
    await put_peering(lab.provider, "p", session or V4_ONLY)
    await until_all(lab.provider, _S.ACTIVE)
    return Browser(lab)


def limits(lab: Served) -> set[int | None]:
    (record,) = lab.provider.peerings.records.values()
    return {live.request.sessions[Family.IPV4].max_prefixes for live in record.connections}


async def test_max_prefixes_are_changed_on_sessions_that_stay_up(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        established = lab.provider.log
        path = await edited(browser)
        assert "cannot be changed" in browser.text and "yes" not in browser.value("limit-4")
        for wrong in ("0", "many", "-1"):
            await change(browser, path, **{"limit-4": wrong})
            assert browser.error("limit-4") and browser.value("limit-4") == wrong
            assert limits(lab) == {None}
        await change(browser, path, **{"limit-4": "1234"})
        assert browser.path == PAGE and "The connection is changed" in browser.text
        assert limits(lab) == {1234, None}
        states = {record.state for record in lab.provider.control.records.values()}
        assert states == {_S.ACTIVE} and established is lab.provider.log


async def test_an_ipv6_session_is_added_to_a_connection(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        path = await edited(browser)
        await change(browser, path, **{"peer-6": "2001:db8::1"})
        assert browser.error("peer-6"), text_of(browser.text)
        await change(browser, path, **{"peer-6": IPV6})
        assert "The connection is changed" in browser.text, text_of(browser.text)
        (record,) = lab.provider.peerings.records.values()
        assert sum(Family.IPV6 in live.request.sessions for live in record.connections) == 1


async def test_a_connection_is_added_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        (record,) = lab.provider.peerings.records.values()
        before = len(record.connections)
        await browser.open(f"{PAGE}/connections/new")
        path = browser.path
        fields = CONNECTION[Use.EXCHANGE] | {"peer-4": "192.0.2.1"}
        await change(browser, path, **fields)
        assert browser.error("peer-4") and browser.value("peer-4") == "192.0.2.1"
        fields["peer-4"] = "206.126.239.201"
        await change(browser, path, **fields)
        assert "The connection is requested" in browser.text
        first = len(record.connections)
        await browser.submit(path, **fields, do="save", **{"as-of": "0"})
        assert "The connection is as you asked" in browser.text and len(record.connections) == first
        assert first > before
        await browser.open(path)
        await change(browser, path, **fields)
        assert len(record.connections) == first


async def test_who_opened_the_form_before_a_change_is_asked_again(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        one = await active(lab)
        other = Browser(lab)
        path = await edited(one)
        await edited(other)
        await change(other, path, **{"limit-4": "1000"})
        await change(one, path, **{"limit-4": "2000"})
        assert one.status == 409 and "was changed since you opened this page" in text_of(one.text)
        assert one.value("limit-4") == "2000" and 2000 not in limits(lab)
        await change(one, path, **{"limit-4": "2000"})
        assert 2000 in limits(lab)


async def test_a_deletion_is_refused_in_the_documents_words_while_it_is_provisioned(tmp_path: Path) -> None:
    async with served(tmp_path, settings=HELD) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider, "p", V4_ONLY)
        await until_all(lab.provider, _S.PROVISIONING_STARTED)
        for state in (_S.PROVISIONING_STARTED, _S.PROVISIONING_COMPLETED):
            browser = Browser(lab)
            text = text_of(await browser.open(f"{PAGE}/delete"))
            assert "ProvisioningStarted or ProvisioningCompleted, the operation will fail" in text
            assert f"a peering in {state.value} cannot be deleted" in text
            assert re.search(r"<button[^>]*disabled[^>]*>Delete", browser.text)
            answer = await send(lab, f"{PAGE}/delete", confirm="yes")
            assert answer.status_code == 409 and f"in {state.value} cannot be deleted" in text_of(answer.text)
            assert {each.state for each in lab.provider.control.records.values()} == {state}
            identifier = next(iter(lab.provider.peerings.records.values())).connections[0].request.identifier
            answer = await send(lab, f"{PAGE}/connections/{identifier}/delete", confirm="yes")
            assert answer.status_code == 409
            if state is _S.PROVISIONING_STARTED:
                held = HELD.model_copy(update={"provisioning": 0, "validation": None})
                lab.provider.set(held)
                await until_all(lab.provider, _S.PROVISIONING_COMPLETED)


async def test_a_connection_and_then_the_peering_are_deleted(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        (record,) = lab.provider.peerings.records.values()
        path = await edited(browser)
        for wrong in ("", "no", "y"):
            await browser.submit(f"{path}/delete", confirm=wrong)
            assert browser.error("confirm"), wrong
        await browser.submit(f"{path}/delete", confirm="yes")
        assert "is being removed" in browser.text
        await until(lab.provider, lambda: len(record.connections) == 1)
        path = await edited(browser)
        assert "the only connection of this peering" in text_of(await browser.open(f"{path}/delete"))
        await browser.submit(f"{PAGE}/delete", confirm="no")
        assert browser.error("confirm") and lab.provider.peerings.records
        await browser.submit(f"{PAGE}/delete", confirm="Yes")
        assert browser.path == "/"
        await until(lab.provider, lambda: not lab.provider.peerings.records)
        await browser.open(f"{PAGE}/delete")
        assert browser.status == 404


async def test_asns_are_registered_at_an_exchange_with_route_server(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.request(Use.ROUTE_SERVER)
        lab.provider.set(lab.provider.settings.model_copy(update={"peering_review": None}))
        await browser.submit(do="create")
        page = f"{PAGE}/registered-asns"
        text = text_of(await browser.open(page))
        assert "until a connection of the peering is Active" in text
        assert re.search(r"<button[^>]*disabled", browser.text)
        await browser.submit(page, name="alpha", asn="64500")
        assert browser.status == 400 and not lab.provider.unit.all(RegisteredAsn)
        lab.provider.set(lab.provider.settings.model_copy(update={"peering_review": 0}))
        await until_all(lab.provider, _S.ACTIVE)
        for field, wrong in (
            ("asn", "8075"),
            ("asn", ""),
            ("asn", "x"),
            ("asn", "64512"),
            ("name", "a b"),
            ("name", ""),
        ):
            await browser.submit(page, **{"name": "alpha", "asn": "64500"} | {field: wrong})
            assert browser.error(field) and browser.value(field) == wrong, (field, wrong)
        for _ in range(2):  # sent twice it is one
            await browser.submit(page, name="alpha", asn="64500")
            assert "alpha is registered" in browser.text
        (made,) = lab.provider.unit.all(RegisteredAsn)
        assert f'<code id="k-alpha">{made.prefix_key}</code>' in browser.text and 'data-copy="k-alpha"' in browser.text
        await browser.submit(page, name="ALPHA", asn="64501")
        assert "choose another name" in browser.error("name") and browser.value("asn") == "64501"
        await browser.submit(page, name="", asn="many")
        assert browser.error("name").startswith("Name is required") and "whole number" in browser.error("asn")
        await browser.submit(page, name="beta", asn="64500")
        assert "already registered" in browser.error("asn")
        assert "its prefix key is no longer valid" in await browser.open(f"{page}/alpha/delete")
        await browser.submit()
        assert "No customer" in browser.text and not lab.provider.unit.all(RegisteredAsn)
        await browser.open(f"{page}/alpha/delete")
        assert browser.status == 404


async def test_a_registered_prefix_shows_what_is_wrong_with_it(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.request(Use.ROUTE_SERVER)
        await browser.submit(do="create")
        await until_all(lab.provider, _S.ACTIVE)
        page = f"{PAGE}/registered-prefixes"
        for wrong in ("", "x", "2001:db8::/32", "192.0.2.1/24"):
            await browser.submit(page, name="one", prefix=wrong)
            assert browser.error("prefix"), (wrong, text_of(browser.text))
        await browser.submit(page, name="one", prefix="9.9.9.0/24")
        assert "one is queued for validation" in browser.text
        await until(lab.provider, lambda: not lab.provider.unit.all(RegisteredPrefix)[0].pending)
        assert "Prefix not received from" in await browser.open(page)
        await browser.submit(page, name="one", prefix="9.9.10.0/24")
        assert "choose another name" in browser.error("name")
        await browser.submit(f"{page}/one/validate")
        assert "one is queued for validation again" in browser.text
        await browser.submit(f"{page}/one/delete")
        assert not lab.provider.unit.all(RegisteredPrefix)


async def test_what_another_type_cannot_have_is_said_in_the_apis_words(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        for part in ("registered-asns", "registered-prefixes"):
            assert "Operation is not supported for this peering type" in await browser.open(f"{PAGE}/{part}")
            await browser.submit(f"{PAGE}/{part}", name="x", asn="64500", prefix="9.9.9.0/24")
            assert browser.status == 400 and "not supported for this peering type" in browser.text


async def test_pages_of_what_is_not_there(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        for path in (
            "/peerings/lab/rg/nobody/delete",
            "/peerings/lab/rg/nobody/connections/new",
            f"{PAGE}/connections/x",
            f"{PAGE}/connections/{'0' * 8}-0000-0000-0000-{'0' * 12}/delete",
            "/peering-services/lab/rg/nobody",
            "/peering-services/lab/rg/nobody/prefixes/x/delete",
            f"{PAGE}/registered-asns/%2e%2e/delete",
            "/create/x/basics",
            "/create/x/connections/y",
        ):
            await browser.open(path)
            assert browser.status in (400, 404, 405), (path, browser.status)
            assert "Traceback" not in browser.text


async def test_a_bandwidth_and_a_key_are_changed_where_the_lab_allows_it(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        browser = await active(lab)
        path = await edited(browser)
        await change(browser, path, md5="another-key")
        refused = browser.error("md5")
        assert refused.startswith("Md5AuthenticationKey and MaxPrefix updates") and "Delays and rules" in refused
        assert "Md5AuthenticationKey and MaxPrefix updates are not yet supported" in browser.text
        lab.provider.set(lab.provider.settings.model_copy(update={"allow_md5_updates": True}))
        await edited(browser)
        await change(browser, path, md5="another-key")
        assert "The connection is changed" in browser.text
        shown = await ask(lab.provider, "GET", resource_path("lab", "peerings", "p", group="rg"))
        keys = [
            each["bgpSession"].get("md5AuthenticationKey")
            for each in shown.body["properties"]["exchange"]["connections"]
        ]
        assert keys.count("another-key") == 1
