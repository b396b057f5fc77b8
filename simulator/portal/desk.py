"""Microsoft's desk: what waits for a decision, every connection with the operator's verbs, prefix reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import Response

from simulator.azure.model.errors import RefusalError
from simulator.azure.model.resources import PeerAsn, RegisteredPrefix, ServicePrefix
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.ids import parse
from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import Actor, ConnectionState
from simulator.engine.awaited import Awaited, awaited
from simulator.engine.control import ConnectionRecord
from simulator.engine.verbs import VERBS
from simulator.engine.views import session_view
from simulator.portal.arm import ask
from simulator.portal.desk_frame import desk_page, desk_verbs, message_of
from simulator.portal.overview import peering_path
from simulator.portal.paging import paged
from simulator.portal.peering_page import WHO
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.session.states import BgpState

_SIZE: Final = 50
_BULK: Final = ("approve", "notify", "advance", "revalidate", "block", "unblock", "deprovision")
"""Verbs that several connections can get at once."""


@dataclass(frozen=True, slots=True)
class DeskRow:
    """One connection, as Microsoft sees it."""

    record: ConnectionRecord
    state: ConnectionState
    since: float
    bgp: list[tuple[str, BgpState | None]]
    """The family of each session, with its BGP FSM state; None: not configured."""
    waits: Awaited
    who: str
    due: float | None
    page: str
    """The peer's page of its peering; empty for a legacy peering that was not converted."""
    request: str
    """What was asked for, in one line."""


def _row(provider: Provider, record: ConnectionRecord) -> DeskRow:
    edges, owner, waits = provider.network.edges, provider.peerings.owner(record.id), awaited(record)
    since = record.connection.last_step.time if record.connection.history else 0.0
    addresses = ", ".join(str(plan.peer_address) for plan in record.plans) or "addresses by Microsoft"
    return DeskRow(
        record=record,
        state=record.connection.shown_state,
        since=record.connection.entered,
        bgp=[
            (plan.family.label, edges.bgp_state(plan) if edges.is_provisioned(plan) else None) for plan in record.plans
        ],
        waits=waits,
        who=WHO[waits.who].replace("you, ", "") if waits.who is not None else "nobody",
        due=provider.settings.due(waits.delay, since) if waits.delay else None,
        page=peering_path(owner) if owner is not None else "",
        request=f"{record.flow.value}, AS{record.peer.asn} {record.peer.name}, {addresses}",
    )


def _for_microsoft(record: ConnectionRecord) -> bool:
    """Whether somebody at Microsoft has to decide."""
    return awaited(record).who is Actor.MICROSOFT or record.connection.shown_state is ConnectionState.PENDING_APPROVAL


async def queue(visit: Visit) -> Response:
    provider = visit.provider
    asns = sorted(provider.unit.all(PeerAsn), key=lambda asn: (not asn.pending, -asn.since))
    records = provider.control.records.values()
    waiting = [_row(provider, record) for record in records if _for_microsoft(record)]
    waiting.sort(key=lambda row: row.since)
    prefixes = [each for kind in (RegisteredPrefix, ServicePrefix) for each in provider.unit.all(kind) if each.pending]
    others = [record for record in records if not _for_microsoft(record) and awaited(record).who is not None]
    return desk_page(
        visit,
        "/desk",
        "desk.html",
        "Microsoft's desk",
        asns=paged(visit, asns, _SIZE, "asns"),
        pending_asns=sum(asn.pending for asn in asns),
        subscription_of=lambda asn: parse(asn.id).subscription,
        due_of=lambda asn: provider.settings.due("peer_asn_review", asn.since) if asn.pending else None,
        waiting=paged(visit, waiting, _SIZE),
        prefixes=len(prefixes),
        others=[_row(provider, record) for record in others[:_SIZE]],
        others_total=len(others),
    )


async def connections(visit: Visit) -> Response:
    provider = visit.provider
    wanted, text = visit.query("state"), visit.query("find").lower()
    records = [
        record
        for record in provider.control.records.values()
        if (not wanted or record.connection.shown_state.value == wanted)
        and (not text or text in record.id.lower() or text in record.peer.name.lower())
    ]
    page = paged(visit, records, _SIZE)
    return desk_page(
        visit,
        "/desk/connections",
        "desk_connections.html",
        "Connections",
        page=page,
        rows=[_row(provider, record) for record in page.rows],
        total=len(provider.control.records),
        bulk=[VERBS[name] for name in _BULK],
        states=[(each.value, each.value) for each in ConnectionState if each is not ConnectionState.NONE],
        state=wanted,
        find=visit.query("find"),
    )


async def connection(visit: Visit) -> Response:
    record = _record(visit, visit.path["name"])
    network = visit.provider.network
    return desk_page(
        visit,
        "/desk/connections",
        "desk_connection.html",
        record.id,
        crumbs=[("Connections", "/desk/connections"), (record.id, "")],
        row=_row(visit.provider, record),
        verbs=desk_verbs(visit.provider, record),
        sessions=[(session_view(network, plan), network.edges.is_provisioned(plan)) for plan in record.plans],
        history=list(reversed(record.connection.history[-40:])),
    )


def _record(visit: Visit, name: str) -> ConnectionRecord:
    record = visit.provider.control.records.get(name)
    if record is None:
        raise PageError(404, f"There is no connection {name} (any more).")
    return record


async def operate(visit: Visit) -> Response:
    """A verb for one connection or several: for each whose state allows it; refused when no state does."""
    verb, message = VERBS.get(visit.form["verb"]), message_of(visit)
    names = [name for name in visit.form.all("connection") if name]
    if verb is None or not names:
        raise PageError(422, "Choose a connection, and what is to happen to it.")
    records = [_record(visit, name) for name in names]
    refusals: list[Exception] = []
    for record in records:
        try:
            await visit.provider.operate(record, verb.name, message)
        except (TransitionRefusedError, RefusalError) as error:
            refusals.append(error)
    if len(refusals) == len(records):
        raise refusals[0]
    done = [record.id for record in records][:3]
    said = f"{verb.name}: {', '.join(done)}{f' and {len(records) - 3} more' if len(records) > 3 else ''}"
    if refusals:
        said += f". Not for {len(refusals)}: {refusals[0]}"
    return visit.go(_back(visit.form["back"], "/desk"), said)


def _back(asked: str, default: str) -> str:
    """A page of the desk."""
    return asked if asked == "/desk" or asked.startswith(("/desk/", "/desk?")) else default


async def decide_asn(visit: Visit) -> Response:
    """Approve or reject a PeerAsn."""
    path, message = visit.path, message_of(visit)
    key = f"/subscriptions/{path['subscription']}/providers/{PeerAsn.TYPE}/{path['name']}".lower()
    asn = visit.provider.found(key, PeerAsn)
    if asn is None:
        raise PageError(404, f"There is no PeerAsn {path['name']} (any more).")
    if visit.form["verb"] == "approve":
        visit.provider.asns.approve(asn)
        return visit.go("/desk", f"PeerAsn {asn.name} (AS{asn.asn}) is Approved")
    visit.provider.asns.reject(asn, message)
    return visit.go("/desk", f"PeerAsn {asn.name} (AS{asn.asn}) is refused")


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """One prefix that is validated, or was."""

    id: str
    prefix: str
    kind: str
    where: str
    state: str
    message: str
    since: float
    due: float | None
    is_registered: bool


async def prefixes(visit: Visit) -> Response:
    provider = visit.provider
    found: list[RegisteredPrefix | ServicePrefix] = [*provider.unit.all(RegisteredPrefix)]
    found += provider.unit.all(ServicePrefix)
    rows = [_prefix_row(provider, each) for each in found]
    rows.sort(key=lambda row: (row.state != "Pending", -row.since))
    return desk_page(
        visit, "/desk/prefixes", "desk_prefixes.html", "Prefix reviews", page=paged(visit, rows, _SIZE), total=len(rows)
    )


def _prefix_row(provider: Provider, each: RegisteredPrefix | ServicePrefix) -> PrefixRow:
    registered = isinstance(each, RegisteredPrefix)
    return PrefixRow(
        id=each.id,
        prefix=str(each.prefix),
        kind="registered prefix of a peering" if registered else "prefix of a peering service",
        where=parse(each.parent).name,
        state=each.state.value,
        message=each.error_message,
        since=each.since,
        due=provider.settings.due("prefix_validation", each.since) if each.pending else None,
        is_registered=registered,
    )


async def review_prefix(visit: Visit) -> Response:
    """Validate a prefix now, by what the sessions hold."""
    key = visit.form["id"].lower()
    if registered := visit.provider.found(key, RegisteredPrefix):
        path = "/".join(quote(part, safe="") for part in registered.id.split("/"))
        await ask(visit.provider, "POST", f"{path}/validate")
    elif prefix := visit.provider.found(key, ServicePrefix):
        visit.provider.services.judge(prefix)
    else:
        raise PageError(404, "There is no such prefix (any more).")
    return visit.go("/desk/prefixes", "The prefix is validated by what the sessions hold now")


PAGES: Final = (
    PortalPage("GET", "/desk", queue),
    PortalPage("GET", "/desk/connections", connections),
    PortalPage("GET", "/desk/connections/{name:path}", connection),
    PortalPage("POST", "/desk/operate", operate),
    PortalPage("POST", "/desk/asns/{subscription}/{name}", decide_asn),
    PortalPage("GET", "/desk/prefixes", prefixes),
    PortalPage("POST", "/desk/prefixes", review_prefix),
)
