"""/lab/v1: Microsoft's side of the lab, for the person who plays it. Nothing here exists in Azure (simulator)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import ValidationError
from pydantic_core import to_json

import simulator
from simulator.azure.model.errors import RefusalError
from simulator.azure.model.resources import PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import REALISTIC, Settings
from simulator.azure.rest.errors import unusable
from simulator.azure.store.lock import StoreError
from simulator.connection.connection import TransitionRefusedError
from simulator.engine.control import ConnectionRecord
from simulator.engine.verbs import VERBS, Verb
from simulator.faults.injection import Injections
from simulator.serving import models, views
from simulator.serving.docs_page import add_docs_page
from simulator.serving.event_stream import event_stream
from simulator.serving.fault_api import add_faults
from simulator.tables.output_formats import OutputFormat
from simulator.topology.plan import SessionPlan
from simulator.views.document import key

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"schema": models.ProblemAnswer.model_json_schema()}}}
    for status, text in (
        (400, "the body is no JSON"),
        (404, "there is no such thing here"),
        (409, "its state does not allow it"),
        (422, "the request is not understood"),
        (503, "the lab is stopping"),
    )
}
_JSON = "application/json"
Limit = Annotated[int, Query(ge=1, le=10000)]


def lab_api(provider: Provider, ending: asyncio.Event, faults: Injections | None = None) -> FastAPI:
    """The application; mounted at the server's root. Once `ending` is set nobody follows the events any more.

    `faults`: those that the lab has now; without them there is no way to put one in.
    """
    app = FastAPI(
        title="turnup: the lab",
        version=simulator.__version__,
        description="Microsoft's side of the lab, for the person who plays it. Nothing here exists in Azure.",
        responses=_PROBLEMS,
        docs_url=None,
        redoc_url=None,
    )

    @app.exception_handler(RefusalError)
    async def refused(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    app.exception_handler(TransitionRefusedError)(refused)

    @app.exception_handler(StoreError)
    async def unusable_store(_request: Request, error: Exception) -> JSONResponse:
        gone = unusable(error if isinstance(error, StoreError) else StoreError(str(error)))
        return JSONResponse({"detail": gone.message}, gone.status, gone.headers)

    @app.exception_handler(RequestValidationError)
    async def not_understood(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"detail": f"{place}: {first['msg']}"}, 422)

    _look(app, provider, ending)
    _act(app, provider)
    add_faults(app, provider, faults)
    add_docs_page(app)
    return app


def _look(app: FastAPI, provider: Provider, ending: asyncio.Event) -> None:
    @app.get("/lab/v1/status", tags=["look"])
    async def status() -> models.LabStatus:
        """The lab in a few numbers."""
        return views.status(provider)

    @app.get("/lab/v1/asns", tags=["look"])
    async def asns() -> list[models.AsnAnswer]:
        """Every PeerAsn of every subscription."""
        return [views.asn(provider, each) for each in provider.unit.all(PeerAsn)]

    @app.get("/lab/v1/connections", tags=["look"], response_model=models.CONNECTIONS)
    async def connections() -> Response:
        """Every peering connection with its sessions: both states side by side."""
        return _written([views.connection(provider, record) for record in provider.control.records.values()])

    @app.get("/lab/v1/connections/{peering}/{edge}", tags=["look"], response_model=models.CONNECTION)
    async def connection(peering: str, edge: str) -> Response:
        """One peering connection with its history."""
        return _written(views.connection(provider, _connection(provider, f"{peering}/{edge}")))

    @app.get("/lab/v1/sessions", tags=["look"], response_model=models.SESSIONS)
    async def sessions() -> Response:
        """Every BGP session of every connection."""
        return _written(views.sessions(provider))

    @app.get("/lab/v1/routes", tags=["look"])
    async def routes(
        session: str, prefix: str = "", rejected: bool = False, limit: Limit = 1000
    ) -> models.RoutesAnswer:
        """What the peer announced on a session, each route with its verdict."""
        record, plan = _session(provider, session)
        try:
            return views.routes(provider, record, plan, prefix, rejected, limit)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    @app.get("/lab/v1/looking-glass", tags=["look"], response_class=PlainTextResponse)
    async def looking_glass(
        peer: str = "", prefix: str = "", rejected: bool = False, shape: OutputFormat = OutputFormat.TEXT
    ) -> PlainTextResponse:
        """Every route of a peer's sessions (all peers' without one), as `turnup routes` prints it."""
        try:
            text = views.looking_glass_text(provider, peer, prefix or None, rejected, shape)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        except LookupError:
            known = ", ".join(each.name for each in provider.topology.peers)
            raise HTTPException(404, f"there is no peer {peer[:100]} (there are: {known})") from None
        return PlainTextResponse(text)

    @app.get("/lab/v1/checks", tags=["look"], response_model=models.CHECKS)
    async def checks(connection: str = "") -> Response:
        """The checks of the last validation."""
        records = [_connection(provider, connection)] if connection else provider.control.records.values()
        return _written([check for record in records for check in views.checks(record)])

    @app.get("/lab/v1/gates", tags=["look"], response_model=list[models.GateAnswer])
    async def gates() -> Response:
        """The gate of every session: whether NLRI may pass, and what it held back."""
        return _written(views.gates(provider))

    @app.get("/lab/v1/settings", tags=["look"])
    async def settings() -> Settings:
        """How Microsoft's side behaves."""
        return provider.settings

    @app.get("/lab/v1/events", tags=["look"], response_model=list[models.EventAnswer])
    async def events(
        request: Request,
        after: Annotated[int, Query(ge=0, le=2**62)] = 0,
        limit: Limit = 1000,
        subject: Annotated[str, Query(max_length=1024, pattern=r"^[^\x00]*$")] = "",
        follow: bool = False,
    ) -> Any:
        """The event log, oldest first. `follow=1` goes on as server-sent events."""
        if follow:
            last = request.headers.get("last-event-id", "")
            start = int(last) if last.isdecimal() and len(last) < 19 else after
            return event_stream(provider.unit, ending, start, subject)
        return _written([views.event(row) for row in provider.unit.events(after, limit, subject or None)])


def _written(found: Any) -> Response:
    """What was made here is written at once: FastAPI would check it all again."""
    return Response(to_json(found), media_type=_JSON)


def _act(app: FastAPI, provider: Provider) -> None:
    @app.put("/lab/v1/settings", tags=["settings"])
    async def change(settings: Settings) -> Settings:
        """Replace the settings; what is left out gets its default."""
        provider.set(settings)
        return provider.settings

    @app.patch("/lab/v1/settings", tags=["settings"])
    async def change_some(changes: dict[str, Any]) -> Settings:
        """Change what is named; null makes a delay by hand."""
        try:
            provider.set(
                Settings.model_validate(
                    provider.settings.model_dump(by_alias=True) | {key(name): each for name, each in changes.items()}
                )
            )
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise HTTPException(422, f"{place}: {first['msg']}") from None
        return provider.settings

    @app.post("/lab/v1/settings/realistic", tags=["settings"])
    async def realistic() -> Settings:
        """Reviews of half a day and a day, passing 7,200 times faster."""
        provider.set(REALISTIC)
        return provider.settings

    @app.post("/lab/v1/asns/{subscription}/{name}/approve", tags=["act"])
    async def approve_asn(subscription: str, name: str) -> models.AsnAnswer:
        """Microsoft approves a PeerAsn."""
        return views.asn(provider, provider.asns.approve(_asn(provider, subscription, name)))

    @app.post("/lab/v1/asns/{subscription}/{name}/reject", tags=["act"])
    async def reject_asn(subscription: str, name: str, body: models.OperatorMessage | None = None) -> models.AsnAnswer:
        """Microsoft refuses a PeerAsn; the message is its errorMessage."""
        message = body.message if body else ""
        return views.asn(provider, provider.asns.reject(_asn(provider, subscription, name), message))

    for verb in VERBS.values():
        _add_verb(app, provider, verb)


def _add_verb(app: FastAPI, provider: Provider, verb: Verb) -> None:
    async def to_connection(peering: str, edge: str, body: models.OperatorMessage | None = None) -> Response:
        record = _connection(provider, f"{peering}/{edge}")
        await provider.operate(record, verb.name, body.message if body else "")
        return _written(views.connection(provider, record))

    async def to_peering(peering: str, body: models.OperatorMessage | None = None) -> Response:
        """Done to each connection whose state allows it; refused when none's does."""
        records, refusals = _peering(provider, peering), list[Exception]()
        for record in records:
            try:
                await provider.operate(record, verb.name, body.message if body else "")
            except (TransitionRefusedError, RefusalError) as error:
                refusals.append(error)
        if len(refusals) == len(records):
            raise refusals[0]
        return _written([views.connection(provider, record) for record in records])

    word, what = verb.name.replace("-", "_"), verb.summary.removesuffix(".")
    app.post(
        f"/lab/v1/connections/{{peering}}/{{edge}}/{verb.name}",
        tags=["act"],
        summary=what,
        operation_id=f"{word}_connection",
        response_model=models.CONNECTION,
    )(to_connection)
    app.post(
        f"/lab/v1/peerings/{{peering}}/{verb.name}",
        tags=["act"],
        summary=f"{what}: every connection of a peering",
        operation_id=f"{word}_peering",
        response_model=models.CONNECTIONS,
    )(to_peering)


def _connection(provider: Provider, name: str) -> ConnectionRecord:
    record = provider.control.records.get(name)
    if record is None:
        known = ", ".join(list(provider.control.records)[:10]) or "none"
        raise HTTPException(404, f"there is no connection {name[:100]} (there are: {known})")
    return record


def _peering(provider: Provider, name: str) -> list[ConnectionRecord]:
    found = [record for record in provider.peerings.records.values() if record.name.lower() == name.lower()]
    if not found:
        known = ", ".join(sorted({record.name for record in provider.peerings.records.values()})[:10]) or "none"
        raise HTTPException(404, f"there is no peering {name[:100]} (there are: {known})")
    if len(found) > 1:
        raise HTTPException(409, f"{len(found)} resource groups have a peering {name}: act on its connections")
    return [live.record for live in found[0].connections]


def _session(provider: Provider, name: str) -> tuple[ConnectionRecord, SessionPlan]:
    for record in provider.control.records.values():
        for plan in record.plans:
            if plan.id == name and provider.network.edges.is_provisioned(plan):
                return record, plan
    raise HTTPException(404, f"there is no provisioned session {name[:100]}: GET /lab/v1/sessions lists them")


def _asn(provider: Provider, subscription: str, name: str) -> PeerAsn:
    key = f"/subscriptions/{subscription}/providers/{PeerAsn.TYPE}/{name}".lower()
    resource = provider.found(key, PeerAsn)
    if resource is None:
        raise HTTPException(404, f"there is no PeerAsn {name[:90]} in subscription {subscription[:90]}")
    return resource
