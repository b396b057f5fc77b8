"""The frame of every page: templates, navigation, headers."""

from __future__ import annotations

import functools
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from fastapi import Response
from jinja2 import Environment
from markupsafe import Markup

import simulator
from simulator.azure.provider.provider import Provider
from simulator.faults.injection import Injections
from simulator.portal import csrf
from simulator.portal.memory import PortalMemory
from simulator.portal.problems import Problems
from simulator.portal.sign_ins import SignIns
from simulator.portal.visit import Visit
from simulator.portal.walkthrough import WalkStep
from simulator.portal.walkthrough_page import link_of
from simulator.report.environment import environment
from simulator.views.diagnosis import WHO_ACTS
from simulator.views.states import axis_of, group_of

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: its own files and its own server, nothing inline."""
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SAID_AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One link of the navigation."""

    text: str
    path: str
    role: str = "peer"
    """`peer`, `microsoft`, or `lab`: who uses the page; it has that role's colour."""
    also: tuple[str, ...] = ()
    """Paths below which the link is the current one, besides its own."""


NAVIGATION: Final = (
    NavigationItem("Peerings", "/", also=("/peerings", "/create", "/legacy")),
    NavigationItem("Peer ASNs", "/asns", also=("/asns",)),
    NavigationItem("Peering Services", "/peering-services", also=("/peering-services", "/create-service")),
    NavigationItem("Microsoft's desk", "/desk", "microsoft", also=("/desk",)),
    NavigationItem("Lab", "/lab", "lab", also=("/lab",)),
    NavigationItem("Walkthrough", "/walkthrough", "lab", also=("/walkthrough",)),
)
_ROLES: Final = {
    "peer": "You are the peer",
    "microsoft": "You are Microsoft",
    "lab": "You look at the lab",
}


class PageFrame:
    """Writes pages, and keeps what is to be said on the next one."""

    def __init__(self, provider: Provider, faults: Injections, sign_ins: SignIns) -> None:
        self._provider = provider
        self.faults, self.sign_ins = faults, sign_ins
        self.memory = PortalMemory(provider)
        self._said: OrderedDict[str, str] = OrderedDict()
        self._templates = _environment()

    def say(self, text: str) -> str:
        """Keep a message for the next page; its key."""
        key = secrets.token_urlsafe(9)
        self._said[key] = text
        while len(self._said) > _SAID_AT_MOST:
            self._said.popitem(last=False)
        return key

    def render(
        self, visit: Visit, template: str, title: str, status: int, problems: Problems, data: Mapping[str, Any]
    ) -> Response:
        """One page."""
        here = visit.request.url.path
        current = current_item(here)
        role = current.role if current else "peer"
        text = self._templates.get_template(template).render(
            {
                "crumbs": [],
                "lead": "",
                **data,
                "visit": visit,
                "title": title,
                "problems": problems,
                "navigation": NAVIGATION,
                "current": current,
                "role": role,
                "role_words": _ROLES[role],
                "said": self._said.pop(visit.query("said"), ""),
                "lab": self._provider.topology.name,
                "version": simulator.__version__,
                "guide": self._guide(here),
                "seen": self._provider.unit.store.last_event(),
                "now": self._provider.clock.now(),
                "csrf": lambda: Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, visit.csrf),
            }
        )
        response = Response(
            text.encode("utf-8", "replace"), status, dict(_HEADERS), media_type="text/html; charset=utf-8"
        )
        csrf.give(response, visit.request, visit.csrf)
        return response

    def _guide(self, here: str) -> tuple[WalkStep, str, str] | None:
        """The walkthrough's next step, and where it is done, on every page but its own."""
        step = self.memory.walkthrough.current()
        if step is None or here.startswith("/walkthrough"):
            return None
        return (step, *link_of(self._provider, step))


def current_item(path: str) -> NavigationItem | None:
    """The link of the navigation that a page belongs to."""
    for item in NAVIGATION:
        if path == item.path or any(path == each or path.startswith(f"{each}/") for each in item.also):
            return item
    return None


@functools.cache
def _environment() -> Environment:
    made = environment("simulator.portal")
    made.filters |= {
        "way": lambda text: quote(str(text)),
        "part": lambda text: quote(str(text), safe=""),
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "number": lambda value: f"{value:,}",
    }
    made.globals |= {"axis_of": axis_of, "group_of": group_of, "who_acts": WHO_ACTS}
    return made


def part(template: str, **data: object) -> Markup:
    """A part of a page that knows nothing of the visit."""
    return Markup(_environment().get_template(template).render(data))


def compile_pages() -> None:
    """Compile every template, so that nobody who opens a page waits for it; half a second in all."""
    environment = _environment()
    for name in environment.list_templates(extensions=["html", "svg"]):
        environment.get_template(name)


# --- files ---

FILES: Final = {
    "portal.css": ("simulator.portal", ("static",), "text/css"),
    "forms.css": ("simulator.portal", ("static",), "text/css"),
    "palette.css": ("simulator.report", ("templates",), "text/css"),
    "portal.js": ("simulator.portal", ("static",), "text/javascript"),
    "icon.svg": ("simulator.portal", ("static",), "image/svg+xml"),
}
"""Name → where it is. The palette is the report's: both pages show a state alike."""


def static_file(name: str) -> Response:
    """One of the portal's files; 404 for any other."""
    if name not in FILES:
        return Response(status_code=404)
    package, folder, kind = FILES[name]
    octets = resources.files(package).joinpath(*folder, name).read_bytes()
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(octets, 200, headers, media_type=f"{kind}; charset=utf-8")
