"""The guided rehearsal: Microsoft's walkthroughs step by step, each with the next thing to do.

A step is done when the lab says so: nothing is ticked off by hand but what is only read. While it runs, Microsoft's
side is by hand, and the policy is lifted only on the reader's word: the pause of `turnup rehearse --step`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from simulator.azure.model.resources import PeerAsn, RegisteredAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import BY_HAND
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved, Event

S = ConnectionState
_KEY: Final = "walkthrough"
_WAY: Final = (
    S.PENDING_APPROVAL,
    S.APPROVED,
    S.PROVISIONING_STARTED,
    S.PROVISIONING_COMPLETED,
    S.VALIDATING,
    S.ACTIVE,
    S.PENDING_REMOVE,
    S.NONE,
)
"""How far a connection has come."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the steps look at."""

    provider: Provider
    read: frozenset[str]
    furthest: int
    """Place in the way of the connection that has come furthest since the start; -1 before any request."""
    paused: tuple[str, ...]
    """Connections that wait to be lifted."""

    def has(self, state: ConnectionState) -> bool:
        return self.furthest >= _WAY.index(state)

    @property
    def asns(self) -> list[PeerAsn]:
        return self.provider.unit.all(PeerAsn)


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One step."""

    id: str
    who: str
    """`peer`, `microsoft` or `lab`."""
    title: str
    text: str
    link: tuple[str, str]
    """(words, path); `{peering}` stands for the path of the peering's page."""
    is_done: Callable[[Progress], bool]
    verb: str = ""
    """The operator's verb that its button says, to each connection; `read` and `lift` are the walkthrough's own."""
    button: str = ""


def _reads(name: str) -> Callable[[Progress], bool]:
    return lambda now: name in now.read


def _reached(state: ConnectionState) -> Callable[[Progress], bool]:
    return lambda now: now.has(state)


_POLICY: Final = WalkStep(
    "policy",
    "peer",
    "Review Microsoft's peering policy",
    "Microsoft peers with networks that announce publicly routable space of their own and keep their routes clean. "
    "This lab judges by those rules; each rejected route names the one that it breaks.",
    ("The lab's routers and addresses", "/lab"),
    _reads("policy"),
    "read",
    "I have read it",
)
_ASN: Final = WalkStep(
    "asn",
    "peer",
    "Associate your Peer ASN with the subscription",
    "Name, ASN and a NOC contact. A peering can be requested only on an ASN whose ValidationState is Approved.",
    ("Associate a Peer ASN", "/asns/create"),
    lambda now: bool(now.asns),
)
_ASN_APPROVAL: Final = WalkStep(
    "asn-approval",
    "microsoft",
    "Play Microsoft: approve the PeerAsn",
    "In the field this takes up to 12 hours, and an email tells. Reject it once to see what the peer sees.",
    ("Microsoft's desk", "/desk"),
    lambda now: any(asn.state.value == "Approved" for asn in now.asns),
)
_REVIEW: Final = WalkStep(
    "review",
    "microsoft",
    "Play Microsoft: review the request",
    "Microsoft reviews the request and contacts you if needed (Ask). When it is approved the connection state says so.",
    ("Microsoft's desk", "/desk"),
    _reached(S.APPROVED),
    "approve",
    "Approve",
)
_NOTIFY: Final = WalkStep(
    "notify",
    "peer",
    "Configure the BGP session at your end, and notify Microsoft",
    "Your router's configuration is ready to paste. In this lab a router that turnup plays is configured already.",
    ("Show what my router needs", "{peering}/configuration"),
    lambda now: (
        now.has(S.PROVISIONING_COMPLETED)
        or any(
            record.state is S.PROVISIONING_STARTED and record.connection.last_step.event.name == "NOTIFIED"
            for record in now.provider.control.records.values()
        )
    ),
    "notify",
    "Notify Microsoft",
)
_PROVISION: Final = WalkStep(
    "provision",
    "microsoft",
    "Microsoft provisions the BGP session with a DENY ALL policy",
    "The sessions are configured at the edges. They come up, and still nothing passes: BGP Established is not "
    "connection Active.",
    ("Watch both states", "{peering}"),
    _reached(S.PROVISIONING_COMPLETED),
    "advance",
    "Provision",
)
_VALIDATE: Final = WalkStep(
    "validate",
    "microsoft",
    "Microsoft validates end to end",
    "Reachability, OPEN, stability, and that nothing leaks while the policy denies all. Your routes are already "
    "judged: see what would be rejected, and why.",
    ("Routes that would be rejected", "{peering}/routes?show=rejected"),
    lambda now: now.has(S.ACTIVE) or bool(now.paused),
    "advance",
    "Start the validation",
)
_LIFT: Final = WalkStep(
    "lift",
    "microsoft",
    "The validation passed: the connection becomes Active",
    "This is the pause before the lift. Look at the gate: it is shut, and has counted what it withheld.",
    ("Gates of the sessions", "{peering}#sessions"),
    _reached(S.ACTIVE),
    "lift",
    "Lift the policy",
)
_TRAFFIC: Final = WalkStep(
    "traffic",
    "peer",
    "Traffic is allowed through the new peering",
    "On the same sessions, without a reset: your routes are taken, Microsoft's are sent.",
    ("Routes that were sent", "{peering}/routes?show=sent"),
    _reads("traffic"),
    "read",
    "I have seen it",
)
_DEPROVISION: Final = WalkStep(
    "deprovision",
    "microsoft",
    "Deprovision the peering",
    "Peers write to Microsoft for this. The connection shows PendingRemove: every route is withdrawn at once, on "
    "sessions that stay Established.",
    ("Watch both states", "{peering}"),
    _reached(S.PENDING_REMOVE),
    "deprovision",
    "Deprovision",
)
_REMOVE: Final = WalkStep(
    "remove",
    "microsoft",
    "The sessions are closed, and the peering is gone",
    "With a Cease that says why. The event log keeps the whole story.",
    ("All peerings", "/"),
    lambda now: now.has(S.NONE),
    "advance",
    "Remove",
)


def _request(kind: str, text: str) -> WalkStep:
    return WalkStep(
        "request",
        "peer",
        f"Request the {kind} peering",
        text,
        ("Create a Peering", "/create"),
        _reached(S.PENDING_APPROVAL),
    )


_REGISTER: Final = WalkStep(
    "register",
    "peer",
    "Register the ASNs of your customers",
    "An exchange with route server registers customer ASNs, and no prefixes. Until then their routes are seen and not "
    "taken. Each gets a Prefix Key, which you hand to the customer.",
    ("Registered ASNs", "{peering}/registered-asns"),
    lambda now: bool(now.provider.unit.all(RegisteredAsn)),
)
_AFTER_REQUEST: Final = (_REVIEW, _NOTIFY, _PROVISION, _VALIDATE, _LIFT)


def walk_of(provider: Provider) -> tuple[WalkStep, ...]:
    """The steps that this lab has the addresses for."""
    topology = provider.topology
    exchange = topology.exchange
    at = f"{exchange.name}, metro {provider.address_plan.metro}" if exchange else provider.address_plan.metro
    peer = topology.peers[0]
    own = " and ".join(map(str, peer.addresses)) or "the session prefixes of its links"
    if any(peering.is_ixrs for peering in topology.peerings):
        how = (
            f"At {at}: peering type Direct, Microsoft network “AS8075 (with exchange route server)”, session address "
            f"provider Peer. {peer.name} (AS{peer.asn}) has {own}; Microsoft's router addresses are in the picture of "
            "the lab. One connection for each route server."
        )
        return (
            _POLICY,
            _ASN,
            _ASN_APPROVAL,
            _request("Exchange with route server", how),
            *_AFTER_REQUEST,
            _REGISTER,
            _TRAFFIC,
            _DEPROVISION,
            _REMOVE,
        )
    flow = "Exchange" if any(peering.kind == "Exchange" for peering in topology.peerings) else "Direct"
    how = f"At {at}. In this lab {peer.name} (AS{peer.asn}) has {own}: other addresses have no router behind them."
    return (
        _POLICY,
        _ASN,
        _ASN_APPROVAL,
        _request(flow, how),
        *_AFTER_REQUEST,
        _TRAFFIC,
        _DEPROVISION,
        _REMOVE,
    )


class Walkthrough:
    """One for the lab; it outlives a restart, because the store has when it began."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._pauses: dict[str, asyncio.Future[None]] = {}
        """By connection: the lift that waits for a word."""
        self._kept: dict[str, Any] = provider.unit.store.setting(_KEY) or {}
        self._furthest = -1
        if self.is_on:
            for steps in provider.unit.histories().values():
                for step in steps:
                    self._saw(step.time, step.target)
        provider.log.subscribe(self._take)
        provider.reviewers.lifting = self._pause

    @property
    def is_on(self) -> bool:
        return bool(self._kept.get("started"))

    def start(self) -> None:
        """From the first step; Microsoft's side is by hand from now on."""
        self._furthest = -1
        self._keep({"started": self._provider.clock.now(), "read": []})
        self._provider.set(BY_HAND)

    def stop(self) -> None:
        """The lab goes on as it is; nothing waits for a word any more."""
        self._keep({})
        for connection in list(self._pauses):
            self.go_on(connection)

    def read(self, step: str) -> None:
        """What there is only to read was read."""
        self._keep({**self._kept, "read": sorted({*self._kept.get("read", ()), step})})

    def _keep(self, kept: dict[str, Any]) -> None:
        with self._provider.unit.transaction() as transaction:
            self._provider.unit.add_event(self._provider.clock.now(), "walkthrough", _KEY, {"read": kept.get("read")})
            transaction.set(_KEY, kept)
        self._kept = kept

    def _saw(self, time: float, state: ConnectionState) -> None:
        if time >= self._kept.get("started", float("inf")) and state in _WAY:
            self._furthest = max(self._furthest, _WAY.index(state))

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionMoved):
            self._saw(event.time, event.transition.target)
            self.go_on(event.connection)  # somebody moved it meanwhile: the workflow looks again

    # --- the pause ---

    async def _pause(self, record: ConnectionRecord) -> None:
        """Before a lift: wait for a word. A connection that somebody moves meanwhile waits no longer."""
        if not self.is_on:
            return
        waiting = self._pauses[record.id] = asyncio.get_running_loop().create_future()
        text = f"{record.id} passed its validation: it becomes Active"
        self._provider.unit.add_event(self._provider.clock.now(), "paused", record.id, {"text": text})
        try:
            await waiting
        finally:
            if self._pauses.get(record.id) is waiting:
                del self._pauses[record.id]

    def go_on(self, connection: str) -> bool:
        """End the pause of a connection; whether there was one."""
        waiting = self._pauses.get(connection)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(None)
        return True

    # --- where it is ---

    @property
    def paused(self) -> tuple[str, ...]:
        return tuple(name for name, waiting in self._pauses.items() if not waiting.done())

    def steps(self) -> list[tuple[WalkStep, bool]]:
        """Every step with whether it is done; with one also those before it are."""
        now = Progress(self._provider, frozenset(self._kept.get("read", ())), self._furthest, self.paused)
        steps = walk_of(self._provider)
        done = [step.is_done(now) for step in steps]
        by_lab = [number for number, step in enumerate(steps) if done[number] and step.verb != "read"]
        last = max(by_lab, default=-1)
        return [(step, done[number] or number < last) for number, step in enumerate(steps)]

    def current(self) -> WalkStep | None:
        """The next thing to do; None when it is off, or over."""
        if not self.is_on:
            return None
        return next((step for step, done in self.steps() if not done), None)

    def flow(self) -> Flow | None:
        """Of the newest connection."""
        records = list(self._provider.control.records.values())
        return records[-1].flow if records else None
