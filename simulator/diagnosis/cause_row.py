"""What the causal table says of one cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from simulator.diagnosis.check_ids import CheckId as C
from simulator.diagnosis.fact import Fact
from simulator.views.check import Side


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause."""

    id: str
    side: Side
    text: str
    """A template: {edge}, {peer}, {family}, {local_as}, {expected}, {mtu}, {told}."""
    explains: tuple[C, ...]
    """The checks that fail because of it."""
    told_by: tuple[Fact, ...]
    """Facts that tell it: at least one must have been seen. It accounts for all of them."""
    source: str
    needs: tuple[Fact, ...] = ()
    """Facts that must all have been seen."""
    contradicted: tuple[Fact, ...] = ()
    """Facts of which none may have been seen."""
    unless: tuple[Fact, ...] = ()
    """Of a possible cause that nothing tells: facts that speak against it."""
    accounts: tuple[Fact, ...] = ()
    """Facts that follow from it, and do not tell it."""
    possible: bool = False
    """Where nothing tells it, it may still be, as long as nothing contradicts it."""
    once: bool = False
    """Of several sessions it is one cause, though each shows other routes."""
    apart: str = ""
    """Of a possible cause: what tells it from the others."""
    shared: str = ""
    """The text without what one session alone shows: said of several. Where it is empty, `{told}` is left out."""

    @property
    def of_several(self) -> str:
        """What is true of every session that has this cause."""
        return self.shared or _AT_ITS_END.sub("", self.text)

    @property
    def quotes(self) -> bool:
        """Its text has the first line of evidence in it."""
        return self.text.replace("{told}", "") != self.text


_AT_ITS_END: Final = re.compile(r": \{told\}$| \(\{told\}\)$")

LIFTED: Final = (C.A1, C.A3, C.A4)
"""The checks that stand behind the lift."""
DOWN: Final = (C.T1, C.S1, C.S2, C.S3, C.S4, C.S5, C.S6, *LIFTED, C.W1)
"""The checks that fail where a session is down."""
