"""The proof of a diagnosis on loopback, where wire.pcap is written and not captured: its frames are tshark's too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from simulator.packets.kinds import PacketKind as K
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.writer import REPORT_JSON, WIRE_PCAP, write_report
from tests.lab_support import require_program
from tests.packets import tshark
from tests.topologies import build, document


async def test_frames_of_a_written_capture_are_tsharks(tmp_path: Path) -> None:
    require_program("tshark")
    found = document()
    found["times"]["deadline"] = 3
    found["peers"][0]["announce"] = [{"prefixes": ["10.1.0.0/16", "192.0.2.0/24", "2001:db8::/32"], "med": 7}]
    report = await asyncio.wait_for(Rehearsal(build(found), LinkKind.LOOPBACK, record_octets=True).run(), 60)
    files = write_report(tmp_path, report)
    tshark.agrees_with_tshark(report, tshark.read(files[WIRE_PCAP]))
    written = json.loads(files[REPORT_JSON].read_text())
    bogon = next(cause for cause in written["diagnosis"] if cause["id"] == "bogon-prefix")
    (packets,) = bogon["proof"]["packets"]
    assert packets["what"].endswith("that announces 10.1.0.0/16")
    assert (packets["count"], bogon["proof"]["frames"]) == (1, packets["frames"])
    assert {kind.kind for kind, _ in report.frames} >= {K.PREFIX_RECEIVED, K.UPDATE_RECEIVED}
    checks = [check for connection in written["connections"] for check in connection["checks"]]
    assert {check["id"] for check in checks if check["proof"]["frames"]} >= {"R3.bogon-prefix", "R8"}


async def test_what_is_not_written_has_no_frames() -> None:
    found = document()
    found["peers"][0]["announce"] = [{"prefixes": ["10.1.0.0/16", "192.0.2.0/24", "2001:db8::/32"]}]
    report = await asyncio.wait_for(Rehearsal(build(found), LinkKind.LOOPBACK).run(), 60)
    assert report.frames == {}
