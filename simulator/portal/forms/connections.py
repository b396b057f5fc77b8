"""The page of one connection of a new peering: "Exchange Peering Connection" or "Direct Peering Connection"."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from simulator.portal.forms.drafts import Draft, DraftConnection, drafts
from simulator.portal.forms.field import Choice, Filled, FormField, defaults, sentence, taken
from simulator.portal.forms.known import facility_choices
from simulator.portal.forms.peering_fields import CONNECTION_FIELDS, USES, Use, use_of
from simulator.portal.forms.wizard import found
from simulator.portal.forms.wizards import WIZARDS, place_of, reviewed
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageError, PortalPage, Visit

_WIZARD: Final = WIZARDS["peering"]


def title_of(use: Use) -> str:
    """The document's title of the form."""
    return f"{USES[use].peering_type} Peering Connection"


async def show(visit: Visit) -> Response:
    draft = found(visit, _WIZARD)
    if draft.made:
        return visit.go(_WIZARD.page(draft, "deployment"))
    identifier, use = visit.path["identifier"], use_of(draft.values)
    fields, metro = CONNECTION_FIELDS[use], draft.values.get("metro", "")
    there = draft.connection(identifier)
    if there is not None and there.kept is not None:
        raise PageError(409, "A legacy connection is converted as it runs: it is changed after its conversion.")
    choices = {"facility": await facility_choices(visit.provider, use, metro)}
    values = there.values if there is not None else begin_with(fields, choices["facility"])
    problems = warnings = NO_PROBLEMS
    if there is not None:
        problems, warnings = _problems(visit, draft, identifier)
    title = title_of(use)
    return visit.page(
        "forms/connection.html",
        title,
        problems=problems,
        crumbs=[("Peerings", "/"), ("Create a Peering", _WIZARD.page(draft, "configuration")), (title, "")],
        lead=f"{use.value}, at {metro}." if metro else f"{use.value}.",
        filled=Filled(fields, dict(values), choices),
        warnings=warnings,
        back=_WIZARD.page(draft, "configuration"),
        new=there is None,
    )


def begin_with(fields: tuple[FormField, ...], facilities: list[Choice]) -> dict[str, str]:
    """The values of a new connection: the only facility is chosen."""
    values = defaults(fields)
    if len(facilities) == 1:
        values["facility"] = facilities[0].value
    return values


def _problems(visit: Visit, draft: Draft, identifier: str) -> tuple[Problems, Problems]:
    """What is wrong with this connection, and what only clients would refuse."""
    review = reviewed(visit.provider, draft)
    index = next(number for number, each in enumerate(draft.connections) if each.identifier == identifier)
    names = [each.name for each in CONNECTION_FIELDS[use_of(draft.values)]]
    told = []
    for faults in (review.faults, review.warnings):
        texts: dict[str, tuple[str, ...]] = {}
        for fault in faults:
            at = place_of(_WIZARD, draft, fault)
            if at.connection == index:
                text = sentence(CONNECTION_FIELDS[use_of(draft.values)], at.field, fault.text)
                texts[at.field] = (*texts.get(at.field, ()), text)
        told.append(Problems(texts).ordered(names))
    return told[0], told[1]


async def save(visit: Visit) -> Response:
    """Keep the connection, right or wrong; with faults its page says so."""
    draft = found(visit, _WIZARD)
    if draft.made:
        return visit.go(_WIZARD.page(draft, "deployment"))
    identifier, use = visit.path["identifier"], use_of(draft.values)
    there = draft.connection(identifier)
    if there is None:
        there = DraftConnection(_guid(identifier), {})
        draft.connections.append(there)
    there.values = taken(CONNECTION_FIELDS[use], dict(visit.form.pairs))
    if "configuration" not in draft.visited:
        draft.visited.append("configuration")
    drafts(visit.provider).save(draft)
    problems, _ = _problems(visit, draft, identifier)
    return visit.go(_WIZARD.page(draft, f"connections/{identifier}" if problems else "configuration#f-connections"))


def _guid(identifier: str) -> str:
    if len(identifier) > 40:
        raise PageError(404, "This is no connection of this form.")
    return identifier


PAGES: Final = (
    PortalPage("GET", f"{_WIZARD.base}/{{draft}}/connections/{{identifier}}", show),
    PortalPage("POST", f"{_WIZARD.base}/{{draft}}/connections/{{identifier}}", save),
)
