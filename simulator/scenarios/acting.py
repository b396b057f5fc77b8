"""What each step does to the lab. A verb raises TransitionRefusedError where Microsoft refuses, and LabError."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from typing import Any, Final

from simulator.connection.states import ConnectionEvent
from simulator.engine.control import ConnectionRecord
from simulator.engine.verbs import VERBS
from simulator.faults.injection import InjectedFault, InjectionError
from simulator.lab.broken_link import break_link, mend_link
from simulator.lab.netns import NetnsPlace, netns_place
from simulator.places.errors import LabError
from simulator.rehearsal.outside_bgp import where
from simulator.routers.base import Reconfigurable
from simulator.routers.daemon import Daemon
from simulator.scenarios.stage import Stage
from simulator.scenarios.steps import (
    AskedAsn,
    AskedFault,
    AskedKey,
    AskedLimits,
    AskedMend,
    AskedPrefixes,
    AskedRoutes,
    Said,
)
from simulator.scenarios.values import Subject
from simulator.session.messages import Family
from simulator.topology.originate import announcements, router_routes
from simulator.topology.plan import SessionPlan
from simulator.topology.route import RouterRoute
from simulator.topology.schema import Customer

Act = Callable[[Stage, Any], Awaitable[None]]
_OfRecord = Callable[[Stage, ConnectionRecord, Any], Awaitable[None]]


def _each(act: _OfRecord) -> Act:
    """The same to every connection in question, in their order."""

    async def of_all(stage: Stage, said: Any) -> None:
        for record in stage.connections(said):
            await act(stage, record, said)

    return of_all


async def _request(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    stage.script.control.request(record, where(stage.topology, record.id))
    stage.script.workflow.follow(record)


async def _operate(verb: str, stage: Stage, record: ConnectionRecord, said: Said) -> None:
    await stage.script.workflow.operate(record, verb, said.message)


async def _notify(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    """A peer that says that it is configured is."""
    if not stage.network.peers.runs(record.peer.name):
        await stage.script.start_routers([record])
    await stage.script.workflow.operate(record, "notify", said.message)


async def _delete(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    stage.script.control.delete(record)
    stage.script.workflow.follow(record)


async def _find_conflict(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    stage.script.workflow.report_conflict(record, said.message)


async def _fail_provisioning(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    stage.script.control.fail_provisioning(record, said.message)
    stage.script.workflow.follow(record)


async def _change_limits(stage: Stage, record: ConnectionRecord, asked: AskedLimits) -> None:
    wanted = {Family.IPV4: asked.ipv4, Family.IPV6: asked.ipv6}

    def changed(plan: SessionPlan) -> SessionPlan:
        limit = wanted[plan.family]
        return plan if limit is None else replace(plan, max_prefix=replace(plan.max_prefix, limit=limit))

    words = ", ".join(f"{family.label} {limit}" for family, limit in wanted.items() if limit is not None)
    _extend(stage, record, changed, ConnectionEvent.MAX_PREFIXES_CHANGED, words)


async def _modify(stage: Stage, record: ConnectionRecord, asked: AskedKey) -> None:
    _extend(
        stage, record, lambda plan: replace(plan, md5=asked.md5 or None), ConnectionEvent.MODIFIED, "another MD5 key"
    )


def _extend(
    stage: Stage,
    record: ConnectionRecord,
    changed: Callable[[SessionPlan], SessionPlan],
    event: ConnectionEvent,
    what: str,
) -> None:
    stage.script.control.extend(record, [changed(plan) for plan in record.plans], event, what)
    stage.network.edges.plan_again(record.plans)
    stage.script.workflow.follow(record)


async def _register_asn(stage: Stage, record: ConnectionRecord, asked: AskedAsn) -> None:
    stage.script.register(record.peering, asked.asn)


async def _find_legacy(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    """It runs: so does the peer's router."""
    if not stage.network.peers.runs(record.peer.name):
        await stage.script.start_routers([record])
    stage.script.control.find_legacy(record)
    stage.script.workflow.follow(record)


async def _request_conversion(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    stage.script.control.request_conversion(record)
    stage.script.workflow.follow(record)


async def _withdraw_conversion(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    stage.script.control.withdraw_conversion(record)
    stage.script.workflow.follow(record)


async def _remove(stage: Stage, record: ConnectionRecord, said: Said) -> None:
    await stage.script.workflow.operate(record, "advance")


# --- the peer's router ---


def _routers(act: Callable[[Stage, str, Any], Awaitable[None]]) -> Act:
    """The same to every router in question, in their order."""

    async def of_all(stage: Stage, asked: Any) -> None:
        for name in stage.routers(asked):
            await act(stage, name, asked)

    return of_all


async def _start(stage: Stage, name: str, subject: Subject) -> None:
    records = [record for record in stage.connections(Subject()) if record.peer.name == name]
    if not stage.network.peers.runs(name):
        await stage.script.start_routers(records[:1])


async def _restart(stage: Stage, name: str, subject: Subject) -> None:
    stage.routes.pop(name, None)
    node = stage.node(name)
    peers = stage.network.peers
    await (peers.start_customer(node) if isinstance(node, Customer) else peers.start(node))


async def _announce(stage: Stage, name: str, asked: AskedRoutes) -> None:
    more = router_routes(announcements(asked.routes, stage.node(name)))
    new = {route.prefix for route in more}
    await _say_routes(stage, name, lambda before: (*(each for each in before if each.prefix not in new), *more))


async def _withdraw(stage: Stage, name: str, asked: AskedPrefixes) -> None:
    gone = {str(ip_network(prefix)) for prefix in asked.prefixes}
    known = {route.prefix for route in _announced(stage, name)}
    if gone - known:
        raise LabError(f"{name} does not announce {', '.join(sorted(gone - known))}: there is nothing to withdraw")
    await _say_routes(stage, name, lambda before: tuple(each for each in before if each.prefix not in gone))


_Routes = tuple[RouterRoute, ...]


def _announced(stage: Stage, name: str) -> _Routes:
    node = stage.node(name)
    return stage.routes.get(name) or router_routes(announcements(node.announce, node))


async def _say_routes(stage: Stage, name: str, changed: Callable[[_Routes], _Routes]) -> None:
    router, node = stage.router(name), stage.node(name)
    if not isinstance(router, Reconfigurable):
        raise LabError(f"a {router.kind} router is not told other routes while it runs: use simulated, bird or frr")
    if isinstance(node, Customer):
        raise LabError(f"{name} is behind a route server: only a peer's routes change while it runs")
    if (fault := next((each for each in stage.injections.of_node(name) if _on_router(each)), None)) is not None:
        raise LabError(f"{name} has the fault {fault.name}, which changed its router: mend it before its routes change")
    stage.routes[name] = changed(_announced(stage, name))
    await _say_again(router, stage, name)


async def _say_again(router: Reconfigurable, stage: Stage, name: str) -> None:
    configuration = stage.network.peers.configuration(stage.topology.peer(name))
    await router.announce(replace(configuration, routes=stage.routes[name]))


async def _link(change: Callable[[NetnsPlace], None], stage: Stage, name: str, subject: Subject) -> None:
    await asyncio.to_thread(change, netns_place(stage.network.site.place(name), "a broken link"))


async def _fault(stage: Stage, name: str, asked: AskedFault) -> None:
    try:
        await stage.injections.inject(asked.name, name, asked.family or "", asked.edge or "")
    except InjectionError as error:
        raise LabError(str(error)) from None


async def _mend(stage: Stage, asked: AskedMend) -> None:
    """The fault that was put in last goes first. Routes that were changed before it are announced again."""
    found = [
        fault
        for name in stage.routers(asked)
        for fault in reversed(stage.injections.of_node(name))
        if asked.name in (None, fault.name) and asked.family in (None, fault.family)
    ]
    if not found:
        what = f"the fault {asked.name}" if asked.name else "a fault"
        raise LabError(f"{', '.join(stage.routers(asked)) or 'nobody'} has not {what}: there is nothing to mend")
    for fault in found:
        await stage.injections.remove(fault.id)
        if _on_router(fault) and fault.peer in stage.routes:
            router = stage.router(fault.peer)
            if isinstance(router, Reconfigurable):
                await _say_again(router, stage, fault.peer)


def _on_router(fault: InjectedFault) -> bool:
    return f"router {fault.peer}" in fault.touches


async def _signal(number: int, stage: Stage, name: str, subject: Subject) -> None:
    router = stage.router(name)
    if not isinstance(router, Daemon):
        raise LabError(f"the {router.kind} router {name} has no process of its own to kill or to freeze")
    router.signal(number)


ACTS: Final[dict[str, Act]] = {
    "request": _each(_request),
    **{verb: _each(partial(_operate, verb)) for verb in VERBS},
    "notify": _each(_notify),
    "delete": _each(_delete),
    "find-conflict": _each(_find_conflict),
    "fail-provisioning": _each(_fail_provisioning),
    "change-max-prefixes": _each(_change_limits),
    "modify": _each(_modify),
    "register-asn": _each(_register_asn),
    "find-legacy": _each(_find_legacy),
    "request-conversion": _each(_request_conversion),
    "withdraw-conversion": _each(_withdraw_conversion),
    "remove": _each(_remove),
    "start": _routers(_start),
    "restart": _routers(_restart),
    "announce": _routers(_announce),
    "withdraw": _routers(_withdraw),
    "break-link": _routers(partial(_link, break_link)),
    "mend-link": _routers(partial(_link, mend_link)),
    "kill": _routers(partial(_signal, signal.SIGKILL)),
    "freeze": _routers(partial(_signal, signal.SIGSTOP)),
    "thaw": _routers(partial(_signal, signal.SIGCONT)),
    "fault": _routers(_fault),
    "mend": _mend,
}
"""Step → what it does."""
