"""The causal table: what can be wrong, who has to act, what it explains, what must be seen for it and what must not.

Checks observe and this table explains; neither knows the other's inside. A row is a candidate where some fact of
`told_by` was seen (a `possible` one: also without), all of `needs`, and none of `contradicted`.
"""

from __future__ import annotations

from typing import Final

from simulator.diagnosis.cause_row import CauseRow
from simulator.diagnosis.route_causes import ROUTE_CAUSES
from simulator.diagnosis.session_causes import SESSION_CAUSES
from simulator.views.check import Side

CAUSES: Final[tuple[CauseRow, ...]] = (*SESSION_CAUSES, *ROUTE_CAUSES)
"""In the order in which to look at them: what lies below comes first."""

RULE_SIDES: Final = {"registered-origin": Side.REQUESTER, "registered-prefix": Side.REQUESTER}
"""By the policy's rule: who has to act, where it is not the peer."""

IMPLIED: Final = {
    "as-path-loop": ("microsoft-prefix",),
    "as-path-empty": ("first-as",),
    "bogon-asn": ("maps-private-asn",),
    "first-as": ("bogon-asn",),
    "maps-prepending": ("maps-as-path-too-long",),
    "next-hop": ("microsoft-prefix", "link-local-next-hop"),
    "prefix-too-long": ("exchange-lan", "microsoft-prefix"),
    "prefix-too-short": ("default-route",),
    "rpki-unknown": ("bogon-prefix", "default-route", "exchange-lan"),
    "irr-prefix": ("bogon-prefix", "default-route", "exchange-lan", "microsoft-prefix"),
}
"""A rule that rejects nothing but what one of these rejects too follows from that: one mistake, not two."""

BY_ID: Final = {row.id: row for row in CAUSES}

RULE_ORDER: Final = [row.id for row in CAUSES].index("one-session-only")
"""Where the causes stand that a rule of the policy gives: behind those by which nothing comes at all."""
