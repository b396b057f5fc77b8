"""What every page that turnup writes has in common: all is escaped, every name defined, strange text made visible."""

from __future__ import annotations

from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from simulator.counts import count_of
from simulator.report.marks import axis_mark, point
from simulator.report.text import clip, one_line, visible
from simulator.views.times import clock, duration, timestamp

_LONGEST: Final = 20_000
"""Characters of one text: a log that was poured into a reason must not make a page that no browser opens."""


def environment(*packages: str) -> Environment:
    """Templates of these packages, then of the report's."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(each) for each in (*packages, "simulator.report")]),
        # By name endings Jinja would leave an included .svg alone.
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "axis": axis_mark,
        "clip": clip,
        "clock": clock,
        "count_of": count_of,
        "duration": duration,
        "one_line": one_line,
        "point": point,
        "timestamp": timestamp,
    }
    return made


def _shown(value: Any) -> Any:
    """Every expression of a template passes here, before it is escaped."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(clip(value, _LONGEST))
