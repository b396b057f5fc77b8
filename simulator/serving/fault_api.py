"""/lab/v1/faults: faults put into the running lab, and taken out (simulator)."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from simulator.azure.provider.provider import Provider
from simulator.faults.injection import InjectedFault, InjectionError, Injections
from simulator.places.errors import LabError
from simulator.serving.models import Answer

FaultWord = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class FaultRequest(BaseModel):
    """A fault to put in."""

    model_config = ConfigDict(extra="forbid")

    name: FaultWord = Field(description="as `turnup fault list` has it")
    peer: FaultWord = Field(default="", description="whose; the topology's first peer where omitted")
    family: FaultWord = Field(default="", description="IPv4 or IPv6; the first that fits where omitted")


class FaultAnswer(Answer):
    id: str = Field(description="by which it is taken out; empty for one that is not in the lab")
    name: str
    title: str
    peer: str
    family: str
    since: float = Field(description="seconds since 1970")


class OfferedFault(Answer):
    name: str
    title: str
    refusal: str = Field(description="why no running lab can have it; empty where one can")


class FaultsAnswer(Answer):
    active: list[FaultAnswer] = Field(description="in the lab now; a restart removes them all")
    known: list[OfferedFault]


def _answer(fault: InjectedFault) -> FaultAnswer:
    return FaultAnswer(
        id=fault.id, name=fault.name, title=fault.title, peer=fault.peer, family=fault.family, since=fault.since
    )


def add_faults(app: FastAPI, provider: Provider, faults: Injections | None) -> None:
    """The endpoints."""

    def there() -> Injections:
        if faults is None:
            raise HTTPException(404, "this server puts no faults in")
        return faults

    @app.get("/lab/v1/faults", tags=["faults"])
    async def shown() -> FaultsAnswer:
        """The faults that are in the lab, and those that could be put in."""
        return FaultsAnswer(
            active=[_answer(each) for each in there().active],
            known=[OfferedFault(name=f.name, title=f.title, refusal=why) for f, why in there().known],
        )

    @app.post("/lab/v1/faults", tags=["faults"])
    async def put_in(asked: FaultRequest) -> FaultAnswer:
        """Put a fault into the lab; nothing of it is stored."""
        try:
            fault = await there().inject(asked.name, asked.peer, asked.family)
        except (InjectionError, LabError) as error:
            raise HTTPException(409, str(error)) from None
        _told(provider, fault, "in")
        return _answer(fault)

    @app.delete("/lab/v1/faults/{fault}", tags=["faults"])
    async def take_out(fault: str) -> FaultAnswer:
        """Take a fault out: all is as it was."""
        try:
            found = await there().remove(fault)
        except (InjectionError, LabError) as error:
            raise HTTPException(409, str(error)) from None
        _told(provider, found, "out")
        return _answer(found)


def _told(provider: Provider, fault: InjectedFault, which: str) -> None:
    """The event log tells it, and with it every page that is open."""
    provider.unit.add_event(provider.clock.now(), "warning", fault.peer, {"text": f"fault {which}: {fault.words}"})
