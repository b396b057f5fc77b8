"""The distinct attribute sets of one session, each decoded and judged once."""

from __future__ import annotations

from collections.abc import Callable
from weakref import ref

from simulator.peer.events import NeighborConfig
from simulator.policy.policy import Policy
from simulator.policy.verdict import Hits
from simulator.rib.attribute_set import AttributeSet
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import PlainBlocks, decode_exactly, plain_blocks
from simulator.wire.checked_attributes import CheckedAttributes, NlriLocation, check_attributes
from simulator.wire.outlines import Outline, outlines
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.received_update import AnnouncedPrefixes

_SWEPT = 1024
"""So many sets are known before the dead among them are looked for."""


def _hits(policy: Policy | None, path: PathAttributes, outline: Outline | None) -> Hits:
    if policy is None:
        return ()
    hits = policy.judge_attributes(path)
    if outline is not None and not hits:
        policy.learn(outline)
    return hits


class AttributeSets:
    """Raw octets and next hop → attribute set."""

    def __init__(self, config: NeighborConfig) -> None:
        caller = config.remote.host if config.remote else config.peer_address
        self._addresses = SessionAddresses(peer=caller.packed, own=config.own_next_hop.packed)
        # Weak: a set lives as long as a route or an event has it, however often a peer changes its attributes. Not a
        # WeakValueDictionary: that takes as long for a set as the decoding of its path.
        self._known: dict[bytes | tuple[bytes, bytes], ref[AttributeSet]] = {}
        self._sweep_at = _SWEPT
        self._plain: tuple[PlainBlocks, PlainBlocks] = (self._blocks(False), self._blocks(True))
        self._outlines = outlines(self._addresses)

    def _blocks(self, asn4: bool) -> PlainBlocks:
        return plain_blocks(asn4, True, True, self._addresses)

    def __len__(self) -> int:
        return sum(known() is not None for known in self._known.values())

    def get(self, raw: bytes, part: AnnouncedPrefixes, policy: Policy | None, *, asn4: bool) -> AttributeSet:
        """Raises AttributeFault (RFC 7606)."""
        next_hop = part.next_hop
        which = (raw, next_hop) if next_hop else raw
        known = self._known.get(which)
        found = known() if known is not None else None
        if found is None:
            path, exact = decode_exactly(
                raw, asn4=asn4, external=True, reach=part.reach, next_hop=next_hop, addresses=self._addresses
            )
            found = AttributeSet(path, policy.judge_attributes(path) if policy else (), raw if exact else b"")
            self._known[which] = ref(found)
            if len(self._known) >= self._sweep_at:
                self._sweep()
        return found

    def plain(self, raw: bytes, policy: Policy | None, asn4: bool) -> AttributeSet | None:
        """The same for a whole block beside the NLRI field; None: it holds something wrong or rare, or an MP attribute.

        So `get` says whatever there is to say of it.
        """
        known = self._known.get(raw)
        found = known() if known is not None else None
        if found is not None:
            return found if found.raw or not found.path.discarded else None
        outline = self._outlines.of(raw) if asn4 and (policy is None or policy.by_outlines) else None
        if outline is not None and (policy is None or policy.acquits(outline)):
            found = AttributeSet(None, (), raw, outline[1])
        else:
            path = self._plain[asn4].decode(raw)
            if path is None:
                return None
            found = AttributeSet(path, _hits(policy, path, outline), raw if asn4 else b"")
        self._known[raw] = ref(found)
        if len(self._known) >= self._sweep_at:
            self._sweep()
        return found

    def judged_again(self, before: AttributeSet, policy: Policy) -> AttributeSet:
        """The same attributes by another policy."""
        outline = self._outlines.of(before.raw) if before.raw and policy.by_outlines else None
        if outline is not None and policy.acquits(outline):
            return before if not before.hits else before.but(())
        hits = _hits(policy, before.path, outline)
        return before if hits == before.hits else before.but(hits)

    def _sweep(self) -> None:
        """Forget the dead; the next time when there are twice as many."""
        self._known = {which: known for which, known in self._known.items() if known() is not None}
        self._sweep_at = max(_SWEPT, 2 * len(self._known))

    def judge(self, raw: bytes, reach: NlriLocation, *, asn4: bool) -> CheckedAttributes:
        """What RFC 7606 says of attributes that announce nothing of ours."""
        return check_attributes(raw, asn4=asn4, reach=reach, addresses=self._addresses)

    def replace(self, judged: Callable[[AttributeSet], AttributeSet]) -> None:
        """Another policy is in force."""
        for which, known in list(self._known.items()):
            found = known()
            if found is not None:
                self._known[which] = ref(judged(found))

    def clear(self) -> None:
        """The session is down."""
        self._known.clear()
        self._sweep_at = _SWEPT
