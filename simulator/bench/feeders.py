"""Real daemons as the peer: each takes a table from a plain client and passes it on to AS8075, as its AS would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from simulator.bench.children import until
from simulator.bench.feed import PEER_AS, SOURCE_AS
from simulator.bench.reading import BenchError
from simulator.places.place import Place
from simulator.places.process import ask, last_lines, stop
from simulator.routers.bird import adapter as bird
from simulator.routers.bird.file import BIRD
from simulator.routers.frr import adapter as frr
from simulator.routers.frr.file import BGPD
from simulator.routers.gobgp.file import GOBGP, GOBGPD

_FRR = """
frr defaults traditional
router bgp {asn}
 bgp router-id {local}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor {source} remote-as {source_as}
 neighbor {source} passive
 neighbor {edge} remote-as 8075
 neighbor {edge} timers connect 1
 neighbor {edge} advertisement-interval 0
 address-family ipv4 unicast
  neighbor {edge} next-hop-self
 exit-address-family
"""
_GOBGP = """
[global.config]
  as = {asn}
  router-id = "{local}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{source}"
    peer-as = {source_as}
  [neighbors.transport.config]
    passive-mode = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{edge}"
    peer-as = 8075
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
"""
_BIRD = """
router id {local};
protocol device {{}}
protocol bgp upstream {{
    local {local} as {asn};
    neighbor {source} as {source_as};
    passive on;
    ipv4 {{ import all; export none; }};
}}
protocol bgp downstream {{
    local {local} as {asn};
    neighbor {edge} as 8075;
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 1;
    ipv4 {{ import none; export all; next hop self; }};
}}
"""


_TEXTS = {"FRR": _FRR, "GoBGP": _GOBGP, "BIRD": _BIRD}


class Feeder:
    """One daemon. `loaded` waits until it holds a number of routes."""

    def __init__(self, kind: str, place: Place, directory: Path, *, local: str, source: str, edge: str) -> None:
        self.kind = kind
        self._place, self._directory = place, directory
        self._source = source
        self._text = _TEXTS[kind].format(asn=PEER_AS, local=local, source=source, source_as=SOURCE_AS, edge=edge)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        config = self._directory / f"feeder-{self.kind}.conf"
        config.write_text(self._text)
        self._process = await self._place.spawn(self._argv(config), log=self._log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def loaded(self, count: int) -> None:
        counters: dict[str, Callable[[], Awaitable[int]]] = {
            "FRR": self._frr_count,
            "GoBGP": self._gobgp_count,
            "BIRD": self._bird_count,
        }

        async def look() -> bool | None:
            try:
                return await counters[self.kind]() == count or None
            except (OSError, EOFError, ValueError, KeyError):
                return None

        try:
            await until(look, f"{count} routes in {self.kind}", every=0.1)
        except TimeoutError as error:
            raise BenchError(f"{error}: {last_lines(self._log)}") from None

    async def stop(self) -> None:
        if self._process is not None:
            await stop(self._process)

    @property
    def _log(self) -> Path:
        return self._directory / f"feeder-{self.kind}.log"

    @property
    def _socket(self) -> Path:
        return self._directory / ("bgpd.vty" if self.kind == "FRR" else f"{self.kind}.sock")

    def _argv(self, config: Path) -> list[str]:
        directory = str(self._directory)
        if self.kind == "FRR":
            files = ["--vty_socket", directory, "--pid_file", f"{directory}/frr.pid", "--log", "stdout"]
            return [BGPD.path, "--config_file", str(config), *files, "--vty_port", "0", "--skip_runas", "--no_zebra"]
        if self.kind == "GoBGP":
            self._socket.unlink(missing_ok=True)
            return [GOBGPD.path, "-f", str(config), "--pprof-disable", "--api-hosts", f"unix://{self._socket}"]
        return [BIRD.path, "-f", "-c", str(config), "-s", str(self._socket), "-P", f"{directory}/bird-feeder.pid"]

    async def _frr_count(self) -> int:
        _, answer = await frr.exchange(self._socket, "show bgp ipv4 unicast summary json")
        return int(json.loads(answer)["peers"][self._source]["pfxRcd"])

    async def _gobgp_count(self) -> int:
        words = ["--target", f"unix://{self._socket}", "--json", "neighbor", self._source]
        answer = (await ask(GOBGP, *words)).output
        return sum(int(family.get("state", {}).get("accepted", 0)) for family in json.loads(answer)["afi_safis"])

    async def _bird_count(self) -> int:
        answer = await bird.exchange(self._socket, "show protocols all upstream")
        return int(answer.split("Routes:", 1)[1].split()[0]) if "Routes:" in answer else 0
