"""The routes that one session receives: UPDATE → Adj-RIB-In with its would-be verdict → gate → Loc-RIB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from simulator.gate import Direction
from simulator.peer.attribute_sets import AttributeSets
from simulator.peer.events import (
    EndOfRib,
    MalformedUpdate,
    NeighborConfig,
    PolicyApplied,
    RoutesAnnounced,
    RoutesWithdrawn,
    SpeakerEvent,
)
from simulator.peer.prefix_limit import PrefixLimiter
from simulator.peer.session_gate import SessionGate
from simulator.policy.policy import Policy
from simulator.policy.verdict import Hits
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.messages import Family, Notification, RouteRefresh
from simulator.session.negotiation import Negotiated
from simulator.wire import nlri
from simulator.wire.framing import ProtocolError
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.received_update import AnnouncedPrefixes, ReceivedUpdate, read_update
from simulator.wire.route_refresh import BEGIN
from simulator.wire.update_faults import AttributeFault, ErrorHandling, UpdateError, UpdateFault, strongest

_NO_PATH = PathAttributes()


class Inbound:
    """The receiving half of a session. Everything left of the gate runs while the policy is DENY ALL."""

    def __init__(
        self, config: NeighborConfig, gate: SessionGate, loc_rib: LocRib, tell: Callable[[SpeakerEvent], None]
    ) -> None:
        """`tell` takes the events, in order."""
        self.adj_in = AdjRibIn()
        self.end_of_rib = False
        self.last_update: float | None = None
        self.disabled = False
        """AFI/SAFI disable (RFC 7606 §2): what the peer announces or withdraws is ignored until the session ends."""
        self.sets = AttributeSets(config)
        self._id = config.id
        self._family = config.family
        self._policy = config.policy
        self._gate = gate
        self._loc_rib = loc_rib
        self._tell = tell
        self._limit = self._limiter(config)
        self._agreed: Negotiated | None = None
        self._usable = self._asn4 = self._in_field = False
        """What follows from `_agreed`: whether the family is used, the width of ASNs, the NLRI field is its place."""
        self._stale: set[bytes] | None = None
        """While the peer answers a route refresh: what it has not announced again (RFC 7313 §4.2)."""
        self._knocking: list[bytes] = []
        """Announced while the gate was shut, and not yet put to it."""

    def meet(self, config: NeighborConfig) -> None:
        """The session is coming up, and what its configuration left open is known."""
        self._policy = config.policy
        self.sets = AttributeSets(config)

    # --- what the peer sends ---

    def update(self, body: bytes, agreed: Negotiated | None, now: float) -> Notification | None:
        """Take in one UPDATE; `knock` has to follow the last one of a read.

        Returns the NOTIFICATION with which the prefix limit ends the session, if it does. Raises UpdateError where
        RFC 7606 leaves only a session reset.
        """
        family = self._family
        if agreed is not self._agreed:
            self._agree(agreed)
        if self._in_field and not self.disabled and self._announced_in_field(body, now):
            return self._limit.watch(now) if self._limit is not None else None
        try:
            reading = read_update(body)
        except UpdateError as error:
            self._malformed(body, error.faults, now)
            raise
        self.last_update = now
        if reading.end_of_rib is not None:
            self.knock(now)
            self.end_of_rib = self.end_of_rib or reading.end_of_rib is family
            self._tell(EndOfRib(self._id, now, reading.end_of_rib))
            return None
        usable, asn4 = self._usable, self._asn4
        plain = len(reading.announced) == 1 and not reading.withdrawn and not reading.faults
        if plain and usable and not self.disabled and self._plain(reading, asn4, now):
            return self._limit.watch(now) if self._limit is not None else None
        self.knock(now)  # events keep the order of the UPDATEs
        ours = [part for part in reading.announced if part.family is family and usable]
        verdicts = [self._judged(part, reading.attributes, asn4) for part in ours]
        judged = [fault for _, faults in verdicts for fault in faults]
        if reading.faults or judged or not ours:
            self._tell_faults(body, reading, ours, judged, asn4, now)
        if not usable or self.disabled:
            return None
        disabling = [fault for fault in reading.faults if fault.afi_safi == family.value]
        if disabling:
            self.disabled = True
            self._withdraw(list(self.adj_in.keys(family)), now, malformed=disabling[0].reason)
            return None
        for withdrawn, keys in reading.withdrawn:
            if withdrawn is family:
                self._withdraw(keys, now)
        for part, (attributes, why) in zip(ours, verdicts, strict=True):
            if attributes is None:
                self._withdraw(part.keys, now, malformed=strongest(why).reason)
            else:
                self._announce(part.keys, attributes, now)
        return self._limit.watch(now) if ours and self._limit is not None else None

    def knock(self, now: float) -> None:
        """Ask the gate for what was announced while it was shut: once for all UPDATEs that were read together."""
        keys = self._knocking
        if not keys:
            return
        self._knocking = []
        if self._may_take(keys, now):  # it has opened meanwhile
            family, held = self._family, self.adj_in
            routes = {key: found for key in keys if (found := held.attributes(family, key)) is not None}
            self._enter({key: found for key, found in routes.items() if not held.hits(family, key)})

    def refresh_mark(self, mark: RouteRefresh, now: float) -> None:
        """The peer begins or ends its answer to a route refresh: what it did not announce again is gone (RFC 7313)."""
        stale, self._stale = self._stale, None
        if mark.subtype == BEGIN:
            self._stale = self.adj_in.keys(mark.family)
        elif stale:
            self._withdraw(list(stale), now)

    def down(self) -> None:
        """No longer Established: forget what the peer announced (RFC 4271 §8.2.2)."""
        self.end_of_rib, self.last_update, self._stale = False, None, None
        self.disabled = False
        if self._limit is not None:
            self._limit.reset()
        self.adj_in.clear()
        self.sets.clear()
        self._loc_rib.forget_all(self._id)

    # --- commands ---

    def apply_policy(self, policy: Policy, now: float) -> Notification | None:
        """Judge all that is held again; what that changes passes the gate. Returns what `update` returns."""
        self._policy = policy
        family, judged = self._family, dict[AttributeSet, AttributeSet]()

        def judge_set(before: AttributeSet) -> AttributeSet:
            if before not in judged:
                judged[before] = self.sets.judged_again(before, policy)
            return judged[before]

        def judge_prefixes(keys: list[bytes], attributes: AttributeSet) -> dict[bytes, Hits]:
            hits = policy.judge_prefixes(family, keys, _path(policy, attributes))
            return hits if self._limit is None else self._limit.judged_again(keys, attributes, hits)

        refused, accepted = self.adj_in.judge_again(family, judge_set, judge_prefixes)
        self.sets.replace(judge_set)
        self._loc_rib.forget(self._id, family, refused)
        self._take(accepted, now)
        self._tell(PolicyApplied(self._id, now, len(refused), len(accepted)))
        return self._limit.watch(now) if self._limit is not None else None

    def apply_max_prefix(self, config: NeighborConfig, now: float) -> Notification | None:
        """Another prefix limit is in force: all that is held is counted anew, in the order of its announcement."""
        self._limit = self._limiter(config)
        return self.apply_policy(self._policy, now) if self._policy is not None else None

    def take_everything(self, now: float) -> int:
        """The lift; returns how many routes entered Loc-RIB."""
        return self._take(self.adj_in.acceptable(self._family), now)

    def forget_everything(self) -> int:
        """The re-deny; returns how many routes left Loc-RIB."""
        taken = self._loc_rib.count(self._id)
        self._loc_rib.forget_all(self._id)
        return taken

    def taken(self) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """The routes in Loc-RIB, with their attributes as the import policy leaves them."""
        policy, done = self._policy, dict[AttributeSet, PathAttributes]()
        for key, attributes in self._loc_rib.routes(self._id, self._family):
            if attributes not in done:
                done[attributes] = policy.imported(attributes.path) if policy else attributes.path
            yield self._family, key, done[attributes]

    # --- inside ---

    def _agree(self, agreed: Negotiated | None) -> None:
        self._agreed = agreed
        self._usable = agreed is not None and self._family in agreed.families  # or nobody asked for these (RFC 4760 §8)
        self._asn4 = agreed is not None and agreed.asn4
        self._in_field = self._usable and self._family is Family.IPV4

    def _announced_in_field(self, body: bytes, now: float) -> bool:
        """Take in an UPDATE of sound attributes and the NLRI field alone. False: it has to be read with care.

        Nearly every UPDATE with IPv4 prefixes is one. What is done is the same, but all the questions take as long.
        """
        if len(body) < 5 or body[0] or body[1]:
            return False
        end = 4 + (body[2] << 8 | body[3])
        raw, field = body[4:end], body[end:]
        if not raw or not field:
            return False
        attributes = self.sets.plain(raw, self._policy, self._asn4)
        if attributes is None:
            return False
        try:
            keys = nlri.split(field, Family.IPV4)
        except ProtocolError:
            return False
        self.last_update = now
        self._announce(keys, attributes, now, field)
        return True

    def _plain(self, reading: ReceivedUpdate, asn4: bool, now: float) -> bool:
        """Take in an UPDATE that only announces, in one place, without a fault. False: it has to be looked at closely.

        Nearly every UPDATE is of this kind. What is done is the same, but the looking for the rest takes as long.
        """
        part = reading.announced[0]
        if part.family is not self._family:
            return False
        try:
            attributes = self.sets.get(reading.attributes, part, self._policy, asn4=asn4)
        except AttributeFault:
            return False
        if attributes.path.discarded:
            return False
        self._announce(part.keys, attributes, now)
        return True

    def _limiter(self, config: NeighborConfig) -> PrefixLimiter | None:
        return PrefixLimiter(config, self.adj_in, self._tell) if config.max_prefix else None

    def _judged(
        self, part: AnnouncedPrefixes, raw: bytes, asn4: bool
    ) -> tuple[AttributeSet | None, tuple[UpdateFault, ...]]:
        """The attribute set, None for treat-as-withdraw or worse, and what is wrong with the octets."""
        try:
            attributes = self.sets.get(raw, part, self._policy, asn4=asn4)
        except AttributeFault as refused:
            return None, refused.faults
        return attributes, attributes.path.discarded

    def _tell_faults(
        self,
        body: bytes,
        reading: ReceivedUpdate,
        ours: list[AnnouncedPrefixes],
        judged: Iterable[UpdateFault],
        asn4: bool,
        now: float,
    ) -> None:
        """Tell every defect once. Raises UpdateError where one of them is the end of the session."""
        faults = dict.fromkeys((*reading.faults, *judged))
        if not ours and reading.attributes:
            faults |= dict.fromkeys(self.sets.judge(reading.attributes, reading.reach, asn4=asn4).faults)
        if not faults:
            return
        self._malformed(body, faults, now, tuple(key for part in ours for key in part.keys))
        if max(fault.outcome for fault in faults) is ErrorHandling.SESSION_RESET:
            raise UpdateError(tuple(faults))

    def _malformed(self, body: bytes, faults: Iterable[UpdateFault], now: float, keys: tuple[bytes, ...] = ()) -> None:
        for fault in faults:
            family: Family | None = self._family
            if fault.afi_safi is not None:
                family = next((known for known in Family if known.value == fault.afi_safi), None)
            told = fault.outcome, fault.code, fault.reason, fault.clause, fault.octets
            self._tell(MalformedUpdate(self._id, now, family, *told, body, keys))

    def _announce(self, keys: list[bytes], attributes: AttributeSet, now: float, field: bytes = b"") -> None:
        """`field`: the NLRI field that holds these very keys, where it does."""
        family, policy = self._family, self._policy
        hits: dict[bytes, Hits] = {}
        if policy is not None and not (field and policy.clears_field(field, keys)):
            hits = policy.judge_prefixes(family, keys, _path(policy, attributes))
        if self._stale:
            self._stale.difference_update(keys)
        if self._limit is not None:
            hits = self._limit.announced(keys, attributes, hits)
        added = self.adj_in.announce(family, keys, attributes, hits)
        announced = tuple(keys)
        self._tell(RoutesAnnounced(self._id, now, family, announced, attributes, added, hits))
        if attributes.hits:
            self._loc_rib.forget(self._id, family, keys)
            return
        if hits:
            self._loc_rib.forget(self._id, family, hits)
            announced = tuple([key for key in announced if key not in hits])
        if added < len(announced):  # an UPDATE may name a prefix twice
            announced = tuple(dict.fromkeys(announced))
        if self._knocking or not self._gate.is_open:  # what waits is put to it after the read, whatever it is then
            self._knocking += announced
        elif announced and self._may_take(announced, now):
            self._loc_rib.take_set(self._id, family, announced, attributes)
            self._gate.passed(Direction.IN, len(announced))

    def _withdraw(self, keys: list[bytes], now: float, malformed: str = "") -> None:
        """Forget routes, and tell of those that were held."""
        family = self._family
        held = self.adj_in.withdraw(family, keys)
        if not held:
            return
        if self._limit is not None:
            self._limit.withdrawn(held)
        self._loc_rib.forget(self._id, family, held)
        self._tell(RoutesWithdrawn(self._id, now, family, tuple(held), malformed))

    def _take(self, routes: dict[bytes, AttributeSet], now: float) -> int:
        """Past the gate into Loc-RIB."""
        if not routes or not self._may_take(routes, now):
            return 0
        self._enter(routes)
        return len(routes)

    def _may_take(self, keys: Iterable[bytes], now: float) -> bool:
        """The last question before Loc-RIB."""
        return self._gate.passes(Direction.IN, keys, now)

    def _enter(self, routes: dict[bytes, AttributeSet]) -> None:
        self._loc_rib.take(self._id, self._family, routes)
        self._gate.passed(Direction.IN, len(routes))


def _path(policy: Policy, attributes: AttributeSet) -> PathAttributes:
    """For the judges of prefixes: nothing is decoded for those that do not look at it."""
    return attributes.path if policy.joins_paths else _NO_PATH
