"""Who says so: the mark that a check's source earns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from simulator.connection.states import ConnectionState
from simulator.session.states import BgpState
from simulator.views.states import axis_of, group_of

_RFC = re.compile(r"\b(RFC|BCP|STD|draft)\b", re.IGNORECASE)
_MICROSOFT = re.compile(
    r"microsoft|azure|az peering|\b(ADOC|PSDOC|SPEC|SDK|SEED\d?|PSREC|PSAUTO|PSCS)\b|learn\.", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A short tag and what it means."""

    tag: str
    css: str
    meaning: str


MICROSOFT = Mark("Microsoft", "m-ms", "Microsoft documents it, or it was seen in the service's API")
RFC = Mark("RFC", "m-rfc", "an RFC or a best current practice says so")
SIMULATOR = Mark("simulator", "m-sim", "nothing is published: this simulator chose so")
OTHER = Mark("other", "m-sim", "another source, named beside it")
MARKS = (MICROSOFT, RFC, SIMULATOR)


def mark_of(source: str) -> Mark:
    """The mark of a source; one that is not recognised is never passed off as Microsoft's."""
    source = source[:400]
    if source.strip().lower().startswith("simulator"):
        return SIMULATOR
    if _MICROSOFT.search(source):
        return MICROSOFT
    return RFC if _RFC.search(source) else OTHER


def point(value: float) -> Markup:
    """A coordinate of a picture, to a tenth."""
    return Markup(f"{value:.1f}")


def axis_mark(state: ConnectionState | BgpState) -> Markup:
    """A state, with the axis that it is of."""
    return _span(group_of(state).css, axis_of(state), state.value)


@cache
def _span(css: str, axis: str, state: str) -> Markup:
    return Markup('<span class="state {}"><span class="axis">{}</span>{}</span>').format(css, axis, state)
