"""What `turnup policy explain` does."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail, warn
from simulator.cli.explanation import RULES, explanation_json, print_explanation
from simulator.cli.formats import RowFormat, show
from simulator.judging import sessions as session_policies
from simulator.judging.options import JudgingOptions, SessionOptions
from simulator.policy.verdict import RouteOutcome
from simulator.session.messages import Family
from simulator.tables import notation
from simulator.tables.explain import explain as explain_route
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes, SegmentKind


@dataclass(frozen=True, slots=True)
class RouteText:
    """The options that make up one route."""

    prefix: str
    as_path: str
    next_hop: str | None
    communities: tuple[str, ...]
    large_communities: tuple[str, ...]
    extended_communities: tuple[str, ...]
    med: int | None
    otc: int | None
    as_set: str | None


def explain(judging: JudgingOptions, peering: SessionOptions, route: RouteText, how: RowFormat) -> int:
    """The command; returns the exit code."""
    try:
        family, key, path = _route(route)
        made = session_policies.sessions(judging, peering, session_policies.peer_asn(peering), warn)
        if made.peer_as is None:
            made = replace(made, peer_as=path.first_as)
        session = made.session(None, family) if path.next_hop else made.self_announced(family)
        judged = path if path.next_hop else replace(path, next_hop=session.next_hop)
        outcome, hits, results = explain_route(session, family, key, judged)
    except ValueError as error:
        fail(USAGE, *session_policies.faults(error))
    if how is RowFormat.table:
        print_explanation(family, key, path, made.peer_as, made.profile, outcome, results)
    else:
        told = explanation_json(family, key, path, hits, made.peer_as, made.profile, results)
        show(told if how is RowFormat.json else told["rules"], RULES, how)
    return PASSED if outcome is RouteOutcome.ACCEPT else FAILED


def _route(route: RouteText) -> tuple[Family, bytes, PathAttributes]:
    if not route.prefix:
        raise ValueError("--prefix is missing: which route? (as in --prefix 203.0.113.0/24)")
    family, key = nlri.key(route.prefix)
    as_path = notation.as_path(route.as_path)
    if route.as_set is not None:
        members = notation.as_path(route.as_set.strip().removeprefix("{").removesuffix("}"))
        as_path += tuple(notation.segment(SegmentKind.SET, (asn for part in members for asn in part.asns)))
    path = PathAttributes(
        as_path=as_path,
        next_hop=session_policies.address(route.next_hop, "--next-hop") if route.next_hop else None,
        med=route.med,
        communities=tuple(map(notation.community, route.communities)),
        large_communities=notation.large_communities(route.large_communities),
        extended_communities=tuple(map(notation.extended_community, route.extended_communities)),
        otc=route.otc,
    )
    return family, key, path
