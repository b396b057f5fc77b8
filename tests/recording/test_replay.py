"""A recording is played to the same report; what does not come out again is found."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.places.link import LinkKind
from simulator.recording.changes import Changes, policy_named
from simulator.recording.compared import compared
from simulator.recording.file import MAGIC, RecordingError, RecordingReader
from simulator.recording.records import result_of
from simulator.recording.secrets import comes_again
from simulator.topology.load import parse
from simulator.topology.schema import Topology
from tests.lab_support import require_netns, require_program
from tests.recording.rehearsals import played, recorded

_EXCHANGE = """
name: recorded
link: {link}
exchange: {{name: IX, metro: Here, lan: {{ipv4: 206.126.236.0/22, ipv6: "2001:504:0:2::/64"}}}}
edges:
- {{name: edge-1, ipv4: 206.126.236.17, ipv6: "2001:504:0:2:0:0:8075:1"}}
peers:
- {{name: contoso, asn: 64496, ipv4: 206.126.239.200, ipv6: "2001:504:0:2:0:6:4496:1", router: {router},
   announce: ["route 192.0.2.0/24 next-hop self", "route 198.51.100.0/24 next-hop self",
   "route 10.0.0.0/8 next-hop self", "route 2001:db8::/32 next-hop self"]}}
peerings:
- {{name: contoso, peer: contoso, md5: not-for-others, expect: {{rejected: 1}}}}
policy:
  rules: {{bogon-prefix: {{documentation: false}}, bogon-asn: {{documentation: false}}}}
times: {{soak: 0.2, deadline: 20}}
"""


def exchange(link: str = "loopback", router: str = "simulated") -> Topology:
    return parse(_EXCHANGE.format(link=link, router=router))


def lines(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def rewritten(path: Path, found: list[list[Any]]) -> None:
    path.write_bytes(gzip.compress(b"".join(json.dumps(each).encode() + b"\n" for each in found)))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a rehearsal on loopback, whose topology has an MD5 key."""
    path = tmp_path_factory.mktemp("recording") / "exchange.recording"
    report = recorded(exchange(), LinkKind.LOOPBACK, path)
    assert report.outcome == "passed", report.errors
    again = played(path)
    assert not again.differences
    assert result_of(again.report) == result_of(report)
    return path


@pytest.fixture
def copy(recording: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.recording"
    path.write_bytes(recording.read_bytes())
    return path


def test_it_is_played_to_the_same_report(recording: Path) -> None:
    found = played(recording)
    assert (found.differences, found.cut_off, found.tampered) == ([], False, False)
    assert found.result == result_of(found.report)


@pytest.mark.privileged
@pytest.mark.parametrize("router", ["bird", "frr"])
def test_of_a_real_router_too(router: str, tmp_path: Path) -> None:
    require_netns()
    require_program(router if router == "bird" else "bgpd")
    path = tmp_path / "a.recording"
    report = recorded(exchange("netns", router), LinkKind.NETNS, path)
    found = played(path)
    assert found.differences == []
    assert result_of(found.report) == result_of(report)


def test_no_secret_is_in_it(recording: Path) -> None:
    assert b"not-for-others" not in gzip.decompress(recording.read_bytes())


@pytest.mark.parametrize(
    ("recorded_text", "computed", "same"),
    [
        ("a key is (a key)", "a key is agreed", True),
        ("(a key)", "", True),
        ("(a key) and (a key)", "x and y", True),
        ("a (a key) b", "a b", False),
        ("a (a key) b (a key) c", "a b c", False),
        ("a key is (a key)", "the key is agreed", False),
        ("agreed", "(a key)", False),
    ],
)
def test_a_key_that_is_a_word_of_english_is_no_difference(recorded_text: str, computed: str, same: bool) -> None:
    assert comes_again({"text": [recorded_text, 1]}, {"text": [computed, 1]}) is same
    assert comes_again({"text": recorded_text}, {"other": computed}) is False


def test_an_octet_that_is_changed_is_found(copy: Path) -> None:
    """Of every message that the peer sent, whatever it is: the file's own sum tells it, and what follows from it."""
    found = lines(copy)
    messages = [number for number, each in enumerate(found) if each[0] == "r" and len(each[3]) > 40]
    assert len(messages) > 3
    for number in messages:
        changed = [list(each) for each in found]
        octets = changed[number][3]
        at = len(octets) - 5
        changed[number][3] = octets[:at] + ("A" if octets[at] != "A" else "B") + octets[at + 1 :]
        rewritten(copy, changed)
        try:
            assert played(copy).tampered
        except RecordingError as error:
            assert "line" in str(error)


def _verdict(each: list[Any]) -> bool:
    return each[0] == "=" and isinstance(each[1], dict) and each[1].get("event") == "check"


def _state(each: list[Any]) -> bool:
    return each[0] == "=" and isinstance(each[1], dict) and each[1].get("event") == "bgp-state"


@pytest.mark.parametrize(("which", "key", "value"), [(_verdict, "status", "failure"), (_state, "to", "Idle")])
def test_a_verdict_that_is_changed_is_found_with_its_time(
    copy: Path, which: Callable[[list[Any]], bool], key: str, value: str
) -> None:
    found = lines(copy)
    changed = [each for each in found if which(each)][3][1]
    changed[key] = value
    rewritten(copy, found)
    (first, *_) = played(copy).differences
    assert changed["time"][:19] in str(first)
    assert value in first.text


@pytest.mark.parametrize("with_", ["vrp=nowhere.json", "irr=nowhere.json", "vrp=."])
def test_data_that_cannot_be_read_are_one_line(copy: Path, with_: str) -> None:
    done = CliRunner().invoke(app, ["replay", str(copy), "--with-data", with_])
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("turnup: ")
    assert with_.partition("=")[2] in line


def test_the_last_word_on_a_recording_that_was_changed_is_that_it_failed(copy: Path) -> None:
    found = lines(copy)
    [each for each in found if _verdict(each)][3][1]["status"] = "failure"
    rewritten(copy, found)
    done = CliRunner().invoke(app, ["replay", str(copy)])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "Replay failed: it was changed, a difference from what was recorded"
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) * 2 // 3])
    done = CliRunner().invoke(app, ["replay", str(copy)])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1].startswith("Replay failed: it is cut off")


@pytest.mark.parametrize("kind", ["r", "c", "l", "v", "s", "=", "q"])
def test_a_record_that_is_left_out_is_found(copy: Path, kind: str) -> None:
    found = lines(copy)
    numbers = [number for number, each in enumerate(found) if each[0] == kind]
    del found[numbers[len(numbers) // 2]]
    rewritten(copy, found)
    try:
        again = played(copy)
    except RecordingError as error:
        assert "line" in str(error)
    else:
        assert again.tampered
        assert again.differences or kind == "q"  # a ledger that was in order


def test_what_a_killed_recorder_leaves_is_played_up_to_its_end(copy: Path) -> None:
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) * 2 // 3])
    found = played(copy)
    assert found.cut_off
    assert found.differences == []
    assert found.report.connections
    assert found.report.outcome == "error", "what is not known has not passed"
    assert found.report.errors == ("the recording is cut off here: how it went on is not known",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"not packed", "no recording"),
        (gzip.compress(b"[]\n", mtime=0), "no record"),
        (gzip.compress(b'["other", 1, {}]\n', mtime=0), "no recording"),
        (gzip.compress(f'["{MAGIC}", 99, {{}}]\n'.encode(), mtime=0), "format 99"),
        (gzip.compress(f'["{MAGIC}", 1, {{}}]\n'.encode(), mtime=0), "lacks its by"),
        (gzip.compress(b"[" * 100_000 + b"\n", mtime=0), "cannot be read"),
        (gzip.compress(b'["x", NaN]\n', mtime=0), "cannot be read"),
        (gzip.compress(b"0" * (40 << 20), mtime=0), "MiB"),
    ],
)
def test_what_is_no_recording_gets_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.recording"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=words) as caught:
        played(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "record",
    [
        ["r", 1, 1, "!!"],
        ["r", 1, 99, ""],
        ["r"],
        ["zz"],
        ["v", "provision", "nobody"],
        ["v", "__init__"],
        ["q", "add", 1],
        ["l", 1, "NEVER", "contoso/edge-1", [], 0, {}, {}],
        ["E", "Remark", {"time": "now"}],
        ["E", "ControlPlane", {}],
        ["D", 0, "vrp", "x", 0, "", True],
        ["@", "soon"],
        ["@", 1e400],
    ],
    ids=str,
)
def test_a_hostile_record_is_told_with_its_number(copy: Path, record: list[Any]) -> None:
    found = lines(copy)
    found.insert(40, record)
    rewritten(copy, found)
    try:
        assert played(copy).differences  # it came where something else had to
    except RecordingError as error:
        assert "line 4" in str(error)
        assert "\n" not in str(error)


def test_whatever_is_done_to_a_recording_nothing_else_than_an_error_or_a_difference_comes_of_it(copy: Path) -> None:
    """Each octet in turn, from all over the file, is another one."""
    whole = bytearray(copy.read_bytes())
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        changed = bytearray(whole)
        changed[at] ^= 0x41
        copy.write_bytes(changed)
        try:
            found = played(copy)
        except RecordingError:
            continue
        assert found.tampered or found.cut_off or found.differences or at < 10  # the header has a time and a flag


def test_a_recording_whose_packed_end_is_missing_is_cut_off(copy: Path) -> None:
    """The last octets of gzip say where it ends, and are its sum: every line is there without them."""
    whole = copy.read_bytes()
    for fewer in range(1, 9):
        copy.write_bytes(whole[:-fewer])
        assert played(copy).cut_off, fewer
    changed = bytearray(whole)
    changed[-9] ^= 0x41  # what that makes of the last lines depends on all before them
    copy.write_bytes(changed)
    try:
        assert played(copy).cut_off
    except RecordingError as error:
        assert "behind its end" in str(error) or "damaged after line" in str(error)


def test_another_policy_changes_what_it_judges_otherwise(recording: Path) -> None:
    base = played(recording, keeps_routes=True)
    same = played(recording, policy_named("exchange"), keeps_routes=True)
    assert list(compared(base, same)) == []
    without = exchange().policy.model_copy(update={"rules": {}})
    strict = played(recording, Changes(policy_of=exchange().model_copy(update={"policy": without})), keeps_routes=True)
    words = " ".join(f"{each.what} {each.recorded} {each.now}" for each in compared(base, strict))
    assert "192.0.2.0/24" in words
    assert "bogon-prefix" in words
    assert "contoso/edge-1 A1" in words or "contoso/edge-1 verdict" in words


def test_other_data_change_what_they_are_asked(recording: Path, tmp_path: Path) -> None:
    roas = tmp_path / "vrps.json"
    roas.write_text(json.dumps({"roas": [{"asn": "AS1", "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "t"}]}))
    base = played(recording, keeps_routes=True)
    now = played(recording, Changes(data={"vrp": roas}), keeps_routes=True)
    words = " ".join(f"{each.what} {each.now}" for each in compared(base, now))
    assert "1 route (192.0.2.0/24) rejected: rpki-invalid" in words


def test_a_recording_runs_nothing_that_it_names(copy: Path, tmp_path: Path) -> None:
    mine = tmp_path / "checks.py"
    mine.write_text("raise SystemExit(7)\n")
    found = lines(copy)
    found[0][2]["topology"]["checks"] = {"file": str(mine)}
    rewritten(copy, found)
    assert played(copy).differences == []


def test_reading_is_bounded(copy: Path) -> None:
    reader = RecordingReader(copy)
    assert sum(1 for _ in reader) == len(lines(copy)) - 1
    assert not reader.cut_off
