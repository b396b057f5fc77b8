"""The import policy of one route server client: the exchange profile's rules, as a route server applies them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property

from simulator.policy.data.irr import AllowList
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.policy import Policy
from simulator.policy.profiles import RuleSettings
from simulator.policy.rule import PolicyContext
from simulator.policy.verdict import Hit, Hits
from simulator.rib.route_server.control import BLACKHOLE
from simulator.session.messages import Family
from simulator.wire.path_attributes import PathAttributes

NEVER_VIA = "never-via-route-server"
"""The rule id; reject reason 15 of arouteserver. Networks declare it in PeeringDB (info_never_via_route_servers)."""
_RULES: RuleSettings = {"as12076": False, "microsoft-prefix": False, "otc": {"role": "rs"}}
"""What is Microsoft's own business is off; a route with OTC from a client is a leak (RFC 9234 §5)."""
_NOT_FOR_BLACKHOLES = frozenset({"prefix-too-long", "rpki-invalid", "rpki-unknown", "irr-prefix"})
"""A blackhole route is longer than others, and covered by what its announcer may announce (RFC 7999 §3.3). arouteserver
does not validate its origin either."""


class ClientPolicy(Policy):
    """Judges what one client announces."""

    def __init__(
        self,
        context: PolicyContext,
        settings: RuleSettings | None = None,
        *,
        never_via: Collection[int] = (),
        blackholes: bool = True,
    ) -> None:
        """`never_via`: ASNs of networks whose routes are not to come by way of a route server. `blackholes`: whether
        RFC 7999 is supported; if not, or where neither IRR data nor registered prefixes say what the client may
        announce, a blackhole route is judged like any other. PolicyError for unknown settings.
        """
        self._never_via = frozenset(never_via)
        suspects = [range(asn, asn + 1) for asn in sorted(self._never_via)]
        super().__init__("exchange", context, {**_RULES, **(settings or {})}, suspects=suspects)
        self.joins_paths = True
        self._own_settings = settings
        self._blackholes = blackholes

    def with_data(self, data: PolicyData) -> ClientPolicy:
        context = replace(self.context, data=data)
        return ClientPolicy(context, self._own_settings, never_via=self._never_via, blackholes=self._blackholes)

    def judge_attributes(self, path: PathAttributes) -> Hits:
        hits = super().judge_attributes(path)
        if self._never_via:
            found = [asn for asn in path.asns if asn in self._never_via]
            if found:
                value = f"AS{found[0]} in {path.as_path_text}"
                hits = (*hits, Hit(NEVER_VIA, value, "a network in the path is never to be reached via route servers"))
        return hits

    def judge_prefixes(self, family: Family, keys: Sequence[bytes], path: PathAttributes) -> dict[bytes, Hits]:
        found = super().judge_prefixes(family, keys, path)
        if found and self._blackholes and BLACKHOLE in path.communities:
            left = {
                key: tuple(hit for hit in hits if hit.rule not in _NOT_FOR_BLACKHOLES)
                if self._may_be_announced(family, key)
                else hits
                for key, hits in found.items()
            }
            return {key: hits for key, hits in left.items() if hits}
        return found

    def _may_be_announced(self, family: Family, key: bytes) -> bool:
        """RFC 7999 §3.3: covered by a prefix that the client is authorised to announce, by all that says so.

        Where nothing says what it may announce, it may blackhole nothing.
        """
        allowed, registered = self._allowed, self.context.data.registered_prefixes
        if allowed is not None and not any(
            allowed.allows(family, _shortened(key, length)) for length in range(key[0], -1, -1)
        ):
            return False
        if registered is not None and not registered.covers(family, key):
            return False
        return allowed is not None or registered is not None

    @cached_property
    def _allowed(self) -> AllowList | None:
        irr = self.context.data.irr
        return irr.allowed_prefixes(self.context.peer_as) if irr is not None else None


def _shortened(key: bytes, length: int) -> bytes:
    size, rest = (length + 7) // 8, length % 8
    octets = bytearray(key[1 : 1 + size])
    if rest:
        octets[-1] &= 0xFF00 >> rest & 0xFF
    return bytes((length,)) + bytes(octets)
