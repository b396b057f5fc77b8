"""junit.xml: one test suite per connection, one test case per check, for CI systems that read nothing else.

A file with no failure and no error means exactly that the outcome is `passed`: a check that only warns, where the
topology permits that, or that fails because the topology wants it to, passes here and says so in its output.
"""

from __future__ import annotations

import io
from xml.etree import ElementTree as ET

from simulator.report.findings import diagnosis_of, excused, gate_leak, gate_sentence, gate_tested, label
from simulator.report.model import RehearsedConnection, Report
from simulator.report.outcome import outcome_sentence
from simulator.report.text import clip, xml_safe
from simulator.views.check import CheckView, Status
from simulator.views.diagnosis import WHO_ACTS, CauseView, in_words, to_do, unexplained
from simulator.views.times import timestamp

_MESSAGE_LIMIT = 500
_COUNTED = ("tests", "failures", "errors", "skipped")


def junit_xml(report: Report) -> bytes:
    """The whole file, as UTF-8 with its declaration."""
    root = ET.Element("testsuites", name=xml_safe(f"turnup {report.topology}"))
    for connection in report.connections:
        _connection_suite(root, report, connection)
    _rehearsal_suite(root, report)
    for suite in root:
        _count(suite, suite)
    _count(root, root)
    root.set("time", f"{report.finished - report.started:.3f}")
    ET.indent(root)
    out = io.BytesIO()
    ET.ElementTree(root).write(out, encoding="utf-8", xml_declaration=True)
    return out.getvalue() + b"\n"


def _connection_suite(root: ET.Element, report: Report, connection: RehearsedConnection) -> None:
    suite = ET.SubElement(root, "testsuite", name=xml_safe(label(connection)), timestamp=timestamp(report.started))
    classname = f"{connection.peering}.{connection.id}" if connection.peering else connection.id
    causes = diagnosis_of(report, connection)
    for check in connection.checks:
        case = _case(suite, classname, f"{check.id} {check.title}")
        mine = [cause for cause in causes if check.status.bad and check.id in cause.explains]
        text = _check_text(check, mine)
        if connection.fails(check) and not excused(report, connection, check):
            kind = "failure" if check.status is Status.FAILURE else "error"
            _add(case, kind, _message(check, mine), text, check.id)
        elif check.status in (Status.SKIPPED, Status.UNSET):
            why = "; ".join(check.evidence) or ("skipped" if check.status is Status.SKIPPED else "not run")
            _add(case, "skipped", why, "")
        else:
            prefix = f"warning: {check.status.value}, does not block\n" if check.warns else ""
            prefix = f"expected: {check.status.value}, as the topology wants\n" if check.fails else prefix
            ET.SubElement(case, "system-out").text = xml_safe(prefix + text)


def _rehearsal_suite(root: ET.Element, report: Report) -> None:
    """The gate, the lab's own errors, and the outcome itself when nothing else tells why it was not passed."""
    suite = ET.SubElement(root, "testsuite", name="rehearsal", timestamp=timestamp(report.started))
    gate = _case(suite, "rehearsal", "gate: no NLRI before Active")
    if leak := gate_leak(report):
        _add(gate, "failure", leak, gate_sentence(report), "gate")
    elif not gate_tested(report):
        _add(gate, "skipped", gate_sentence(report), "")
    else:
        ET.SubElement(gate, "system-out").text = gate_sentence(report)
    # An outcome of `failed` means that the lab worked: then these are expectations that were not met.
    kind = "failure" if report.outcome == "failed" else "error"
    for number, error in enumerate(report.errors, 1):
        _add(_case(suite, "rehearsal", f"{kind} {number}"), kind, error, error, "rehearsal")
    told = any(True for _ in root.iter("failure")) or any(True for _ in root.iter("error"))
    if report.outcome != "passed" and not told:
        _add(_case(suite, "rehearsal", "outcome"), kind, outcome_sentence(report), "", "outcome")


def _case(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=xml_safe(classname), name=xml_safe(clip(name, _MESSAGE_LIMIT)))


def _add(case: ET.Element, kind: str, message: str, text: str, type_: str = "") -> None:
    element = ET.SubElement(case, kind, message=xml_safe(clip(message, _MESSAGE_LIMIT)))
    if type_:
        element.set("type", xml_safe(type_))
    if text:
        element.text = xml_safe(text)


def _message(check: CheckView, causes: list[CauseView]) -> str:
    """The causes, who has to act and what to type; where none is known, what was seen."""
    if causes:
        return "; and ".join(in_words(cause) for cause in causes)
    return f"{unexplained(check)}: {check.evidence[0]}" if check.evidence else unexplained(check)


def _check_text(check: CheckView, causes: list[CauseView]) -> str:
    lines = [f"source: {check.source}", *(f"evidence: {line}" for line in check.evidence)]
    for number, cause in enumerate(causes, 1):
        lines += [f"cause {number} ({cause.id}): {cause.text}", f"who acts: {WHO_ACTS[cause.side]}"]
        if cause.remedy:
            lines.append(f"{to_do(cause.remedy, cause.remedy_language)}: {cause.remedy}")
        lines += (f"proof: {line}" for line in cause.proof.lines)
    return "\n".join(lines)


def _count(target: ET.Element, scope: ET.Element) -> None:
    tags = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name in _COUNTED:
        target.set(name, str(sum(1 for _ in scope.iter(tags[name]))))
