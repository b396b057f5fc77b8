from __future__ import annotations

import re
from dataclasses import replace

import pytest

from simulator.report.html_report import html_report
from simulator.report.marks import MICROSOFT, OTHER, RFC, SIMULATOR, Mark, mark_of
from simulator.report.model import GateReport, Report
from simulator.report.pcap import WirePcap
from tests.report import sample
from tests.report.page import Page

CAPTURE = WirePcap("wire.pcap", "speakers", 64, "Written from octets.")
KNOWN_TAGS = {
    *("html", "head", "meta", "link", "title", "style", "body", "main", "header", "section", "div", "p", "span", "pre"),
    *("article", "h1", "h2", "h3", "b", "br", "a", "dl", "dt", "dd", "ul", "ol", "li", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "defs", "pattern", "g", "line", "rect", "text"),
}


def page(report: Report) -> Page:
    return Page(html_report(report, CAPTURE))


def test_the_passed_page() -> None:
    read = page(sample.passed_report())
    assert "Passed, with warnings All 2 connections reached connection state Active" in read.words.replace("▲ ", "")
    assert "No NLRI passed before Active: 0 sent, 0 taken; 1,234 withheld." in read.words
    assert "The gate held" in read.words
    assert read.with_class("banner")[0]["class"] == "banner warned", "one that will bite later is not plain green"


def test_a_page_without_any_finding_is_plain_green() -> None:
    read = page(replace(sample.passed_report(), connections=(sample.connection(2),)))
    assert read.with_class("banner")[0]["class"] == "banner passed"
    assert not read.with_class("diagnosis")


def test_a_warning_leads_where_nothing_failed_and_is_folded_below_where_something_did() -> None:
    read = page(sample.warned_report())
    assert [attrs["class"] for attrs in read.with_class("diagnosis")][:2] == ["diagnosis warned"] * 2
    assert "type (bird)" in read.words
    read = page(sample.two_mistakes_report())
    assert [attrs["class"] for attrs in read.with_class("diagnosis")] == [
        *["diagnosis failed"] * 3,
        *["diagnosis warned"] * 2,
    ]
    (folded,) = read.with_class("warnings")
    assert "open" not in folded


def test_the_failed_page_says_first_what_to_do() -> None:
    read = page(sample.failed_report())
    banner = read.words[: read.words.index("The gate held")]
    order = [
        *("✕ Failed", "contoso-ashburn/ash-2", sample.LOCAL_AS.text, "who the peer has to act", "seen OPEN from"),
        *("type (openbgpd)", "local-as 64496;", "checks S1 S5", "two devices answer for 192.0.2.2"),
        *("the link's operator has to act", "do find the second device", "check D3 could not be made"),
    ]
    places = [banner.index(words) for words in order]
    assert places == sorted(places)
    assert read.words.index("2 failed, 1 could not be made") < read.words.index("10 passed")


def test_the_broken_page_has_the_labs_error_and_no_connection() -> None:
    read = page(sample.broken_report())
    assert "Error bird: not found in PATH; apt install bird2" in read.words.replace("! ", "")
    assert "The gate was not tested" in read.words
    assert "No connections" in read.words
    assert not read.with_class("timeline")


def test_a_rehearsed_fault_keeps_its_diagnosis_under_a_green_banner() -> None:
    read = page(sample.fault_report())
    assert "The connection failed as the topology expects: the router speaks for another AS" in read.words
    assert "diagnosis expected" in [attrs["class"] for attrs in read.with_class("diagnosis")]
    assert "Failed, as the topology expects" in read.words
    assert "local-as 64496;" in read.words


def test_what_was_not_met_is_listed_below_the_cause_and_nothing_twice() -> None:
    told = "ash-2: connection is ProvisioningFailed, expected Active: S1 and so on"
    report = replace(sample.failed_report(), errors=(told, "ash-2: 5 routes rejected, expected 0"))
    words = page(report).words
    assert words.index("the router speaks for another AS") < words.index("Not as the topology expects")
    assert "ash-2: 5 routes rejected, expected 0" in words and "and so on" not in words


def test_a_remedy_that_a_cause_gives_is_not_repeated() -> None:
    first = sample.failed_connection().checks[0]
    connection = replace(sample.failed_connection(), checks=(first,))
    content = html_report(replace(sample.failed_report(), connections=(connection,)), CAPTURE)
    assert content.count(b"local-as 64496;") == 1


def test_a_leak_is_the_headline() -> None:
    read = page(replace(sample.failed_report(), gate=GateReport(3, 1, 9)))
    assert "The gate leaked before Active: 3 NLRI sent, 1 route taken" in read.words
    assert read.with_class("leaked")


def test_forty_connections_fold_the_sound_ones_and_lead_with_the_failed() -> None:
    read = page(sample.many_report())
    sections = read.with_class("connection")
    cards = [attrs for attrs in sections if "card" in attrs.get("class", "")]
    assert len(cards) == 40
    assert [attrs["id"] for attrs in cards[:2]] == ["c17", "c31"]
    assert ["open" in attrs for attrs in cards] == [True, True] + [False] * 38
    links = {attrs["href"] for tag, attrs in read.tags if tag == "a" and attrs["href"].startswith("#")}
    assert links - {"#top"} == {f"#c{n}" for n in range(1, 41)}
    assert len(read.with_class("timeline")) >= 40


def test_every_state_stands_beside_its_axis() -> None:
    content = html_report(sample.failed_report(), CAPTURE).decode()
    badges = re.findall(r'<span class="state ([^"]*)"><span class="axis">([^<]*)</span>([^<]*)</span>', content)
    assert len(badges) == content.count('class="state ')
    assert {(css, axis) for css, axis, state in badges if state == "Active"} == {
        ("b-dial", "BGP"),
        ("c-active", "Connection"),
    }
    for css, axis, _ in badges:
        assert css[:2] == ("b-" if axis == "BGP" else "c-")


def test_the_sessions_table() -> None:
    read = page(sample.passed_report())
    assert [
        "Neighbor",
        "Family",
        "Connection",
        "BGP",
        "Received",
        "Accepted",
        "Rejected",
        "Sent",
        "Times up",
    ] in read.rows
    flat = [[cell.strip() for cell in row] for row in read.rows]
    assert ["192.0.2.1", "IPv4", "ConnectionActive", "BGPEstablished", "1,250", "1,243", "7", "312", "1"] in flat


def test_lines_to_type_are_monospaced_and_a_sentence_is_not() -> None:
    content = html_report(sample.failed_report(), CAPTURE).decode()
    assert '<pre class="remedy">neighbor 192.0.2.254 {' in content
    assert '<p class="remedy">find the second device' in content


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    content = html_report(sample.many_report(), CAPTURE).decode()
    read = page(sample.many_report())
    assert "script" not in read.names()
    assert not re.search(r"https?://|@import|url\((?!#)", content)
    for tag, attrs in read.tags:
        assert not [name for name in attrs if name.startswith("on") or name == "src"], tag
        target = attrs.get("href", "#")
        assert target.startswith(("#", "data:,")) or target in {"wire.pcap", "report.json", "junit.xml", "events.jsonl"}
    assert "default-src 'none'" in content


def test_every_hatch_that_is_used_is_defined() -> None:
    content = html_report(sample.failed_report(), CAPTURE).decode()
    assert set(re.findall(r"url\(#([\w-]+)\)", content)) <= set(re.findall(r'<pattern id="([\w-]+)"', content))


def test_every_state_class_has_a_colour() -> None:
    content = html_report(sample.failed_report(), CAPTURE).decode()
    style = content[content.index("<style>") : content.index("</style>")]
    for css in set(re.findall(r'class="(?:state|bar \w+|swatch(?: round)?) ([\w-]+)"', content)):
        assert f".{css} .fill" in style, css


@pytest.mark.parametrize("text", sample.HOSTILE, ids=range(len(sample.HOSTILE)))
def test_hostile_strings_stay_text(text: str) -> None:
    content = html_report(sample.hostile_report(text), CAPTURE)
    read = Page(content)
    assert read.names() <= KNOWN_TAGS
    for _, attrs in read.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "style")]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", content.decode())
    assert "{{" not in text or "{{ 7 * 7 }}{% raw %}&amp;amp;" in content.decode()


def test_a_hostile_string_is_shown_not_dropped() -> None:
    read = page(sample.hostile_report("<script>alert(1)</script>"))
    assert read.words.count("<script>alert(1)</script>") > 20


def test_a_huge_text_does_not_make_a_huge_page() -> None:
    content = html_report(sample.hostile_report("A" * 5_000_000), CAPTURE)
    assert len(content) < 5_000_000


@pytest.mark.parametrize(
    ("source", "mark"),
    [
        ("simulator", SIMULATOR),
        ("simulator, after RFC 7454", SIMULATOR),
        ("RFC 4271 §8", RFC),
        ("BCP 194", RFC),
        ("Microsoft Learn: walkthrough-exchange-all", MICROSOFT),
        ("ADOC:walkthrough-exchange-all", MICROSOFT),
        ("SEED0", MICROSOFT),
        ("Euro-IX", OTHER),
        ("", OTHER),
    ],
)
def test_marks(source: str, mark: Mark) -> None:
    assert mark_of(source) is mark


def overview(read: Page) -> dict[str, list[str]]:
    """The rows of the list of connections, by the connection's name."""
    rows = [[" ".join(cell.split()) for cell in row] for row in read.rows if row and row[0].strip()[:1] in "✕!◆▲✓"]
    return {row[1].split("Connection")[0]: row for row in rows if len(row) == 5}


def test_the_list_says_active_then_removed_and_the_cause() -> None:
    rows = overview(page(sample.failed_report()))
    sound, failed = rows["contoso-ashburn/ash-1"], rows["contoso-ashburn/ash-2"]
    assert sound[1] == "contoso-ashburn/ash-1ConnectionActive then removed"
    assert sound[4] == "IPv4 BGPEstablishedIPv6 BGPEstablished"
    assert failed[1] == "contoso-ashburn/ash-2ConnectionProvisioningFailed"
    assert failed[3] == f"{sample.LOCAL_AS.text} (and 3 more)"


def test_a_problem_without_a_cause_is_told_by_what_was_seen() -> None:
    failed = sample.failed_connection()
    bare = tuple(replace(each, causes=()) for each in failed.checks)
    refused = replace(failed, checks=(), error_message="the ASN is not yours")
    for item, told in ((replace(failed, checks=bare), bare[0].evidence[0]), (refused, refused.error_message)):
        rows = overview(page(replace(sample.failed_report(), connections=(sample.connection(1), item))))
        assert told in rows["contoso-ashburn/ash-2"][3]


@pytest.mark.parametrize(("count", "folded"), [(2, 0), (3, 0), (4, 4), (12, 12), (50, 48)])
def test_with_many_connections_the_list_folds_what_passed(count: int, folded: int) -> None:
    read = page(sample.many_report(count))
    assert len(overview(read)) == count
    assert bool(read.with_class("sound")) == bool(folded)
    assert (f"✓ {folded} as the topology expects" in read.words) == bool(folded)
    assert all("open" not in attrs for attrs in [*read.with_class("sound"), *read.with_class("sounds")])
