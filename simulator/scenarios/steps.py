"""Every step that a scenario can take: its name, what it takes, what it does. The documentation is drawn from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from simulator.engine.verbs import VERBS
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.values import FamilyWord, Subject, Texts
from simulator.topology.announce import PrefixList
from simulator.topology.values import Asn, Md5Key


class Said(Subject):
    """What somebody decides or asks for."""

    message: str = Field(default="", description="in whose words; where Microsoft refuses, the errorMessage")


class AskedLimits(Subject):
    """The maximum of prefixes that the peer asks for."""

    ipv4: Annotated[int, Field(ge=1)] | None = Field(default=None, description="maxPrefixesAdvertisedV4")
    ipv6: Annotated[int, Field(ge=1)] | None = Field(default=None, description="maxPrefixesAdvertisedV6")


class AskedKey(Subject):
    """What the peer changes of its request."""

    md5: Md5Key = Field(repr=False, description="another md5AuthenticationKey; empty for none")


class AskedAsn(Subject):
    """A customer behind a route server."""

    asn: Asn = Field(description="the customer's")


def _routes(given: Any) -> Any:
    """A prefix alone is a route without more attributes."""
    entries = given if isinstance(given, list) else [given]
    return [{"prefixes": [each]} if isinstance(each, str) and " " not in each.strip() else each for each in entries]


class AskedRoutes(Subject):
    """Routes of a peer."""

    routes: Annotated[list[str | PrefixList], BeforeValidator(_routes)] = Field(
        min_length=1, description="prefixes, or as a topology's `announce`: prefix lists, and lines in ExaBGP's syntax"
    )


class AskedPrefixes(Subject):
    """Prefixes of a peer."""

    prefixes: Texts = Field(description="one prefix, or several")


class AskedFault(Subject):
    """A fault for a lab that runs."""

    name: str = Field(description="one of `turnup fault list`")
    family: FamilyWord | None = Field(
        default=None, description="whose sessions have it; the first family that fits if omitted"
    )


class AskedMend(Subject):
    """Faults that are taken out."""

    name: str | None = Field(default=None, description="a fault that was put in; all if omitted")
    family: FamilyWord | None = Field(default=None, description="those of this family alone")


class Awaits(Conditions):
    """What is waited for."""

    seconds: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        default=None, description="only time, where time is what is tried: a timer, a limit"
    )


@dataclass(frozen=True, slots=True)
class StepKind:
    """One step of the vocabulary."""

    name: str
    takes: type[Subject]
    """The schema of its value."""
    doc: str
    """A sentence."""
    short: str = ""
    """The key that a value without keys stands for; empty where it has none."""
    group: str = "The life cycle"

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


def _life(name: str, doc: str, takes: type[Subject] = Said, short: str = "of") -> StepKind:
    return StepKind(name, takes, doc, short)


def _router(name: str, doc: str, takes: type[Subject] = Subject, short: str = "of") -> StepKind:
    return StepKind(name, takes, doc, short, "The peer's router and its links")


def _looking(name: str, doc: str, takes: type[Subject]) -> StepKind:
    return StepKind(name, takes, doc, "", "Waiting and expecting")


STEPS: Final = {
    kind.name: kind
    for kind in (
        _life("request", "The peer requests the peering; refused unless its PeerAsn is Approved."),
        *(_life(verb.name, verb.summary) for verb in VERBS.values()),
        _life("delete", "The peer deletes its request, or its peering."),
        _life("remove", "Microsoft closes the sessions of a connection in PendingRemove, and it is gone."),
        _life("find-conflict", "An address of the request turns out to be taken; the message is the errorMessage."),
        _life("fail-provisioning", "Microsoft's automation cannot configure the sessions; the message says why."),
        _life("change-max-prefixes", "The peer asks for another maximum of prefixes.", AskedLimits, ""),
        _life("modify", "The peer changes its request: another MD5 key.", AskedKey, "md5"),
        _life("register-asn", "The exchange registers a customer's ASN: its routes are taken.", AskedAsn, "asn"),
        _life("find-legacy", "A legacy peering runs already: it is Active, and no Azure resource knows it."),
        _life("request-conversion", "The peer asks to convert a legacy peering into an Azure resource."),
        _life("withdraw-conversion", "The peer takes its request for a conversion back."),
        _router("start", "The peer's router starts with its configuration; `notify` does so where it does not run."),
        _router(
            "announce", "The peer announces these routes besides its others; sessions stay.", AskedRoutes, "routes"
        ),
        _router("withdraw", "The peer withdraws routes; sessions stay.", AskedPrefixes, "prefixes"),
        _router("kill", "The peer's router dies (SIGKILL)."),
        _router("freeze", "The peer's router stands still (SIGSTOP): TCP lives on, and no KEEPALIVE comes."),
        _router("thaw", "A frozen router goes on (SIGCONT)."),
        _router("restart", "The peer's router is stopped, and started again with its configuration."),
        _router("break-link", "No IP packet passes the links of the peer's router any more; needs link: netns."),
        _router("mend-link", "The broken links pass everything again."),
        _router(
            "fault",
            "A fault is put into the lab that runs: at the peer's router, on its link, or at the edge (see Faults).",
            AskedFault,
            "name",
        ),
        _router("mend", "What the fault changed goes back to what it was.", AskedMend, "name"),
        _looking(
            "wait",
            "Wait until all of this holds, at most `within` seconds (the validation's deadline and 5 where omitted).",
            Awaits,
        ),
        _looking("expect", "All of this holds, or comes to hold `within` seconds (5 where omitted).", Conditions),
    )
}
"""By name, in the order of the documentation."""


def filled(kind: StepKind, given: Any) -> Any:
    """`approve:` alone is of everything; a value without keys is that of the key that matters most."""
    if given is None:
        return {}
    return {kind.short: given} if kind.short and not isinstance(given, dict) else given
