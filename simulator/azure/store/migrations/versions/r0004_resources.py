"""A resource's row has its fields by the names of the provider's model: no client's document is read to recover it."""

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_RESOURCES = sa.table(
    "resources",
    sa.column("key", sa.String),
    sa.column("id", sa.String),
    sa.column("type", sa.String),
    sa.column("document", sa.JSON),
    sa.column("status", sa.JSON),
)
_Json = dict[str, Any]


def _reviewed(status: _Json, state: str) -> _Json:
    return {
        "state": status[state],
        "since": status["since"],
        "asked": bool(status.get("asked")),
        "error_message": status.get("errorMessage", ""),
    }


def _peer_asn(document: _Json, status: _Json) -> _Json:
    properties = document["properties"]
    named = {"asn": properties["peerAsn"], "peer_name": properties.get("peerName") or ""}
    return {**named, **_reviewed(status, "validationState")}


def _registered_asn(document: _Json, status: _Json) -> _Json:
    return {"asn": document["properties"]["asn"], "prefix_key": status["peeringServicePrefixKey"]}


def _registered_prefix(document: _Json, status: _Json) -> _Json:
    named = {
        "prefix": str(IPv4Network(document["properties"]["prefix"])),
        "prefix_key": status.get("peeringServicePrefixKey", ""),
    }
    return {**named, **_reviewed(status, "prefixValidationState")}


def _service(document: _Json, _status: _Json) -> _Json:
    properties = document.get("properties") or {}
    return {
        "provider": properties.get("peeringServiceProvider") or "",
        "primary": properties.get("providerPrimaryPeeringLocation") or "",
        "backup": properties.get("providerBackupPeeringLocation") or "",
    }


def _service_prefix(document: _Json, status: _Json) -> _Json:
    properties = document["properties"]
    named = {
        "prefix": properties["prefix"],
        "prefix_key": (properties.get("peeringServicePrefixKey") or "").lower(),
        "events": status.get("events", []),
    }
    return {**named, **_reviewed(status, "prefixValidationState")}


def _monitor_test(document: _Json, _status: _Json) -> _Json:
    properties = document["properties"]
    return {
        "agent": str(properties.get("sourceAgent") or "").strip(),
        "destination": str(properties.get("destination") or "").strip(),
        "port": properties.get("destinationPort"),
        "frequency": properties.get("testFrequencyInSec"),
    }


_OTHERS: dict[str, Callable[[_Json, _Json], _Json]] = {
    "Microsoft.Peering/peerAsns": _peer_asn,
    "Microsoft.Peering/peerings/registeredAsns": _registered_asn,
    "Microsoft.Peering/peerings/registeredPrefixes": _registered_prefix,
    "Microsoft.Peering/peeringServices": _service,
    "Microsoft.Peering/peeringServices/prefixes": _service_prefix,
    "Microsoft.Peering/peeringServices/connectionMonitorTests": _monitor_test,
}


def upgrade() -> None:
    bind = op.get_bind()
    rows = bind.execute(sa.select(_RESOURCES)).all()
    by_key = {row.key: row for row in rows}
    for row in rows:
        if row.type == "Microsoft.Peering/peerings":
            asn = by_key[row.status["peerAsn"]]
            request = {
                "flow": row.status["flow"],
                "asn": asn.document["properties"]["peerAsn"],
                "peer_asn": asn.id,
                "metro": row.document["properties"].get("peeringLocation", ""),
                "direct_type": row.status["directType"],
                "sku": row.document["sku"]["name"],
                "location": row.document["location"],
            }
            status: _Json = {"request": request}
        else:
            status = _OTHERS[row.type](row.document, row.status)
        bind.execute(_RESOURCES.update().where(_RESOURCES.c.key == row.key).values(status=status))
