"""`turnup init`: what it writes works at once, whatever is known; and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from simulator.cli.exit_codes import PASSED, USAGE
from simulator.cli.run.init import InitOptions, init
from simulator.places.process import Program
from simulator.routers.parsing import faults
from simulator.routers.registry import ROUTERS
from simulator.starting.ci import PACKAGES
from simulator.starting.facts import StartError
from simulator.starting.kinds import PEERING_KINDS
from simulator.starting.writing import SETTINGS
from simulator.topology.load import load
from simulator.topology.schema import Topology
from tests.lab_support import require_netns, require_program
from tests.routers.test_matrix import PROGRAMS
from tests.starting import samples
from tests.users_pytest import users_pytest

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("files", "addresses", "prefixes", "microsoft", "lan"), ()),
    **dict.fromkeys(("exchange", "asn", "router"), ""),
    "name": "mine",
    "ci": "github",
}


def start(where: Path, *, force: bool = False, **options: Any) -> Topology:
    """The command without a terminal; returns what it has written, as turnup reads it."""
    assert init(where, InitOptions(**{**NOTHING, **options}), force=force, asks=False) == PASSED
    return load(where / "lab.yaml", own_files=False)


def turnup(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


STARTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, {"asn", "addresses", "exchange", "microsoft", "prefixes"}),
    "a known exchange": ({"exchange": "26"}, {"asn", "addresses", "prefixes"}),
    "a name": ({"exchange": "ams-ix", "asn": "AS1"}, {"addresses", "prefixes"}),
    "an address": ({"addresses": ("206.126.239.200",), "asn": "1.10"}, {"prefixes"}),
    "IPv6 alone": ({"addresses": ("2001:504:0:2::1:1",), "asn": "AS3333"}, {"prefixes"}),
    "all": (
        {
            "exchange": "1",
            "asn": "3333",
            "addresses": ("206.126.239.200", "2001:504:0:2::3333:1"),
            "prefixes": ("193.0.0.0/21", "2001:67c:2e8::/48"),
        },
        set(),
    ),
    "an unknown exchange": (
        {
            "lan": ("185.1.0.0/24",),
            "microsoft": ("185.1.0.7",),
            "addresses": ("185.1.0.9",),
            "asn": "3333",
            "prefixes": ("193.0.0.0/21",),
        },
        {"exchange"},
    ),
    "a LAN": ({"lan": ("185.1.0.0/24",)}, {"asn", "addresses", "exchange", "microsoft", "prefixes"}),
    "Microsoft's addresses": ({"microsoft": ("185.1.0.7",)}, {"asn", "addresses", "exchange", "lan", "prefixes"}),
    "an edge without IPv6": (
        {"lan": ("185.1.0.0/24", "2a0c::/64"), "microsoft": ("185.1.0.7", "185.1.0.8", "2a0c::7")},
        {"asn", "addresses", "exchange", "prefixes"},
    ),
    "an edge of each family": (
        {"lan": ("185.1.0.0/24", "2a0c::/64"), "microsoft": ("185.1.0.7", "2a0c::7", "2a0c::8")},
        {"asn", "addresses", "exchange", "prefixes"},
    ),
    "private links": ({"kind": "Direct"}, {"asn", "links", "prefixes"}),
    "links that are known": (
        {"kind": "direct", "links": ("192.0.2.8/30", "192.0.2.12/30"), "asn": "3333", "prefixes": ("193.0.0.0/21",)},
        set(),
    ),
    "an exchange's route servers": (
        {"kind": "ixrs"},
        {"asn", "addresses", "exchange", "members", "microsoft", "prefixes"},
    ),
    "a known exchange's route servers": (
        {"kind": "IxRs", "exchange": "26", "asn": "64499"},
        {"addresses", "members", "prefixes"},
    ),
    "a real router": ({"router": "bird"}, {"asn", "addresses", "exchange", "microsoft", "prefixes"}),
}
WORDS = {
    "asn": "your( route servers')? ASN",
    "addresses": "your route",
    "links": "the prefixes of your private links",
    "members": "a member of your exchange",
    "exchange": "the exchange where",
    "microsoft": "Microsoft's addresses",
    "lan": "the prefix of the exchange LAN",
    "prefixes": "the prefixes that ",
}


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("ci", ["github", "gitlab", "none"])
def test_what_is_written_is_a_topology_and_each_placeholder_is_named(name: str, ci: str, tmp_path: Path) -> None:
    options, unknown = STARTS[name]
    made = start(tmp_path, ci=ci, **options)
    assert made.peers[0].router_kind == options.get("router", "route-server" if made.customers else "simulated")
    assert {each.version for each in made.peers[0].addresses} <= {4, 6}
    if ci == "github":
        shown = turnup("validate", "lab.yaml", cwd=tmp_path)
        assert shown.returncode == 0, shown.stderr
        told = re.findall(r"^lab\.yaml:\d+: a placeholder: put in (.*)$", shown.stdout, re.MULTILINE)
        assert {what for what, words in WORDS.items() if any(re.match(words, line) for line in told)} == unknown
    files = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    expected = {"github": {".github/workflows/turnup.yml"}, "gitlab": {".gitlab-ci.yml"}, "none": set()}[ci]
    assert files == {"lab.yaml", "test_peering.py", "pytest.ini", *expected}


@pytest.mark.parametrize("name", [name for name, (options, _) in STARTS.items() if "router" not in options])
def test_the_rehearsal_passes_at_once(name: str, tmp_path: Path) -> None:
    start(tmp_path, **STARTS[name][0])
    done = turnup("rehearse", "lab.yaml", "--soak", "0.2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.findall(r"check \w+ +(?:failure|error|unset).*", done.stdout), "a healthy peering has no warning"


KINDS_OF_FILES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a known exchange": {"exchange": "26"},
    "PeeringDB": {"peeringdb": True, "asn": str(samples.MINE)},
    "PeeringDB and a file": {"peeringdb": True, "own": True},
    "IX-F": {"ixf": True, "asn": str(samples.MINE)},
    "a file": {"own": True},
    "two links": {"links": ("192.0.2.8/30", "192.0.2.12/30")},
    "a link of each family": {"links": ("192.0.2.8/31", "2001:db8:f::/126")},
}
"""What somebody has; for a file it is that of the router."""
REASONS = (
    "has no exchange",
    "no private links|only a Direct peering has private links",
    "a route server's own file needs",
    "turnup plays the route servers",
    "it is the peer of an IxRs peering",
    "nobody says which link",
    "is the file of a bird router",
)
"""Why one combination or another is no peering."""


@pytest.mark.parametrize("known", KINDS_OF_FILES)
@pytest.mark.parametrize("router", ["", "bird", "external", "route-server"])
@pytest.mark.parametrize("kind", PEERING_KINDS)
def test_every_combination_is_a_lab_or_is_refused_for_a_reason(
    kind: str, router: str, known: str, tmp_path: Path
) -> None:
    """Whatever is combined: a topology without a mistake and a test that compiles, or one line and nothing written."""
    options = dict(KINDS_OF_FILES[known])
    files = []
    for name, text in (("peeringdb", json.dumps(samples.peeringdb())), ("ixf", json.dumps(samples.ixf()))):
        if options.pop(name, False):
            (tmp_path / name).write_text(text)
            files.append(tmp_path / name)
    if options.pop("own", False):
        (tmp_path / "own.conf").write_text(samples.BIRD)
        files.append(tmp_path / "own.conf")
    where = tmp_path / "lab"
    try:
        made = start(where, files=tuple(files), router=router, kind=kind, **options)
    except StartError as error:
        assert any(re.search(reason, str(error)) for reason in REASONS), error
        assert "\n" not in str(error) and not where.exists()
        return
    assert {each.kind for each in made.peerings} == {kind}
    compile((where / "test_peering.py").read_text(), "test_peering.py", "exec")


@pytest.mark.parametrize("kind", PEERING_KINDS)
def test_the_tests_pass_at_once(kind: str, tmp_path: Path) -> None:
    start(tmp_path, kind=kind)
    done = users_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("kind", samples.ROUTERS)
def test_a_routers_own_file_is_rehearsed_at_once(kind: str, tmp_path: Path) -> None:
    require_netns()
    for program in PROGRAMS[kind]:
        require_program(program)
    theirs = tmp_path / "theirs" / "router.conf"
    theirs.parent.mkdir()
    theirs.write_text(samples.ROUTERS[kind])
    own = ROUTERS[kind].own_file
    assert own is not None and faults(own, theirs) == []
    prefixes = ("41.10.0.0/16", "2c0f:f123::/32") if kind == "gobgp" else ()
    made = start(tmp_path / "lab", files=(theirs,), prefixes=prefixes)
    assert made.peers[0].router_choice.config == tmp_path / "lab" / "router.conf"
    done = turnup("rehearse", "lab.yaml", "--soak", "0.2", cwd=tmp_path / "lab")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("neighbor", "doubted"), [("206.126.236.148", False), ("206.126.236.184", True)])
def test_an_address_that_nobody_knows_of_microsoft_is_said(
    neighbor: str, doubted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "bird.conf"
    sessions = [
        f"protocol bgp e{n} {{ local 206.126.239.200 as 64496; neighbor {address} as 8075; "
        "ipv4 { import all; export all; }; }"
        for n, address in enumerate(("206.126.236.17", neighbor))
    ]
    own.write_text("\n".join(("router id 192.0.2.1;", *sessions, "")))
    start(tmp_path / "lab", files=(own,))
    said, text = capsys.readouterr().err, (tmp_path / "lab" / "lab.yaml").read_text()
    assert (f"names {neighbor} as Microsoft's" in said) is doubted
    assert ("known by 206.126.236.17, 206.126.236.148" in said) is doubted
    assert (f"ipv4: {neighbor}   # not in turnup location show 1\n" in text) is doubted
    assert text.count("# not in") == doubted


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "test_peering.py").write_text("mine")
    with pytest.raises(StartError, match=r"test_peering\.py: there already; --force writes over it"):
        start(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["test_peering.py"]
    assert (tmp_path / "test_peering.py").read_text() == "mine"
    start(tmp_path, force=True)
    assert (tmp_path / "test_peering.py").read_text() != "mine"


def test_a_routers_file_is_copied_named_where_it_is_and_never_written_over(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.conf"
    theirs.write_text(samples.BIRD)
    theirs.chmod(0o600)
    here = tmp_path / "here"
    here.mkdir()
    (here / "theirs.conf").write_text("another")
    with pytest.raises(StartError, match=r"theirs\.conf: there already"):
        start(here, files=(theirs,))
    assert (here / "theirs.conf").read_text() == "another"
    (here / "theirs.conf").unlink()
    start(here, files=(theirs,))
    assert (here / "theirs.conf").stat().st_mode & 0o777 == 0o600
    (here / "conf").mkdir()
    (here / "conf" / "bird.conf").write_text(samples.BIRD)
    made = start(here, files=(here / "conf" / "bird.conf",), force=True)
    assert made.peers[0].router_choice.config == here / "conf" / "bird.conf"
    (tmp_path / "many.conf").write_text(samples.BIRD + 'include "more.conf";\n')
    made = start(here, files=(tmp_path / "many.conf",), force=True)
    assert made.peers[0].router_choice.config == tmp_path / "many.conf"


REFUSED: dict[str, dict[str, Any]] = {
    "--asn 'x' is no ASN": {"asn": "x"},
    "AS65010 does not belong on the Internet .private use, RFC 6996.": {"asn": "65010"},
    "AS8075 is Microsoft": {"asn": "8075"},
    "--address '1.2.3' is no IPv4 or IPv6 address": {"addresses": ("1.2.3",)},
    "--lan '10.0.0.1/24': .*host bits": {"lan": ("10.0.0.1/24",)},
    "--prefix 'x'": {"prefixes": ("x",)},
    "router 'ciscoo': there is no such kind": {"router": "ciscoo"},
    "--ci 'jenkins': one of github, gitlab or none": {"ci": "jenkins"},
    "name 'a b'": {"name": "a b"},
    "--exchange Nowhere-IX: no exchange of this name": {"exchange": "Nowhere-IX"},
    r"--exchange Equinix: \d+ exchanges fit: choose one with --exchange: .* and \d+ more": {"exchange": "Equinix"},
    "no session has this family": {"addresses": ("206.126.239.200",), "prefixes": ("2001:db8::/32",)},
    "belong together": {"addresses": ("192.0.2.1",), "microsoft": ("2001:db8::1",), "lan": ("192.0.2.0/24",)},
    "--kind 'ring': one of Exchange, Direct, IxRs": {"kind": "ring"},
    "only a Direct peering has private links": {"links": ("192.0.2.0/31",)},
    "--link 192.0.2.0/29: the IPv4 prefix of a private link is a /30 or /31": {
        "kind": "direct",
        "links": ("192.0.2.0/29",),
    },
    "--exchange: a Direct peering has no exchange": {"kind": "direct", "exchange": "26"},
    "1 IPv4 and 2 IPv6 addresses of route servers": {
        "kind": "ixrs",
        "addresses": ("192.0.2.1", "2001:db8:2::1", "2001:db8:2::2"),
    },
    "these values make no topology: .*": {"exchange": "1", "addresses": ("10.0.0.1",)},
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_makes_no_sense_is_one_line_and_writes_nothing(words: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=words) as raised:
        start(tmp_path / "new", **REFUSED[words])
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "new").exists()


def test_the_command_line_says_it_in_one_line_with_exit_code_2(tmp_path: Path) -> None:
    done = turnup("init", "--asn", "0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("turnup: --asn '0' is no ASN")


def test_a_name_of_somebody_elses_export_stays_a_text(tmp_path: Path) -> None:
    export = samples.ixf()
    export["ixp_list"][0] |= {"name": 'A"b: [x]\n# c\u202e', "peeringdb_id": None}
    (tmp_path / "ixf.json").write_text(json.dumps(export))
    made = start(tmp_path / "lab", files=(tmp_path / "ixf.json",), asn=str(samples.MINE))
    assert made.exchange is not None
    assert made.exchange.name == 'A"b: [x] # c (Peering)'
    assert str(made.peers[0].ipv4) == "206.126.239.200"


def test_on_a_terminal_it_asks_what_nothing_else_says(tmp_path: Path) -> None:
    theirs, ours = pty.openpty()
    command = [sys.executable, "-m", "simulator", "init", "--exchange", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=ours, stdout=ours, stderr=ours) as process:
        os.close(ours)
        answers = {
            "Your ASN [64496]": "no number",
            "Your ASN [64496]:": "AS3333",
            "Your router's addresses": "206.126.239.200",
            "Your router (": "",
            "The prefixes": "193.0.0.0/21",
        }
        shown = ""
        for question, answer in answers.items():
            shown = _until(theirs, question, "")
            os.write(theirs, answer.encode() + b"\n")
        shown = _until(theirs, "next:", shown)
        assert process.wait(30) == PASSED
    os.close(theirs)
    made = load(tmp_path / "lab.yaml")
    assert (made.peers[0].asn, str(made.peers[0].ipv4), made.peers[0].router_kind) == (
        3333,
        "206.126.239.200",
        "simulated",
    )
    assert made.peerings[0].families == ["IPv4"]
    assert "placeholder" not in shown


def _until(terminal: int, words: str, shown: str) -> str:
    end = time.monotonic() + 60
    while words not in shown:
        assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], f"{words!r} is not in {shown!r}"
        shown += os.read(terminal, 4096).decode()
    return shown


def test_every_daemon_has_its_package() -> None:
    """What CI installs is what the program's own words say."""
    for kind, packages in PACKAGES.items():
        for package in packages:
            module = import_module(f"simulator.routers.{kind}.file")
            programs = [each for each in vars(module).values() if isinstance(each, Program)]
            assert {each.remedy for each in programs} >= {f"apt-get install {package}"}, kind


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_pytest_stay_as_they_are(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("# mine\n")
    start(tmp_path)
    assert (tmp_path / name).read_text() == "# mine\n"
    assert not (tmp_path / "pytest.ini").exists() or name == "pytest.ini"
    assert (tmp_path / "test_peering.py").exists()
