"""How fast the portal's pages are: `python -m tests.portal.pace` serves 200 peerings and asks for every page 50 times,
at rest and while 20,000 routes load again and again. Figures, not a test: they are of the machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulator.bench import api

GROUP: Final = "/peerings/lab/rg"
LOADER: Final = f"{GROUP}/loader"
AIM: Final = 100.0
"""Milliseconds."""


def paths(routes: int) -> list[str]:
    """The pages that grow with the lab, and one of each other kind; those of the peering with the many routes last."""
    shown = [
        f"{LOADER}/routes?{query}" for query in ("show=received", f"show=received&page={routes // 200}", "show=sent")
    ]
    of_peering = [LOADER, *shown, f"{LOADER}/configuration", f"{LOADER}/report"]
    desk = ["/desk", "/desk/connections", "/desk/prefixes", "/desk/settings", "/desk/faults"]
    forms = ["/create", "/asns", "/asns/create", "/peering-services", "/legacy"]
    peer = [f"{GROUP}/peer0", f"{GROUP}/peer0/routes", f"{GROUP}/peer0/delete"]
    return ["/", "/?page=3&sort=state", "/?find=peer1", *desk, "/lab", "/walkthrough", *forms, *peer, *of_peering]


def timed(running: api.RunningServer, wanted: list[str], more: Callable[[int], bool]) -> dict[str, list[float]]:
    """Milliseconds of each answer, from the request to its last octet, page by page, round by round."""
    found: dict[str, list[float]] = {path: [] for path in wanted}
    connection, rounds = running.connect(), 0
    while more(rounds):
        for path in wanted:
            began = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{path}: {answer.status}")
            found[path].append((time.perf_counter() - began) * 1000)
            time.sleep(0.005)  # who only asks would be all of the load
        rounds += 1
    connection.close()
    return found


def table(rest: dict[str, list[float]], loading: dict[str, list[float]]) -> str:
    lines = ["| page | at rest: p50 | p99 | while routes load: p50 | p99 |", "|---|---|---|---|---|"]
    for path, times in rest.items():
        cells = [f"{each:.0f} ms" for of in (times, loading[path]) for each in (statistics.median(of), p99(of))]
        late = " (over the aim)" if p99(times) > AIM else ""
        lines.append(f"| `{path}`{late} | {' | '.join(cells)} |")
    return "\n".join(lines)


def p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(0.99 * len(times)))]


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the portal's pages are with many peerings.")
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--routes", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=50)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="pace-") as folder,
        api.server(Path(folder), api.topology(asked.peers, asked.routes)) as running,
    ):
        for number in range(asked.peers):
            api.put(running, f"peer{number}", number)
        api.put(running, "loader", asked.peers)
        everything = 2 * asked.peers + 2
        api.until_active(running, everything)
        rest = timed(running, paths(asked.routes), lambda rounds: rounds < asked.times)
        over = threading.Event()

        def load() -> None:
            while not over.is_set():
                running.ask("POST", "/lab/v1/peerings/loader/revalidate")  # withdrawn, judged and taken again
                api.until_active(running, everything)

        loader = threading.Thread(target=load)
        loader.start()
        loading = timed(running, paths(asked.routes), lambda rounds: rounds < asked.times)
        over.set()
        loader.join()
    print(table(rest, loading))


if __name__ == "__main__":
    main()
