"""Every language that `turnup config` writes: one line a format."""

from __future__ import annotations

from collections.abc import Callable

from simulator.routers.base import RouterConfig
from simulator.routers.configs import (
    bird,
    eos,
    exabgp,
    frr,
    gobgp,
    ios,
    iosxr,
    junos,
    openbgpd,
    routeros,
    vyos,
)

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
