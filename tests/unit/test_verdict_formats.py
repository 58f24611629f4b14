"""A verdict for CI systems: JUnit, SARIF and workflow commands agree, show no secrets and escape all text."""

import json
import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from director.cli.judging import FORMATS, judge_door
from director.reports.junit import junit_xml
from director.reports.places import Places
from director.reports.remarks import remarks_of
from director.reports.sarif import sarif_json
from director.reports.verdict_text import verdict_text
from director.reports.verdict_view import VerdictView
from director.reports.workflow_commands import workflow_commands
from domain.errors import Invalid
from tests.unit.test_attestation import requirement, verdict
from verification.requirements.problems import Problem, RequirementInvalid
from verification.verdict.model import CriterionResult, Finding, GateResult

PLACES = Places("specs/slug.md", "work")
HOSTILE = (
    "</failure><x a=\"'>&amp;]]>",
    "a\n::error file=x::forged\r\n##[add-mask]b",
    "\x1b[31mred\u202e\x00\ufffe\ud800",
    "100%0A::stop-commands::x, y: z",
)
SECRET = "the sealed answer is 4711"


def view(*findings: Finding, gates: tuple[GateResult, ...] = (), verified: bool = False) -> VerdictView:
    failed = {finding.criterion for finding in findings}
    result = CriterionResult(
        id="A1", passed="A1" not in failed, visible_passed=1, visible_total=2, sealed_passed=0, sealed_total=1
    )
    made = msgspec.structs.replace(
        verdict(), verified=verified, criteria=(result,), findings=findings, gates=gates or verdict().gates
    )
    return VerdictView(verdict=made, requirement=requirement(), about="", again="")


def wrong(text: str, **more: Any) -> Finding:
    return Finding(kind="wrong_result", criterion="A1", detail=f"{text} {SECRET}", for_author=text, **more)


SEALED = Finding(kind="sealed_failed", criterion="A1", detail=SECRET, for_author="failed on cases you cannot see")


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_sealed_is_said_where_an_author_reads(form: str) -> None:
    gates = (GateResult(gate="cases", grade="C", result="failed", seconds=0.1, text=SECRET),)
    shown = view(wrong("line 18: f('a') returned 1"), SEALED, gates=gates)
    text = FORMATS[form](shown, PLACES)
    assert "4711" not in text
    assert "failed on cases you cannot see" in text
    assert "4711" in verdict_text(shown), "the Director is told"


@pytest.mark.parametrize(
    ("finding", "file", "line"),
    [
        (wrong("line 18: f('a') returned 1, line 3: of it"), "specs/slug.md", 18),
        (SEALED, "specs/slug.md", None),
        (Finding(kind="secret", path="a b.py", for_author="a b.py, line 7: a key"), "work/a b.py", 7),
        (Finding(kind="does_not_parse", path="m.py", for_author="m.py line 3: invalid syntax"), "work/m.py", 3),
        (Finding(kind="outside_scope", path="line 9.py", for_author="line 9.py is outside"), "work/line 9.py", None),
        (Finding(kind="wrong_result", criterion="A1", for_author="line 99999999999: x"), "specs/slug.md", None),
    ],
)
def test_a_remark_says_where(finding: Finding, file: str, line: int | None) -> None:
    (remark, *_) = remarks_of(view(finding), PLACES)
    assert (remark.file, remark.line) == (file, line)
    ((result, *_),) = (each["results"] for each in json.loads(sarif_json(view(finding), PLACES))["runs"])
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == file.replace(" ", "%20")
    assert place["region"]["startLine"] == (line or 1)
    first = workflow_commands(view(finding), PLACES).splitlines()[0]
    assert first.startswith(f"::error file={file}," + (f"line={line}," if line else "title="))
    case = ElementTree.fromstring(junit_xml(view(finding), PLACES)).find(".//testcase[@classname='aura.findings']")
    assert case is not None
    assert (case.get("file"), case.get("line")) == (file, str(line) if line else None)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_strangers_stays_text(text: str) -> None:
    """In each format it can be read again as what it was, and ends nothing and begins nothing."""
    gates = (GateResult(gate="lint", grade="A", result="noted", seconds=0.1, text=text),)
    shown = view(wrong(text), Finding(kind="stub", path=f"{text}.py", for_author=text), gates=gates)
    plain = view(wrong("x"), Finding(kind="stub", path="x.py", for_author="x"), gates=gates)
    xml, honest = (ElementTree.fromstring(junit_xml(each, PLACES)) for each in (shown, plain))
    assert [each.tag for each in xml.iter()] == [each.tag for each in honest.iter()]
    lines = workflow_commands(shown, PLACES).split("\n")
    assert len(lines) == len(workflow_commands(plain, PLACES).split("\n"))
    for line in lines:
        assert re.fullmatch(r"::(error|notice) ([a-z]+=[^:,\r\n]*,?)+::[^\r\n]*", line), line
    results = json.loads(sarif_json(shown, PLACES))["runs"][0]["results"]
    assert len(results) == 3
    for said in (results[0]["message"]["text"], *[each.text or "" for each in xml.iter("failure")]):
        assert not re.search("[\x00-\x08\x1b\u202e\ufffe\ud800]", said)


def test_the_formats_count_the_same() -> None:
    gates = (
        GateResult(gate="form", grade="C", result="passed", seconds=0.1),
        GateResult(gate="cases", grade="C", result="failed", seconds=0.2),
        GateResult(gate="lint", grade="A", result="noted", seconds=0.3, text="a name"),
        GateResult(gate="mutation", grade="C", result="not_run", seconds=0.0, text="a finding came first"),
    )
    shown = view(wrong("line 18: f() returned 1"), SEALED, gates=gates)
    root = ElementTree.fromstring(junit_xml(shown, PLACES))
    counted = {suite.get("name"): (suite.get("tests"), suite.get("failures")) for suite in root}
    assert counted == {"criteria": ("1", "1"), "gates": ("4", "1"), "findings": ("2", "2")}
    assert (root.get("tests"), root.get("failures"), root.get("skipped"), root.get("errors")) == ("7", "4", "1", "0")
    levels = [each["level"] for each in json.loads(sarif_json(shown, PLACES))["runs"][0]["results"]]
    assert levels == ["error", "error", "note"]
    commands = [line.split(" ")[0] for line in workflow_commands(shown, PLACES).splitlines()]
    assert commands == ["::error", "::error", "::notice", "::error"]
    passed = view(gates=gates[:1], verified=True)
    assert ElementTree.fromstring(junit_xml(passed, PLACES)).get("failures") == "0"
    assert workflow_commands(passed, PLACES).startswith("::notice title=aura judge::Verified")


def test_a_sarif_log_has_the_form_of_2_1_0() -> None:
    """The rules of the published schema that this log could break."""
    log = json.loads(sarif_json(view(wrong("line 18: x"), SEALED), PLACES))
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 1)
    prints = set()
    for result in run["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"}
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        (location,) = result["locations"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", location["physicalLocation"]["artifactLocation"]["uri"])
        assert location["physicalLocation"]["region"]["startLine"] >= 1
        prints.add(result["partialFingerprints"]["auraRemark/v1"])
    assert len(prints) == len(run["results"])


def test_why_there_is_no_verdict_is_a_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem("specs/a,b.md", 4, 10, "`x`\n::error::no", "`y`"), Problem("specs/a,b.md", 5, 1, "two", "z")]
    for error, lines in ((RequirementInvalid(problems), 2), (Invalid("No folder\n::x", hint="Make it."), 1)):
        with pytest.raises(SystemExit) as left:
            judge_door("github", as_json=False).fail(error)
        assert left.value.code == 2
        said = capsys.readouterr().out.splitlines()
        assert len(said) == lines
        assert all(line.startswith("::error ") for line in said)
    with pytest.raises(SystemExit):
        judge_door("text", as_json=False).fail(Invalid("No folder", hint="Make it."))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", FORMATS)
def test_two_forms_at_once_are_refused(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        judge_door(form, as_json=True)
    assert left.value.code == 2
    assert "two formats of one answer" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert judge_door("json", as_json=True).as_json
    assert judge_door("json", as_json=False).as_json
    assert not judge_door(form, as_json=False).as_json
