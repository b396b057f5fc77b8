"""The state of every session of a rehearsal or a server, kept from the events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.cli.sessions import SessionRow
from simulator.connection.states import ConnectionState
from simulator.engine.log import ConnectionMoved, Event
from simulator.peer.events import BgpStateChanged, GateMoved, RoutesAnnounced, RoutesWithdrawn
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology


@dataclass(slots=True)
class _Row:
    plan: SessionPlan
    bgp: BgpState = BgpState.IDLE
    gate_open: bool = False
    received: int = 0
    sent: int = 0


@dataclass(slots=True)
class Board:
    """The state of everything, kept from the events; `known` has those of connections that none has moved so far, as a
    server takes them up from its store."""

    topology: Topology
    known: Callable[[str], ConnectionState | None] = lambda connection: None
    _moved: dict[str, ConnectionState] = field(default_factory=dict)
    rows: dict[str, _Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for plan in plans(self.topology):
            self.rows[plan.id] = _Row(plan)

    def take(self, event: Event) -> None:
        match event:
            case ConnectionMoved(connection, step):
                self._moved[connection] = step.target
            case BgpStateChanged(session, change) if session in self.rows:
                row = self.rows[session]
                row.bgp = change.target
                if change.source is BgpState.ESTABLISHED:
                    row.received, row.sent = 0, 0
            case RoutesAnnounced(session) if session in self.rows:
                self.rows[session].received += event.added
            case RoutesWithdrawn(session, _, _, keys, _) if session in self.rows:
                self.rows[session].received -= len(keys)
            case GateMoved(session, _, is_open, sent, _) if session in self.rows:
                self.rows[session].gate_open = is_open
                self.rows[session].sent = sent if is_open else 0
            case _:
                pass

    def connection_of(self, session: str) -> ConnectionState:
        """The connection that a session belongs to; of one that an API asked for, by its name."""
        if session in self.rows and (state := self._state(self.rows[session].plan.connection)) is not None:
            return state
        name = session
        while name := name.rpartition("/")[0]:
            if (state := self._state(name)) is not None:
                return state
        return ConnectionState.NONE

    def _state(self, connection: str) -> ConnectionState | None:
        return self._moved.get(connection) or self.known(connection)

    def sessions(self) -> list[SessionRow]:
        """Every session as it stands."""
        return [
            SessionRow(
                connection=row.plan.connection,
                neighbor=str(row.plan.peer_address),
                peer_as=row.plan.peer.asn,
                edge=row.plan.edge.name,
                state=self.connection_of(row.plan.id),
                bgp=row.bgp,
                counts=(row.received, row.sent),
                gate_open=row.gate_open,
            )
            for row in list(self.rows.values())
        ]
