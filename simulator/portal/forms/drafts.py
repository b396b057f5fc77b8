"""What people have filled in and not sent yet: kept in the lab's database, so that a reload, Back, another tab and a
restart of the server lose nothing. Each draft has an address of its own, so that two browsers do not meet in one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from simulator.azure.model.resources import Json
from simulator.azure.provider.provider import Provider

KEPT: Final = 100
"""Drafts; of more the oldest is dropped (simulator)."""
CONNECTIONS: Final = 120
"""Of one draft: more than the API lets a peering have, so that the API says so (simulator)."""
_KEY: Final = "portal-drafts"


@dataclass(slots=True)
class DraftConnection:
    """One line of "Peering connections"."""

    identifier: str
    """Its connectionIdentifier: the same however often it is saved."""
    values: dict[str, str]
    kept: Json | None = None
    """The document of a legacy connection, which is converted as it runs."""


@dataclass(slots=True)
class Draft:
    """One form on its way."""

    id: str
    kind: str
    """`peering`, `asn` or `service`."""
    values: dict[str, str] = field(default_factory=dict)
    connections: list[DraftConnection] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)
    """Steps that were filled in: only these show what is wrong with them."""
    made: str = ""
    """The ARM id of the resource that it became; then nothing else of it is kept."""

    def connection(self, identifier: str) -> DraftConnection | None:
        return next((each for each in self.connections if each.identifier == identifier), None)


class Drafts:
    """Every draft of a lab."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        saved = provider.unit.store.setting(_KEY) or {}
        self._drafts = {each["id"]: _read(each) for each in saved.get("drafts", ())}

    def new(self, kind: str, values: Mapping[str, str]) -> Draft:
        draft = Draft(secrets.token_urlsafe(9), kind, dict(values))
        self.save(draft)
        return draft

    def get(self, identifier: str, kind: str) -> Draft | None:
        found = self._drafts.get(identifier)
        return found if found is not None and found.kind == kind else None

    def save(self, draft: Draft) -> None:
        """Keep it as the newest. Raises StoreError."""
        self._drafts.pop(draft.id, None)
        self._drafts[draft.id] = draft
        while len(self._drafts) > KEPT:
            del self._drafts[next(iter(self._drafts))]
        with self._provider.unit.transaction() as transaction:
            transaction.set(_KEY, {"drafts": [asdict(each) for each in self._drafts.values()]})

    def done(self, draft: Draft, made: str) -> None:
        """It became a resource: keep which, and none of its keys."""
        self.save(Draft(draft.id, draft.kind, made=made))


def _read(saved: dict[str, Any]) -> Draft:
    return Draft(**{**saved, "connections": [DraftConnection(**each) for each in saved["connections"]]})


def new_identifier() -> str:
    """A connectionIdentifier."""
    return str(uuid4()).upper()


_OF: WeakKeyDictionary[Provider, Drafts] = WeakKeyDictionary()


def drafts(provider: Provider) -> Drafts:
    """Those of a lab."""
    found = _OF.get(provider)
    if found is None:
        found = _OF[provider] = Drafts(provider)
    return found
