"""`turnup serve`: the lab with its API, until it is interrupted."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address
from pathlib import Path

from rich.console import Console

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import BY_HAND, REALISTIC, Settings
from simulator.azure.store.lock import StoreError
from simulator.azure.store.store import Store
from simulator.cli.exit_codes import LAB, PASSED, USAGE, fail
from simulator.cli.leftovers import remove_leftovers
from simulator.cli.link_choice import choose_server_link
from simulator.cli.own_files import require_readable
from simulator.cli.recording import recording
from simulator.cli.view import PlainView
from simulator.cli.webhook import announcing, destination
from simulator.connection.states import ConnectionState
from simulator.lab.interruption import on_signals
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.portal.frame import compile_pages
from simulator.routers.daemon import ConfigRefusedError
from simulator.serving.collector import short_collections
from simulator.serving.server import listen, serving
from simulator.topology.load import TopologyError, default, load
from simulator.topology.locations import Locations, LocationsError, from_peeringdb
from simulator.topology.schema import Topology
from simulator.webhook.delivery import Destination


def serve(
    path: Path | None,
    *,
    host: str,
    port: int,
    database: str | None,
    token: str,
    link: str | None,
    peeringdb: Path | None,
    by_hand: bool,
    realistic: bool,
    webhook: str = "",
    record: Path | None = None,
) -> int:
    """The command; returns the exit code."""
    if by_hand and realistic:
        fail(USAGE, "--by-hand and --realistic exclude each other")
    _must_be_safe(host, token)
    try:
        topology = load(path) if path is not None else default()
        locations = from_peeringdb(peeringdb) if peeringdb else None
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    except LocationsError as error:
        fail(USAGE, f"--peeringdb {error}")
    kind = choose_server_link(topology, link)
    require_readable(topology)
    to = destination(topology, webhook)
    settings = _settings(by_hand=by_hand, realistic=realistic)
    try:
        store = Store.open(database or f"sqlite:///{topology.name}.db")
    except StoreError as error:
        fail(USAGE, str(error))
    try:
        return asyncio.run(_run(topology, kind, store, settings, locations, host, port, token, to, record))
    except ConfigRefusedError as error:
        fail(USAGE, str(error))
    except LabError as error:
        fail(LAB, str(error))
    except StoreError as error:
        fail(LAB, str(error))
    finally:
        store.close()


def _must_be_safe(host: str, token: str) -> None:
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        fail(USAGE, f"--host {host}: not an IP address")
    if not loopback and not token:
        fail(USAGE, f"--host {host}: anybody could change the lab: set --token (or TURNUP_TOKEN) too")
    if token and (len(token) < 8 or not token.isascii() or not token.isprintable() or " " in token):
        fail(USAGE, "--token: at least 8 printable ASCII characters without spaces")


def _settings(*, by_hand: bool, realistic: bool) -> Settings | None:
    if by_hand:
        return BY_HAND
    return REALISTIC if realistic else None


async def _run(
    topology: Topology,
    kind: LinkKind,
    store: Store,
    settings: Settings | None,
    locations: Locations | None,
    host: str,
    port: int,
    token: str,
    to: Destination | None,
    record: Path | None,
) -> int:
    with recording(record, "served") as tape:
        return await _served(Provider(topology, kind, store, settings, locations, tape), host, port, token, to)


async def _served(provider: Provider, host: str, port: int, token: str, to: Destination | None) -> int:
    # A client that leaves in the middle of a burst of events is no news.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    console = Console(stderr=False)
    if not console.is_terminal:
        console.width = 140
    over = asyncio.Event()
    remove_leftovers(console)

    def known(connection: str) -> ConnectionState | None:
        record = provider.control.records.get(connection)
        return record.state if record is not None else None

    view = PlainView(provider.topology, console, known)
    provider.log.subscribe(view.take)
    socket = listen(host, port)
    with socket, on_signals(over.set):
        compiling = asyncio.get_running_loop().run_in_executor(None, compile_pages)  # while the routers start
        async with (
            provider,
            announcing(to, provider.log),
            serving(provider, socket, token) as url,
            short_collections(),
        ):
            await compiling
            _tell(console, provider, url, token)
            provider.failure.add_done_callback(lambda _error: over.set())
            await over.wait()
    if provider.failure.done():
        error = provider.failure.result()
        kind = "" if isinstance(error, StoreError | LabError) else f"{type(error).__name__}: "
        fail(LAB, f"the lab stopped with every gate shut: {kind}{error}")
    console.print("turnup: stopped: every session closed with a Cease, every state in the store")
    return PASSED


def _tell(console: Console, provider: Provider, url: str, token: str) -> None:
    """How to point the real clients at it."""
    exchange = provider.address_plan.exchange
    secret = "<the token>" if token else "x"
    at = f" · {exchange.name}, peeringDBFacilityId {exchange.peeringdb_ix}" if exchange else ""
    peers = ", ".join(f"{peer.name} AS{peer.asn} ({provider.versions[peer.name]})" for peer in provider.topology.peers)
    listing = f"{url}/subscriptions/lab/providers/Microsoft.Peering/peerings?api-version=2025-05-01"
    header = f' --headers "Authorization=Bearer {secret}"' if token else ""
    console.print(f"\n[bold]turnup serves {provider.topology.name}[/bold] at [cyan]{url}[/cyan]")
    console.print(
        f"""On the {provider.network.kind.value} link{at}
Routers: {peers}
Store: {provider.unit.store.name}

The Azure SDK (pip install azure-mgmt-peering):

  from azure.core.pipeline.policies import SansIOHTTPPolicy
  from azure.mgmt.peering import PeeringManagementClient
  class Lab(SansIOHTTPPolicy):
      def on_request(self, request): request.http_request.headers["Authorization"] = "Bearer {secret}"
  client = PeeringManagementClient(object(), "lab", base_url="{url}", authentication_policy=Lab())
  print([peering.name for peering in client.peerings.list_by_subscription()])

az rest --skip-authorization-header{header} --method get --url "{listing}"

The portal: {url}/ · play Microsoft at {url}/desk, or with turnup approve, notify, events --follow … · stop with Ctrl-C
""",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
