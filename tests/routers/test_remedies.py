"""What is typed to mend a cause: whole in every language, out of `turnup config`; it heals a user's own file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from simulator.diagnosis.about import About
from simulator.diagnosis.causes import BY_ID
from simulator.diagnosis.evidence import RejectedRoutes
from simulator.diagnosis.remedies import _LOOKED_AT, mend
from simulator.diagnosis.router_answer import RouterAnswer, Setting
from simulator.policy.rules import RULES as POLICY_RULES
from simulator.routers.base import RouterConfig
from simulator.routers.configs.registry import FORMATS
from simulator.routers.daemon import Daemon
from simulator.routers.mender import RouterMender, mender, only_commands
from simulator.routers.own_file import statements_of
from simulator.routers.registry import ROUTERS
from simulator.routers.snippets import lines_of
from simulator.routers.wording import _VARIED, YOURS
from simulator.session.messages import Family
from simulator.topology.kinds import KINDS, LANGUAGES
from simulator.topology.route import RouterRoute
from tests.diagnosis.test_catalogue import evidence
from tests.routers.test_configs import peer

DAEMONS = [name for name in LANGUAGES if name in KINDS]
PLACEHOLDERS = re.compile(r"<[A-Za-z-]+>|\bKEY\b|\bNAME\b|\.\.\.|…|\{[a-z_]+\}|None\b")
ROUTES = tuple(map(RouterRoute, ("203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32")))
SECRETS = ("s3cret", "other")


def agreed(**more: Any) -> RouterConfig:
    return replace(peer(**{"md5": "s3cret", "gtsm": True, **more}), routes=ROUTES)


def of(language: str, config: RouterConfig, number: int = 0) -> RouterMender:
    own = ROUTERS[language].own_file if language in KINDS else None
    found = mender(language, config, config.sessions[number].name, own)
    assert found is not None
    return found


@pytest.mark.parametrize("number", [0, 1], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("language", [*LANGUAGES, "plain words"])
@pytest.mark.parametrize("cause", [*BY_ID, *POLICY_RULES])
def test_every_cause_is_mended_in_every_language_and_leaves_no_gap(cause: str, language: str, number: int) -> None:
    router = of(language, agreed(), number) if language in LANGUAGES else None
    text, spoken = mend(cause, evidence(mender=router), rule=cause in POLICY_RULES)
    assert text.strip() and spoken in ("", language)
    assert not PLACEHOLDERS.search(text), text
    assert "s3cret" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", _VARIED)
def test_what_turnup_config_has_a_line_for_is_shown_as_that_line(cause: str, language: str) -> None:
    config = agreed()
    alone = replace(config, sessions=config.sessions[:1])
    if cause != "nothing-to-announce" and cause not in of(language, config).wording.says and language != "routeros":
        shown = of(language, config).remedy(cause, About()).splitlines()
        kept = [line for line in shown if line.strip() and not line.startswith(("#", "("))]
        printed = lines_of(FORMATS[language](alone).replace("s3cret", "the_agreed_key"))
        assert kept
        clear = of(language, config).wording.clear.partition(" ")[0]
        assert all(line in printed or line.startswith(clear) for line in kept)


def _every(**wrong: Any) -> Callable[[RouterConfig], RouterConfig]:
    return lambda config: replace(config, sessions=tuple(replace(each, **wrong) for each in config.sessions))


def _from_afar(config: RouterConfig) -> RouterConfig:
    far = {4: ip_address("192.0.2.77"), 6: ip_address("2001:db8:2::77")}
    return replace(
        config, sessions=tuple(replace(each, local_address=far[each.local_address.version]) for each in config.sessions)
    )


BROKEN: dict[str, tuple[Callable[[RouterConfig], RouterConfig], Setting, str | None]] = {
    "md5": (_every(md5="other"), Setting.MD5, "s3cret"),
    "md5-missing": (_every(md5=None), Setting.MD5, "s3cret"),
    "gtsm": (_every(gtsm=False), Setting.GTSM, ""),
    "remote-as-wrong": (_every(remote_as=8076), Setting.REMOTE_AS, "8075"),
    "local-as-wrong": (lambda config: replace(config, asn=64999), Setting.LOCAL_AS, "64496"),
    "hold-time": (lambda config: replace(config, hold_time=3), Setting.HOLD_TIME, "90"),
    "hold-time-short": (lambda config: replace(config, hold_time=6), Setting.HOLD_TIME, "90"),
    "peer-limit": (_every(max_prefixes=5), Setting.PREFIX_LIMIT, "2000"),
    "router-id-ours": (lambda config: replace(config, router_id="192.0.2.2"), Setting.ROUTER_ID, "10.255.0.1"),
    "source-address": (_from_afar, Setting.SOURCE, "192.0.2.1"),
}
"""By cause: the mistake, and what the file says of it once it is mended."""
LACKING = {
    ("openbgpd", "source-address"): "without local-address OpenBGPD calls from the address of the link",
    ("exabgp", "peer-limit"): "ExaBGP has no prefix limit: what reads its API has it",
}
"""What a file of this language does not say, and why."""


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("cause", BROKEN)
def test_the_line_to_change_heals_the_file_and_the_daemon_takes_it(cause: str, daemon: str, tmp_path: Path) -> None:
    if why := LACKING.get((daemon, cause)):
        pytest.skip(why)
    breaks, setting, value = BROKEN[cause]
    path, own = tmp_path / "router.conf", ROUTERS[daemon].own_file
    assert own is not None
    path.write_text(FORMATS[daemon](breaks(agreed())))
    for number in (0, 1):
        config = replace(agreed(), file=path)
        router = of(daemon, config, number)
        limit = 2000 if cause == "peer-limit" else None
        edit = router.edit(cause, About(limit=limit))
        address = str(config.sessions[number].remote_address)
        if edit is not None:  # what is said once for all sessions is mended with the first
            shown = router.remedy(cause, About(limit=limit))
            assert shown.startswith(f"{path}:") and "\n+ " in shown
            assert not any(key in shown for key in SECRETS), "neither the user's key nor the agreed one is shown"
            edit.file.write_text(edit.new)
        told = statements_of(own, path, address)[setting]
        wanted = value.replace("192.0.2.1", str(config.sessions[number].local_address)) if value else value
        assert told.value.strip('"') == wanted or cause == "gtsm"
        assert cause == "gtsm" or router.edit(cause, About(limit=limit)) is None, "there is nothing left to change"
    assert own.parse(path, path.read_text(), tmp_path) == []


_FAMILIES = r"\n +\[+neighbors.afi-safis[^\n]*(?:\n[^\n\[]*=[^\n]*)?"
GONE = {
    "bird, family-missing": ("bird", "family-missing", r"\n\tipv6 \{.*?\n\t\};", Setting.IMPORT),
    "bird, next-hop": ("bird", "next-hop", r"\n\t\tnext hop self;", Setting.NEXT_HOP),
    "gobgp, family-missing": ("gobgp", "family-missing", _FAMILIES, Setting.REMOTE_AS),
    "gobgp, hold-time": ("gobgp", "hold-time", r"\n    hold-time = \d+", Setting.HOLD_TIME),
    "gobgp, no timers": ("gobgp", "hold-time", r"\n  \[neighbors.timers.config\]\n[^\n]*\n[^\n]*", Setting.HOLD_TIME),
    "gobgp, source-address": ("gobgp", "source-address", r"\n    local-address = [^\n]*", Setting.SOURCE),
    "gobgp, peer-limit": ("gobgp", "peer-limit", r"\n +max-prefixes = [^\n]*", Setting.PREFIX_LIMIT),
    "gobgp, no limit": ("gobgp", "peer-limit", r"\n +\[neighbors.afi-safis.pre[^\n]*\n[^\n]*", Setting.PREFIX_LIMIT),
    "frr, next-hop": ("frr", "next-hop", r"\n  neighbor \S+ next-hop-self", Setting.NEXT_HOP),
}


@pytest.mark.parametrize("case", GONE)
def test_a_line_that_is_gone_is_put_where_the_daemon_takes_it(case: str, tmp_path: Path) -> None:
    daemon, cause, lines, setting = GONE[case]
    path, own, config = tmp_path / "router.conf", ROUTERS[daemon].own_file, agreed()
    assert own is not None
    path.write_text(re.sub(lines, "", FORMATS[daemon](config), flags=re.DOTALL))
    for number, session in enumerate(config.sessions):
        if cause == "family-missing" and session.family is not Family.IPV6:
            continue
        edit = of(daemon, replace(config, file=path), number).edit(cause, About())
        assert edit is not None
        edit.file.write_text(edit.new)
        assert setting in statements_of(own, path, str(session.remote_address))
    assert own.parse(path, path.read_text(), tmp_path) == []


def test_a_remedy_names_the_users_own_protocol(tmp_path: Path) -> None:
    path, config = tmp_path / "router.conf", agreed()
    text = FORMATS["bird"](config).replace("\tttl security on;\n", "")
    path.write_text(re.sub(r"protocol bgp '[^']+' \{", "protocol bgp ix_1 from peers {", text, count=1))
    for cause in ("passive", "*", "policy-required", "bogon-asn", "shut-down"):
        shown = of("bird", replace(config, file=path), 0).remedy(cause, About(prefixes=("192.0.2.0/24",)))
        assert "ix_1" in shown and "bgp_" not in shown.replace("bgp_path", ""), (cause, shown)


EXTRA: dict[str, dict[str, Any]] = {"md5-not-agreed": {"md5": "other"}, "gtsm-at-peer": {"gtsm": True}}


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("cause", EXTRA)
def test_what_was_not_agreed_is_taken_out(cause: str, daemon: str, tmp_path: Path) -> None:
    path, own = tmp_path / "router.conf", ROUTERS[daemon].own_file
    assert own is not None
    path.write_text(FORMATS[daemon](peer(**EXTRA[cause])))
    for number in (0, 1):
        config = replace(peer(), file=path)
        edit = of(daemon, config, number).edit(cause, About())
        assert edit is not None
        assert "s3cret" not in edit.shown(dict(own.settings)[Setting.MD5])
        path.write_text(edit.new)
        assert not {Setting.MD5, Setting.GTSM} & set(
            statements_of(own, path, str(config.sessions[number].remote_address))
        )
    assert own.parse(path, path.read_text(), tmp_path) == []


@pytest.mark.parametrize("key", ["s3cret", "other", "s3cret'key"])
@pytest.mark.parametrize("name", DAEMONS)
def test_every_daemons_answer_tells_another_key_alike(name: str, key: str, tmp_path: Path) -> None:
    path = tmp_path / "router.conf"
    path.write_text(FORMATS[name](agreed(md5=key)))
    for wanted in ("s3cret", "s3cret'key"):
        config = replace(agreed(md5=wanted), file=path)
        router = ROUTERS[name]()
        assert isinstance(router, Daemon)
        router._config = config
        answer = router._completed(config.sessions[0], RouterAnswer())
        assert (answer.md5, answer.md5_differs, answer.gtsm) == (True, key != wanted, True)
        assert (answer.local_as, answer.remote_as, answer.hold_time) == (64496, 8075, 90)


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_no_prefix_is_known_none_is_written_and_what_is_lacking_is(language: str) -> None:
    router = of(language, replace(agreed(), routes=()))
    text, spoken = mend("one-session-only", evidence(mender=router))
    assert (spoken, "[  ]" in text) == ("", False)
    text, spoken = mend("one-session-only", evidence(mender=router), lacks=("203.0.113.0/24",))
    assert spoken == language and "203.0.113.0/24" in text
    text, spoken = mend("policy-required", evidence(mender=router))
    assert language != "frr" or YOURS in text, "a policy for all that is announced is shown also then"


def _bird(tmp_path: Path, export: str, more: str = "") -> RouterMender:
    path = tmp_path / "bird.conf"
    text = (
        "router id 192.0.2.1;\nprotocol device {}\nfilter mine { reject; }\n"
        f"protocol bgp msft {{\n\tlocal as 64496;\n\tneighbor 192.0.2.2 as 8075;\n\tipv4 {{\n\t\texport {export};\n"
        f"\t\timport all;\n{more}\t}};\n}}\n"
    )
    config = agreed(md5=None)
    path.write_text(text.replace("192.0.2.2", str(config.sessions[0].remote_address)))
    return of("bird", replace(config, file=path))


EXPORTS = {
    "none": ("where net ~ [ 203.0.113.0/24 ]", None),
    "all": (None, "where net !~ [ 203.0.113.0/24 ]"),
    "where net = 198.51.100.0/24": (
        "where net ~ [ 203.0.113.0/24 ] || (net = 198.51.100.0/24)",
        "where net !~ [ 203.0.113.0/24 ] && (net = 198.51.100.0/24)",
    ),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_birds_export_without_a_filter_is_the_line_to_change(export: str, tmp_path: Path) -> None:
    own = ROUTERS["bird"].own_file
    assert own is not None
    for cause, wanted in zip(("export-policy", "*"), EXPORTS[export], strict=True):
        if wanted is None:
            continue
        router = _bird(tmp_path, export)
        edit = router.edit(cause, About(prefixes=("203.0.113.0/24",)))
        assert edit is not None and f"export {wanted};" in edit.new
        assert own.parse(edit.file, edit.new, tmp_path) == []


def test_no_filter_is_named_that_the_file_does_not_have(tmp_path: Path) -> None:
    about = About(prefixes=("203.0.113.0/24",))
    assert "filter mine," in _bird(tmp_path, "filter mine").remedy("export-policy", about)
    shown = _bird(tmp_path, "filter { reject; }").remedy("export-policy", about)
    assert shown.startswith("filter of protocol ") and "to_microsoft" not in shown


@pytest.mark.parametrize("language", ["frr", "openbgpd"])
def test_a_local_as_that_is_left_over_goes_where_the_routers_own_is_right(language: str, tmp_path: Path) -> None:
    own, path = ROUTERS[language].own_file, tmp_path / "router.conf"
    assert own is not None
    config = agreed(md5=None)
    address = str(config.sessions[0].remote_address)
    line = {"frr": f" neighbor {address} local-as 64499", "openbgpd": "\tlocal-as 64499"}[language]
    text, behind = (
        FORMATS[language](config),
        {"frr": f"neighbor {address} remote-as 8075", "openbgpd": "remote-as 8075"},
    )
    path.write_text(text.replace(behind[language], f"{behind[language]}\n{line}", 1))
    edit = of(language, replace(config, file=path)).edit("local-as-wrong", About())
    assert edit is not None
    assert edit.new == text, "FRR refuses a local-as that is the router's own AS"


def test_what_is_there_already_is_not_what_to_type(tmp_path: Path) -> None:
    path, config = tmp_path / "frr.conf", agreed(md5=None)
    address = str(config.sessions[0].remote_address)
    path.write_text(
        f"router bgp 64496\n neighbor {address} remote-as 8075\n address-family ipv4 unicast\n"
        f"  neighbor {address} route-map OUT out\n"
    )
    router = of("frr", replace(config, file=path))
    assert f"neighbor {address} next-hop-self" in router.remedy("next-hop", About())
    path.write_text(path.read_text() + f"  neighbor {address} next-hop-self\n")
    assert "`set ip next-hop` out of route-map OUT" in router.remedy("next-hop", About())


def test_what_the_router_withholds_is_what_to_let_out() -> None:
    session = evidence(
        mender=of("frr", replace(agreed(), routes=())), answer=RouterAnswer(withheld=("198.51.100.0/24",))
    )
    text, spoken = mend("export-policy", session)
    assert spoken == "frr" and "198.51.100.0/24" in text


@pytest.mark.parametrize("language", ["bird", "frr", "openbgpd"])
def test_routes_that_came_from_microsoft_are_told_by_their_path(language: str) -> None:
    entry = RejectedRoutes("microsoft-prefix", "", "", 12, tuple(f"13.{n}.0.0/16 (x)" for n in range(5)))
    session = evidence(mender=of(language, agreed()), rejected=(entry,))
    text, _ = mend("microsoft-prefix", session, rule=True, returned=True)
    assert "8075" in text and "13.1.0.0/16" not in text
    text, _ = mend("microsoft-prefix", session, rule=True)
    assert "13.1.0.0/16" in text and text.endswith("(and so for 7 more)")


@pytest.mark.parametrize("language", ["bird", "frr", "openbgpd"])
def test_where_every_path_loops_the_prepend_goes_and_not_the_routes(language: str) -> None:
    for every, filtered in ((True, False), (False, True)):
        entry = RejectedRoutes("as-path-loop", "", "", 1, ("203.0.113.0/24 (64496 8075)",), all=every)
        text, _ = mend("as-path-loop", evidence(mender=of(language, agreed()), rejected=(entry,)), rule=True)
        assert ("203.0.113.0/24" in text, "prepend" in text) == (filtered, every)


@pytest.mark.parametrize("line", [" timers bgp 0 0", " neighbor {} timers 0 3"])
def test_keepalives_are_sent_where_a_hold_time_is(line: str, tmp_path: Path) -> None:
    path, config = tmp_path / "frr.conf", agreed(md5=None)
    address = str(config.sessions[0].remote_address)
    path.write_text(f"router bgp 64496\n neighbor {address} remote-as 8075\n{line.format(address)}\n")
    edit = of("frr", replace(config, file=path)).edit("hold-time-zero", About())
    assert edit is not None and " 30 90\n" in edit.new


def test_the_links_own_prefix_is_neither_let_out_nor_routed_away() -> None:
    session = evidence(mender=of("frr", replace(agreed(), routes=())))
    lan = f"{session.view.peer_address}/32"
    for withheld in ((lan,), (lan, "198.51.100.0/24")):
        told = replace(session, answer=RouterAnswer(withheld=withheld))
        for cause in ("export-policy", "network-not-in-rib", "nothing-to-announce", "no-export"):
            assert lan not in mend(cause, told)[0]
    assert "198.51.100.0/24" in mend("export-policy", told)[0]
    assert "198.51.100.0/24" not in mend("network-not-in-rib", told)[0], "what is kept back is there already"


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("cause", [*BY_ID, *POLICY_RULES])
def test_lines_are_told_with_the_place_in_the_users_file(cause: str, daemon: str, tmp_path: Path) -> None:
    path = tmp_path / "router.conf"
    path.write_text(FORMATS[daemon](agreed()))
    for number in (0, 1):
        router = of(daemon, replace(agreed(), file=path), number)
        text, spoken = mend(cause, evidence(mender=router), rule=cause in POLICY_RULES)
        if spoken and not only_commands(text) and cause not in _LOOKED_AT:
            assert re.search(rf"{re.escape(str(path))}:\d+", text), text
            assert "s3cret" not in text


def test_a_prefix_list_is_not_taken_for_a_route_map(tmp_path: Path) -> None:
    path, config = tmp_path / "frr.conf", agreed(md5=None)
    address = str(config.sessions[0].remote_address)
    path.write_text(
        f"router bgp 64496\n neighbor {address} remote-as 8075\n address-family ipv4 unicast\n"
        f"  neighbor {address} prefix-list OUT out\n"
    )
    router, about = of("frr", replace(config, file=path)), About(prefixes=("203.0.113.0/24",))
    assert "\n+ ip prefix-list OUT seq 5 permit 203.0.113.0/24\n" in router.remedy("export-policy", about)
    path.write_text(path.read_text().replace("prefix-list", "route-map"))
    assert "\n+ route-map OUT permit 10\n" in router.remedy("export-policy", about)


@pytest.mark.parametrize("cause", [*BY_ID, *POLICY_RULES])
def test_a_yaml_file_of_gobgp_is_not_told_toml(cause: str, tmp_path: Path) -> None:
    path, config = tmp_path / "router.yaml", agreed()
    families = (f"ipv{each.local_address.version}-unicast" for each in config.sessions)
    neighbors = "".join(
        f'  - config: {{peer-as: 8075, neighbor-address: "{each.remote_address}"}}\n'
        f"    afi-safis:\n      - config: {{afi-safi-name: {family}}}\n"
        for each, family in zip(config.sessions, families, strict=True)
    )
    path.write_text(f"global:\n  config: {{as: 64496, router-id: 192.0.2.1}}\nneighbors:\n{neighbors}")
    for number in (0, 1):
        router = of("gobgp", replace(config, file=path), number)
        text, _ = mend(cause, evidence(mender=router), rule=cause in POLICY_RULES)
        assert text and not re.search(r"^ *\[\[?[a-z.]+", text, re.MULTILINE), text
