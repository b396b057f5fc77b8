"""Real daemons as the peer: each takes a table from a plain client and passes it on to AS8075, as its AS would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from simulator.places.place import Place
from simulator.places.process import stop
from simulator.routers.bird import adapter as bird
from simulator.routers.frr import adapter as frr
from simulator.routers.frr.file import BGPD
from simulator.routers.gobgp import adapter as gobgp
from simulator.routers.gobgp.file import GOBGP
from tests.benchmarks.children import until
from tests.benchmarks.feed import PEER_AS, SOURCE_AS

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


class Feeder:
    """One daemon. `loaded` waits until it holds a number of routes."""

    def __init__(self, kind: str, place: Place, directory: Path, *, local: str, source: str, edge: str) -> None:
        self.kind = kind
        self._place, self._directory = place, directory
        self._source = source
        self._text = {"frr": _FRR, "gobgp": _GOBGP, "bird": _BIRD}[kind].format(
            asn=PEER_AS, local=local, source=source, source_as=SOURCE_AS, edge=edge
        )
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
            "frr": self._frr_count,
            "gobgp": self._gobgp_count,
            "bird": self._bird_count,
        }

        async def look() -> bool | None:
            try:
                return await counters[self.kind]() == count or None
            except (OSError, EOFError, ValueError, KeyError):
                return None

        await until(look, f"{count} routes in {self.kind}: {self._log}", every=0.2)

    async def stop(self) -> None:
        if self._process is not None:
            await stop(self._process)

    @property
    def _log(self) -> Path:
        return self._directory / f"feeder-{self.kind}.log"

    @property
    def _socket(self) -> Path:
        return self._directory / ("bgpd.vty" if self.kind == "frr" else f"{self.kind}.sock")

    def _argv(self, config: Path) -> list[str]:
        directory = str(self._directory)
        if self.kind == "frr":
            files = ["--vty_socket", directory, "--pid_file", f"{directory}/frr.pid", "--log", "stdout"]
            return [BGPD.path, "--config_file", str(config), *files, "--vty_port", "0", "--skip_runas", "--no_zebra"]
        if self.kind == "gobgp":
            self._socket.unlink(missing_ok=True)
            return ["gobgpd", "-f", str(config), "--pprof-disable", "--api-hosts", f"unix://{self._socket}"]
        return ["bird", "-f", "-c", str(config), "-s", str(self._socket), "-P", f"{directory}/bird-feeder.pid"]

    async def _frr_count(self) -> int:
        _, answer = await frr._exchange(self._socket, "show bgp ipv4 unicast summary json")
        return int(json.loads(answer)["peers"][self._source]["pfxRcd"])

    async def _gobgp_count(self) -> int:
        _, answer = await gobgp._run(GOBGP, "--target", f"unix://{self._socket}", "--json", "neighbor", self._source)
        return sum(int(family.get("state", {}).get("accepted", 0)) for family in json.loads(answer)["afi_safis"])

    async def _bird_count(self) -> int:
        answer = await bird._exchange(self._socket, "show protocols all upstream")
        return int(answer.split("Routes:", 1)[1].split()[0]) if "Routes:" in answer else 0
