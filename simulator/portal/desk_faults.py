"""Faults put into the running lab by the person who plays Microsoft, for a class to find, and taken out again."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from simulator.faults.injection import InjectedFault, InjectionError
from simulator.places.errors import LabError
from simulator.portal.desk_frame import desk_page
from simulator.portal.visit import PageError, PortalPage, Visit


async def show(visit: Visit) -> Response:
    known = sorted(visit.faults.known, key=lambda each: (bool(each[1]), each[0].name))
    return desk_page(
        visit,
        "/desk/faults",
        "desk_faults.html",
        "Faults",
        active=visit.faults.active,
        choices=[(fault.name, f"{fault.name}: {fault.title}") for fault, why in known if not why],
        refused=[(fault, why) for fault, why in known if why],
        peers=[(peer.name, peer.name) for peer in visit.provider.topology.peers],
        name=visit.query("name"),
        peer=visit.query("peer"),
    )


async def put_in(visit: Visit) -> Response:
    form = visit.form
    try:
        fault = await visit.faults.inject(form["name"], form["peer"], form["family"])
    except (InjectionError, LabError) as error:
        raise PageError(409, str(error)) from None
    _tell(visit, fault, "in")
    return visit.go("/desk/faults", f"{fault.name} is in the lab, on {fault.family} of {fault.peer}")


async def take_out(visit: Visit) -> Response:
    try:
        fault = await visit.faults.remove(visit.form["id"])
    except (InjectionError, LabError) as error:
        raise PageError(409, str(error)) from None
    _tell(visit, fault, "out")
    return visit.go("/desk/faults", f"{fault.name} is taken out: all is as it was")


def _tell(visit: Visit, fault: InjectedFault, which: str) -> None:
    text = f"fault {which}: {fault.words}"
    visit.provider.unit.add_event(visit.provider.clock.now(), "warning", fault.peer, {"text": text})


PAGES: Final = (
    PortalPage("GET", "/desk/faults", show),
    PortalPage("POST", "/desk/faults", put_in),
    PortalPage("POST", "/desk/faults/remove", take_out),
)
