"""What `turnup fault on` and `off` do: faults in a lab that `turnup serve` runs."""

from __future__ import annotations

from typing import Final

from simulator.cli.exit_codes import FAILED, fail
from simulator.cli.formats import RowFormat, show
from simulator.cli.remote import Remote

_COLUMNS: Final = (("Id", "id"), ("Fault", "name"), ("Peer", "peer"), ("Family", "family"), ("What is wrong", "title"))


def put_in(name: str, peer: str, family: str, server: str, how: RowFormat) -> None:
    """Put one in, or show those that are there."""
    remote = Remote(server)
    if not name:
        show(remote.call("GET", "/lab/v1/faults")["active"], _COLUMNS, how)
        return
    show([remote.call("POST", "/lab/v1/faults", {"name": name, "peer": peer, "family": family})], _COLUMNS, how)


def take_out(wanted: str, server: str, how: RowFormat) -> None:
    """Take out all, the newest first, or those of an id or name."""
    remote = Remote(server)
    active = remote.call("GET", "/lab/v1/faults")["active"]
    chosen = [each for each in active if wanted in ("", each["id"], each["name"])]
    if wanted and not chosen:
        fail(FAILED, f"there is no fault {wanted} in the lab: `turnup fault on` shows those that are")
    show([remote.call("DELETE", f"/lab/v1/faults/{each['id']}") for each in reversed(chosen)], _COLUMNS, how)
