"""The proof of a diagnosis against tshark: each frame that a cause or finding names is what it is said to be."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from simulator.faults.cell import rehearse
from simulator.faults.lab import Breach, build
from simulator.faults.load import load
from simulator.packets.kinds import PacketKind as K
from simulator.packets.kinds import Packets
from simulator.report.findings import diagnosis_of
from simulator.report.model import Report
from simulator.report.proof import of_check
from simulator.report.writer import WIRE_PCAP, write_report
from tests.lab_support import require_netns, require_program
from tests.packets import tshark
from tests.routers.test_matrix import PROGRAMS

NOTED = K.NOTIFICATION_RECEIVED
LABS: dict[tuple[str, str, str], dict[str, tuple[K, str]]] = {
    ("bird", "md5-wrong", "wrong-own-address"): {
        "md5": (K.SYN_SENT_UNANSWERED, ""),
        "wrong-address": (K.NEIGHBOR_ASKED, ""),
    },
    ("frr", "bogons", "gtsm-at-microsoft-only"): {
        "gtsm": (K.TTL_LOW, ""),
        "bogon-prefix": (K.PREFIX_RECEIVED, "10.1.0.0/16"),
    },
    ("frr", "wrong-remote-as", "shut-down"): {
        "remote-as-wrong": (NOTED, "2/2"),
        "shut-down": (K.RST_RECEIVED, ""),
    },
    ("simulated", "shut-down", "bogons"): {
        "shut-down": (NOTED, "6/2"),
        "bogon-prefix": (K.PREFIX_RECEIVED, "fc00:1::/32"),
    },
    ("frr", "bgp-filtered", "md5-missing-at-peer"): {
        "filtered": (K.SYN_SENT_UNANSWERED, ""),
        "md5-missing": (K.SYN_RECEIVED_UNSIGNED, ""),
    },
    ("bird", "wrong-local-as", ""): {
        "local-as-wrong": (K.OPEN_RECEIVED, ""),
    },
}
"""(router, fault on IPv4, fault on IPv6 where the first is not of the whole router) → cause → packets in its proof."""


def rehearsed(router: str, first: str, second: str, folder: str) -> Report:
    """The lab with both faults, rehearsed and reported into `folder`."""
    breaches = [Breach(load(first), "IPv4"), *([Breach(load(second), "IPv6")] if second else [])]
    directory = Path(folder)
    with tempfile.TemporaryDirectory() as scratch:
        lab = build(breaches, breaches[0].fault.base, router, Path(scratch))
        report = asyncio.run(rehearse(lab, Path(scratch) / "capture.pcap"))
        write_report(directory, report)
    return report


@pytest.mark.privileged
@pytest.mark.router
def test_each_frame_is_by_tsharks_words_what_it_is_said_to_be(tmp_path: Path) -> None:
    require_netns()
    for program in ("tshark", *PROGRAMS["bird"], *PROGRAMS["frr"]):
        require_program(program)
    folders = [tmp_path / "-".join(lab) for lab in LABS]
    with ProcessPoolExecutor(len(LABS), mp_context=get_context("spawn")) as pool:
        runs = [pool.submit(rehearsed, *lab, str(folder)) for lab, folder in zip(LABS, folders, strict=True)]
        reports = [run.result() for run in runs]
    for lab, folder, report in zip(LABS, folders, reports, strict=True):
        rows = tshark.read(folder / WIRE_PCAP)
        tshark.agrees_with_tshark(report, rows)
        causes = diagnosis_of(report)
        for id_, (kind, detail) in LABS[lab].items():
            mine = [cause for cause in causes if cause.id == id_]
            assert mine, (lab, id_, [(cause.id, cause.text) for cause in causes])
            for cause in mine:
                named = {str(Packets(kind, each.ends, detail)) for each in cause.packets}
                assert named & {found.what for found in cause.proof.packets}, (lab, id_, cause.proof)
                assert cause.proof.events, (lab, id_)
        for connection in report.connections:
            for check in (check for check in connection.checks if check.status.bad and check.id != "C1"):
                proof = of_check(report, connection.id, check, causes)
                assert proof.frames, (lab, check)
                assert proof.events, (lab, check)
