"""Every language that `turnup config` writes: one line a format."""

from __future__ import annotations

from collections.abc import Callable

from simulator.routers.base import RouterConfig
from simulator.routers.bird import config as bird
from simulator.routers.configs import eos, ios, iosxr, junos, routeros, vyos
from simulator.routers.exabgp import config as exabgp
from simulator.routers.frr import config as frr
from simulator.routers.gobgp import config as gobgp
from simulator.routers.openbgpd import config as openbgpd

Renderer = Callable[[RouterConfig], str]

FORMATS: dict[str, Renderer] = {
    "bird": bird.render,
    "frr": frr.render,
    "openbgpd": openbgpd.render,
    "gobgp": gobgp.render,
    "exabgp": exabgp.render,
    "junos": junos.render,
    "iosxr": iosxr.render,
    "ios": ios.render,
    "eos": eos.render,
    "routeros": routeros.render,
    "vyos": vyos.render,
}
"""A renderer raises LabError, one line, for what its language has no way to write."""
