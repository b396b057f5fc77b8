"""What a test speaks of: a peering, sessions, an edge, a router. Each acts and expects in the words of scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from simulator.axis import AxisError, AxisState
from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.playing import SOON
from simulator.scenarios.seeing import causes
from simulator.scenarios.stage import Stage
from simulator.scenarios.values import FamilyWord
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.testing.diagnosis import Diagnosis, LabAssertionError
from simulator.topology.document import located
from simulator.topology.faults import schema_faults
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology
from simulator.wire import nlri


class HandledLab(Protocol):
    """What handles ask of the lab."""

    topology: Topology

    @property
    def stage(self) -> Stage: ...

    @property
    def is_up(self) -> bool: ...

    async def start(self) -> None: ...

    async def act(self, step: str, subject: Mapping[str, Any]) -> None: ...

    async def expect(self, subject: Mapping[str, Any], within: float, wanted: Mapping[str, Any]) -> None: ...

    def failure(self, text: str, subject: Any) -> LabAssertionError: ...


S = TypeVar("S", ConnectionState, BgpState)


def _of_axis(axis: type[S], given: S) -> S:
    """The state, which is one of this axis. Raises AxisError."""
    if isinstance(given, axis):
        return given
    said = f"{type(given).__name__}.{given.name}" if isinstance(given, AxisState) else repr(given)
    whose = "a peering" if axis is ConnectionState else "a session"
    raise AxisError(f"{whose} reaches a {axis.__name__}, and {said} is another thing: the two axes have an Active each")


def valid(model: type[Any], given: Mapping[str, Any]) -> Any:
    """Raises ValueError, in one line."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = schema_faults(error, located(dict(given), lambda place: 0), "", model)[0]
        raise ValueError(f"{first.where}: {first.text}") from None


class _Handle:
    def __init__(self, lab: HandledLab, subject: Mapping[str, Any]) -> None:
        self.lab = lab
        self.subject = dict(subject)

    async def act(self, step: str, **more: Any) -> None:
        """One of the steps of docs/scenarios.md, with its keys. Raises TransitionRefusedError, LabError."""
        await self.lab.act(step, self.subject | _keys(more))

    async def expects(self, within: float = SOON, **wanted: Any) -> None:
        """Expectations of docs/scenarios.md, by their keys (`_` for `-`). Raises LabAssertionError."""
        await self.lab.expect(self.subject, within, _keys(wanted))


def _keys(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in given.items() if value is not None}


class LabPeering(_Handle):
    """A peering: its connections move through the life cycle together."""

    @property
    def name(self) -> str:
        """Of the peering, or the id of one connection."""
        return str(self.subject["of"])

    @property
    def connection_state(self) -> ConnectionState:
        """The state of its first connection now."""
        first = next(iter(self._records()), None)
        return first.state if first is not None else ConnectionState.NONE

    @property
    def error_message(self) -> str:
        """Azure's errorMessage of its first connection; empty where nothing failed."""
        return next((record.connection.error_message for record in self._records()), "")

    @property
    def diagnosis(self) -> Diagnosis:
        """Why it failed, the first cause first."""
        return Diagnosis(cause for record in self._records() for cause in causes(record))

    def _records(self) -> list[ConnectionRecord]:
        """None before the lab is up."""
        return self.lab.stage.connections(valid(Conditions, self.subject)) if self.lab.is_up else []

    async def reaches(self, state: ConnectionState, within: float | None = None) -> None:
        """Every connection of it comes to this state, within the validation's deadline where not said otherwise."""
        wanted = _of_axis(ConnectionState, state)
        longest = self.lab.topology.deadline + SOON if within is None else within
        await self.expects(longest, connection_state=wanted.value)

    async def request(self) -> None:
        """The peer requests it. Raises TransitionRefusedError where its PeerAsn is not Approved."""
        await self.act("request")

    async def approve(self) -> None:
        """Microsoft approves; a peering that was not requested is requested first."""
        await self.lab.start()
        if self.connection_state == ConnectionState.NONE:
            await self.request()
        await self.act("approve")

    async def notify(self) -> None:
        """The peer says that its router is configured, which it is: what comes before is done first."""
        await self.lab.start()
        if self.connection_state == ConnectionState.NONE:
            await self.approve()
        await self.act("notify")

    async def turn_up(self) -> None:
        """From the request to Active: denied, validated, lifted."""
        await self.notify()
        await self.reaches(ConnectionState.ACTIVE)

    async def reject(self, message: str = "") -> None:
        """Microsoft rejects the request, in these words."""
        await self.act("reject", message=message)

    async def deny(self, message: str = "") -> None:
        """Microsoft denies all on its running sessions again (`turnup deny`)."""
        await self.act("deny", message=message)

    async def revalidate(self) -> None:
        """Microsoft validates its sessions again."""
        await self.act("revalidate")

    async def deprovision(self) -> None:
        """Microsoft puts it into PendingRemove: all routes are withdrawn on sessions that stay up."""
        await self.act("deprovision")

    async def remove(self) -> None:
        """A peering in PendingRemove is gone: its sessions are closed with a Cease."""
        await self.act("remove")

    async def change_max_prefixes(self, ipv4: int | None = None, ipv6: int | None = None) -> None:
        """The peer asks for another maximum of prefixes."""
        await self.act("change-max-prefixes", ipv4=ipv4, ipv6=ipv6)

    async def change_md5(self, key: str) -> None:
        """The peer asks for another MD5 key; empty: none."""
        await self.act("modify", md5=key)


class LabSession(_Handle):
    """The sessions of a peering that were asked for; expectations are of each of them."""

    @property
    def bgp_state(self) -> BgpState:
        """The state of the BGP FSM of the first of them now."""
        for _, plan in self._sessions():
            edges = self.lab.stage.network.edges
            return edges.bgp_state(plan) if edges.is_provisioned(plan) else BgpState.IDLE
        return BgpState.IDLE

    @property
    def gate_is_open(self) -> bool:
        """Whether the policy is lifted on every one of them."""
        sessions = self._sessions()
        return bool(sessions) and all(self.lab.stage.network.edges.is_lifted(plan) for _, plan in sessions)

    def _sessions(self) -> list[tuple[ConnectionRecord, SessionPlan]]:
        """None before the lab is up."""
        return self.lab.stage.sessions(valid(Conditions, self.subject)) if self.lab.is_up else []

    async def reaches(self, state: BgpState, within: float | None = None) -> None:
        """The BGP FSM of each comes to this state, within the validation's deadline where not said otherwise."""
        wanted = _of_axis(BgpState, state)
        longest = self.lab.topology.deadline + SOON if within is None else within
        await self.expects(longest, bgp_state=wanted.value)

    async def saw_notification(self, code: str, within: float = SOON) -> None:
        """The last NOTIFICATION on each, by either side, is this code/subcode (`6/2`)."""
        await self.expects(within, notification=code)

    async def has_counts(
        self,
        received: int | None = None,
        accepted: int | None = None,
        rejected: int | None = None,
        sent: int | None = None,
        within: float = SOON,
    ) -> None:
        """How many routes each has: received, of those accepted and rejected, and sent by the edge."""
        await self.expects(within, received=received, accepted=accepted, rejected=rejected, sent=sent)


class LabEdge(_Handle):
    """One of AS8075's edges, and what it makes of routes. Prefixes are looked for on the sessions of their family."""

    @property
    def name(self) -> str:
        """Of the node."""
        return str(self.subject["edge"])

    async def accepts(
        self,
        prefix: str,
        as_path: Sequence[int] | None = None,
        communities: Sequence[str] | None = None,
        large_communities: Sequence[str] | None = None,
        within: float = SOON,
    ) -> None:
        """It is announced and was taken: no rule refuses it, and the gate is open."""
        await self.expects(within, accepts=_route(prefix, as_path, communities, large_communities))

    async def withholds(self, prefix: str, within: float = SOON) -> None:
        """It is announced and obeys the policy, and the gate holds it back: its connection is not Active."""
        await self.expects(within, withholds=_route(prefix))

    async def rejects(self, prefix: str, rule: str | None = None, within: float = SOON) -> None:
        """It is announced, and a rule refuses it: any, or this one."""
        await self.expects(within, rejects=_route(prefix) | ({"rule": rule} if rule else {}))

    async def lacks(self, prefix: str, *more: str, within: float = SOON) -> None:
        """None of them is announced to it."""
        await self.expects(within, lacks=[prefix, *more])


def _route(
    prefix: str,
    as_path: Sequence[int] | None = None,
    communities: Sequence[str] | None = None,
    large_communities: Sequence[str] | None = None,
) -> dict[str, Any]:
    several = {"as-path": as_path, "communities": communities, "large-communities": large_communities}
    return {"prefix": prefix} | {key: list(value) for key, value in several.items() if value is not None}


class LabRouter(_Handle):
    """The router of a peer or of a customer behind a route server."""

    @property
    def name(self) -> str:
        """Of the node."""
        return str(self.subject["of"])

    async def received(self, prefix: str, *more: str, within: float = SOON) -> None:
        """It holds these prefixes from Microsoft, on every session of their family."""
        await self.expects(within, router_has=[prefix, *more])

    async def lacks(self, prefix: str, *more: str, within: float = SOON) -> None:
        """It holds none of them from Microsoft, on no session."""
        await self.expects(within, router_lacks=[prefix, *more])

    async def announces(self, prefix: str, *more: str, within: float = SOON) -> None:
        """It announces these to Microsoft, on some session of their family, whatever the policy says of them."""
        await self.lab.start()
        stage = self.lab.stage
        for each in (prefix, *more):
            family, key = nlri.key(each)
            if not await _until(stage, partial(self._says, family, key), within):
                raise self.lab.failure(f"{self.name} does not announce {each}: after {within:g} s", self.subject)

    def _says(self, family: Family, key: bytes) -> bool:
        edges = self.lab.stage.network.edges
        sessions = self.lab.stage.sessions(valid(Conditions, self.subject))
        mine = (plan for _, plan in sessions if plan.family is family and edges.is_provisioned(plan))
        return any(edges.route(plan, key) is not None for plan in mine)

    async def start(self) -> None:
        """With its configuration; a peer's notification does so too."""
        await self.act("start")

    async def restart(self) -> None:
        """It is stopped, and started again with its configuration."""
        await self.act("restart")

    async def announce(self, route: str, *more: str) -> None:
        """It announces these besides its others: prefixes, or lines in ExaBGP's syntax; its sessions stay.

        Raises LabError for a router that takes no other routes while it runs.
        """
        await self.act("announce", routes=[route, *more])

    async def withdraw(self, prefix: str, *more: str) -> None:
        """It withdraws these; its sessions stay. Raises LabError as `announce` does."""
        await self.act("withdraw", prefixes=[prefix, *more])

    async def break_link(self) -> None:
        """No IP packet passes its links any more (`link: netns`)."""
        await self.act("break-link")

    async def mend_link(self) -> None:
        """The broken links pass everything again."""
        await self.act("mend-link")

    async def kill(self) -> None:
        """SIGKILL. Raises LabError for a router without a process of its own."""
        await self.act("kill")

    async def freeze(self) -> None:
        """SIGSTOP: TCP lives on, and no KEEPALIVE comes."""
        await self.act("freeze")

    async def thaw(self) -> None:
        """SIGCONT."""
        await self.act("thaw")

    async def fault(self, name: str, family: FamilyWord | None = None) -> None:
        """A fault is put in while all runs, for the first family that can have it. Raises LabError where it cannot."""
        await self.act("fault", name=name, family=family)

    async def mend(self, name: str | None = None) -> None:
        """A fault is taken out, or all of them. Raises LabError where nothing was put in."""
        await self.act("mend", name=name)


async def _until(stage: Stage, holds: Callable[[], bool], within: float) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while not holds():
        if (left := until - loop.time()) <= 0:
            return False
        stage.script.require_running()
        await stage.log.next_event(left)
    return True
