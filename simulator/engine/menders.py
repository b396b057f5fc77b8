"""Who writes a session's remedies: its router's language, with what was agreed and the user's own file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from simulator.addresses import IpAddress
from simulator.diagnosis.about import About, Mender
from simulator.engine.peer_config import agreed_session, router_config
from simulator.routers.mender import RouterMender, mender
from simulator.routers.registry import ROUTERS
from simulator.topology.kinds import LANGUAGES
from simulator.topology.plan import SessionPlan

_REMEMBERED: Final = 64
"""Remedies of one session: it has few causes at a time, and each is asked for many times (simulator)."""


def mender_of(
    plan: SessionPlan, plans: Iterable[SessionPlan], microsoft: int, carried: tuple[IpAddress, IpAddress] | None
) -> Mender | None:
    """Of one session of AS `microsoft`; None where plain words have to do.

    `carried`: the edge's address and the peer's that a router outside of the lab is configured with, where they are not
    those that were agreed.
    """
    language = plan.peer.router_choice.format or plan.peer.router_kind
    return _Mender(language, plan, tuple(plans), microsoft, carried) if language in LANGUAGES else None


@dataclass
class _Mender:
    """Looks nothing up before a remedy is asked for: a router may announce thousands of routes."""

    language: str
    _plan: SessionPlan
    _plans: tuple[SessionPlan, ...]
    _microsoft: int
    _carried: tuple[IpAddress, IpAddress] | None
    _known: dict[tuple[str, About], str] = field(default_factory=dict)

    def remedy(self, cause: str, about: About) -> str:
        if (cause, about) not in self._known:
            if len(self._known) >= _REMEMBERED:  # a peer that changes its routes makes others without end
                self._known.clear()
            found = self._router
            self._known[cause, about] = found.remedy(cause, about) if found is not None else ""
        return self._known[cause, about]

    def look(self, about: About) -> str:
        return self._router.look(about) if self._router is not None else ""

    @cached_property
    def _router(self) -> RouterMender | None:
        plan = self._plan
        mine = [each for each in self._plans if each.peer.name == plan.peer.name]
        sessions = [agreed_session(each, self._microsoft) for each in mine]
        if self._carried is not None:
            edge, peer = self._carried
            sessions = [
                replace(each, local_address=peer, remote_address=edge, remote=replace(each.remote, host=edge))
                if each.name == plan.router_session
                else each
                for each in sessions
            ]
        config = router_config(plan.peer, sessions, mine)
        return mender(self.language, config, plan.router_session, ROUTERS[plan.peer.router_kind].own_file)
