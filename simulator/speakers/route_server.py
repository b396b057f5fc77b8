"""A route server (RFC 7947) among speakers: each client's session is a neighbour with a gate of its own.

What a client announces passes its gate into the route server's Loc-RIB; what that changes for the others is rendered
once for all whose messages look alike, and passes each one's gate. A client that is denied is heard, and its routes get
their would-be verdicts, but nobody is told of them and it is told nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from ipaddress import IPv4Address

from simulator.gate import Direction
from simulator.peer.events import NeighborConfig, SpeakerEvent
from simulator.peer.run import Run
from simulator.places.endpoint import Address
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.rib.adj_out import Images
from simulator.rib.route_server.backlog import Backlog, portions
from simulator.rib.route_server.client import Client, RouteServerSettings
from simulator.rib.route_server.control import ControlCommunities
from simulator.rib.route_server.loc import RouteServerRib
from simulator.rib.route_server.stream import Piece, Receiver, UpdateRenderer, is_for
from simulator.rib.route_server.table import RouteChange, RouteServerTable
from simulator.rib.route_server.transparent import MessageFormat, Transparent
from simulator.session.messages import Family, Notification, Role
from simulator.session.negotiation import EXTENDED_MESSAGE, Negotiated
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.outbound import Outbound, Task
from simulator.speakers.services import Passage, Services
from simulator.speakers.speaker import Speaker
from simulator.speakers.tap import Tap
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.update import end_of_rib

_BATCH = 512
"""So many changes are told at once, whatever else there is to do: the clients work while we do."""


class Distributor:
    """Tells the clients of one family what has changed."""

    def __init__(self, family: Family, table: RouteServerTable, transparent: Transparent) -> None:
        self.table = table
        self.renderer = UpdateRenderer(family, transparent)
        self._members: dict[ClientOutbound, MessageFormat] = {}
        self._plain: dict[Client, tuple[list[RouteChange], dict[MessageFormat, list[Piece]]]] = {}
        """By announcer: what goes to everybody else, rendered while nobody may have it yet."""

    def join(self, member: ClientOutbound, format_: MessageFormat) -> None:
        """Established: told of every change from now on."""
        self.flush()
        self._members[member] = format_

    def leave(self, member: ClientOutbound) -> None:
        self._members.pop(member, None)

    def flush(self) -> None:
        """Tell what has not been told yet."""
        changes = self.table.changes
        if not changes:
            return
        told = changes.copy()
        changes.clear()
        by_format: dict[MessageFormat, list[ClientOutbound]] = {}
        for member, format_ in self._members.items():
            by_format.setdefault(format_, []).append(member)
        for format_, members in by_format.items():
            pieces = self.renderer.pieces(told, format_)
            for member in members:
                member.follow(piece for piece in pieces if is_for(piece, member.client))

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
        passage: Passage,
        hand_over: Callable[[], None],
    ) -> None:
        super().__init__(config, images, passage, hand_over)
        self.client = client
        self._distributor = distributor
        self._format: MessageFormat | None = None
        """None while the session is not Established, or without this family."""
        self._ready, self._has = Receiver(), Receiver()
        """What it would have, were it not for the gate; and what it has."""
        self._follows = False
        """It was given everything, or is about to be, and so every change is for it."""
        self._growth = 0
        """How many more prefixes it has once it has `_run`."""
        self._changes = Backlog(client, distributor.table, distributor.renderer)

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
        return super().waits or bool(self._changes)

    def up(self, negotiated: Negotiated) -> None:
        if self.client.family not in negotiated.families:
            return  # nothing may be sent for a family that was not agreed (RFC 4760 §8)
        self.client.identifier = int(IPv4Address(negotiated.peer_identifier))
        otc = self._config.local_as if self._config.role is Role.ROUTE_SERVER else None
        self._format = MessageFormat(negotiated.asn4, negotiated.message_size, otc)
        self._distributor.join(self, self._format)
        if self._passage.is_open:
            self.send_everything()
        else:
            for piece in self._view():
                self._ready.told(piece)
                self._may_go_on([piece])  # the gate counts what would have gone

    def down(self) -> None:
        super().down()
        self._distributor.leave(self)
        self._format, self._follows = None, False
        self._changes.clear()
        self._ready.clear()
        self._has.clear()

    def follow(self, pieces: Iterable[Piece]) -> None:
        """Something has changed."""
        for piece in pieces:
            self._ready.told(piece)
            if self._follows:
                self._changes.add(piece)
            elif piece.announces and not self._passage.is_open:
                self._may_go_on([piece])  # counted
        if self._follows:
            self._hand_over()

    def next(self) -> Run | None:
        if self._format is None:
            return None
        while True:
            if self._changes and not any(task.begun for task in self._tasks):
                if self._changes.is_behind:
                    self._distributor.flush()
                run = self._told(self._changes.take(self._format))
                if run is not None:
                    return run
            else:
                run = super().next()
                if run is not None or not self._changes:
                    return run

    def send_everything(self) -> int:
        if self._format is None:
            return 0
        pieces = [piece.silenced() for piece in self._view()]
        self._ready.clear()
        self._has.clear()
        for piece in pieces:
            self._ready.told(piece)
        self._follows = True
        # What is sent is settled: what changes from now on comes after it.
        self._add(Task(self._everything_of(pieces), begun=True))
        return self.rendered

    def withdraw_everything(self) -> int:
        if self._format is None:
            return 0
        self._distributor.flush()
        self._follows = False
        sent = self.sent
        if sent:
            keys = [key for change in self._distributor.table.view(self.client) for key in change.keys]
            octets = self._distributor.renderer.withdrawal(keys, self._format)
            self._add(Task(self._withdrawal(octets, sent), begun=True))
        return sent

    # --- what the tasks are made of ---

    def _view(self) -> list[Piece]:
        """Everything that it gets, as it is now."""
        assert self._format is not None
        self._distributor.flush()
        return list(self._distributor.view(self.client, self._format))

    def _may_go_on(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Those that pass the gate; what is withdrawn may always be told."""
        return [p for p in pieces if not p.announces or self._passage.passes(Direction.OUT, p.keys)]

    def _told(self, pieces: Iterable[Piece]) -> Run | None:
        """A run of these, which it has once the kernel has them."""
        passing = self._may_go_on(pieces)
        if not passing:
            return None

        def done() -> None:
            self._run = None
            for piece in passing:
                self._has.told(piece)

        # Only a piece that is alone is long enough for anybody to ask how far it has come.
        self._growth = passing[0].growth if len(passing) == 1 else 0
        self._run = _run(passing, done)
        return self._run

    def _everything_of(self, pieces: Iterable[Piece]) -> Iterator[Run]:
        for some in portions(pieces):
            run = self._told(some)
            if run is not None:
                yield run
        yield Run(end_of_rib(self.client.family))

    def routes(self) -> Iterator[Run]:
        """For an answer: it has them already."""
        for some in portions(piece for piece in self._view() if not piece.unsent):
            passing = self._may_go_on(some)
            if passing:
                yield _run(passing)

    def _withdrawal(self, octets: bytes, sent: int) -> Iterator[Run]:
        def done() -> None:
            self._run = None
            self._has.clear()
            self.withdrawn += sent

        self._growth = -sent
        self._run = Run(octets, done=done)
        yield self._run


def _run(pieces: Sequence[Piece], done: Callable[[], None] | None = None) -> Run:
    return Run(b"".join([p.octets for p in pieces]), announces=any(p.announces for p in pieces), done=done)


class ClientSession(Neighbor):
    """One client."""

    def __init__(self, config: NeighborConfig, services: Services, client: Client, distributor: Distributor) -> None:
        super().__init__(config, services)
        self.outbound = ClientOutbound(config, client, distributor, services.images, self._passage, self._hand_over)


class RouteServer(Speaker):
    """One route server at one place. Two of them at one exchange know nothing of each other (RFC 7948 §4.4)."""

    def __init__(
        self,
        name: str,
        place: Place,
        clock: Clock,
        on_event: Callable[[SpeakerEvent], None],
        settings: RouteServerSettings,
        tap: Tap | None = None,
    ) -> None:
        control = ControlCommunities(settings.asn)
        self._rib = RouteServerRib(control, self._changed)
        super().__init__(name, place, clock, on_event, tap=tap, loc_rib=self._rib)
        self._settings = settings
        self._transparent = Transparent(settings, control)
        self._distributors = {f: Distributor(f, self._rib.tables[f], self._transparent) for f in Family}
        self._clients: dict[str, Client] = {}
        self._soon: asyncio.Handle | None = None

    def add(
        self,
        config: NeighborConfig,
        peer_host: Address | None = None,
        *,
        refuses: Collection[int] = (),
        blackholes: bool = True,
    ) -> Neighbor:
        """Configure and start one client's session. `refuses` and `blackholes` as for `Client`.

        Raises LabError for a session that cannot be one of this route server's.
        """
        if config.local_as != self._settings.asn:
            raise LabError(f"{self.name}: session {config.id} is AS{config.local_as}'s, not AS{self._settings.asn}'s")
        if config.peer_as is None:
            raise LabError(f"{self.name}: session {config.id} needs its client's ASN")
        if config.id in self._clients:
            raise LabError(f"{self.name}: session {config.id} exists already")
        client = Client(
            config.id, config.peer_as, config.family, config.peer_address, frozenset(refuses), blackholes=blackholes
        )
        self._flush()  # what happened before is not for it
        self._rib.add(client)
        self._clients[config.id] = client
        try:
            return super().add(config, peer_host)
        except BaseException:
            self._forget(client)
            raise

    def _neighbor(self, config: NeighborConfig, services: Services) -> Neighbor:
        client = self._clients[config.id]
        return ClientSession(config, services, client, self._distributors[client.family])

    async def remove(self, session: str, notification: Notification) -> None:
        client = self._clients[session]
        await super().remove(session, notification)
        self._flush()
        self._forget(client)

    def _forget(self, client: Client) -> None:
        self._rib.remove(client)
        self._distributors[client.family].forget(client)
        del self._clients[client.id]

    def advertised(self, session: str) -> dict[bytes, PathAttributes]:
        """What a client gets once it is lifted, by prefix, as it is sent to a four-octet AS speaker.

        Raises KeyError for a session that is not configured.
        """
        client = self._clients[session]
        otc = self._settings.asn if self.neighbor(session).config.role is Role.ROUTE_SERVER else None
        format_ = MessageFormat(True, EXTENDED_MESSAGE, otc)
        found = {}
        for change in self._rib.tables[client.family].view(client):
            assert change.pick is not None
            found.update(dict.fromkeys(change.keys, self._transparent.path(client.family, change.pick, format_)))
        return found

    def _changed(self) -> None:
        for table in self._rib.tables.values():
            if len(table.changes) >= _BATCH:
                self._flush()
                return
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        for distributor in self._distributors.values():
            distributor.flush()
