"""Users' files of every daemon: what fits is said to fit, each mistake is named with its line. Nothing is started."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.diagnosis.causes import BY_ID
from simulator.diagnosis.solve import SUPPORTS
from simulator.engine.peer_config import agreed_config
from simulator.preflight.ends import Fit, Matter, PreflightRow
from simulator.preflight.rows import preflight
from simulator.routers.configs.registry import FORMATS
from simulator.topology.kinds import KINDS, LANGUAGES
from simulator.topology.load import load
from tests.routers.own_files import FILES
from tests.topologies import SHIPPED, write

DAEMONS = [name for name in LANGUAGES if name in KINDS]
EDGE, EDGE6 = "206.126.236.17", "2001:504:0:2::8075:1"
OURS, OURS6 = "206.126.239.200", "2001:504:0:2:0:6:4496:1"


def lay(directory: Path, kind: str, files: Mapping[str, str], **more: Any) -> Path:
    """A topology of one peer with this file beside it, the first of `files`."""
    for name, text in files.items():
        (directory / name).touch(mode=0o600)
        (directory / name).write_text(text)
    return write(
        {
            "name": "own",
            "link": "netns",
            "exchange": {"name": "x", "lan": {"ipv4": "206.126.236.0/22", "ipv6": "2001:504:0:2::/64"}},
            "edges": [{"name": "e1", "ipv4": EDGE, "ipv6": EDGE6}],
            "peers": [
                {
                    "name": "contoso",
                    "asn": 64496,
                    "ipv4": OURS,
                    "ipv6": OURS6,
                    "interface": "ens19",
                    "announce": [{"prefixes": ["192.0.2.0/24", "2001:db8::/32"]}],
                    "router": {"kind": kind, "config": next(iter(files))} if files else kind,
                }
            ],
            "peerings": [{"name": "p", "peer": "contoso", "kind": "Exchange", "connections": [{"edge": "e1"}], **more}],
        },
        directory / "topology.yaml",
    )


def rows(path: Path, **more: Any) -> list[PreflightRow]:
    return preflight(load(path, own_files=False), **more)


@pytest.mark.parametrize("name", FILES)
def test_users_files_that_work_fit(name: str, tmp_path: Path) -> None:
    kind, text, included = FILES[name]
    first = "router.yaml" if "yaml" in name else "router.conf"
    files = {
        part.replace("{mark}", "m"): each.replace("{mark}", "m") for part, each in {first: text, **included}.items()
    }
    found = rows(lay(tmp_path, kind, files))
    assert [(row.fit, row.mismatches, row.notes) for row in found] == [(Fit.UNIQUE_MATCH, (), ())] * 2


def written(kind: str, directory: Path, **more: Any) -> tuple[Path, str]:
    path = lay(directory, kind, {"router.conf": ""}, **more)
    topology = load(path, own_files=False)
    return path, FORMATS[kind](agreed_config(topology, topology.peers[0]))


@pytest.mark.parametrize("security", [{}, {"md5": "s3cret'key", "gtsm": True}, {"md5": "s3cret"}], ids=str)
@pytest.mark.parametrize("kind", DAEMONS)
def test_what_turnup_writes_fits(kind: str, security: dict[str, Any], tmp_path: Path) -> None:
    path, text = written(kind, tmp_path, **security)
    (tmp_path / "router.conf").write_text(text)
    assert [(row.fit, row.mismatches) for row in rows(path)] == [(Fit.UNIQUE_MATCH, ())] * 2


MISTAKES: dict[str, tuple[tuple[str, str], Fit, Matter | None]] = {
    "another remote AS": ((r"\b8075\b(?!:)", "8076"), Fit.HALF_OPEN, Matter.REMOTE_AS),
    "another local AS": ((r"\b64496\b", "64497"), Fit.HALF_OPEN, Matter.LOCAL_AS),
    "another neighbor": ((re.escape(EDGE) + r"\b", "206.126.236.77"), Fit.UNKNOWN_REMOTE, Matter.ADDRESS),
    "another source": ((re.escape(OURS) + r"\b", "206.126.239.77"), Fit.INVALID_LOCAL_IP, Matter.LOCAL_ADDRESS),
    "another key": (("s3cret", "geheim"), Fit.UNIQUE_MATCH, Matter.MD5),
    "a short hold time": (
        (r"(hold[- ]?time(?: =)?|timers bgp \d+) 90", r"\1 2"),
        Fit.UNIQUE_MATCH,
        Matter.HOLD_TIME,
    ),
}
IMPOSSIBLE = {("openbgpd", "another source"): "it says no source where it has no choice"}
REFUSED = {("bird", "a short hold time"), ("openbgpd", "a short hold time"), ("exabgp", "a short hold time")}
"""The daemon's own parser does not take it."""


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("kind", DAEMONS)
def test_a_mistake_in_a_users_file_is_named_with_its_line(kind: str, mistake: str, tmp_path: Path) -> None:
    if (kind, mistake) in IMPOSSIBLE:
        pytest.skip(IMPOSSIBLE[kind, mistake])
    (old, new), fit, matter = MISTAKES[mistake]
    path, text = written(kind, tmp_path, md5="s3cret", gtsm=True)
    changed = re.sub(old, new, text)
    assert changed != text
    (tmp_path / "router.conf").write_text(changed)
    row = rows(path)[0]
    if (kind, mistake) in REFUSED:
        assert row.fit is Fit.NOT_READ
        return
    assert row.fit is fit, row
    assert matter in [each.matter for each in row.mismatches] and not row.comes_up
    place = next(each.place for each in row.mismatches if each.matter is matter)
    file, _, line = place.rpartition(":")
    assert Path(file).name == "router.conf"
    assert changed.splitlines()[int(line) - 1] not in text.splitlines()
    assert "geheim" not in " ".join(map(str, row.mismatches)), "a key is not shown"


RANGES = {
    "bird": """router id 206.126.239.200;
protocol bgp microsoft {
    local as 64496;
    neighbor range {range} as {asn};
    ipv4 { import all; export none; };
}
""",
    "frr": """frr defaults traditional
router bgp 64496
 bgp listen range {range} peer-group IX
 neighbor IX peer-group
 neighbor IX remote-as {asn}
""",
    "openbgpd": """AS 64496
router-id 206.126.239.200
neighbor {range} {
    remote-as {asn}
    descr "ix"
}
""",
    "gobgp": """[global.config]
as = 64496
router-id = "206.126.239.200"
[[peer-groups]]
[peer-groups.config]
peer-group-name = "ix"
peer-as = {asn}
[[dynamic-neighbors]]
[dynamic-neighbors.config]
prefix = "{range}"
peer-group = "ix"
""",
    "exabgp": """neighbor {range} {
    router-id 206.126.239.200;
    local-address 206.126.239.200;
    local-as 64496;
    peer-as {asn};
    passive true;
}
""",
}
"""Files that take sessions from a range of addresses, in each daemon's language."""


@pytest.mark.parametrize(
    ("prefix", "asn", "fit", "matter"),
    [
        ("206.126.236.0/22", 8075, Fit.DYNAMIC_MATCH, None),
        ("206.126.236.0/22", 8076, Fit.NO_MATCH_FOUND, Matter.REMOTE_AS),
        ("192.0.2.0/24", 8075, Fit.NO_MATCH_FOUND, Matter.ADDRESS),
    ],
)
@pytest.mark.parametrize("kind", RANGES)
def test_a_session_of_a_range_is_compared_by_what_the_file_says_of_the_range(
    kind: str, prefix: str, asn: int, fit: Fit, matter: Matter | None, tmp_path: Path
) -> None:
    text = RANGES[kind].replace("{range}", prefix).replace("{asn}", str(asn))
    file = f"own.{'toml' if kind == 'gobgp' else 'conf'}"
    found = rows(lay(tmp_path, kind, {file: text}), ask=False)
    four = next(row for row in found if row.session.endswith("ipv4"))
    assert four.fit is fit
    assert [each.matter for each in four.mismatches] == ([] if matter is None else [matter])
    assert four.comes_up is (matter is None)
    for each in four.mismatches:
        name, _, line = each.place.rpartition(":")
        said = str(asn) if matter is Matter.REMOTE_AS else prefix
        assert name.endswith(file) and said in text.splitlines()[int(line) - 1]


MULTIHOP = {
    "bird": (r"local [0-9A-Fa-f:.]+ as 64496;", "local as 64496;\n\tmultihop 2;"),
    "frr": (r"( neighbor \S+) update-source \S+", r"\1 ebgp-multihop 2"),
    "openbgpd": (r"remote-as 8075", "remote-as 8075\n\t\tmultihop 2"),
    "gobgp": (
        r'\[neighbors\.transport\.config\]\s*local-address = "[^"]+"',
        "[neighbors.ebgp-multihop.config]\n    enabled = true",
    ),
}
"""What turnup writes → the same with multihop and without the address to call from. ExaBGP's must have one."""


@pytest.mark.parametrize("kind", MULTIHOP)
def test_multihop_without_an_address_to_call_from_has_a_word_of_its_own(kind: str, tmp_path: Path) -> None:
    path = lay(tmp_path, kind, {})
    topology = load(path, own_files=False)
    config = agreed_config(topology, topology.peers[0])
    pattern, put = MULTIHOP[kind]
    text, count = re.subn(pattern, put, FORMATS[kind](config))
    assert count == 2, text
    file = f"own.{'toml' if kind == 'gobgp' else 'conf'}"
    found = rows(lay(tmp_path, kind, {file: text}), ask=False)
    assert [(row.fit, row.mismatches, row.comes_up) for row in found] == [
        (Fit.LOCAL_IP_UNKNOWN_STATICALLY, (), True)
    ] * 2


@pytest.mark.parametrize("kind", DAEMONS)
def test_a_session_that_the_file_lacks_is_half_open(kind: str, tmp_path: Path) -> None:
    path, text = written(kind, tmp_path)
    (tmp_path / "router.conf").write_text(text.replace(EDGE6, "2001:504:0:2::8075:99").replace("8075\n", "8075\n"))
    four, six = rows(path)
    assert four.fine
    assert six.fit is Fit.UNKNOWN_REMOTE


NO_NEIGHBOR = {
    "bird": "router id 206.126.239.200;\nprotocol device {}\n",
    "frr": "router bgp 64496\n",
    "gobgp": "[global.config]\nas = 64496\nrouter-id = '206.126.239.200'\n",
    "openbgpd": "AS 64496\n",
}


@pytest.mark.parametrize("text", ["", "\n", "#\n"])
@pytest.mark.parametrize("kind", DAEMONS)
def test_a_file_without_any_session_is_read_or_refused(kind: str, text: str, tmp_path: Path) -> None:
    for content in (text, text + NO_NEIGHBOR.get(kind, "")):
        found = rows(lay(tmp_path, kind, {"own.conf": content}))
        assert {row.fit for row in found} <= {Fit.HALF_OPEN, Fit.NOT_READ}


def test_a_session_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    found = run(lay(tmp_path, "gobgp", {"own.toml": NO_NEIGHBOR["gobgp"]}))
    assert (found.exit_code, found.stdout.count("the router has no session that fits")) == (1, 2)


def test_a_file_that_the_daemon_refuses_is_not_read(tmp_path: Path) -> None:
    path, text = written("bird", tmp_path)
    (tmp_path / "router.conf").write_text(text + "\nprotocol nonsense;\n")
    found = preflight(load(path, own_files=False))
    assert {row.fit for row in found} == {Fit.NOT_READ}
    assert run(path).exit_code == 2


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["preflight", *map(str, arguments)])


def test_the_command_prints_rows_and_says_so_with_its_exit_code(tmp_path: Path) -> None:
    path, text = written("bird", tmp_path, md5="s3cret")
    (tmp_path / "router.conf").write_text(text)
    fine = run(path)
    assert (fine.exit_code, "UNIQUE_MATCH" in fine.stdout) == (0, True)
    (tmp_path / "router.conf").write_text(text.replace("s3cret", "geheim"))
    wrong = run(path, "--format", "json")
    listed = json.loads(wrong.stdout)
    assert (wrong.exit_code, [row["fit"] for row in listed]) == (1, ["UNIQUE_MATCH"] * 2)
    assert listed[0]["mismatches"][0]["matter"] == "MD5 key" and not listed[0]["comesUp"]
    table = run(path, "--format", "csv")
    assert table.exit_code == 1 and table.stdout.startswith("Session,Connection,Peering")
    (tmp_path / "router.conf").write_text(text.replace("hold time 90", "hold time 6"))
    assert [run(path).exit_code, run(path, "--strict").exit_code] == [0, 1]
    assert run(tmp_path / "missing.yaml").exit_code == 2


@pytest.mark.parametrize("name", [path.name for path in SHIPPED.glob("*.yaml")])
def test_every_shipped_topology_fits(name: str) -> None:
    assert all(row.fine for row in preflight(load(SHIPPED / name)))


@pytest.mark.parametrize(
    ("side", "fits", "matter"),
    [
        ({"asn": 64497}, (Fit.HALF_OPEN, Fit.HALF_OPEN), Matter.LOCAL_AS),
        ({"remote-as": 8076}, (Fit.HALF_OPEN, Fit.HALF_OPEN), Matter.REMOTE_AS),
        ({"md5": "other"}, (Fit.UNIQUE_MATCH, Fit.UNIQUE_MATCH), Matter.MD5),
        ({"gtsm": True}, (Fit.UNIQUE_MATCH, Fit.UNIQUE_MATCH), Matter.GTSM),
        ({"families": ["IPv4"]}, (Fit.UNIQUE_MATCH, Fit.HALF_OPEN), None),
    ],
    ids=str,
)
def test_mistakes_that_a_topology_asks_for(
    side: Any, fits: tuple[Fit, Fit], matter: Matter | None, tmp_path: Path
) -> None:
    path = lay(tmp_path, "bird", {"router.conf": ""}, **{"peer-side": side})
    path.write_text(
        re.sub(r'"?router"?: *\{[^}]*\}|router:\n +kind: bird\n +config: router.conf', "router: bird", path.read_text())
    )
    found = rows(path)
    assert tuple(row.fit for row in found) == fits
    assert matter is None or all(each.matter is matter for row in found for each in row.mismatches)


def test_each_matter_supports_causes_of_the_table() -> None:
    assert set(SUPPORTS) == {matter.name.lower().replace("_", "-") for matter in Matter}
    assert {cause for causes in SUPPORTS.values() for cause in causes} <= set(BY_ID)
