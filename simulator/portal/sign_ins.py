"""Signing in with the server's token: a browser sends no bearer token, so a page takes it once and gives a session.

The session's name is random and lives in the memory of this server alone: a restart signs everybody out. It opens
pages, never the API. All of it is the simulator's.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from http.cookies import CookieError, SimpleCookie
from typing import Final

COOKIE: Final = "turnup-session"
SIGN_IN: Final = "/sign-in"
UNSENT: Final = f"{SIGN_IN}?unsent=1"
"""The same, for whose form was not taken because the session is over."""
SESSION_SECONDS: Final = 12 * 3600.0
_SESSIONS_AT_MOST: Final = 100
"""One more ends the oldest."""
_WITHIN: Final = 60.0
"""Seconds in which wrong tokens are counted."""
_WRONG_OF_ONE, _WRONG_OF_ALL = 10, 100
"""Wrong tokens of one address, and of all, after which none is looked at until the oldest is out of time."""


class SignIns:
    """Who is signed in, and how often somebody failed to."""

    def __init__(self, token: str = "") -> None:
        self._token = token.encode()
        self._until: OrderedDict[bytes, float] = OrderedDict()
        """By the digest of a session's name: when it ends, on the loop's clock."""
        self._wrong: deque[tuple[float, str]] = deque(maxlen=_WRONG_OF_ALL)

    @property
    def needed(self) -> bool:
        """Whether the server has a token at all."""
        return bool(self._token)

    def is_signed_in(self, cookie: str) -> bool:
        """Whether a Cookie header names a session."""
        until = self._until.get(_digest(_session(cookie)))
        return until is not None and _now() < until

    def wait(self, address: str) -> float:
        """Seconds until a token from an address is looked at again; 0 where it is now."""
        now = _now()
        while self._wrong and self._wrong[0][0] <= now - _WITHIN:
            self._wrong.popleft()
        mine = [time for time, whose in self._wrong if whose == address]
        everybodys = [time for time, _ in self._wrong]
        full = [times for times, most in ((mine, _WRONG_OF_ONE), (everybodys, _WRONG_OF_ALL)) if len(times) >= most]
        return max((times[0] + _WITHIN - now for times in full), default=0.0)

    def sign_in(self, token: str, address: str) -> str:
        """The name of a new session; empty where the token is wrong, which is counted."""
        if not self.needed or not hmac.compare_digest(token.encode(), self._token):
            self._wrong.append((_now(), address))
            return ""
        while len(self._until) >= _SESSIONS_AT_MOST:
            self._until.popitem(last=False)
        name = secrets.token_urlsafe(32)
        self._until[_digest(name)] = _now() + SESSION_SECONDS
        return name

    def sign_out(self, cookie: str) -> None:
        self._until.pop(_digest(_session(cookie)), None)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()


def _session(cookie: str) -> str:
    try:
        found = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
