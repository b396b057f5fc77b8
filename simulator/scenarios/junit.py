"""junit.xml of scenarios: a suite a file, a test case a combination of its matrix."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as ET

from simulator.report.text import clip, xml_safe
from simulator.scenarios.results import CaseOutcome, CaseResult

_MESSAGE = 500
_KINDS = {
    CaseOutcome.FAILED: "failure",
    CaseOutcome.SKIPPED: "skipped",
    CaseOutcome.BAD: "error",
    CaseOutcome.LAB: "error",
}


def junit_xml(results: Iterable[CaseResult]) -> bytes:
    """The whole file, as UTF-8 with its declaration."""
    root = ET.Element("testsuites", name="turnup test")
    for file, group in groupby(results, lambda result: result.case.file):
        found = list(group)
        suite = ET.SubElement(root, "testsuite", name=xml_safe(found[0].case.name), file=xml_safe(str(file)))
        for result in found:
            _case(suite, result)
        _count(suite, found)
        suite.set("time", f"{sum(result.seconds for result in found):.3f}")
    ET.indent(root)
    out = io.BytesIO()
    ET.ElementTree(root).write(out, encoding="utf-8", xml_declaration=True)
    return out.getvalue() + b"\n"


def _case(suite: ET.Element, result: CaseResult) -> None:
    name, file = str(result.case), str(result.case.file)
    case = ET.SubElement(suite, "testcase", classname=xml_safe(result.case.name), name=xml_safe(name))
    case.set("file", xml_safe(file))
    case.set("time", f"{result.seconds:.3f}")
    kind = _KINDS.get(result.outcome)
    if kind is None:
        ET.SubElement(case, "system-out").text = xml_safe(result.proves)
        return
    element = ET.SubElement(case, kind, message=xml_safe(clip(result.text, _MESSAGE)))
    element.set("type", result.outcome.value)
    if result.detail:
        element.text = xml_safe(result.detail)


def _count(suite: ET.Element, results: list[CaseResult]) -> None:
    kinds = [_KINDS.get(result.outcome) for result in results]
    suite.set("tests", str(len(results)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(kinds.count(kind)))
