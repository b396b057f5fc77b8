"""A capture or MRT file that is cut off anywhere is read up to there, and what was not read is told."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.recording.importing.messages import ImportedFile, ImportFileError
from simulator.recording.importing.sessions import Importer
from tests.examples import examples
from tests.recording.test_importing import mrt, pcap, pcapng, talked


def _pcap_ends(octets: bytes) -> set[int]:
    """Where a cut is none: behind a record."""
    found, at = {24}, 24
    while at < len(octets):
        at += 16 + int(struct.unpack("<L", octets[at + 8 : at + 12])[0])
        found.add(at)
    return found


def _pcapng_ends(octets: bytes) -> set[int]:
    found, at = set[int](), 0
    while at < len(octets):
        at += int(struct.unpack("<L", octets[at + 4 : at + 8])[0])
        found.add(at)
    return found


def _mrt_ends(octets: bytes) -> set[int]:
    found, at = set[int](), 0
    while at < len(octets):
        at += 12 + int.from_bytes(octets[at + 8 : at + 12], "big")
        found.add(at)
    return found


_FILES: dict[str, tuple[bytes, Callable[[bytes], set[int]]]] = {
    "pcap": (pcap(talked()), _pcap_ends),
    "pcapng": (pcapng(talked()), _pcapng_ends),
    "mrt": (mrt(), _mrt_ends),
}
_TOLD = re.compile(r"the file ends inside|damaged or cut short|it has \d+ octets?$|ends inside its header")


def _told(path: Path, octets: bytes) -> tuple[int, str]:
    """The exit code, and what an import says of a file that is cut off."""
    path.write_bytes(octets)
    try:
        found = Importer(ImportedFile(path), None, None).write(path.with_suffix(".recording"))
    except ImportFileError as error:
        return 2, str(error)
    return (1 if found.notes else 0), "; ".join(found.notes)


@pytest.mark.parametrize("kind", _FILES)
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_a_cut_file_is_told(tmp_path_factory: pytest.TempPathFactory, kind: str, data: DataObject) -> None:
    whole, ends = _FILES[kind]
    at = data.draw(st.integers(0, len(whole) - 1), "cut at")
    code, words = _told(tmp_path_factory.getbasetemp() / "incident", whole[:at])
    assert "\n" not in words
    if at not in ends(whole):  # a file that ends behind a record is a whole one
        assert code, at
        assert _TOLD.search(words.split("; no BGP session")[0]), words


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
@pytest.mark.parametrize("kind", _FILES)
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_a_cut_packed_file_is_told(
    tmp_path_factory: pytest.TempPathFactory, kind: str, pack: Callable[[bytes], bytes], data: DataObject
) -> None:
    whole = pack(_FILES[kind][0])
    at = data.draw(st.integers(0, len(whole) - 1), "cut at")
    code, words = _told(tmp_path_factory.getbasetemp() / "incident", whole[:at])
    assert code, at
    assert _TOLD.search(words), words


def test_what_a_packed_file_has_before_its_damage_is_read(tmp_path: Path) -> None:
    """The sum behind it is missing: all messages are there."""
    code, words = _told(tmp_path / "incident", gzip.compress(mrt())[:-4])
    assert (code, words) == (
        1,
        f"after {len(mrt())} octets of what is unpacked the compressed data are damaged or cut short",
    )


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (mrt()[:40], "record 1: the file ends inside this record; no BGP session with AS8075 is in what was read"),
        (pcap(talked())[:20], "the file ends inside its header"),
        (pcap(talked())[:50], "after 0 packets: the file ends inside a packet; no BGP session with AS8075 is in"),
        (pcap(talked())[:24], "no BGP session with AS8075 is in it: name the topology"),
        (mrt()[:7], "neither a capture (pcap, pcapng) nor MRT: it has 7 octets"),
        (lzma.compress(mrt()), "this is packed with xz: unpack it first (xz -dk FILE)"),
    ],
    ids=["mrt", "header", "packet", "whole", "seven", "xz"],
)
def test_the_command_says_where_it_is_cut_off(tmp_path: Path, octets: bytes, words: str) -> None:
    (tmp_path / "incident").write_bytes(octets)
    done = CliRunner().invoke(app, ["import", str(tmp_path / "incident"), "-o", str(tmp_path / "a.recording")])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"{tmp_path / 'incident'}: {words}" in done.stderr
