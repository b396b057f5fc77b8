"""The page that takes the server's token, and the way out."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from simulator.counts import count_of
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.sign_ins import COOKIE, SIGN_IN
from simulator.portal.visit import PortalPage, Visit


def _cookie(visit: Visit) -> str:
    return visit.request.headers.get("cookie", "")


async def show(visit: Visit) -> Response:
    if not visit.sign_ins.needed or visit.sign_ins.is_signed_in(_cookie(visit)):
        return visit.go("/")
    return _page(visit, 200, NO_PROBLEMS)


async def take(visit: Visit) -> Response:
    """The token, which is shown nowhere again."""
    if not visit.sign_ins.needed:
        return visit.go("/")
    address = visit.request.client.host if visit.request.client is not None else ""
    if wait := visit.sign_ins.wait(address):
        seconds = int(wait) + 1
        refused = _page(
            visit, 429, Problems.at("token", f"Too many wrong tokens: try again in {count_of(seconds, 'second')}.")
        )
        refused.headers["Retry-After"] = str(seconds)
        return refused
    name = visit.sign_ins.sign_in(visit.form["token"].strip(), address)
    if not name:
        return _page(visit, 403, Problems.at("token", "This is not the server's token."))
    response = visit.go("/")
    response.set_cookie(
        COOKIE, name, httponly=True, samesite="strict", path="/", secure=visit.request.url.scheme == "https"
    )
    return response


async def leave(visit: Visit) -> Response:
    visit.sign_ins.sign_out(_cookie(visit))
    response = visit.go(SIGN_IN)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


def _page(visit: Visit, status: int, problems: Problems) -> Response:
    return visit.page("sign_in.html", "Sign in", status=status, problems=problems)


PAGES: Final = (
    PortalPage("GET", SIGN_IN, show),
    PortalPage("POST", SIGN_IN, take),
    PortalPage("POST", "/sign-out", leave),
)
