"""The webhook of a command: where it goes, and the secret, which stands on no command line."""

from __future__ import annotations

import contextlib
import os
import time

from simulator.cli.exit_codes import USAGE, fail
from simulator.engine.log import EventLog
from simulator.topology.schema import Topology
from simulator.topology.webhook import http_url
from simulator.webhook.delivery import Destination

_SECRET = "TURNUP_WEBHOOK_SECRET"


def destination(topology: Topology, url: str) -> Destination | None:
    """That of the option, else of the topology; the environment's secret comes first. Ends the command in one line."""
    chosen = topology.webhook
    if url:
        try:
            http_url(url)
        except ValueError as error:
            fail(USAGE, f"--webhook {url}: {error}")
    elif chosen is None:
        return None
    secret = os.environ.get(_SECRET, "") or (chosen.secret if chosen is not None else None) or ""
    if len(secret) < 8 or not secret.isascii() or not secret.isprintable() or " " in secret:
        fail(USAGE, f"{_SECRET}: at least 8 printable ASCII characters without spaces, to sign what the webhook gets")
    return Destination(url or (chosen.url if chosen is not None else ""), secret)


def announcing(to: Destination | None, log: EventLog) -> contextlib.AbstractAsyncContextManager[object]:
    """To be entered while the lab runs; does nothing without a destination."""
    if to is None:
        return contextlib.nullcontext()
    from simulator.webhook.sender import Webhook  # it imports an HTTP client, which is slow

    return Webhook(to, log, time.time)
