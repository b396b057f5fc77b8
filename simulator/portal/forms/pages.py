"""The table of the pages that ask."""

from __future__ import annotations

from typing import Final

from simulator.portal.forms.change import PAGES as CHANGE
from simulator.portal.forms.connections import PAGES as CONNECTIONS
from simulator.portal.forms.legacy import PAGES as LEGACY
from simulator.portal.forms.registrations import PAGES as REGISTRATIONS
from simulator.portal.forms.services import PAGES as SERVICES
from simulator.portal.forms.wizard import PAGES as WIZARD
from simulator.portal.visit import PortalPage

FORMS: Final[tuple[PortalPage, ...]] = (*CONNECTIONS, *WIZARD, *LEGACY, *CHANGE, *REGISTRATIONS, *SERVICES)
"""Every page that asks, and the lists that lead to one."""
