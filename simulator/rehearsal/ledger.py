"""What a rehearsal keeps of its connections, and what did not come out as the topology expects. Nothing here waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from simulator.counts import count_of
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import CheckEnded
from simulator.preflight.ends import PreflightRow
from simulator.session.messages import Family
from simulator.topology.schema import Topology
from simulator.views.check import CheckView, Status
from simulator.views.session import SessionView

_PREFLIGHT = "preflight"
"""In place of a check: where no warning is permitted, configurations that do not match fail the rehearsal."""

_OF_THE_LIFT = {"A1", "A3"}
_FOLLOWS = {"W1", "W2", "W4"}
"""What the watch sees of a session that the lift cost."""

Views = Callable[[ConnectionRecord], Mapping[str, SessionView]]
"""The sessions of a connection now."""


class Ledger:
    """Of one rehearsal."""

    def __init__(self, topology: Topology, views: Views, tell: Callable[[CheckEnded], None], now: Callable[[], float]):
        """`tell` logs what checks found."""
        self.best_views: dict[str, SessionView] = {}
        """Each session as it stood while its connection was Active, or else at the end."""
        self.shortfalls: list[str] = []
        """What did not come out as the topology expects, one line each."""
        self.errors: list[str] = []
        self._topology = topology
        self._views = views
        self._tell = tell
        self._now = now

    def fail(self, error: str) -> None:
        """What ended the rehearsal, in one line."""
        self.errors.append(error)

    def fall_short(self, words: str) -> None:
        """Something did not come out as it should have."""
        self.shortfalls.append(words)

    def refused(self, words: str) -> None:
        """A request was refused."""
        self.shortfalls.append(f"the request was refused: {words}")

    def mismatch(self, peering: str, words: str) -> None:
        """Both sides' configurations do not match; that counts where no warning is permitted."""
        expect = self._topology.peering(peering).expect
        if expect.state == "Active" and not expect.failing_checks and not expect.permits(_PREFLIGHT):
            self.shortfalls.append(words)

    def add(self, record: ConnectionRecord, results: list[CheckView], *, told: bool = False) -> None:
        """Keep what checks found, and log it where it was not `told` before."""
        record.results += results
        for result in () if told else results:
            self._tell(CheckEnded(self._now(), record.id, result))

    def require(self, record: ConnectionRecord, results: list[CheckView]) -> None:
        """What of these fails the rehearsal."""
        self.shortfalls += [f"{record.id}: {result.id} {result.title}" for result in results if result.stops]

    def replace_traffic(self, record: ConnectionRecord, results: list[CheckView]) -> list[CheckView]:
        """A2 after the deny, in the place of what it said before; logs what is worse than that, and gives it back."""
        record.results[:] = [next(iter(results), each) if each.id == "A2" else each for each in record.results]
        worse = [result for result in results if result.stops]
        for result in worse:
            self._tell(CheckEnded(self._now(), record.id, result))
        return worse

    def add_watched(self, record: ConnectionRecord, seen: Iterable[CheckView]) -> None:
        """Keep what the watch saw since the lift; of the lift itself A3 tells."""
        told = {result.id for result in record.results}
        if any(result.id in _OF_THE_LIFT and result.fails for result in record.results):
            told |= _FOLLOWS
        results = [result for result in seen if result.id not in told]
        self.add(record, results, told=True)
        self.require(record, results)

    def look(self, record: ConnectionRecord) -> None:
        """The sessions as they are now are those that the report shows."""
        self.best_views |= self._views(record)

    def expected(self, record: ConnectionRecord) -> dict[str, int]:
        """How many accepted routes the topology expects on each session, where it says so."""
        expect = self._topology.peering(record.peering).expect
        wanted = {Family.IPV4: expect.accepted, Family.IPV6: expect.accepted_ipv6}
        return {plan.id: count for plan in record.plans if (count := wanted[plan.family]) is not None}

    def compare(self, record: ConnectionRecord) -> None:
        """What the topology expects against what came out."""
        expect = self._topology.peering(record.peering).expect
        if record.state.value != expect.state:
            why = f": {record.connection.error_message}" if record.connection.error_message else ""
            self.shortfalls.append(f"{record.id}: connection is {record.state}, expected {expect.state}{why}")
        failing = {result.id for result in record.results if result.status is Status.FAILURE}
        for check in expect.failing_checks:
            if check not in failing:
                self.shortfalls.append(f"{record.id}: {check} was expected to fail and did not")
        for result in record.results:
            if result.blocks.value == "rehearsal" and result.stops and result.id not in expect.failing_checks:
                self.shortfalls.append(f"{record.id}: {result.id} {result.title}")
        for session, wanted in self.expected(record).items():
            found = self.best_views[session].accepted
            # Of one that did not become Active, why it did not says it all.
            if found != wanted and record.state.value == expect.state == "Active":
                self.shortfalls.append(f"{session}: {count_of(found, 'route')} accepted, expected {wanted}")

        rejected = sum(self.best_views[plan.id].rejected for plan in record.plans)
        if expect.rejected is not None and rejected != expect.rejected:
            self.shortfalls.append(f"{record.id}: {count_of(rejected, 'route')} rejected, expected {expect.rejected}")

    def forbid_warnings(self, records: Iterable[ConnectionRecord]) -> None:
        """The checks that warned so far and may not."""
        for record in records:
            self.shortfalls += self.forbidden_warnings(record)

    def forbidden_warnings(self, record: ConnectionRecord) -> list[str]:
        """Of one connection, one line each."""
        expect = self._topology.peering(record.peering).expect
        warned = {result.id: result.title for result in record.results if result.warns}
        return [
            f"{record.id}: {id_} warns, and the topology permits no such warning: {title}"
            for id_, title in warned.items()
            if not expect.permits(id_)
        ]


def mismatch_of(row: PreflightRow) -> str:
    """A row of the preflight that does not fit, in words; empty where it does."""
    return "" if row.fine else "; ".join(map(str, row.mismatches)) or row.fit.value
