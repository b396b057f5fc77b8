"""The pages of the forms of several steps: each step, the review, and the deployment.

Every button saves what was typed before it does anything else, and every POST ends in a redirect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import Response

from simulator.azure.model.resources import Json, PeerAsn
from simulator.azure.provider.records import LiveConnection
from simulator.azure.rest.errors import ArmError
from simulator.azure.rest.ids import parse
from simulator.azure.rest.review import RequestReview, ReviewFault
from simulator.connection.states import ConnectionState
from simulator.engine.awaited import awaited
from simulator.portal.arm import ask
from simulator.portal.forms.drafts import CONNECTIONS as MOST
from simulator.portal.forms.drafts import Draft, drafts, new_identifier
from simulator.portal.forms.field import Choice, Filled, FormField, InputKind, Values, sentence, taken
from simulator.portal.forms.known import facility_names, region_of_group
from simulator.portal.forms.legacy import legacy_documents, take_legacy
from simulator.portal.forms.peering_fields import (
    CONNECTION_FIELDS,
    CONNECTIONS,
    CONNECTIONS_PART,
    EXISTING_GROUP,
    Use,
    use_of,
)
from simulator.portal.forms.wizards import (
    REVIEW,
    WIZARDS,
    FaultPlace,
    Wizard,
    WizardStep,
    choices,
    document_of,
    place_of,
    resource_of,
    reviewed,
    start_values,
)
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageAnswer, PageError, PortalPage, Visit


def found(visit: Visit, wizard: Wizard) -> Draft:
    """The draft that the path names. Raises PageError 404."""
    draft = drafts(visit.provider).get(visit.path["draft"], wizard.kind)
    if draft is None:
        raise PageError(404, f"This form is not there any more: the newest are kept. Begin again at {wizard.base}.")
    return draft


# --- the steps ---


async def start(wizard: Wizard, visit: Visit) -> Response:
    """An empty form. Nothing is kept before its first button."""
    draft = Draft("", wizard.kind, start_values(visit.provider, wizard))
    for name in ("subscription", "group"):
        if visit.query(name):
            draft.values[name] = visit.query(name)
    return await _step(visit, wizard, draft, wizard.steps[0])


async def begin(wizard: Wizard, visit: Visit) -> Response:
    draft = drafts(visit.provider).new(wizard.kind, start_values(visit.provider, wizard))
    return await _act(visit, wizard, draft, wizard.steps[0])


async def show(wizard: Wizard, step: WizardStep, visit: Visit) -> Response:
    draft = found(visit, wizard)
    if draft.made:
        return visit.go(wizard.page(draft, "deployment"))
    return await _step(visit, wizard, draft, step)


async def act(wizard: Wizard, step: WizardStep, visit: Visit) -> Response:
    draft = found(visit, wizard)
    if draft.made:
        return visit.go(wizard.page(draft, "deployment"))
    return await _act(visit, wizard, draft, step)


async def _step(visit: Visit, wizard: Wizard, draft: Draft, step: WizardStep) -> Response:
    at = await choices(visit.provider, wizard, step, draft.values)
    filled = Filled(step.fields, draft.values, at)
    problems, warnings = NO_PROBLEMS, NO_PROBLEMS
    if step.name in draft.visited:
        review = reviewed(visit.provider, draft)
        problems = problems_of(wizard, draft, review.faults, step.name)
        warnings = problems_of(wizard, draft, review.warnings, step.name)
    return visit.page(
        "forms/step.html",
        wizard.title,
        problems=problems,
        crumbs=[wizard.back, (wizard.title, "")],
        lead=wizard.lead,
        wizard=wizard,
        draft=draft,
        step=step.name,
        filled=filled,
        warnings=warnings,
        rows=await _rows(visit, draft, problems) if step.name == "configuration" else None,
        legacy=await legacy_documents(visit.provider, draft) if step.name == "configuration" else [],
        connections_hint=_HINTS[use_of(draft.values)],
    )


_HINTS: Final[Mapping[Use, str]] = {
    Use.EXCHANGE: "",
    Use.DIRECT: "A Direct peering should have two, to two of Microsoft's routers.",
    Use.ROUTE_SERVER: "With exchange route server one is enough.",
    Use.VOICE: "With Voice there must be two, to two of Microsoft's routers.",
}
"""How many connections a peering has (walkthroughs)."""


async def _act(visit: Visit, wizard: Wizard, draft: Draft, step: WizardStep) -> Response:
    draft.values |= taken(step.fields, dict(visit.form.pairs))
    if draft.values.get("group-choice") == EXISTING_GROUP:
        group = draft.values.get("group", "")
        draft.values["region"] = region_of_group(visit.provider, draft.values["subscription"], group)
    what, _, of = visit.form["do"].partition(":")
    if what == "refresh":  # what another subscription has is not chosen here
        offered = await choices(visit.provider, wizard, step, draft.values)
        for name in {"peer-asn", "group"} & offered.keys():
            if all(each.value != draft.values.get(name) for each in offered[name]):
                draft.values[name] = ""
    if what not in ("refresh", "previous") and step.name not in draft.visited:
        draft.visited.append(step.name)
    if what == "remove":
        draft.connections = [each for each in draft.connections if each.identifier != of]
    if what == "convert":
        await take_legacy(visit.provider, draft)
    drafts(visit.provider).save(draft)
    return visit.go(wizard.page(draft, _next_page(visit, wizard, draft, step, what, of)))


def _next_page(visit: Visit, wizard: Wizard, draft: Draft, step: WizardStep, what: str, of: str) -> str:
    match what:
        case "refresh":
            return f"{step.name}#f-subscription"
        case "previous":
            return wizard.before(step.name) or step.name
        case "add" if len(draft.connections) < MOST:
            return f"connections/{new_identifier()}"
        case "edit" if draft.connection(of) is not None:
            return f"connections/{of}"
        case "remove" | "convert" | "add" | "edit":
            return f"{step.name}#f-{CONNECTIONS}"
        case "review":
            return REVIEW
    faults = reviewed(visit.provider, draft).faults
    here = any(place_of(wizard, draft, fault).step == step.name for fault in faults)
    return step.name if here else wizard.after(step.name)


def problems_of(wizard: Wizard, draft: Draft, faults: Iterable[ReviewFault], step: str = "") -> Problems:
    """What is wrong, by the names of the inputs in their order; with `step` only there. A connection has its line in
    the list."""
    texts: dict[str, tuple[str, ...]] = {}
    for fault in faults:
        at = place_of(wizard, draft, fault)
        if step and at.step != step:
            continue
        name, text = at.field, fault.text
        if at.field == CONNECTIONS and not draft.connections:
            text = 'There is no connection yet: "Create new" adds one'
        if at.connection is None:
            text = sentence((*wizard.fields, CONNECTIONS_PART), at.field, text)
        if at.connection is not None:
            text = f"Connection {at.connection + 1}: {_worded(draft, at)}{text}"
            name = f"connection-{at.connection}" if step else f"connection-{at.connection}-{at.field}"
        texts[name] = (*texts.get(name, ()), text)
    return Problems(texts).ordered([each.name for each in wizard.fields])


def _worded(draft: Draft, at: FaultPlace) -> str:
    label = next((each.label for each in CONNECTION_FIELDS[use_of(draft.values)] if each.name == at.field), "")
    return f"{label}: " if label else ""


# --- the list of connections ---


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """One line of "Peering connections"."""

    identifier: str
    facility: str
    addresses: list[str]
    limits: str
    legacy: bool


async def _rows(visit: Visit, draft: Draft, problems: Problems) -> list[ConnectionLine] | None:
    if draft.kind != "peering":
        return None
    names = await facility_names(visit.provider, use_of(draft.values))
    return [
        ConnectionLine(
            each.identifier,
            names.get(each.values.get("facility", ""), each.values.get("facility", "")) or "no facility yet",
            [each.values[name] for name in _ADDRESSES if each.values.get(name)],
            " / ".join(each.values.get(f"limit-{version}") or "default" for version in (4, 6)),
            each.kept is not None,
        )
        for each in draft.connections
    ]


_ADDRESSES: Final = ("peer-4", "peer-6", "prefix-4", "prefix-6")


# --- review ---


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One answer of a form."""

    name: str
    label: str
    value: str
    page: str
    """Where it can be changed."""


@dataclass(frozen=True, slots=True)
class SummaryPart:
    """The answers of a step, or of a connection."""

    title: str
    page: str
    lines: list[SummaryLine]


async def review_page(wizard: Wizard, visit: Visit) -> Response:
    draft = found(visit, wizard)
    if draft.made:
        return visit.go(wizard.page(draft, "deployment"))
    review = reviewed(visit.provider, draft)
    return await _review(visit, wizard, draft, review, problems_of(wizard, draft, review.faults))


async def _review(
    visit: Visit, wizard: Wizard, draft: Draft, review: RequestReview, problems: Problems, status: int = 200
) -> Response:
    return visit.page(
        "forms/review.html",
        wizard.title,
        status=status,
        problems=problems,
        crumbs=[wizard.back, (wizard.title, "")],
        wizard=wizard,
        draft=draft,
        step=REVIEW,
        passed=review.passed and not problems,
        parts=await _parts(visit, wizard, draft),
        warnings=problems_of(wizard, draft, review.warnings),
        path=str(resource_of(wizard, draft.values)),
        document=json.dumps(_without_keys(document_of(draft)), indent=2, ensure_ascii=False),
    )


async def _parts(visit: Visit, wizard: Wizard, draft: Draft) -> list[SummaryPart]:
    parts = []
    for step in wizard.steps:
        at = await choices(visit.provider, wizard, step, draft.values)
        page = wizard.page(draft, step.name)
        parts.append(SummaryPart(step.label, page, _lines(step.fields, draft.values, at, page, "")))
    if draft.kind == "peering":
        fields = CONNECTION_FIELDS[use_of(draft.values)]
        names = await facility_names(visit.provider, use_of(draft.values))
        at = {"facility": [Choice(number, name) for number, name in names.items()]}
        for index, each in enumerate(draft.connections):
            page = wizard.page(draft, f"connections/{each.identifier}")
            lines = _lines(fields, each.values, at, page, f"connection-{index}-")
            parts.append(SummaryPart(f"Connection {index + 1}{' (legacy)' if each.kept else ''}", page, lines))
    return parts


def _lines(
    fields: Iterable[FormField], values: Values, at: dict[str, list[Choice]], page: str, prefix: str
) -> list[SummaryLine]:
    found = []
    for each in fields:
        if each.asked(values) or each.name == "region":
            text = values.get(each.name, "")
            label = next((one.label for one in at.get(each.name, each.choices) if one.value == text), text)
            if each.kind is InputKind.SECRET and text:
                label = f"a key of {len(text)} characters"
            found.append(SummaryLine(f"{prefix}{each.name}", each.label, label, f"{page}#f-{each.name}"))
    return found


def _without_keys(document: Json) -> Json:
    """A document that can be shown: keys are in no page that does not ask for them."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: "…" if key.endswith(("AuthenticationKey", "PrefixKey")) else clean(each)
                for key, each in value.items()
            }
        return [clean(each) for each in value] if isinstance(value, list) else value

    return dict(clean(document))


async def create(wizard: Wizard, visit: Visit) -> Response:
    """Send the request. Sent twice it is one: the second finds what the first has made."""
    draft = found(visit, wizard)
    if draft.made:
        return visit.go(wizard.page(draft, "deployment"))
    for step in wizard.steps:
        if step.name not in draft.visited:
            draft.visited.append(step.name)
    review = reviewed(visit.provider, draft)
    if not review.passed:
        drafts(visit.provider).save(draft)
        return visit.go(wizard.page(draft, REVIEW))
    resource = resource_of(wizard, draft.values)
    try:
        await ask(visit.provider, "PUT", str(resource), document_of(draft))
    except ArmError as error:
        return await _review(visit, wizard, draft, review, Problems.of(error), error.status)
    drafts(visit.provider).done(draft, str(resource))
    return visit.go(wizard.page(draft, "deployment"))


# --- the deployment ---


@dataclass(frozen=True, slots=True)
class DeployedLine:
    """What a part of a new resource waits for."""

    name: str
    state: ConnectionState
    waits: str
    error: str


async def deployment(wizard: Wizard, visit: Visit) -> Response:
    """The document is there at once; the turn-up goes on, and the page with it."""
    draft = found(visit, wizard)
    if not draft.made:
        return visit.go(wizard.page(draft, REVIEW))
    resource = parse(draft.made)
    there = visit.provider.unit.resources.get(resource.key)
    record = visit.provider.peering(resource.key)
    return visit.page(
        "forms/deployment.html",
        "Your deployment is complete" if there is not None else "The resource is gone",
        crumbs=[wizard.back, (wizard.title, "")],
        wizard=wizard,
        resource=resource,
        there=there,
        asn=visit.provider.found(resource.key, PeerAsn),
        lines=[_deployed(live) for live in record.connections] if record is not None else [],
    )


def _deployed(live: LiveConnection) -> DeployedLine:
    record = live.record
    return DeployedLine(live.id, record.connection.shown_state, awaited(record).what, record.connection.error_message)


def _pages(wizard: Wizard) -> list[PortalPage]:
    base = f"{wizard.base}/{{draft}}"
    bound: Callable[..., PageAnswer] = partial
    return [
        PortalPage("GET", wizard.base, bound(start, wizard)),
        PortalPage("POST", wizard.base, bound(begin, wizard)),
        *(PortalPage("GET", f"{base}/{step.name}", bound(show, wizard, step)) for step in wizard.steps),
        *(PortalPage("POST", f"{base}/{step.name}", bound(act, wizard, step)) for step in wizard.steps),
        PortalPage("GET", f"{base}/{REVIEW}", bound(review_page, wizard)),
        PortalPage("POST", f"{base}/{REVIEW}", bound(create, wizard)),
        PortalPage("GET", f"{base}/deployment", bound(deployment, wizard)),
    ]


PAGES: Final = tuple(page for wizard in WIZARDS.values() for page in _pages(wizard))
