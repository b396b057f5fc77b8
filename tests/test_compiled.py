"""The compiled route path: it is used for its own sources alone, and says what the pure one says."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest

from simulator import compiled

ROOT = Path(__file__).parents[1]
SOURCES = ("wire/framing.py", "session/messages.py")
MADE = tuple(f"{name}{EXTENSION_SUFFIXES[0]}" for name in (compiled.GROUP, "wire/framing"))

needs_compiled = pytest.mark.skipif(bool(compiled.problem()), reason=f"{compiled.problem()}: make fast")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a compiled module that is of its sources."""
    monkeypatch.setattr(compiled, "HOT", ("wire.framing",))
    folder = tmp_path / "_compiled"
    lines = [f"{' '.join(compiled.HOT)}\n"]
    for path in SOURCES:
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(f"# {path}", encoding="utf-8")
        lines.append(f"{sha256(f'# {path}'.encode()).hexdigest()} {path}\n")
    (folder / "wire").mkdir(parents=True)
    for path in MADE:
        (folder / path).write_bytes(path.encode())
        lines.append(f"{sha256(path.encode()).hexdigest()} {path}\n")
    (folder / compiled.MANIFEST).write_text("".join(lines), encoding="utf-8")
    monkeypatch.setitem(sys.modules, compiled.GROUP, ModuleType(compiled.GROUP))  # it is loaded
    monkeypatch.setattr(compiled, "PACKAGE", str(tmp_path))
    monkeypatch.setattr(compiled, "FOLDER", str(folder))
    monkeypatch.delenv("TURNUP_CODE", raising=False)
    return tmp_path


def found(name: str) -> str:
    spec = compiled.Finder().find_spec(name)
    return "pure" if spec is None else Path(str(spec.origin)).relative_to(compiled.FOLDER).parts[0]


def test_what_is_compiled_of_these_sources_is_used(package: Path) -> None:
    assert compiled.problem() == ""
    assert compiled.Finder().code() == "compiled"
    assert found("simulator.wire.framing") == "wire"
    assert found(compiled.GROUP).startswith(compiled.GROUP)
    assert {found(name) for name in ("simulator.wire", "simulator.session.messages", "json")} == {"pure"}


@pytest.mark.parametrize("path", SOURCES)
@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_source_that_has_changed_makes_all_of_it_pure(package: Path, path: str, what: str) -> None:
    if what == "changed":
        (package / path).write_text("# another", encoding="utf-8")
    else:
        (package / path).unlink()
    assert found("simulator.wire.framing") == "pure"
    assert compiled.Finder().code() == f"pure: {path} has changed since it was compiled"


def test_what_another_python_compiled_is_not_used(package: Path) -> None:
    for path in (package / "_compiled").rglob("*.so"):
        path.rename(path.with_name(f"{path.name.partition('.')[0]}.cpython-30-sparc.so"))
    assert found("simulator.wire.framing") == "pure"
    assert compiled.Finder().code() == "pure: the compiled code is of another Python"


def test_a_build_of_which_a_part_is_missing_is_not_used(package: Path) -> None:
    """Half of it would run beside pure classes of the same names."""
    for path in (package / "_compiled" / "wire").iterdir():
        path.unlink()
    assert found("simulator.wire.framing") == "pure"
    assert compiled.Finder().code() == "pure: a part of the compiled code is missing"


@pytest.mark.parametrize("path", MADE)
@pytest.mark.parametrize("left", [0, 5])
def test_what_is_damaged_is_not_used_and_told(
    package: Path, path: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full leaves an empty file; to load a part of one may end the process."""
    (package / "_compiled" / path).write_bytes(path.encode()[:left])
    assert found("simulator.wire.framing") == "pure"
    assert compiled.Finder().code() == f"pure: {path} is damaged"
    monkeypatch.setenv("TURNUP_CODE", "compiled")
    with pytest.raises(compiled.CompiledCodeError, match="is damaged: make fast"):
        compiled.Finder().code()


def test_what_the_system_does_not_load_is_not_used_and_told(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, compiled.GROUP)
    finder = compiled.Finder()
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert finder.code().startswith("pure: it cannot be loaded: ")
    assert finder.find_spec("simulator.wire.framing") is None
    assert compiled.GROUP not in sys.modules


def test_a_list_of_sources_that_cannot_be_read_is_told(package: Path) -> None:
    (package / "_compiled" / compiled.MANIFEST).write_bytes(b"\xf3\xff")
    assert compiled.Finder().code() == "pure: its list of sources cannot be read"


@pytest.mark.parametrize("arguments", [["--version"], ["policy", "explain", "--prefix", "192.0.2.0/24"]])
def test_a_command_that_is_to_run_compiled_and_cannot_says_so_in_one_line(arguments: list[str]) -> None:
    code = "from simulator import compiled; compiled.FOLDER = 'none'"
    command = [sys.executable, "-c", f"{code}; from simulator.cli.main import main; main()", *arguments]
    surroundings = {**os.environ, "TURNUP_CODE": "compiled"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=surroundings)
    told = "turnup: TURNUP_CODE=compiled: there is no compiled code: make fast\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_nothing_compiled_is_nothing_to_tell(package: Path) -> None:
    for path in sorted((package / "_compiled").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (package / "_compiled").rmdir()
    assert compiled.Finder().code() == "pure"


def test_a_user_may_choose(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNUP_CODE", "pure")
    assert found("simulator.wire.framing") == "pure"
    monkeypatch.setenv("TURNUP_CODE", "compiled")
    assert found("simulator.wire.framing") == "wire"
    (package / SOURCES[0]).write_text("# another", encoding="utf-8")
    with pytest.raises(ImportError, match=r"wire/framing\.py has changed since it was compiled: make fast"):
        found("simulator.wire.framing")


def test_every_module_that_is_compiled_is_there() -> None:
    assert [name for name in compiled.HOT if not Path(compiled.PACKAGE, f"{name.replace('.', '/')}.py").is_file()] == []


_EFFECTS = """
from tests.replay.session import Player, read, recordings
for folder in recordings():
    setup, inputs, _ = read(folder)
    print(folder.name, *Player(setup).effects(inputs), sep="\\n")
"""
_TABLE = """
import sys
from ipaddress import IPv4Address
from random import Random
from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.table_dump_v2 import MrtPeer
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import frame
from simulator.wire.update import pack_announcements
edge, random = MrtPeer(8075, IPv4Address("198.51.100.1")), Random(1)
for number in range(1000):
    hop = IPv4Address("198.18.0.0") + 2 * number  # a session each: damage ends one
    asns = (9002, *(random.choice((13335, 64512, 3356, 40000 + number, 0)) for _ in range(3)))
    communities = tuple(range(random.choice((0, 3, 101))))
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns),), next_hop=hop, communities=communities)
    keys = [bytes((24, random.choice((10, 41, 192)), number >> 8, number & 255)), bytes((32, 41, number >> 8, 1, 1))]
    ((octets, _),) = pack_announcements(Family.IPV4, encode(path, asn4=True), hop.packed, keys, 4096)
    at = random.randrange(23, len(octets))
    damaged = octets[:at] + bytes((octets[at] ^ 0x41,)) + octets[at + 1 :]
    for address, message in ((hop, octets), (hop + 1, damaged)):
        sys.stdout.buffer.write(pack_message(1.5, MrtPeer(9002, address), edge, message))
"""
_CHECK = [
    "-m",
    "simulator",
    "policy",
    "check",
    "-",
    "--peer-address",
    "198.51.100.2",
    "--peer-as",
    "9002",
    "--format",
    "json",
]


def run(code: str, arguments: list[str], given: bytes = b"") -> bytes:
    surroundings = {**os.environ, "TURNUP_CODE": code, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *arguments], input=given, capture_output=True, cwd=ROOT, env=surroundings)
    assert not done.stderr, done.stderr.decode()
    return done.stdout


@needs_compiled
def test_recorded_sessions_have_the_same_effects() -> None:
    pure, fast = (run(code, ["-c", _EFFECTS]) for code in ("pure", "compiled"))
    assert pure.count(b"\n") > 300
    assert fast == pure


@needs_compiled
def test_a_table_gets_the_same_verdicts() -> None:
    table = run("pure", ["-c", _TABLE])
    pure, fast = (run(code, _CHECK, table) for code in ("pure", "compiled"))
    assert pure.count(b'"reject"') > 100
    assert pure.count(b'"unreadable"') > 100
    assert fast == pure
