"""What is asked, in this order, of what nothing else has said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.starting import reading
from simulator.starting.facts import ExchangeFacts, RouterFacts, StartError
from simulator.starting.kinds import PEERING_KINDS, peering_kind, plan
from simulator.starting.plan import StartPlan, Wishes


@dataclass(frozen=True, slots=True)
class Question:
    """One value."""

    field: str
    """Of Wishes."""
    text: str
    read: Callable[[str], Any]
    """Raises StartError."""
    shown: Callable[[StartPlan], str]
    """What stands there if nothing is answered."""
    is_known: Callable[[StartPlan], bool]
    """Something else has said it."""
    kinds: tuple[str, ...] = PEERING_KINDS
    """The peerings that it is asked of."""


_AT_AN_EXCHANGE: Final = ("Exchange", "IxRs")
QUESTIONS: Final = (
    Question(
        "kind",
        "Kind of peering (Exchange: across an exchange's LAN; Direct: over private links; IxRs: you run an exchange)",
        peering_kind,
        lambda found: found.kind,
        lambda found: "exchange" not in found.placeholders,
    ),
    Question(
        "exchange",
        "Exchange (PeeringDB's number, or a part of its name)",
        str.strip,
        lambda found: found.exchange.name,
        lambda found: "exchange" not in found.placeholders,
        _AT_AN_EXCHANGE,
    ),
    Question(
        "asn",
        "Your ASN",
        lambda text: reading.asn(text, "your ASN"),
        lambda found: str(found.asn),
        lambda found: "asn" not in found.placeholders,
    ),
    Question(
        "addresses",
        "Your router's addresses on the exchange LAN (IPv4, IPv6 or both)",
        lambda text: reading.addresses(text.replace(",", " ").split(), "address"),
        lambda found: " ".join(map(str, found.addresses)),
        lambda found: "addresses" not in found.placeholders,
        ("Exchange",),
    ),
    Question(
        "addresses",
        "Your route servers' addresses on the LAN (IPv4, IPv6 or both)",
        lambda text: reading.addresses(text.replace(",", " ").split(), "address"),
        lambda found: " ".join(str(each) for server in found.servers for each in server if each is not None),
        lambda found: "addresses" not in found.placeholders,
        ("IxRs",),
    ),
    Question(
        "links",
        "The prefixes of your private links to Microsoft (IPv4 /30 or /31, IPv6 /126 or /127)",
        lambda text: reading.prefixes(text.replace(",", " ").split(), "link"),
        lambda found: " ".join(str(each) for link in found.links for each in link if each is not None),
        lambda found: "links" not in found.placeholders,
        ("Direct",),
    ),
    Question(
        "router",
        f"Your router ({', '.join(reading.ROUTERS)})",
        lambda text: reading.router(text.strip()),
        lambda found: found.router,
        lambda found: found.own is not None,
    ),
    Question(
        "prefixes",
        "The prefixes that you announce to Microsoft",
        lambda text: reading.prefixes(text.replace(",", " ").split(), "prefix"),
        lambda found: " ".join(map(str, found.prefixes)),
        lambda found: found.own is not None or "prefixes" not in found.placeholders,
    ),
)


def asked(
    wishes: Wishes,
    exports: Sequence[ExchangeFacts],
    own: RouterFacts | None,
    ask: Callable[[str, str], str],
    say: Callable[[str], None],
) -> Wishes:
    """The wishes with the answers. `ask` gets a question and what an empty answer means; a wrong answer is asked again.

    Raises StartError where even what is known already makes no sense.
    """
    said = {each.field for each in QUESTIONS if getattr(wishes, each.field)}
    for question in QUESTIONS:
        before = plan(wishes, exports, own)
        if question.field in said or before.kind not in question.kinds or question.is_known(before):
            continue
        while True:
            answer = ask(question.text, question.shown(before))
            if not answer.strip() or answer.strip() == question.shown(before):
                break
            try:
                wished = replace(wishes, **{question.field: question.read(answer)})
                plan(wished, exports, own)
            except StartError as error:
                say(str(error))
                continue
            wishes = wished
            break
    return wishes
