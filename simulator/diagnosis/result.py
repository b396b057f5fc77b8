"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.views.check import Blocks, Cause, CheckView, Status


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, with its causes most likely first."""

    status: Status
    evidence: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    rests_on: tuple[str, ...] = ()
    """Of a skipped check: the checks that it rests on and that did not succeed."""
    session: str = ""
    """Of several sessions the one that decided, by its addresses; empty where none did."""

    def of(self, id_: str, title: str, source: str, blocks: Blocks) -> CheckView:
        """What this says of a check of the catalogue."""
        return CheckView(
            id_, title, source, blocks, self.status, self.evidence, self.causes, self.rests_on, self.session
        )
