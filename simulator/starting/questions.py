"""What is asked, in this order, of what nothing else has said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.starting import reading
from simulator.starting.facts import ExchangeFacts, RouterFacts, StartError
from simulator.starting.plan import StartPlan, Wishes, plan


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


QUESTIONS: Final = (
    Question(
        "exchange",
        "Exchange (PeeringDB's number, or a part of its name)",
        str.strip,
        lambda found: found.exchange.name,
        lambda found: "exchange" not in found.placeholders,
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
    for question in QUESTIONS:
        before = plan(wishes, exports, own)
        if getattr(wishes, question.field) or question.is_known(before):
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
