"""What `turnup config` prints: the same for the lab, whole in every language, and read by the daemons' own parsers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.places.errors import LabError
from simulator.places.process import find_program
from simulator.routers.base import RouterConfig
from simulator.routers.bird import config as bird
from simulator.routers.configs import iosxr, model
from simulator.routers.configs.registry import FORMATS
from simulator.routers.exabgp import config as exabgp
from simulator.routers.frr import config as frr
from simulator.routers.gobgp import config as gobgp
from simulator.routers.openbgpd import config as openbgpd
from simulator.routers.simulated.adapter import path_of
from simulator.session.messages import Family
from simulator.topology.kinds import LANGUAGES, Says
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import needs, unsayable
from simulator.wire.path_attributes import AsSegment, SegmentKind
from simulator.wire.route_syntax import parse_routes
from tests.lab_support import require_program, v4, v6
from tests.routers.conformance import OWN_ROUTES, RICH_ROUTES, configuration

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "TURNUP_UPDATE_GOLDEN"
"""Set to 1 to write the files anew after a change that is meant."""
LAN = ("192.0.2.0/24", "2001:db8:2::/64")
ROUTING = [name for name in FORMATS if name != "exabgp"]
"""Those that have an import policy and a limit."""
STARTED = {"bird": bird, "frr": frr, "openbgpd": openbgpd, "gobgp": gobgp, "exabgp": exabgp}


def peer(**more: Any) -> RouterConfig:
    """Two sessions, every attribute, Microsoft's limits."""
    plain = configuration(OWN_ROUTES, **more)
    limits = {Family.IPV4: 2000, Family.IPV6: 500}
    limited = (replace(found, max_prefixes=limits[found.family]) for found in plain.sessions)
    return replace(plain, sessions=tuple(limited), lan=LAN)


@pytest.mark.parametrize("security", ["plain", "md5-gtsm"])
@pytest.mark.parametrize("name", FORMATS)
def test_it_is_what_was_agreed_to_be_printed(name: str, security: str) -> None:
    config = peer() if security == "plain" else peer(md5="s3cret", gtsm=True)
    path, text = GOLDEN / f"{name}.{security}.txt", FORMATS[name](config)
    if os.environ.get(UPDATE) == "1":
        path.write_text(text)
    assert text == path.read_text(), f"run with {UPDATE}=1 if this is meant, and read what changed"


@pytest.mark.parametrize("name", FORMATS)
def test_what_only_some_languages_have_a_way_to_say(name: str) -> None:
    """All that this one has, printed; each of the others refused in one line that says what to do."""
    said = [route for route in RICH_ROUTES if unsayable(name, route) is None]
    path, text = GOLDEN / f"{name}.rich.txt", FORMATS[name](configuration(said))
    if os.environ.get(UPDATE) == "1":
        path.write_text(text)
    assert text == path.read_text(), f"run with {UPDATE}=1 if this is meant, and read what changed"
    title, says = LANGUAGES[name].title, LANGUAGES[name].says
    assert {what for route in said for what, _ in needs(route)} <= says
    for route in RICH_ROUTES:
        if route not in said:
            words = f"route {route.prefix} cannot be written for {title} with .*: (leave it out|write next-hop)"
            with pytest.raises(LabError, match=words):
                FORMATS[name](configuration([route]))


def test_every_format_says_what_it_can_say() -> None:
    assert list(LANGUAGES) == list(FORMATS)
    tried = {what for route in RICH_ROUTES for what, _ in needs(route)}
    assert tried == set(Says) - {Says.CONFEDERATION, Says.PARTIAL}
    for route in (
        RouterRoute("41.0.0.0/16", (AsSegment(SegmentKind.CONFED_SEQUENCE, (64501,)),)),
        RouterRoute("41.0.0.0/16", communities=("1:2",), partial=(8,)),
    ):
        assert [name for name in FORMATS if unsayable(name, route) is None] == [
            name for name, language in LANGUAGES.items() if {what for what, _ in needs(route)} <= language.says
        ]
        assert unsayable("simulated", route) is None


def test_what_exabgp_is_given_reads_back_as_it_was() -> None:
    lines = re.findall(r"route .*;", exabgp.render(configuration(RICH_ROUTES)))
    assert len(lines) == len(RICH_ROUTES)
    for line, route in zip(lines, RICH_ROUTES, strict=True):
        (found,) = parse_routes([line], next_hop_v4=None, next_hop_v6=None)
        # ExaBGP adds its own AS where a route has no path.
        path = path_of(replace(route, as_path=(64496, *route.as_path)) if route.as_path else route)
        own = v4(1) if found.family is Family.IPV4 else v6(1)
        path = replace(path, next_hop=path.next_hop or own)
        extended = tuple(sorted(path.extended_communities))
        got = found.attributes
        assert replace(got, extended_communities=tuple(sorted(got.extended_communities))) == replace(
            path, extended_communities=extended
        )


@pytest.mark.parametrize("name", FORMATS)
def test_every_session_is_there_and_it_is_plain_text(name: str) -> None:
    text = FORMATS[name](peer())
    for address in (v4(2), v6(2)):
        assert re.search(rf"(?<![\w:.]){re.escape(str(address))}(?![\w:.])", text), address
    assert "8075" in text
    assert "64496" in text
    assert "10.255.0.1" in text, "the router id"
    assert text.isascii()
    assert text.endswith("\n")
    assert "lab only" not in text


@pytest.mark.parametrize("name", ROUTING)
def test_as12076_the_default_the_lan_and_our_own_are_refused(name: str) -> None:
    text = FORMATS[name](peer())
    body = re.sub(r"^\s*(#|!|/\*).*$", "", text, flags=re.MULTILINE)  # comments do not count
    assert re.search(r"\b_?12076_?\b", body)
    for prefix in ("0.0.0.0/0", "::/0", *LAN, "41.0.0.0/14", "41.4.0.0/16", "2c0f:1::/32"):
        assert prefix in body, prefix


@pytest.mark.parametrize("name", ROUTING)
def test_the_limits_are_microsofts_one_a_family(name: str) -> None:
    text = FORMATS[name](peer())
    assert len(re.findall(r"\b2000\b", text)) == 1
    assert len(re.findall(r"\b500\b", text)) == 1
    none = FORMATS[name](replace(peer(), sessions=configuration().sessions))
    assert not re.search(r"\b2000\b", none)


_GTSM = {
    "bird": "ttl security on",
    "frr": "ttl-security hops 1",
    "openbgpd": "ttl-security yes",
    "gobgp": "ttl-min = 255",
    "exabgp": "incoming-ttl 255",
    "junos": "ttl 255;",
    "iosxr": "ttl-security",
    "ios": "ttl-security hops 1",
    "eos": "ttl maximum-hops 1",
    "routeros": "local.ttl=255 remote.ttl=255",
    "vyos": "ttl-security hops 1",
}


@pytest.mark.parametrize("name", FORMATS)
def test_md5_and_ttl_security_are_there_only_where_set(name: str) -> None:
    plain, secure = FORMATS[name](peer()), FORMATS[name](peer(md5="s3cret", gtsm=True))
    assert secure.count(_GTSM[name]) == 2
    assert len(re.findall("s3cret", secure)) == 2
    assert not re.search(r"ttl|md5|password|authentication-key", plain, re.IGNORECASE)


@pytest.mark.parametrize("name", FORMATS)
def test_one_family_alone_leaves_nothing_of_the_other(name: str) -> None:
    config = peer()
    text = FORMATS[name](replace(config, sessions=config.sessions[:1]))
    assert str(v4(2)) in text
    assert str(v6(2)) not in text


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("key", ["two\nlines", 'say "x" \\ ?', "k" * 81])
def test_a_key_is_written_or_refused_in_one_line(name: str, key: str) -> None:
    try:
        text = FORMATS[name](peer(md5=key))
    except LabError as error:
        assert "MD5 key" in str(error)
        assert "\n" not in str(error)
    else:
        assert len(text.splitlines()) < 260, "and never as a line of its own"
        assert "\nlines" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_no_routes_and_no_sessions_are_no_error(name: str) -> None:
    assert FORMATS[name](replace(peer(), routes=()))
    assert FORMATS[name](replace(peer(), sessions=()))


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_cannot_break_out(name: str) -> None:
    config = peer()
    first = replace(config.sessions[0], name="x'\"*/ { }\n}; evil")
    text = FORMATS[name](replace(config, sessions=(first,)))
    assert not re.search(r"^\W*evil", text, re.MULTILINE)


@pytest.mark.parametrize("name", STARTED)
def test_the_lab_starts_what_is_printed(name: str) -> None:
    """Whatever the lab adds stands behind a comment that says so."""
    config = peer(md5="s3cret", gtsm=True)
    printed, started = (STARTED[name].render(config, lab).splitlines() for lab in (None, Path("/lab")))
    rest = iter(started)
    extra: list[str] = []
    for line in (line for line in printed if not line.startswith("#   gobgp global rib add")):
        for found in rest:
            if found == line:
                break
            extra.append(found)
        else:
            pytest.fail(f"not in what the lab starts: {line}")
    extra += rest
    assert any("lab only" in line for line in extra)
    assert _unexplained(extra, printed) == []


def _unexplained(extra: Iterable[str], printed: list[str]) -> list[str]:
    """The lines that no "lab only" comes before."""
    told = False
    found = []
    for line in extra:
        told = told or "lab only" in line
        if not told and line.strip() and line not in printed:
            found.append(line)
    return found


def test_own_prefixes_are_refused_as_aggregates() -> None:
    config = replace(peer(), routes=tuple(RouterRoute(f"41.0.{n}.0/24") for n in range(256)), lan=())
    assert [found.prefix for found in model.refusals(config, Family.IPV4)] == ["0.0.0.0/0", "41.0.0.0/16"]


def test_a_default_route_of_our_own_does_not_refuse_everything() -> None:
    config = replace(peer(), routes=(RouterRoute("0.0.0.0/0"),), lan=())
    assert [(found.prefix, found.longer) for found in model.refusals(config, Family.IPV4)] == [("0.0.0.0/0", False)]


# --- the daemons' own parsers ---


def checked(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert "No such command" not in said


@pytest.fixture(params=["plain", "secure"])
def printed(request: pytest.FixtureRequest) -> RouterConfig:
    return peer() if request.param == "plain" else peer(md5="s3cret", gtsm=True)


@pytest.mark.router
class TestParsers:
    def test_bird(self, printed: RouterConfig, tmp_path: Path) -> None:
        require_program("bird")
        (tmp_path / "bird.conf").write_text(bird.render(printed))
        checked(str(find_program("bird")), "-p", "-c", str(tmp_path / "bird.conf"))

    def test_frr(self, printed: RouterConfig, tmp_path: Path) -> None:
        require_program("/usr/lib/frr/bgpd")
        require_program("vtysh")
        path = tmp_path / "frr.conf"
        path.write_text(frr.render(printed))
        checked("/usr/lib/frr/bgpd", "-C", "-f", str(path), "--skip_runas", "--log", "stdout")
        checked(str(find_program("vtysh")), "--vty_socket", str(tmp_path), "-C", "-f", str(path))

    def test_openbgpd(self, printed: RouterConfig, tmp_path: Path) -> None:
        require_program("/usr/sbin/bgpd")
        path = tmp_path / "bgpd.conf"
        path.touch(mode=0o600)
        path.write_text(openbgpd.render(printed))
        checked("/usr/sbin/bgpd", "-n", "-f", str(path))

    def test_gobgp(self, printed: RouterConfig, tmp_path: Path) -> None:
        require_program("gobgpd")
        path = tmp_path / "gobgpd.toml"
        path.write_text(gobgp.render(printed))
        assert tomllib.loads(path.read_text())["global"]["config"]["as"] == 64496
        checked(str(find_program("gobgpd")), "-d", "-f", str(path), "-t", "toml")

    def test_exabgp(self, printed: RouterConfig, tmp_path: Path) -> None:
        path = tmp_path / "exabgp.conf"
        path.write_text(exabgp.render(printed))
        checked(str(Path(sys.executable).with_name("exabgp")), "validate", "-nrv", str(path))


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [
        ("frr", "neighbor 192.0.2.2 enforce-first-as", "no neighbor 192.0.2.2 enforce-first-as"),
        ("bird", "enforce first as on;", "enforce first as off;"),
        ("openbgpd", "enforce neighbor-as yes", "enforce neighbor-as no"),
    ],
)
def test_the_first_as_is_not_asked_of_a_route_server(name: str, on: str, off: str) -> None:
    """RFC 7947 §2.2.2.1: its own AS is in no path."""
    with_microsoft = peer()
    sessions = tuple(replace(session, route_server=True) for session in with_microsoft.sessions)
    member = FORMATS[name](replace(with_microsoft, sessions=sessions))
    lines = [line.strip() for line in member.splitlines()]
    assert on in [line.strip() for line in FORMATS[name](with_microsoft).splitlines()]
    assert off in lines and on not in lines
    assert "with an exchange's route servers" in member


def test_on_ios_xr_the_first_as_is_only_ever_switched_off() -> None:
    """The command is `bgp enforce-first-as disable`: without it, it is enforced."""
    sessions = tuple(replace(session, route_server=True) for session in peer().sessions)
    assert "enforce-first-as" not in iosxr.render(peer())
    assert " bgp enforce-first-as disable" in iosxr.render(replace(peer(), sessions=sessions)).splitlines()
