"""The portal as an application: its table of pages, and what stands before each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response

from simulator.azure.model.errors import RefusalError
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.errors import ArmError, refused, unusable
from simulator.azure.store.lock import StoreError
from simulator.connection.connection import TransitionRefusedError
from simulator.faults.injection import Injections
from simulator.portal import (
    csrf,
    desk,
    desk_faults,
    desk_settings,
    lab_page,
    overview,
    peering_page,
    report_page,
    router_config_page,
    routes_page,
    sign_in_page,
    walkthrough_page,
)
from simulator.portal.changes import change_stream
from simulator.portal.forms.pages import FORMS
from simulator.portal.frame import PageFrame, static_file
from simulator.portal.sign_ins import SignIns
from simulator.portal.visit import FormData, PageAnswer, PageError, PortalPage, Visit

PAGES: Final[tuple[PortalPage, ...]] = (
    *FORMS,
    *overview.PAGES,
    *peering_page.PAGES,
    *routes_page.PAGES,
    *report_page.PAGES,
    *router_config_page.PAGES,
    *desk.PAGES,
    *desk_settings.PAGES,
    *desk_faults.PAGES,
    *lab_page.PAGES,
    *walkthrough_page.PAGES,
    *sign_in_page.PAGES,
)
"""Every page; what is registered first wins."""


def portal(provider: Provider, ending: asyncio.Event, faults: Injections, sign_ins: SignIns) -> FastAPI:
    """The application. Once `ending` is set nobody follows the changes any more."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    frame = PageFrame(provider, faults, sign_ins)

    async def file(name: str) -> Response:
        return static_file(name)

    async def changes(request: Request) -> Response:
        return change_stream(provider.unit, ending, request.headers.get("last-event-id", ""))

    async def missing(request: Request) -> Response:
        return _problem(_visit(frame, provider, request), 404, "", "There is no such page.")

    app.add_api_route("/static/{name}", file, methods=["GET"])
    app.add_api_route("/changes", changes, methods=["GET"])
    for page in PAGES:
        app.add_api_route(page.path, _endpoint(frame, provider, page), methods=[page.verb], response_model=None)
    app.add_api_route("/{path:path}", missing, methods=["GET", "POST"], response_model=None)
    return app


def _endpoint(frame: PageFrame, provider: Provider, page: PortalPage) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await _answered(frame, provider, request, page.answer)

    return endpoint


def _visit(frame: PageFrame, provider: Provider, request: Request) -> Visit:
    return Visit(
        provider, frame.memory, request, csrf.token_of(request), frame.render, frame.faults, frame.sign_ins, frame.say
    )


async def _answered(frame: PageFrame, provider: Provider, request: Request, answer: PageAnswer) -> Response:
    """A page, or the page that says why not."""
    visit = _visit(frame, provider, request)
    try:
        if request.method == "POST":
            visit.form = FormData.read(await _octets(request))
            if not csrf.is_own(request, visit.form[csrf.FIELD]):
                raise PageError(403, "This form was not sent by a page of this portal: open the page again and repeat.")
        return await answer(visit)
    except PageError as error:
        return _problem(visit, error.status, "", error.text)
    except ArmError as error:
        return _problem(visit, error.status, error.code, error.message)
    except RefusalError as error:
        told = refused(error)
        return _problem(visit, told.status, told.code, told.message)
    except TransitionRefusedError as error:
        return _problem(visit, 409, "Conflict", str(error))
    except StoreError as error:
        gone = unusable(error)
        response = _problem(visit, gone.status, gone.code, gone.message)
        response.headers.update(gone.headers)
        return response


def _problem(visit: Visit, status: int, code: str, text: str) -> Response:
    titles = {404: "Not found", 403: "Refused", 503: "The lab's store is not there"}
    return visit.page("problem.html", titles.get(status, "This was refused"), status=status, code=code, text=text)


async def _octets(request: Request) -> bytes:
    """A body as it was sent. Raises PageError where the browser left before its end."""
    parts, more = [], True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise PageError(400, "The request ended before its content was complete.")
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)
