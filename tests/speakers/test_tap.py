"""What a tap keeps is bounded by the memory that it takes, whatever the sessions do, and is the first of it all."""

from __future__ import annotations

import asyncio
import sys

from hypothesis import given
from hypothesis import strategies as st

from simulator.places.endpoint import Endpoint
from simulator.session.fsm import Channel
from simulator.speakers.tap import EACH, Tap
from simulator.speakers.tcp import PeerEnd, TcpConnection
from simulator.views.octets import Octets
from tests.speakers.support import EDGE4, PEER4, edge_config

_STEPS = st.lists(
    st.one_of(
        st.sampled_from(["opened", "lost", "closed", "reset"]),
        st.integers(0, 5000),  # octets that were written or read
    ),
    max_size=60,
)


def played(steps: list[str | int], limit: int) -> tuple[Tap, Tap]:
    """The same steps before a tap with this limit and before one that keeps all."""

    async def play() -> tuple[Tap, Tap]:
        config = edge_config(Endpoint(EDGE4, 179), PEER4, Endpoint(PEER4, 179))
        tcp = TcpConnection(Channel.ACCEPTED, None)  # type: ignore[arg-type]
        tcp.peer_end = PeerEnd.FIN
        taps = Tap(limit), Tap()
        for number, step in enumerate(steps):
            for tap in taps:
                if isinstance(step, int):
                    tap.octets(config, tcp, bytes(step), outbound=bool(step % 2), now=number + 0.5)
                else:
                    getattr(tap, step)(config, tcp, number + 0.5)
        return taps

    return asyncio.run(play())


def taken(records: list[Octets]) -> int:
    """Octets of memory, with the list's own place for each."""
    return sum(sum(map(sys.getsizeof, (each, each.time, each.data))) + 8 for each in records)


@given(_STEPS, st.integers(0, 20_000))
def test_a_tap_takes_no_more_memory_than_it_may_and_keeps_the_first(steps: list[str | int], limit: int) -> None:
    tap, whole = played(steps, limit)
    assert taken(tap.records) <= limit
    assert tap.records == whole.records[: len(tap.records)]
    assert tap.truncated == (len(tap.records) < len(whole.records))
    if tap.truncated:
        kept = sum(EACH + len(each.data) for each in tap.records)
        assert kept + EACH + len(whole.records[len(tap.records)].data) > limit, "the next had found no room"


def test_connections_that_only_come_and_go_are_bounded_too() -> None:
    """A caller that hangs up at once, for months."""
    tap, _ = played(["opened", "lost"] * 5000, 100 * EACH)
    assert (len(tap.records), tap.truncated) == (100, True)
