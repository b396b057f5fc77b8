"""Somebody who asks the API and the portal for one page after the other: python -m tests.many.asking URL

Until its input ends; then it prints how many milliseconds each answer took, by page. A process of its own: what the
peers of a load do does not count.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from typing import Final
from urllib.parse import urlsplit

VERSION: Final = "api-version=2025-05-01"
PAGES: Final = {
    "API: one peering": f"/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering/peerings/p0?{VERSION}",
    "API: status": "/lab/v1/status",
    "API: settings": "/lab/v1/settings",
    "API: sessions": "/lab/v1/sessions",
    "API: events": "/lab/v1/events?limit=100",
    "portal: overview": "/",
    "portal: a peering": "/peerings/lab/rg/p0",
    "portal: desk": "/desk",
}
_PAUSE: Final = 0.005
"""Seconds between two questions: somebody who only asks would be all of the load."""


def main(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    while not select.select([sys.stdin], [], [], _PAUSE)[0]:
        for name, path in PAGES.items():
            began = time.perf_counter()
            connection.request("GET", path, headers={"Accept": "text/html" if name.startswith("portal") else "*/*"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status}")
            times[name].append((time.perf_counter() - began) * 1000)
            time.sleep(_PAUSE)
    print(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1])
