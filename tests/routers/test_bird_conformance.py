"""BIRD keeps the contract of every router."""

from __future__ import annotations

from simulator.routers.bird import Bird
from tests.routers.conformance import RouterConformance, Subject


class TestConformance(RouterConformance):
    subject = Subject(make=Bird, title="BIRD", programs=("bird",), version="BIRD 2")
