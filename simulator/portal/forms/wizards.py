"""The forms of several steps as a table: which fields each step has, and the resource that they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from simulator.azure.model.resources import Json
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.ids import ResourceId
from simulator.azure.rest.review import RequestReview, ReviewFault, review
from simulator.portal.forms.drafts import Draft
from simulator.portal.forms.field import Choice, FormField, Values, field_of, fill, split
from simulator.portal.forms.known import (
    DEFAULT_SUBSCRIPTION,
    groups,
    metros,
    peer_asns,
    regions,
    subscriptions,
)
from simulator.portal.forms.peering_fields import (
    BASICS,
    CONFIGURATION,
    CONNECTION_FIELDS,
    CONNECTIONS,
    EXISTING_GROUP,
    document,
    place_of_target,
    use_of,
)
from simulator.portal.forms.resource_fields import PEER_ASN_FIELDS, SERVICE_BASICS, SERVICE_CONFIGURATION

REVIEW: Final = "review"
_UNUSED: Final = "turnup-" + "0" * 40
"""A name that no resource has, for what is refused by its own name alone."""


@dataclass(frozen=True, slots=True)
class WizardStep:
    """One tab."""

    name: str
    label: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class Wizard:
    """One form of several steps; the last, "Review + create", asks nothing."""

    kind: str
    base: str
    """The page that begins one; what is on its way is below it."""
    title: str
    lead: str
    type: str
    """The ARM type, `peerings`."""
    steps: tuple[WizardStep, ...]
    back: tuple[str, str]
    """The list that the resource will be in: its name and its page."""

    def step(self, name: str) -> WizardStep | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def names(self) -> list[str]:
        """Those of all steps."""
        return [*(step.name for step in self.steps), REVIEW]

    def after(self, name: str) -> str:
        """The name of the next step."""
        return self.names[min(self.names.index(name) + 1, len(self.names) - 1)]

    def before(self, name: str) -> str:
        """The name of the step before; empty: it is the first."""
        at = self.names.index(name)
        return self.names[at - 1] if at else ""

    def label(self, name: str) -> str:
        step = self.step(name)
        return step.label if step is not None else "Review + create"

    def page(self, draft: Draft, step: str) -> str:
        """The address of a step."""
        return f"{self.base}/{draft.id}/{step}" if draft.id else self.base

    @property
    def fields(self) -> tuple[FormField, ...]:
        return tuple(each for step in self.steps for each in step.fields)


WIZARDS: Final[Mapping[str, Wizard]] = {
    wizard.kind: wizard
    for wizard in (
        Wizard(
            "peering",
            "/create",
            "Create a Peering",
            "",
            "peerings",
            (
                WizardStep("basics", "Basics", BASICS),
                WizardStep("configuration", "Configuration", CONFIGURATION),
            ),
            ("Peerings", "/"),
        ),
        Wizard(
            "asn",
            "/asns/create",
            "Associate a Peer ASN",
            "Before you can peer, Microsoft has to know that the ASN is yours. Its review takes up to 12 hours.",
            "peerAsns",
            (WizardStep("basics", "Basics", PEER_ASN_FIELDS),),
            ("Peer ASNs", "/asns"),
        ),
        Wizard(
            "service",
            "/create-service",
            "Create a peering service connection",
            "For a customer of a Peering Service provider.",
            "peeringServices",
            (
                WizardStep("basics", "Basics", SERVICE_BASICS),
                WizardStep("configuration", "Configuration", SERVICE_CONFIGURATION),
            ),
            ("Peering Services", "/peering-services"),
        ),
    )
}


def group_of(values: Values) -> str:
    """The resource group that is asked for."""
    return values.get("group" if values.get("group-choice") == EXISTING_GROUP else "new-group", "")


def resource_of(wizard: Wizard, values: Values) -> ResourceId:
    """The ARM id of what is asked for; its names are whatever was typed."""
    group = "" if wizard.kind == "asn" else group_of(values)
    return ResourceId(values.get("subscription", ""), group, (wizard.type,), (values.get("name", ""),))


def document_of(draft: Draft) -> Json:
    """The ARM document that a draft makes."""
    if draft.kind == "peering":
        kept = {each.identifier: each.kept for each in draft.connections if each.kept is not None}
        return document(draft.values, [(each.identifier, each.values) for each in draft.connections], kept)
    made = fill({}, WIZARDS[draft.kind].fields, draft.values)
    if draft.kind == "service":
        made["location"] = draft.values.get("region", "")
        made.setdefault("properties", {})
    return made


def reviewed(provider: Provider, draft: Draft) -> RequestReview:
    """What the API would say to a draft. A name that a resource has already is refused: to PUT it would change that.
    A region that comes with a group which is not chosen yet is not missed: the group is."""
    found = _reviewed(provider, draft)
    if draft.values.get("group-choice") == EXISTING_GROUP and not draft.values.get("group"):
        return replace(found, faults=tuple(each for each in found.faults if each.target != "location"))
    return found


def _reviewed(provider: Provider, draft: Draft) -> RequestReview:
    resource = resource_of(WIZARDS[draft.kind], draft.values)
    if resource.key not in provider.unit.resources:
        return review(provider, resource, document_of(draft))
    text = f"There is a resource of this name already: {resource}. Choose another name, or change that one."
    found = review(provider, replace(resource, names=(_UNUSED,)), document_of(draft))
    return RequestReview((ReviewFault("name", text, "Conflict"), *found.faults), found.warnings)


@dataclass(frozen=True, slots=True)
class FaultPlace:
    """Where a fault is shown."""

    step: str
    """Empty: in no step."""
    field: str
    """The name of the input; empty: the step as a whole."""
    connection: int | None = None


def place_of(wizard: Wizard, draft: Draft, fault: ReviewFault) -> FaultPlace:
    """The step and the field that a fault is about."""
    index, inside = split(fault.target)
    if wizard.kind == "peering" and index is not None:
        return FaultPlace("configuration", field_of(inside, CONNECTION_FIELDS[use_of(draft.values)]), index)
    name = fault.target if fault.target in ("subscription", "name") else ""
    if fault.target == "group":
        name = "group" if draft.values.get("group-choice") == EXISTING_GROUP else "new-group"
    if not name and wizard.kind == "peering":
        name = place_of_target(fault.target)
    name = name or field_of(fault.target, wizard.fields)
    if name == CONNECTIONS:
        return FaultPlace("configuration", name)
    step = next((step.name for step in wizard.steps if any(each.name == name for each in step.fields)), "")
    return FaultPlace(step, name if step else "")


async def choices(provider: Provider, wizard: Wizard, step: WizardStep, values: Values) -> dict[str, list[Choice]]:
    """What there is to choose from in this lab, by the names of a step's fields."""
    names = {each.name for each in step.fields}
    subscription = values.get("subscription") or DEFAULT_SUBSCRIPTION
    found: dict[str, list[Choice]] = {}
    if "subscription" in names:
        found["subscription"] = [Choice(each, each) for each in subscriptions(provider)]
    if "group" in names:
        found["group"] = [Choice(each, each) for each in groups(provider, subscription)]
    if "region" in names:
        found["region"] = await regions(provider)
    if "peer-asn" in names:
        found["peer-asn"] = peer_asns(provider, subscription)
    if "metro" in names:
        found["metro"] = await metros(provider)
    if wizard.kind == "service" and "provider" in names:
        providers = provider.services.providers()
        found["provider"] = [Choice(each.name, each.name) for each in providers]
        places = await metros(provider)
        found["primary"] = [Choice("", "Any"), *places]
        found["backup"] = [Choice("", "None: over the Internet"), *places]
    return found


def start_values(provider: Provider, wizard: Wizard) -> dict[str, str]:
    """What a new form begins with."""
    values = {each.name: each.default for each in wizard.fields}
    values["subscription"] = subscriptions(provider)[0]
    if groups(provider, values["subscription"]):
        values["group-choice"] = EXISTING_GROUP
    return values
