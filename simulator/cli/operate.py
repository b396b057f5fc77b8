"""Microsoft's side of a running server: approve, reject, notify and so on, and what there is to look at."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import datetime
from typing import Annotated, Any

import typer

from simulator.cli.exit_codes import FAILED, INTERRUPTED, PASSED, USAGE, fail
from simulator.cli.formats import FormatOption, JsonObject, RowFormat, cells, show, write_csv
from simulator.cli.remote import SERVER, SUBSCRIPTION, Remote, ServerOption, SubscriptionOption
from simulator.ending_signals import ending_signals
from simulator.engine.verbs import VERBS
from simulator.views.check import Side
from simulator.views.diagnosis import WHO_ACTS, to_do
from simulator.views.document import key
from simulator.views.states import style_named
from simulator.views.times import up_down


def register(app: typer.Typer) -> None:
    """Add every command to `turnup`."""
    for verb in VERBS.values():
        _action(app, verb.name, verb.summary)
    app.command()(status)
    app.command()(events)
    app.command()(checks)
    app.command()(settings)


Target = Annotated[str, typer.Argument(metavar="PEERING|CONNECTION", help="contoso, or contoso/ash-edge-1.")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why, in words.")]


def _action(app: typer.Typer, word: str, what: str) -> None:
    of_asn = word in ("approve", "reject")
    help_ = f"{what} With --asn: a PeerAsn instead." if of_asn else what

    def act(remote: Remote, target: str, message: str) -> list[JsonObject]:
        kind = "connections" if "/" in target else "peerings"
        found = remote.call("POST", f"/lab/v1/{kind}/{target}/{word}", {"message": message})
        return found if isinstance(found, list) else [found]

    if of_asn:

        @app.command(word, help=help_, rich_help_panel="Microsoft's side of a running server")
        def with_asn(
            target: Annotated[
                str, typer.Argument(metavar="PEERING|CONNECTION", help="contoso, or contoso/ash-edge-1.")
            ] = "",
            asn: Annotated[str, typer.Option("--asn", metavar="NAME", help="A PeerAsn instead.")] = "",
            message: Message = "",
            subscription: SubscriptionOption = SUBSCRIPTION,
            server: ServerOption = SERVER,
            how: FormatOption = RowFormat.table,
        ) -> None:
            if bool(target) == bool(asn):
                fail(USAGE, f"turnup {word}: name a peering, a connection, or --asn NAME")
            remote = Remote(server)
            if not asn:
                _told(act(remote, target, message), how)
                return
            found = remote.call("POST", f"/lab/v1/asns/{subscription}/{asn}/{word}", {"message": message})
            if how is RowFormat.table:
                typer.echo(f"{found['name']} (AS{found['asn']}) is {found['validationState']}")
            else:
                show([found], _ASN_COLUMNS, how)

        return

    @app.command(word, help=help_, rich_help_panel="Microsoft's side of a running server")
    def plain(
        target: Target, message: Message = "", server: ServerOption = SERVER, how: FormatOption = RowFormat.table
    ) -> None:
        _told(act(Remote(server), target, message), how)


_ASN_COLUMNS = (("Name", "name"), ("ASN", "asn"), ("State", "validationState"))
_CONNECTION_COLUMNS = (
    ("Connection", "id"),
    ("State", "connectionState"),
    ("Shown", "shownState"),
    ("Error", "errorMessage"),
    ("Waits for", "waitsFor"),
)


def _told(connections: list[JsonObject], how: RowFormat) -> None:
    if how is not RowFormat.table:
        show(connections, _CONNECTION_COLUMNS, how)
        return
    for each in connections:
        error = f": {each['errorMessage']}" if each["errorMessage"] else ""
        shown = f", its resource shows {each['shownState']}" if each["shownState"] != each["connectionState"] else ""
        typer.echo(f"{each['id']} is {each['connectionState']}{shown}{error} (waits for: {each['waitsFor']})")


_SESSION_COLUMNS = (
    ("Neighbor", "peerAddress"),
    ("AS", "peerAs"),
    ("Connection", "connectionState"),
    ("BGP", "bgpState"),
    ("Up/Down", "up"),
    ("Received", "received"),
    ("Accepted", "accepted"),
    ("Sent", "sent"),
    ("Gate", "gate"),
    ("Session", "id"),
)


def status(
    server: ServerOption = SERVER,
    how: FormatOption = RowFormat.table,
    wait: Annotated[float, typer.Option(metavar="S", help="Wait until all are Active, at most so long.")] = 0,
) -> None:
    """Every session of a running server: the connection's state and BGP's, side by side."""
    remote = Remote(server)
    deadline = time.monotonic() + wait
    after = 0
    while True:
        found = remote.call("GET", "/lab/v1/sessions")
        done = bool(found) and all(each["connectionState"] == "Active" and each["gateOpen"] for each in found)
        if done or time.monotonic() >= deadline:
            break
        after = _next_event(remote, after, deadline)
    rows = [
        {**each, "up": _up(each["establishedAt"]), "gate": "open" if each["gateOpen"] else "shut"} for each in found
    ]
    show(rows, _SESSION_COLUMNS, how, empty="no peering connection yet", style=_session_style)
    if wait and not done:
        fail(
            FAILED,
            f"not every connection is Active after {wait:g} s" if found else "there is no connection to wait for",
        )


_SILENCE = 1.0
"""Seconds without an event after which the command looks again: the stream has signs of life beside the events."""


def _next_event(remote: Remote, after: int, deadline: float) -> int:
    """Wait until the server tells something new that matters, until `deadline` at most; returns its number."""
    silence = min(_SILENCE, deadline - time.monotonic())
    for event in remote.follow("/lab/v1/events", silence, after=after, follow="1"):
        after = max(after, int(event["seq"]))
        matters = event["event"] in ("connection-state", "gate-lifted", "gate-denied", "bgp-state")
        if matters or time.monotonic() >= deadline:
            break
    return after


def _up(since: str | None) -> str:
    return up_down(None if since is None else time.time() - datetime.fromisoformat(since).timestamp())


def _session_style(heading: str, row: JsonObject) -> str:
    match heading:
        case "Connection":
            return style_named("connection", row["connectionState"])
        case "BGP":
            return style_named("bgp", row["bgpState"])
        case "Gate":
            return "green" if row["gateOpen"] else "dim"
    return ""


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Only those with a higher number.")] = 0,
    subject: Annotated[str, typer.Option(help="Only those of this connection, session or resource.")] = "",
    server: ServerOption = SERVER,
    how: FormatOption = RowFormat.table,
) -> None:
    """The event log of a running server, oldest first."""
    remote = Remote(server)
    if follow:
        # There is nothing to tidy up, and an exception from a signal can be lost in a library's callback.
        for number in ending_signals():
            signal.signal(number, lambda _number, _frame: os._exit(INTERRUPTED))
        _print_heading(how)
        for event in remote.follow("/lab/v1/events", None, after=after, subject=subject, follow="1"):
            _print_event(event, how)
        raise typer.Exit(PASSED)
    _print_heading(how)
    while True:
        page = remote.call("GET", "/lab/v1/events", after=after, subject=subject, limit=1000)
        for event in page:
            _print_event(event, how)
        if len(page) < 1000:
            return
        after = page[-1]["seq"]


_EVENT_COLUMNS = (
    ("Number", "seq"),
    ("Time", "time"),
    ("Subject", "subject"),
    ("Event", "event"),
    ("Axis", "row.axis"),
    ("From", "row.from"),
    ("To", "row.to"),
    ("Reason", "row.reason"),
    ("Text", "row.text"),
    ("Check", "row.check"),
    ("Status", "row.status"),
    ("Count", "row.count"),
    ("Family", "row.family"),
)


def _print_heading(how: RowFormat) -> None:
    if how is RowFormat.csv:
        write_csv([[heading for heading, _ in _EVENT_COLUMNS]])


def _print_event(event: JsonObject, how: RowFormat) -> None:
    """One event, a line each: they come as long as the server runs."""
    if how is RowFormat.csv:
        write_csv([cells(event, _EVENT_COLUMNS)])
    else:
        sys.stdout.write((json.dumps(event, ensure_ascii=False) if how is RowFormat.json else _in_words(event)) + "\n")
    sys.stdout.flush()


def _in_words(event: JsonObject) -> str:
    row: JsonObject = event["row"]
    when = datetime.fromisoformat(event["time"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    change = f"{row['from']} → {row['to']}" if "from" in row else str(row.get("to", ""))
    axis = {"connection": "connection ", "bgp": "BGP "}.get(row.get("axis", ""), "")
    words = [f"{axis}{change}" if change else "", str(row.get("reason") or row.get("text") or "")]
    rest = " ".join(f"{name}={row[name]}" for name in ("check", "status", "count", "family") if name in row)
    return f"{event['seq']:>6}  {when}  {event['subject']:<34} {event['event']:<17} " + "  ".join(
        filter(None, [*words, rest])
    )


def checks(
    connection: Annotated[str, typer.Argument(metavar="[CONNECTION]", help="Only this one's.")] = "",
    server: ServerOption = SERVER,
    how: FormatOption = RowFormat.table,
) -> None:
    """The checks of the last validation, with what is wrong and how to mend it."""
    found = Remote(server).call("GET", "/lab/v1/checks", connection=connection)
    columns = (
        ("Connection", "connection"),
        ("Check", "id"),
        ("Status", "status"),
        ("Title", "title"),
        ("Evidence", "evidence"),
    )
    show(found, columns, how)
    if how is RowFormat.table:
        for each in found:
            for cause in each["causes"]:
                if each["id"] in cause["explains"][:1]:  # once, at the check that it explains first
                    _tell_cause(each["connection"], cause)


def _tell_cause(connection: str, cause: JsonObject) -> None:
    """The sentence, who has to act, and what to type: the same words as a report's."""
    typer.echo(f"{connection}: {cause['text']}\n    who:   {WHO_ACTS[Side(cause['side'])]}")
    what, lines = to_do(cause["remedy"], cause["remedyLanguage"]), cause["remedy"].splitlines()
    if what == "do":
        lines = [f"    do:    {line}" for line in lines]
    elif lines:
        lines = [f"    {what}:", *(f"      {line}" for line in lines)]
    for line in lines:
        typer.echo(line)


def settings(
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Such as peering-review=10; null: by hand."),
    ] = None,
    realistic: Annotated[
        bool, typer.Option("--realistic", help="Reviews of half a day and a day, 7,200 times faster.")
    ] = False,
    server: ServerOption = SERVER,
    how: FormatOption = RowFormat.table,
) -> None:
    """How Microsoft's side of a running server behaves: look, or change."""
    remote = Remote(server)
    found: Any
    if realistic:
        found = remote.call("POST", "/lab/v1/settings/realistic")
    elif change:
        changes = {}
        for each in change:
            name, equals, value = each.partition("=")
            try:
                changes[key(name.replace("-", "_"))] = json.loads(value)
            except ValueError:
                equals = ""
            if not equals:
                fail(USAGE, f"--set {each}: write NAME=VALUE, with a number, true, false or null")
        found = remote.call("PATCH", "/lab/v1/settings", changes)
    else:
        found = remote.call("GET", "/lab/v1/settings")
    rows = [{"name": _option_name(name), "value": json.dumps(value)} for name, value in found.items()]
    show(found if how is RowFormat.json else rows, (("Setting", "name"), ("Value", "value")), how)


def _option_name(key_: str) -> str:
    """`peering-review` for `peeringReview`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in key_)
