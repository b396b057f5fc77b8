"""The session policy without a lab: thousands of assertions a second on what Microsoft would accept.

policy = turnup_policy("exchange", topology="lab.yaml")
policy.accepts("192.0.2.0/24", as_path="64496")
policy.rejects("10.0.0.0/8", rule="bogon-prefix")
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Unpack

from simulator.diagnosis.remedies import RULES as REMEDIES
from simulator.judging.options import JudgingOptions, SessionOptions
from simulator.judging.sessions import asn as read_asn
from simulator.judging.sessions import sessions
from simulator.judging.table_file import table_file
from simulator.policy.policy import verdict
from simulator.policy.profiles import PROFILES
from simulator.policy.rules import RULES
from simulator.policy.verdict import Hits, RouteOutcome, Verdict
from simulator.session.messages import Family
from simulator.tables.session_policies import SessionPolicies, SessionPolicy
from simulator.tables.table_entries import TableRoutes, Unreadable
from simulator.tables.treat_as_withdraw import malformed
from simulator.testing.route import AnnouncedRoute, AnyRoute, FileRoute, RouteAttributes

_LONGEST: Final = {Family.IPV4: 24, Family.IPV6: 48}


class OfflinePolicy:
    """What one peer's sessions would accept once the policy is lifted."""

    def __init__(self, policies: SessionPolicies) -> None:
        self._policies = policies
        self._sessions: dict[tuple[Family, bool], SessionPolicy] = {}

    def __repr__(self) -> str:
        return f"<turnup policy {self.profile}, peer AS{self._policies.peer_as or '?'}>"

    @property
    def profile(self) -> str:
        return self._policies.profile

    def accepts(self, route: str | AnyRoute, **attributes: Unpack[RouteAttributes]) -> Verdict:
        """Fails unless the lifted policy accepts the route. ValueError for a route that makes no sense."""
        __tracebackhide__ = True
        asked = _asked(route, attributes)
        found = self.verdict(asked)
        if found.outcome is not RouteOutcome.ACCEPT:
            raise AssertionError(f"{asked} should be accepted, and {self._refusal(asked, found.hits)}")
        return found

    def rejects(
        self, route: str | AnyRoute, *, rule: str | None = None, **attributes: Unpack[RouteAttributes]
    ) -> Verdict:
        """Fails unless the lifted policy rejects the route; with `rule`: unless that rule is among those that do.

        ValueError for a rule that the profile does not have, and for a route that makes no sense.
        """
        __tracebackhide__ = True
        if rule is not None and rule not in PROFILES[self.profile]:
            raise ValueError(f"profile '{self.profile}' has no rule '{rule}': {', '.join(PROFILES[self.profile])}")
        asked = _asked(route, attributes)
        found = self.verdict(asked)
        if found.outcome is RouteOutcome.ACCEPT or (rule is not None and all(hit.rule != rule for hit in found.hits)):
            wanted = f"{asked} should be rejected" + (f" by {rule}{self._silence(rule)}" if rule else "")
            raise AssertionError(f"{wanted}, and {self._refusal(asked, found.hits)}")
        return found

    def verdict(self, route: str | AnyRoute) -> Verdict:
        """Accept or reject, with every rule that fired. ValueError for a route that makes no sense."""
        family, key, path = (AnnouncedRoute(route) if isinstance(route, str) else route).parsed(self._policies.peer_as)
        session = self._session(family, own_next_hop=path.next_hop is None)
        if path.next_hop is None:
            path = replace(path, next_hop=session.next_hop)
        hits = session.policy.judge_prefix(family, key, path) + session.policy.judge_attributes(path)
        refused = malformed(path, session.addresses)
        return verdict(hits if refused is None else (refused, *hits), denied=False)

    def routes(self, file: str | Path) -> list[FileRoute]:
        """Every route of a file, in any format of `turnup policy check`: to parametrise a test with.

        Raises ValueError where the file, or a part of it, cannot be read: nothing is left out without a word.
        """
        return list(_routes_of(Path(file)))

    def _session(self, family: Family, *, own_next_hop: bool) -> SessionPolicy:
        found = self._sessions.get((family, own_next_hop))
        if found is None:
            policies = self._policies
            found = policies.self_announced(family) if own_next_hop else policies.session(None, family)
            self._sessions[family, own_next_hop] = found
        return found

    def _refusal(self, route: AnyRoute, hits: Hits) -> str:
        if not hits:
            return f"{self.profile} accepts it"
        lines = [f"{self.profile} rejects it:"]
        for hit in hits:
            known = RULES.get(hit.rule)
            lines.append(f"  {hit} [{known.source if known else 'RFC 7606'}]")
            lines.append(f"    to mend it: {self._remedy(hit.rule, route)}")
        return "\n".join(lines)

    def _remedy(self, rule: str, route: AnyRoute) -> str:
        family = Family.IPV6 if ":" in route.prefix else Family.IPV4
        return REMEDIES.get(rule, REMEDIES["*"]).format(
            edge="Microsoft",
            length=_LONGEST[family],
            expected=self._policies.peer_as or "of the peer",
            peer=self._policies.addresses.get(family, "the peer's session address"),
        )

    def _silence(self, rule: str) -> str:
        """Why a rule cannot have fired at all; empty where it could."""
        lacking = {each.unjudged[rule] for each in self._sessions.values() if rule in each.unjudged}
        return f" (which did not judge: {'; '.join(sorted(lacking))})" if lacking else ""


def turnup_policy(
    profile: str | None = None,
    *,
    topology: str | Path | None = None,
    peer: str | None = None,
    peer_as: int | str | None = None,
    peer_addresses: Iterable[str] = (),
    lan: Iterable[str] = (),
    rules: Iterable[str] = (),
    allow_documentation: bool = False,
    vrp: Iterable[str | Path] = (),
    irr: Iterable[str | Path] = (),
    registered_prefixes: Iterable[str | Path] = (),
    registered_asns: Iterable[str | Path] = (),
) -> OfflinePolicy:
    """The policy of a peer's sessions with Microsoft, as `turnup policy` judges by it.

    `profile`: exchange, direct, ixrs or peering-service; that of the topology, or exchange, where omitted. `rules` are
    as `--rule` has them: `otc=off`, `as-path-too-long=limit=10`. Raises ValueError; what is left out of a data file is
    a warning.
    """
    files = ([Path(each) for each in given] for given in (vrp, irr, registered_prefixes, registered_asns))
    judging = JudgingOptions(profile, tuple(lan), tuple(rules), allow_documentation, *map(tuple, files))
    topology_file = None if topology is None else Path(topology)
    peering = SessionOptions(topology_file, peer, None, tuple(peer_addresses))
    asn = None if peer_as is None else read_asn(str(peer_as), "peer_as")
    return OfflinePolicy(sessions(judging, peering, asn, _warn))


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _asked(route: str | AnyRoute, attributes: RouteAttributes) -> AnyRoute:
    if isinstance(route, str):
        return AnnouncedRoute(route, **attributes)
    if attributes:
        raise ValueError(f"{route}: this route has its attributes already, and the call gives {', '.join(attributes)}")
    return route


def _routes_of(file: Path) -> Iterator[FileRoute]:
    with table_file(file, None) as table:
        for entry in table.entries:
            if isinstance(entry, Unreadable):
                raise ValueError(f"{file}: {entry}")
            if isinstance(entry, TableRoutes):
                if entry.cut:
                    raise ValueError(f"{file}: {entry.cut} cut an AS path short: {entry.path.as_path_text}")
                yield from (FileRoute(entry.family, key, entry.path) for key in entry.keys)


def _by(rule: str | None) -> str:
    return "" if rule is None else f" by {rule}"
