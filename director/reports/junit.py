"""A verdict as JUnit XML: one test case for each criterion, gate and finding."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from director.reports.places import Places
from director.reports.remarks import Remark, open_text, remarks_of, safe
from director.reports.verdict_view import VerdictView


def junit_xml(view: VerdictView, places: Places) -> str:
    """Return the document. Each failed criterion, each failed gate and each finding is a failure."""
    root = Element("testsuites", name="aura judge")
    remarks = remarks_of(view, places)
    errors = [remark for remark in remarks if remark.level == "error"]
    suites = (_criteria(view, errors), _gates(view), _findings(errors))
    for suite in suites:
        for name, tag in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
            suite.set(name, str(len(suite.findall(tag))))
        suite.set("errors", "0")
        root.append(suite)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", f"{view.verdict.wall_s:.3f}")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}'


def _criteria(view: VerdictView, errors: list[Remark]) -> Element:
    suite = Element("testsuite", name="criteria")
    for result in view.verdict.criteria:
        name = safe(f"{result.id}: {view.says(result.id)}")
        case = SubElement(suite, "testcase", name=name, classname="aura.criteria")
        if not result.passed:
            mine = [f"{remark.rule}: {remark.text}" for remark in errors if remark.criterion == result.id]
            _fail(case, "not met", result.grade, "\n".join(mine))
    return suite


def _gates(view: VerdictView) -> Element:
    suite = Element("testsuite", name="gates")
    for gate in view.verdict.gates:
        case = SubElement(suite, "testcase", name=gate.gate, classname="aura.gates", time=f"{gate.seconds:.3f}")
        if gate.result == "failed":
            _fail(case, "failed", gate.grade, open_text(gate))
        elif gate.result == "not_run":
            SubElement(case, "skipped", message=open_text(gate) or "not run")
        elif gate.result == "noted":
            SubElement(case, "system-out").text = f"noted: {open_text(gate)}"
    return suite


def _findings(errors: list[Remark]) -> Element:
    suite = Element("testsuite", name="findings")
    for number, remark in enumerate(errors, 1):
        name = f"{number}: {remark.title}"
        case = SubElement(suite, "testcase", name=name, classname="aura.findings", file=remark.file)
        if remark.line is not None:
            case.set("line", str(remark.line))
        _fail(case, remark.text.partition("\n")[0][:200], remark.rule, remark.text)
    return suite


def _fail(case: Element, message: str, kind: str, text: str) -> None:
    SubElement(case, "failure", message=message, type=kind).text = text
