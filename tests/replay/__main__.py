"""Write the recordings anew.

python -m tests.replay                    # the effects alone, from the inputs that there are
python -m tests.replay record [NAME …]    # sessions with the routers that are installed (root, or user namespaces)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.connection.states import ConnectionState
from simulator.lab.netns import NetnsLink
from simulator.peer.events import SpeakerEvent, cease
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession
from simulator.routers.exabgp.config import render
from simulator.routers.registry import ROUTERS
from simulator.session.messages import Cease, Family
from simulator.speakers.clock import Clock
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from simulator.wire.update import pack_withdrawals
from tests.lab_support import eventually, lan, v4, v6
from tests.replay.recorder import RecordedPeer, RecordingSpeaker
from tests.replay.session import MICROSOFT, RECORDINGS, Setup, recordings, rewrite

PEER_AS = 3320
ANNOUNCED = ("104.40.0.0/13", "13.64.0.0/11", "20.33.0.0/16", "2603:1000::/24", "2a01:111:f000::/36")
ROUTES = {
    Family.IPV4: (
        RouterRoute("41.0.0.0/16"),
        RouterRoute("41.1.0.0/16", (3333, 1136), ("8075:8007",), ("3333:1:2",), 50),
        RouterRoute("10.1.0.0/16"),
    ),
    Family.IPV6: (
        RouterRoute("2c0f:1::/32"),
        RouterRoute("2c0f:2::/32", (3333,), ("3333:7",), ("3333:1:2",), 100),
        RouterRoute("2001:db8:1::/48"),
    ),
}
"""Of each family: two that the policy accepts, and one that it rejects."""


async def withdraw(kind: str, router: Any, session: RouterSession, directory: Path) -> None:
    """Have a router withdraw the first of its routes of this family."""
    family = session.family
    prefix, name = ROUTES[family][0].prefix, family.label.lower()
    match kind:
        case "simulated":
            neighbor = router._speaker.neighbor(session.name)
            ((message, _),) = pack_withdrawals(family, [nlri.key(prefix)[1]], 4096)
            neighbor.peer.established.say(message)
            neighbor.write()
        case "bird":
            _cut_line(directory, f"route {prefix} ")
            await router.command("configure")
        case "frr":
            commands = ["configure terminal", f"router bgp {PEER_AS}", f"address-family {name} unicast"]
            words = [word for command in (*commands, f"no network {prefix}") for word in ("-c", command)]
            vtysh = await asyncio.create_subprocess_exec("vtysh", "--vty_socket", str(router._socket.parent), *words)
            assert await vtysh.wait() == 0
        case "gobgp":
            with contextlib.suppress(json.JSONDecodeError):  # it says nothing
                await router.command("global", "rib", "-a", name, "del", prefix)
        case "openbgpd":
            await router.command("network", "delete", prefix)
        case "exabgp":
            await router._ask(router._console, f"withdraw route {prefix} next-hop self")
        case _:
            raise ValueError(f"how does {kind} withdraw a route?")


def _cut_line(directory: Path, text: str) -> None:
    (path,) = directory.rglob("bird.conf")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if text not in line), encoding="utf-8")


def _written(config: RouterConfig, directory: Path) -> Path:
    path = directory / "exabgp.conf"
    path.write_text(render(config, None).replace("adj-rib-in false", "adj-rib-in true"), encoding="utf-8")
    return path


async def record(kind: str, family: Family) -> None:
    """Up under DENY ALL, lifted, some of the routes withdrawn, denied again, closed."""
    theirs, ours = (v4(1), v4(2)) if family is Family.IPV4 else (v6(1), v6(2))
    setup = Setup(f"{kind}/{family.label.lower()}", str(ours), str(theirs), PEER_AS, ANNOUNCED)
    changed = asyncio.Event()

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                changed.clear()
                await changed.wait()

    def told(event: SpeakerEvent) -> None:
        changed.set()

    with tempfile.TemporaryDirectory(prefix="turnup-") as directory:
        async with NetnsLink(lan(2)) as link, AsyncExitStack() as exit_:
            edge = RecordingSpeaker("n2", link.place("n2"), Clock(asyncio.get_running_loop()), told)
            edge.setups = {setup.session: setup}
            exit_.push_async_callback(edge.close)
            await edge.listen(ours)
            session = RouterSession(family.label, theirs, ours, MICROSOFT, Endpoint(ours, BGP_PORT))
            router = ROUTERS[kind]()
            exit_.push_async_callback(router.stop)
            config = RouterConfig("n1", PEER_AS, "10.255.0.1", (session,), ROUTES[family])
            if kind == "exabgp":  # it has a command line where its file is the user's
                config = replace(config, file=_written(config, Path(directory)))
            await router.start(link.place("n1"), config, RouterFiles(Path(directory)))
            id_ = edge.add(setup.config()).config.id
            peer = edge.neighbor(id_).peer
            assert isinstance(peer, RecordedPeer)
            await until(lambda: edge.view(id_).received == len(ROUTES[family]))
            edge.rule(id_, ConnectionState.ACTIVE, session_validated=True)
            wanted = frozenset(prefix for prefix in ANNOUNCED if (":" in prefix) is (family is Family.IPV6))
            received: Callable[[], Awaitable[frozenset[str]]] = lambda: router.received(session.name)  # noqa: E731
            await eventually(received, lambda found: found == wanted)
            await withdraw(kind, router, session, Path(directory))
            await until(lambda: edge.view(id_).received < len(ROUTES[family]))
            edge.rule(id_, ConnectionState.PENDING_REMOVE, session_validated=True)
            await eventually(received, lambda found: not found)
            await edge.remove(id_, cease(Cease.PEER_DECONFIGURED, "the peering is removed"))
            peer.save(RECORDINGS / f"{kind}-{family.label.lower()}")


def main(arguments: list[str]) -> None:
    if arguments[:1] != ["record"]:
        for folder in recordings():
            rewrite(folder)
        return
    for kind in ("simulated", "bird", "frr", "gobgp", "openbgpd", "exabgp"):
        for family in Family:
            name = f"{kind}-{family.label.lower()}"
            if not arguments[1:] or name in arguments[1:]:
                asyncio.run(record(kind, family))
                print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
