"""The page of the guided rehearsal: its steps, the next one with its button."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from simulator.azure.provider.provider import Provider
from simulator.connection.connection import TransitionRefusedError
from simulator.engine.control import ConnectionRecord
from simulator.portal.overview import peering_path
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.portal.walkthrough import WalkStep


def peering_link(provider: Provider) -> str:
    """The page of the newest peering; empty before the first."""
    records = list(provider.peerings.records.values())
    return peering_path(records[-1]) if records else ""


def link_of(provider: Provider, step: WalkStep) -> tuple[str, str]:
    """(words, path) of where a step is done."""
    words, path = step.link
    here = peering_link(provider)
    if "{peering}" in path and not here:
        return "All peerings", "/"
    return words, path.replace("{peering}", here)


async def walkthrough(visit: Visit) -> Response:
    walk = visit.memory.walkthrough
    steps = walk.steps()
    current = walk.current()
    return visit.page(
        "walkthrough.html",
        "Walkthrough",
        is_on=walk.is_on,
        steps=[(step, done, link_of(visit.provider, step)) for step, done in steps],
        next=current,
        paused=walk.paused,
        connections=[(record, _refused(visit, record)) for record in visit.provider.control.records.values()][:12],
    )


def _refused(visit: Visit, record: ConnectionRecord) -> str:
    return record.connection.error_message


async def act(visit: Visit) -> Response:
    walk, what = visit.memory.walkthrough, visit.form["do"]
    if what == "start":
        walk.start()
        return visit.go("/walkthrough", "The walkthrough has begun: Microsoft's side is by hand")
    if what == "stop":
        walk.stop()
        return visit.go("/walkthrough", "The walkthrough is over; the lab goes on as it is")
    step = walk.current()
    if step is None or step.id != what or not step.verb:
        raise PageError(409, "That is not the next step: look at the walkthrough again.")
    if step.verb == "read":
        walk.read(step.id)
    elif step.verb == "lift":
        if not [walk.go_on(name) for name in walk.paused]:
            raise PageError(409, "No connection waits for the lift: its validation is not over.")
    else:
        await _each(visit.provider, step.verb)
    return visit.go("/walkthrough", f"Done: {step.title}")


async def _each(provider: Provider, verb: str) -> None:
    """Say the verb to every connection; refused when every one refuses."""
    refusals: list[TransitionRefusedError] = []
    records = list(provider.control.records.values())
    for record in records:
        try:
            await provider.operate(record, verb)
        except TransitionRefusedError as error:
            refusals.append(error)
    if not records:
        raise PageError(409, "There is no connection: request the peering first.")
    if len(refusals) == len(records):
        raise refusals[0]


PAGES: Final = (PortalPage("GET", "/walkthrough", walkthrough), PortalPage("POST", "/walkthrough", act))
