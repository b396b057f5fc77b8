"""The raw socket that captures and probes read."""

from __future__ import annotations

import asyncio
import os
import resource
import struct
import time
from collections.abc import Iterator

import pytest

from simulator.lab.capture import Capture
from simulator.lab.netns import NetnsLink, mac, netns_place
from simulator.lab.packet_socket import PacketSocket
from simulator.lab.probe import neighbors_on_lan, ping, reading
from tests.lab_support import lan, require_netns, v4, v6
from tests.patience import PATIENCE

pytestmark = pytest.mark.privileged


@pytest.fixture
def no_low_descriptor() -> Iterator[None]:
    """Every descriptor that select(2) can take is in use."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 2048:
        pytest.skip("this user may not open 2,048 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2048), before[1]))
    taken: list[int] = []
    try:
        while not taken or taken[-1] < 1024:
            taken.append(os.dup(0))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_lab_of_more_than_a_thousand_descriptors_is_probed_and_captured(no_low_descriptor: None) -> None:
    require_netns()
    async with NetnsLink(lan(2)) as link, Capture(link.place("n1")) as capture:
        assert (await neighbors_on_lan(link.place("n1"), v4(2))).macs == {mac(2)}
        assert (await ping(link.place("n1"), v6(2), timeout=PATIENCE)).answered
        await capture.stop()
        assert capture.packets >= 4
        assert capture.dropped == 0


async def test_frames_come_with_their_time_and_their_vlan_tag() -> None:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        here, there = (netns_place(link.place(name), "a frame") for name in ("n1", "n2"))
        sender, receiver = (place.run(lambda: PacketSocket("lan")) for place in (here, there))
        try:
            ends = bytes.fromhex((mac(2) + mac(1)).replace(":", ""))
            for vlan in (b"", struct.pack("!HH", 0x8100, 42), struct.pack("!HH", 0x88A8, 43)):
                before = time.time()
                sent = ends + vlan + struct.pack("!H", 0x88B5) + b"turnup".ljust(46, b".")
                sender.send(sent)
                while (got := await _next(receiver))[0] != sent:
                    pass  # what the kernel itself says on a new interface
                assert before - 1 < got[1] < time.time() + 1
            assert receiver.lost() == 0
        finally:
            sender.close()
            receiver.close()


async def _next(receiver: PacketSocket) -> tuple[bytes, float]:
    ready = asyncio.Event()
    with reading(receiver.fileno(), ready.set):
        while True:
            try:
                return receiver.receive()
            except BlockingIOError:
                ready.clear()
                await asyncio.wait_for(ready.wait(), PATIENCE)
