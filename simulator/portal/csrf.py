"""Whether a form was sent by a page of this server: by its Origin, and by a token that no other page can read.

The token is a cookie's, and stands in every form (double submit). It is of no session and of no process: a page that
was open while the server was restarted still works. Cookies do not tell ports apart, so the Origin is what refuses a
page of another port of this machine; both have to hold.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response

COOKIE: Final = "turnup-token"
FIELD: Final = "csrf"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def token_of(request: Request) -> str:
    """The browser's token, or a new one."""
    found = request.cookies.get(COOKIE, "")
    return found if _TOKEN.match(found) else secrets.token_urlsafe(32)


def give(response: Response, request: Request, token: str) -> None:
    """Let the browser keep its token."""
    if request.cookies.get(COOKIE) != token:
        response.set_cookie(COOKIE, token, httponly=True, samesite="lax", path="/")


def is_own(request: Request, given: str) -> bool:
    """Whether a POST comes from a page of this server."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return False
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    kept = request.cookies.get(COOKIE, "")
    return bool(_TOKEN.match(kept)) and hmac.compare_digest(kept, given)
