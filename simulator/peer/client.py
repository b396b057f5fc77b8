"""What the clients of a route server (RFC 7947) are sent: changes rendered once for all whose messages look alike.

Each client's messages pass its own gate. A client that is denied is heard, and its routes get their would-be verdicts,
but its routes go to no other client, and it gets none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from simulator.gate import Direction
from simulator.peer.events import NeighborConfig
from simulator.peer.outbound import Outbound, Task
from simulator.peer.peer import BgpPeer
from simulator.peer.run import Run
from simulator.peer.session_gate import SessionGate
from simulator.rib.adj_out import Images
from simulator.rib.loc import LocRib
from simulator.rib.route_server.backlog import Backlog
from simulator.rib.route_server.client import Client
from simulator.rib.route_server.journal import ChangeJournal, Entry, Portion, portions
from simulator.rib.route_server.stream import Piece, Receiver, UpdateRenderer
from simulator.rib.route_server.table import RouteChange, RouteServerTable
from simulator.rib.route_server.transparent import MessageFormat, Transparent
from simulator.session.messages import Family, Role
from simulator.session.negotiation import Negotiated
from simulator.wire.update import end_of_rib


class Distributor:
    """Tells the clients of one family what has changed."""

    def __init__(self, family: Family, table: RouteServerTable, transparent: Transparent) -> None:
        self.table = table
        self.renderer = UpdateRenderer(family, transparent)
        self.woken: dict[str, None] = {}
        """Clients that have something new to send. A flush for one client may give something to others."""
        self._members: dict[ClientOutbound, MessageFormat] = {}
        self._journals: dict[MessageFormat, ChangeJournal] = {}
        self._plain: dict[Client, tuple[list[RouteChange], dict[MessageFormat, list[Piece]]]] = {}
        """By announcer: what goes to everybody else, rendered while nobody may have it yet."""

    def join(self, member: ClientOutbound, format_: MessageFormat, now: float) -> ChangeJournal:
        """The client is Established. Returns the journal that has every change from now on."""
        self.flush(now)
        self._members[member] = format_
        return self._journals.setdefault(format_, ChangeJournal())

    def leave(self, member: ClientOutbound) -> None:
        self._members.pop(member, None)

    def flush(self, now: float) -> None:
        """Give the clients every change that they have not got yet."""
        changes = self.table.changes
        if not changes:
            return
        told = changes.copy()
        changes.clear()
        by_format: dict[MessageFormat, list[ClientOutbound]] = {}
        for member, format_ in self._members.items():
            by_format.setdefault(format_, []).append(member)
        for format_, members in by_format.items():
            journal = self._journals[format_]
            entries = journal.add(self.renderer.pieces(told, format_))
            for member in members:
                if member.follow(entries, now):
                    self.woken[member.client.id] = None
            followers = [member.changes for member in members if member.follows]
            longest = journal.overflow()
            for changes_ in followers:
                if changes_.place < longest:
                    changes_.fall()
            journal.forget(min((changes_.place for changes_ in followers), default=journal.end))

    def view(self, client: Client, format_: MessageFormat) -> Iterator[Piece]:
        """Everything that a client gets, once nothing is left to flush."""
        for announcer in self.table.announcers(client):
            yield from self._plain_of(announcer, format_)
        yield from self.renderer.pieces(self.table.special(client), format_)

    def _plain_of(self, announcer: Client, format_: MessageFormat) -> list[Piece]:
        changes = self.table.plain(announcer)
        known, rendered = self._plain.get(announcer, ([], {}))
        if known is not changes:
            rendered = {}
            self._plain[announcer] = (changes, rendered)
        if format_ not in rendered:
            rendered[format_] = self.renderer.pieces(changes, format_)
        return rendered[format_]

    def forget(self, client: Client) -> None:
        """It is no client any more."""
        self._plain.pop(client, None)


class ClientOutbound(Outbound):
    """What one client is sent.

    A client that does not keep up costs nobody else anything: what it has not taken is a `Backlog`.
    """

    def __init__(
        self,
        config: NeighborConfig,
        client: Client,
        distributor: Distributor,
        images: Images,
        gate: SessionGate,
    ) -> None:
        super().__init__(config, images, gate)
        self.client = client
        self._distributor = distributor
        self._format: MessageFormat | None = None
        """None while the session is not Established, or without this family."""
        self._ready, self._has = Receiver(), Receiver()
        """What it would have, were it not for the gate; and what it has."""
        self._journal = ChangeJournal()
        self.follows = False
        """It was given everything, or is about to be, and so every change is for it."""
        self._growth = 0
        """How many more prefixes it has once it has `_run`."""
        self.changes = Backlog(client, distributor.table, distributor.renderer)

    @property
    def rendered(self) -> int:
        return self._ready.count

    @property
    def sent(self) -> int:
        if self._run is None:
            return self._has.count
        announced, withdrawn = self._run.nlri
        return self._has.count + (announced if self._growth > 0 else -withdrawn if self._growth < 0 else 0)

    @property
    def waits(self) -> bool:
        return super().waits or bool(self.changes)

    def up(self, negotiated: Negotiated, now: float) -> None:
        if self.client.family not in negotiated.families:
            return  # nothing may be sent for a family that was not agreed (RFC 4760 §8)
        self.client.identifier = int(IPv4Address(negotiated.peer_identifier))
        otc = self._config.local_as if self._config.role is Role.ROUTE_SERVER else None
        self._format = MessageFormat(negotiated.asn4, negotiated.message_size, otc)
        self._journal = self._distributor.join(self, self._format, now)
        if self._gate.is_open:
            self.send_everything(now)
        else:
            for piece in self._view(now):
                self._ready.told(piece)
                self._may_go_on(Portion((piece,)), now)  # the gate counts what would have gone

    def down(self) -> None:
        super().down()
        self._distributor.leave(self)
        self._format, self.follows = None, False
        self.changes.clear()
        self._ready.clear()
        self._has.clear()

    def follow(self, entries: Iterable[Entry], now: float) -> bool:
        """Something has changed. Returns whether there is something to send."""
        for entry in entries:
            portion = entry.of(self.client)
            portion.tell(self._ready)
            if not self.follows and portion.announced and not self._gate.is_open:
                self._gate.passes(Direction.OUT, portion.announced, now)  # counted
        if self.follows:
            self.changes.added()
        return self.follows

    def next(self, now: float) -> Run | None:
        self._now = now
        if self._format is None:
            return None
        while True:
            if self.changes and not any(task.begun for task in self._tasks):
                if self.changes.is_behind:
                    self._distributor.flush(now)
                run = self._told(self.changes.take(self._format))
                if run is not None:
                    return run
            else:
                run = super().next(now)
                if run is not None or not self.changes:
                    return run

    def send_everything(self, now: float) -> int:
        if self._format is None:
            return 0
        pieces = [piece.silenced() for piece in self._view(now)]
        self._ready.clear()
        for piece in pieces:
            self._ready.told(piece)
        self.follows = True
        self.changes.follow(self._journal)
        # What is sent is settled: what changes from now on comes after it.
        self._tasks.append(Task(self._everything_of(pieces), begun=True))
        return self.rendered

    def withdraw_everything(self, now: float) -> int:
        if self._format is None:
            return 0
        self._distributor.flush(now)
        self.follows = False
        rest = self.changes.leave(self._format)
        sent = self.sent
        if sent:
            keys = [key for change in self._distributor.table.view(self.client) for key in change.keys]
            octets = self._distributor.renderer.withdrawal(keys, self._format)
            self._tasks.append(Task(self._withdrawal_after(rest, octets), begun=True))
        return sent

    # --- what the tasks are made of ---

    def _view(self, now: float) -> list[Piece]:
        """Everything that it gets, as it is now."""
        assert self._format is not None
        self._distributor.flush(now)
        return list(self._distributor.view(self.client, self._format))

    def _may_go_on(self, portion: Portion, now: float) -> Portion:
        """What passes the gate; a withdrawal always may."""
        if not portion.announces or self._gate.passes(Direction.OUT, portion.announced, now):
            return portion
        return Portion(tuple([piece for piece in portion.pieces if not piece.announces]))

    def _told(self, portion: Portion) -> Run | None:
        """A run of this, which it has once the kernel has it."""
        passing = self._may_go_on(portion, self._now)
        if not passing.pieces:
            return None

        def done() -> None:
            self._run = None
            passing.tell(self._has)

        # Of others nobody could tell from the octets how many prefixes they are more or less.
        self._growth = passing.growth if passing.is_even else 0
        self._run = Run(passing.octets, announces=passing.announces, done=done)
        return self._run

    def _everything_of(self, pieces: Iterable[Piece]) -> Iterator[Run]:
        self._has.clear()
        for some in portions(pieces):
            run = self._told(Portion(some))
            if run is not None:
                yield run
        yield Run(end_of_rib(self.client.family))

    def routes(self) -> Iterator[Run]:
        """For an answer: it has them already."""
        for some in portions(piece for piece in self._view(self._now) if not piece.unsent):
            passing = self._may_go_on(Portion(some), self._now)
            if passing.pieces:
                yield Run(passing.octets, announces=passing.announces)

    def _withdrawal_after(self, rest: Iterable[Portion], octets: bytes) -> Iterator[Run]:
        """First what had changed before the deny and was not sent yet: routes that are gone. Then all that is left."""
        for portion in rest:
            run = self._told(portion)
            if run is not None:
                yield run
        sent = self.sent
        if sent:
            yield from self._withdrawal(octets, sent)

    def _withdrawal(self, octets: bytes, sent: int) -> Iterator[Run]:
        def done() -> None:
            self._run = None
            self._has.clear()
            self.withdrawn += sent

        self._growth = -sent
        self._run = Run(octets, done=done)
        yield self._run


class ClientPeer(BgpPeer):
    """One client."""

    def __init__(
        self, config: NeighborConfig, loc_rib: LocRib, images: Images, client: Client, distributor: Distributor
    ) -> None:
        self._client, self._distributor = client, distributor
        super().__init__(config, loc_rib, images)

    def _outbound(self, config: NeighborConfig, images: Images, gate: SessionGate) -> Outbound:
        return ClientOutbound(config, self._client, self._distributor, images, gate)
