"""What may be requested, changed and deleted, and what becomes of the sessions: against real ones on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from simulator.azure.model.errors import (
    ConflictError,
    InvalidError,
    NotApprovedError,
    NotSupportedError,
    RefusalError,
    UnknownPeerAsnError,
)
from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, PeeringResource, SessionRequest
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.settings import BY_HAND, Settings
from simulator.connection.states import ConnectionEvent, ConnectionState, Flow
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved
from simulator.session.messages import Cease, Family
from simulator.session.states import BgpState
from simulator.topology.schema import Topology
from tests.azure.provider import support
from tests.azure.provider.support import IPV4, IPV6, PEERING_ID, connection, identifier, request
from tests.connection.support import ALL_TRUE, path
from tests.topologies import build, document

S = ConnectionState
EDGE1, EDGE2 = "206.126.236.17", "206.126.236.148"
OTHER_ID = PEERING_ID.replace("/rg/", "/rg2/")
KEY = "0123456789abcdef0123456789abcdef"


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def put(running: Provider, wanted: PeeringRequest, identifier: str = PEERING_ID) -> PeeringRecord:
    return running.put_peering(support.peering(wanted, identifier))[0]


def two_peers() -> Topology:
    """A second peer at the exchange, of another ASN."""
    found = document()
    fabrikam = {**found["peers"][0], "name": "fabrikam", "asn": 64497, "ipv4": "206.126.239.201"}
    fabrikam |= {"ipv6": "2001:504:0:2:0:6:4497:1", "announce": [{"prefixes": ["192.0.2.0/25"]}]}
    found["peers"].append(fabrikam)
    return build(found)


def ask_as(running: Provider, asn: int, name: str) -> str:
    """An Approved PeerAsn of another ASN; its id."""
    made = support.put_asn(running, asn, name, f"{support.ASN_ID}-{name}")
    if made.pending:
        running.asns.approve(made)
    return made.id


# --- the request ---


async def test_one_request_becomes_a_mesh_with_every_edge_and_all_of_it_passes(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        made = await support.active(running)
        assert [live.id for live in made.connections] == ["contoso/ash-edge-1", "contoso/ash-edge-2"]
        first, second = (live.request for live in made.connections)
        assert (second.mesh_of, first.mesh_of) == (first.identifier, "")
        assert {str(live.request.sessions[Family.IPV4].microsoft) for live in made.connections} == {EDGE1, EDGE2}
        found = support.views(running)
        assert {view.bgp_state for view in found.values()} == {BgpState.ESTABLISHED}
        assert support.open_gates(running) == set(found) and len(found) == 4
        assert all(view.taken == view.received > 0 and view.sent > 0 for view in found.values())
        assert support.leaks(running) == 0


async def test_the_same_request_makes_the_same_identifiers(tmp_path: Path) -> None:
    identifiers = []
    for number in range(2):
        async with support.provider(f"sqlite:///{tmp_path}/{number}.db", support.BY_HAND) as running:
            running.asns.approve(support.ask_for_asn(running))
            identifiers.append([live.request.identifier for live in support.ask_for_peering(running).connections])
    assert identifiers[0] == identifiers[1] and len(set(identifiers[0])) == 2


async def test_without_the_mesh_a_connection_ends_at_one_edge(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), Settings(removal=0, mesh=False)) as running:
        made = await support.active(running)
        assert [live.id for live in made.connections] == ["contoso/ash-edge-1"]


async def test_a_connection_that_names_microsofts_address_ends_there(tmp_path: Path) -> None:
    session = SessionRequest(ip_address(IPV4), ip_address(EDGE2))
    wanted = connection(ipv4=None, ipv6=None).with_session(Family.IPV4, session)
    async with support.provider(url(tmp_path)) as running:
        made = await support.active(running, request(wanted))
        assert [live.id for live in made.connections] == ["contoso/ash-edge-2"]
        assert list(support.views(running)) == ["contoso/ash-edge-2/ipv4"]


@pytest.mark.parametrize(
    ("wanted", "kind", "words"),
    [
        (request(connection(), connection()), InvalidError, "Connection are not unique"),
        (request(connection("one"), connection("two"), connection("three")), InvalidError, "are not unique"),
        (request(connection(ipv4="192.0.2.1")), InvalidError, "not in the LAN 206.126.236.0/22"),
        (request(connection(facility=4711)), InvalidError, "4711"),
        (request(connection(facility=10**30)), InvalidError, "has no edge of AS8075 in this lab"),
        (request(peer_asn=f"{support.ASN_ID}x"), UnknownPeerAsnError, "PeerAsn does not exist with the given name"),
        (request(flow=Flow.DIRECT, direct_type="Edge"), InvalidError, "no circuit of AS64496 has"),
    ],
)
async def test_what_cannot_be_had_is_refused_and_leaves_nothing(
    tmp_path: Path, wanted: PeeringRequest, kind: type[RefusalError], words: str
) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.approved_asn(running)
        before = running.unit.events(0, 1000)
        support.refused(lambda: put(running, wanted), kind, words)
        assert (running.control.records, running.peerings.records) == ({}, {})
        assert running.unit.events(0, 1000) == before
        await support.active(running)  # and the provider goes on


async def test_a_peering_needs_an_approved_peer_asn(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        asn = support.ask_for_asn(running)
        support.refused(lambda: put(running, request()), NotApprovedError, "AS64496) is Pending")
        running.asns.reject(asn, "no")
        support.refused(lambda: put(running, request()), NotApprovedError, "is Failed")


async def test_the_id_of_something_else_is_no_peer_asn(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request())
        wanted = request(connection("two"), peer_asn=PEERING_ID)
        support.refused(lambda: put(running, wanted, OTHER_ID), UnknownPeerAsnError, "PeerAsn does not exist")


async def test_a_guid_belongs_to_one_peering_until_that_is_gone(tmp_path: Path) -> None:
    lab = two_peers()
    async with support.provider(url(tmp_path), lab=lab) as running:
        await support.active(running)
        elsewhere = request(connection(ipv4="206.126.239.201", ipv6=None))
        text = f"ConnectionIdentifier:{identifier('one')} is already being used in peering."
        support.refused(lambda: put(running, elsewhere, OTHER_ID), InvalidError, text)
        running.delete_peering(PEERING_ID.lower())
        await support.until(running, lambda: not running.control.records)
        put(running, elsewhere, OTHER_ID)
        assert list(running.control.records) == ["contoso/ash-edge-1", "contoso/ash-edge-2"]


# --- conflicts ---


async def test_an_address_of_another_asn_fails_with_the_published_message(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), lab=two_peers()) as running:
        await support.active(running)
        up = support.established_at(running)
        theirs = ask_as(running, 64497, "fabrikam")
        for number, (address, version) in enumerate(((IPV4, 4), (IPV6, 6))):
            family = {f"ipv{version}": address, f"ipv{10 - version}": None}
            wanted = request(connection(f"taken{number}", **family), asn=64497, peer_asn=theirs)
            put(running, wanted, f"{OTHER_ID}{number}")
            name = f"contoso{number}/ash-edge-1"
            await support.until(running, lambda name=name: support.record(running, name).state is S.PROVISIONING_FAILED)  # type: ignore[misc]
            message = support.record(running, name).connection.error_message
            assert message == f"IPv{version} address is already configured with a different ASN"
        assert support.established_at(running) == up
        assert set(up) == support.open_gates(running)


async def test_the_address_counts_at_every_edge_of_the_lan(tmp_path: Path) -> None:
    """One edge has the session: at the other one the address is still somebody's."""
    here = connection("one", ipv4=None, ipv6=None)
    one = here.with_session(Family.IPV4, SessionRequest(ip_address(IPV4), ip_address(EDGE1)))
    other = replace(here, identifier=identifier("two"))
    two = other.with_session(Family.IPV4, SessionRequest(ip_address(IPV4), ip_address(EDGE2)))
    async with support.provider(url(tmp_path), lab=two_peers()) as running:
        await support.active(running, request(one))
        theirs = ask_as(running, 64497, "fabrikam")
        put(running, request(two, asn=64497, peer_asn=theirs), OTHER_ID)
        await support.until(
            running, lambda: any(found.state is S.PROVISIONING_FAILED for found in support.records(running))
        )
        failed = running.peerings.records[OTHER_ID.lower()].connections[0].record
        assert failed.connection.error_message == "IPv4 address is already configured with a different ASN"


async def test_a_rejected_request_holds_no_address(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND, two_peers()) as running:
        running.asns.approve(support.ask_for_asn(running))
        squatter = ask_as(running, 64497, "fabrikam")
        put(running, request(connection("two"), asn=64497, peer_asn=squatter), OTHER_ID)
        for found in support.records(running):
            running.control.reject(found)
        put(running, request())
        for live in running.peerings.records[PEERING_ID.lower()].connections:
            running.workflow.approve(live.record)
            assert live.record.state is S.APPROVED


async def test_the_same_address_twice_of_one_asn_says_where_it_is(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
        put(running, request(connection("two")), OTHER_ID)
        second = running.peerings.records[OTHER_ID.lower()].connections[0]
        await support.until(running, lambda: second.record.state is S.PROVISIONING_FAILED)
        message = second.record.connection.error_message
        assert message == f"{IPV4} already has a session with {EDGE1}, of the connection contoso/ash-edge-1"
        assert len(support.open_gates(running)) == 4


# --- changes ---


async def test_an_ipv6_session_is_added_while_the_old_ones_pass(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running, request(connection(ipv6=None)))
        up = support.established_at(running)
        shut: list[set[str]] = []
        running.log.subscribe(lambda _event: shut.append(set(up) - support.open_gates(running)))
        put(running, request())
        new = {f"contoso/ash-edge-{number}/ipv6" for number in (1, 2)}
        assert {found.state for found in support.records(running)} == {S.ACTIVE}
        assert not new & support.open_gates(running), "denied until it is validated"
        await support.until(running, lambda: new <= support.open_gates(running))
        assert support.established_at(running, *up) == up
        assert not any(shut), "the old sessions passed all the time"
        assert support.leaks(running) == 0


async def test_an_added_session_that_never_comes_up_stays_denied(tmp_path: Path) -> None:
    found = document()
    found["times"]["deadline"] = 0.5
    async with support.provider(url(tmp_path), lab=build(found)) as running:
        await support.active(running, request(connection(ipv6=None)))
        up = support.established_at(running)
        put(running, request(connection(ipv6="2001:504:0:2::bad")))
        new = {f"contoso/ash-edge-{number}/ipv6" for number in (1, 2)}
        await support.until(
            running, lambda: all(support.record(running, f"contoso/ash-edge-{n}").results for n in (1, 2))
        )
        words = "did not pass their validation: they stay denied"
        await support.until(running, lambda: sum(words in str(row.row) for row in running.unit.events(0, 9999)) == 2)
        assert support.open_gates(running) == set(up) == set(support.views(running)) - new
        assert {each.state for each in support.records(running)} == {S.ACTIVE}


async def test_a_connection_is_added_to_an_active_peering(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), Settings(mesh=False)) as running:
        one, two = connection("one", ipv6=None), connection("two", ipv4=None)
        await support.active(running, request(one))
        up = support.established_at(running)
        put(running, request(one, two))
        await support.until_all(running, S.ACTIVE)
        assert len(support.open_gates(running)) == 2
        assert support.established_at(running, *up) == up


async def test_nothing_that_is_there_can_be_left_out_or_moved(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), Settings(mesh=False)) as running:
        await support.active(running)
        one = connection()
        moved = connection(ipv4="206.126.239.210")
        named = one.with_session(Family.IPV4, replace(one.sessions[Family.IPV4], microsoft=ip_address(EDGE2)))
        for wanted, kind, words in (
            (request(connection("two")), InvalidError, "Connection are not unique"),
            (request(connection(ipv6=None)), NotSupportedError, "Removing an IPv6 session"),
            (request(connection(ipv4=None)), NotSupportedError, "Removing an IPv4 session"),
            (request(moved), NotSupportedError, "updates are not yet supported"),
            (request(named), NotSupportedError, "updates are not yet supported"),
            (request(connection(facility=2)), NotSupportedError, "peeringDBFacilityId"),
            (request(one, one), InvalidError, "Connection are not unique"),
            (request(one, connection("two")), InvalidError, "Connection are not unique"),
            (request(metro="Seattle"), InvalidError, "peeringLocation of a peering cannot be changed"),
            (request(peer_asn=support.ASN_ID + "x"), InvalidError, "PeerAsn of a peering cannot be changed"),
            (request(flow=Flow.DIRECT, direct_type="Edge"), InvalidError, "kind of a peering cannot be changed"),
        ):
            before = running.unit.events(0, 1000)
            support.refused(lambda wanted=wanted: put(running, wanted), kind, words)  # type: ignore[misc]
            assert running.unit.events(0, 1000) == before


async def test_an_added_session_may_not_take_a_sisters_address(tmp_path: Path) -> None:
    both = (connection("one", ipv6=None), connection("two", ipv4=None))
    async with support.provider(url(tmp_path), Settings(mesh=False)) as running:
        await support.active(running, request(*both))
        support.refused(lambda: put(running, request(connection("one"), both[1])), InvalidError, "are not unique")


@pytest.mark.parametrize(
    ("what", "settings"),
    [("md5", support.AT_ONCE), ("max prefixes", Settings(removal=0, allow_max_prefix_updates=False))],
)
async def test_what_the_settings_do_not_allow_is_refused_as_production_did(
    tmp_path: Path, what: str, settings: Settings
) -> None:
    async with support.provider(url(tmp_path), settings) as running:
        await support.active(running)
        words = "Md5AuthenticationKey and MaxPrefix updates are not yet supported"
        support.refused(lambda: put(running, request(_changed(what))), NotSupportedError, words)
        assert len(support.open_gates(running)) == 4


def _changed(what: str, **more: Any) -> ConnectionRequest:
    if what == "md5":
        return connection(md5=KEY, **more)
    one = connection(**more)
    sessions = {family: replace(session, max_prefixes=7) for family, session in one.sessions.items()}
    return replace(one, sessions=sessions)


ALLOWED = Settings(removal=0, allow_md5_updates=True)


async def test_other_max_prefixes_apply_to_the_running_session(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
        up = support.established_at(running)
        put(running, request(_changed("max prefixes")))
        for found in support.records(running):
            for plan in found.plans:
                rule = running.network.edges.config(plan).max_prefix
                assert rule is not None and (rule.limit, running.network.edges.max_prefixes(plan)) == (7, 7)
        assert support.established_at(running) == up
        assert support.open_gates(running) == set(up)
    async with support.provider(url(tmp_path), None) as running:
        assert {plan.max_prefix.limit for found in support.records(running) for plan in found.plans} == {7}


async def test_a_lower_limit_counts_what_is_there(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), ALLOWED) as running:
        await support.active(running)
        one = connection()
        tight = one.with_session(Family.IPV4, replace(one.sessions[Family.IPV4], max_prefixes=2))
        put(running, request(tight))
        rows = [row.row for row in running.unit.events(0, 9999) if row.event == "prefix-limit"]
        assert [(row["level"], row["count"], row["limit"]) for row in rows] == [("exceeded", 3, 2)] * 2


async def test_another_md5_key_makes_the_session_anew_and_denied(tmp_path: Path) -> None:
    """The router of the topology has no key: what was up goes down, and stays denied until both ends agree again."""
    found = document()
    found["times"]["deadline"] = 0.5
    async with support.provider(url(tmp_path), ALLOWED, build(found)) as running:
        await support.active(running)
        put(running, request(_changed("md5")))
        assert support.open_gates(running) == set(), "denied at once"
        await support.until(running, lambda: {view.md5 for view in support.views(running).values()} == {True})
        assert {each.state for each in support.records(running)} == {S.ACTIVE}
        rows = [row.row for row in running.unit.events(0, 9999) if row.event == "notification"]
        assert {row["subcode"] for row in rows} == {int(Cease.OTHER_CONFIGURATION_CHANGE)} and len(rows) == 4
        assert support.leaks(running) == 0
        assert KEY not in str(running.unit.events(0, 9999))


async def test_a_key_that_changes_while_sessions_are_made_lifts_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An IPv6 session is added to a running one; while it is made another key is asked for, which the router lacks."""
    found = document()
    found["times"] = {"soak": 0.1, "deadline": 0.5}
    found["peerings"][0]["md5"] = KEY
    settings = Settings(removal=0, mesh=False, allow_md5_updates=True)
    async with support.provider(url(tmp_path), settings, build(found)) as running:
        await support.active(running, request(connection(ipv6=None, md5=KEY)))
        made, other = running.workflow._restore_sessions, "another-key"
        done = asyncio.Event()

        async def restore(record: ConnectionRecord) -> None:
            await made(record)
            if not done.is_set():
                done.set()
                put(running, request(connection(md5=other)))

        monkeypatch.setattr(running.workflow, "_restore_sessions", restore)
        put(running, request(connection(md5=KEY)))
        await done.wait()
        words = "did not pass their validation: they stay denied"
        await support.until(running, lambda: any(words in str(row.row) for row in running.unit.events(0, 9999)))
        (record,) = support.records(running)
        assert {running.network.edges.config(plan).md5 for plan in record.plans} == {other}
        assert (record.validated, support.open_gates(running)) == (set(), set())


async def test_the_right_key_mends_a_failed_connection(tmp_path: Path) -> None:
    found = document()
    found["times"]["deadline"] = 0.5
    found["peerings"][0]["md5"] = KEY
    lab = build(found)
    async with support.provider(url(tmp_path), ALLOWED, lab) as running:
        await support.approved_asn(running)
        put(running, request())
        await support.until_all(running, S.PROVISIONING_FAILED)
        put(running, request(connection(md5=KEY)))
        assert {each.state for each in support.records(running)} == {S.PROVISIONING_FAILED}
        running.topology.times.__dict__["deadline"] = 20  # dialling back off takes a moment
        for each in support.records(running):
            running.control.take_notice(each)
            running.workflow.follow(each)
        await support.until_all(running, S.ACTIVE)
        assert {view.md5 for view in support.views(running).values()} == {True}


@pytest.mark.parametrize("state", [S.PROVISIONING_STARTED, S.VALIDATING, S.PENDING_REMOVE])
async def test_a_state_without_that_row_refuses_changes(tmp_path: Path, state: ConnectionState) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request(connection(ipv6=None)))
        await running.workflow.stop()
        for each in support.records(running):
            running.control.approve(each)
            running.control.take_notice(each)
            await running.workflow.prepare(each)
            if state is not S.PROVISIONING_STARTED:
                running.control.provision(each)
                running.control.start_validation(each)
            if state is S.PENDING_REMOVE:
                running.control.deprovision(each)
            assert each.state is state
        support.refused(lambda: put(running, request()), ConflictError, f"is {state}: it cannot be changed now")


@pytest.mark.parametrize("again", ["as it was", "more connections"])
async def test_a_peering_that_is_being_removed_cannot_be_had_back(tmp_path: Path, again: str) -> None:
    """Who asks for it meanwhile hears so, instead of seeing an answer to a request that goes with it."""
    other = connection("other", ipv4="206.126.239.201", ipv6=None)
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request())
        for each in support.records(running):
            running.control.approve(each)
        assert running.delete_peering(PEERING_ID.lower())
        before = [each.id for each in support.records(running)]
        wanted = request() if again == "as it was" else request(connection(), other)
        support.refused(lambda: put(running, wanted), ConflictError, "is PendingRemove")
        assert [each.id for each in support.records(running)] == before


@pytest.mark.parametrize("state", [each for each in S if each not in (S.NONE, S.PENDING_REMOVE)])
async def test_max_prefixes_can_be_changed_at_any_time_and_outlive_a_restart(
    tmp_path: Path, state: ConnectionState
) -> None:
    async with support.provider(url(tmp_path), BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request(connection(ipv6=None)))
        await running.workflow.stop()
        for each in support.records(running):
            for event in path(state, Flow.EXCHANGE)[1:]:
                await running.workflow.prepare(each)
                if event is ConnectionEvent.PROVISIONED:
                    running.control.provision(each)
                    continue
                moved = each.connection.decide(event, running.clock.now(), ALL_TRUE)
                running.journal.write(each, ConnectionMoved(each.id, moved))
                each.connection.take(moved)
            assert each.state is state
        one = connection(ipv6=None)
        put(running, request(replace(one, sessions={Family.IPV4: replace(one.sessions[Family.IPV4], max_prefixes=7)})))
        assert {each.state for each in support.records(running)} == {state}
        assert {plan.max_prefix.limit for each in support.records(running) for plan in each.plans} == {7}
        assert support.leaks(running) == 0
    async with support.provider(url(tmp_path), BY_HAND) as running:
        assert {plan.max_prefix.limit for each in support.records(running) for plan in each.plans} == {7}
        assert {each.state for each in support.records(running)} == {state}


# --- the end ---


ONE, TWO = connection("one", ipv6=None), connection("two", ipv4="206.126.239.210", ipv6=None)


async def test_a_connection_is_removed_and_the_others_stay(tmp_path: Path) -> None:
    """Its routes are withdrawn at once and its sessions closed with a Cease; it is PendingRemove until then."""
    async with support.provider(url(tmp_path), Settings(mesh=True, removal=None)) as running:
        await support.approved_asn(running)
        record = put(running, request(ONE, TWO))
        stays, goes = (
            [
                live.record
                for live in record.connections
                if identifier in (live.request.identifier, live.request.mesh_of)
            ]
            for identifier in (ONE.identifier, TWO.identifier)
        )
        assert (len(stays), len(goes)) == (2, 2)
        await support.until(running, lambda: {each.state for each in stays} == {S.ACTIVE})
        put(running, request(ONE))
        assert {each.state for each in goes} == {S.PENDING_REMOVE}
        assert {each.state for each in stays} == {S.ACTIVE}
        put(running, request(ONE))  # once is enough
        put(running, request(ONE, TWO))  # what was read a moment ago may be written back
        assert {each.state for each in goes} == {S.PENDING_REMOVE}
        for each in goes:
            await running.workflow.hurry(each)
        assert {each.id for each in support.records(running)} == {each.id for each in stays}
        assert not any(running.control.has_sessions(each) for each in goes)
        assert support.open_gates(running) == {plan.id for each in stays for plan in each.plans}
        assert support.leaks(running) == 0
    async with support.provider(url(tmp_path), None) as running:
        assert {each.id for each in support.records(running)} == {each.id for each in stays}


@pytest.mark.parametrize("state", [S.PENDING_APPROVAL, S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED])
async def test_a_connection_is_removed_by_the_rules_of_a_delete(tmp_path: Path, state: ConnectionState) -> None:
    async with support.provider(url(tmp_path), BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        record = put(running, request(ONE, TWO))
        for each in [live.record for live in record.connections]:
            if state is not S.PENDING_APPROVAL:
                running.control.approve(each)
                running.control.take_notice(each)
            running.workflow.follow(each)
            if state is S.PROVISIONING_COMPLETED:
                await running.workflow.hurry(each)
            assert each.state is state
        if state is S.PENDING_APPROVAL:
            put(running, request(ONE))
            assert len(support.records(running)) == 2, "gone at once"
        else:
            support.refused(lambda: put(running, request(ONE)), ConflictError, f"in {state} cannot be deleted")
            assert len(support.records(running)) == 4


async def test_one_connection_can_take_the_place_of_another(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), Settings(mesh=False, removal=0)) as running:
        await support.active(running, request(ONE))
        put(running, request(TWO))
        await support.until(running, lambda: len(support.records(running)) == 1)
        (left,) = running.peerings.records.values()
        assert [live.request.identifier for live in left.connections] == [TWO.identifier]


async def test_a_request_that_was_not_approved_is_deleted_at_once(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request())
        assert running.delete_peering(PEERING_ID.lower()) is True
        assert (running.control.records, running.peerings.records) == ({}, {})
        assert running.found(PEERING_ID.lower(), PeeringResource) is None
        assert running.delete_peering(PEERING_ID.lower()) is False
        put(running, request())
        assert {each.state for each in support.records(running)} == {S.PENDING_APPROVAL}


async def test_delete_by_state(tmp_path: Path) -> None:
    """ProvisioningStarted and ProvisioningCompleted refuse; the others are PendingRemove."""
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        await running.workflow.stop()
        for number, stop in enumerate((S.APPROVED, S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED, S.VALIDATING)):
            address = f"206.126.239.{20 + number}"
            name = f"{PEERING_ID}{number}"
            put(running, request(connection(str(number), ipv4=address, ipv6=None)), name)
            records = [live.record for live in running.peerings.records[name.lower()].connections]
            for each in records:
                for step, target in (
                    (running.control.approve, S.APPROVED),
                    (running.control.take_notice, S.PROVISIONING_STARTED),
                    (running.control.provision, S.PROVISIONING_COMPLETED),
                    (running.control.start_validation, S.VALIDATING),
                ):
                    await running.workflow.prepare(each)
                    step(each)
                    if target is stop:
                        break
                assert each.state is stop
            if stop in (S.APPROVED, S.VALIDATING):
                assert running.delete_peering(name.lower())
                assert {each.state for each in records} == {S.PENDING_REMOVE}
                assert running.delete_peering(name.lower()), "again: it is on its way"
            else:
                words = f"a peering in {stop} cannot be deleted"
                support.refused(lambda name=name: running.delete_peering(name.lower()), ConflictError, words)  # type: ignore[misc]
                assert {each.state for each in records} == {stop}


async def test_a_deletion_is_refused_as_a_whole(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request())
        await running.workflow.stop()
        first, second = support.records(running)
        running.control.approve(second)
        running.control.take_notice(second)
        support.refused(lambda: running.delete_peering(PEERING_ID.lower()), ConflictError, "cannot be deleted")
        assert (first.state, second.state) == (S.PENDING_APPROVAL, S.PROVISIONING_STARTED)


async def test_an_active_peering_is_withdrawn_at_once_and_its_sessions_close_later(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), Settings(removal=None)) as running:
        await support.active(running)
        up = support.established_at(running)
        running.delete_peering(PEERING_ID.lower())
        assert support.open_gates(running) == set()
        assert support.established_at(running) == up, "Established all the same"
        assert all(view.sent == 0 < view.withdrawn_by_us for view in support.views(running).values())
        for each in support.records(running):
            running.workflow.hurry(each)
        await support.until(running, lambda: not running.control.records)
        assert running.found(PEERING_ID.lower(), PeeringResource) is None
        rows = [row.row for row in running.unit.events(0, 9999) if row.event == "notification"]
        assert {(row["direction"], row["subcode"]) for row in rows} == {("sent", 2)} and len(rows) == 4
        # and everything can be had again
        put(running, request())
        await support.until_all(running, S.ACTIVE)


async def test_tags_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        made = await support.active(running)
        before = dict(made.resource.document)
        running.peerings.patch(made, {"a": "b"})
        running.peerings.patch(made, {"c": "d"})
        assert running.unit.resources[made.key].document == before | {"tags": {"c": "d"}}
    async with support.provider(url(tmp_path)) as running:
        assert running.unit.resources[PEERING_ID.lower()].document["tags"] == {"c": "d"}


async def test_two_resource_groups_may_name_a_peering_alike(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        put(running, request(connection("one", ipv6=None)))
        put(running, request(connection("two", ipv4=None)), OTHER_ID)
        names = list(running.control.records)
        assert len(names) == 4 and names[:2] == ["contoso/ash-edge-1", "contoso/ash-edge-2"]
        assert names[2] == f"contoso/ash-edge-1-{identifier('two')[:8].lower()}"
