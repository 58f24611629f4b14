"""Findings with the same cause are one reason. Each reason has a place and a next step."""

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from director.reports import reason_words
from director.reports.finding_causes import JOINED, CauseKind
from director.reports.places import UNKNOWN, Places
from director.reports.verdict_html import verdict_page
from director.reports.verdict_reasons import Reason, reasons_of
from director.reports.verdict_text import verdict_text
from director.reports.verdict_view import VerdictView
from tests.unit.reason_findings import BROKEN, MISSING, case, sealed, suite
from tests.unit.test_attestation import requirement, verdict
from verification.requirements.model import Base
from verification.source_scan.mass_deletion import mass_deletions
from verification.verdict.model import INTEGRITY, CriterionResult, Finding, FindingKind

PLACES = Places("specs/slug.md", "work")


def reasons(*findings: Finding, places: Places = PLACES, **changed: Any) -> tuple[Reason, ...]:
    return reasons_of(replace(verdict(verified=False), findings=findings), replace(requirement(), **changed), places)


def grouped(*findings: Finding) -> list[tuple[int, ...]]:
    return [reason.findings for reason in reasons(*findings)]


def test_a_missing_module_is_one_reason_with_all_that_it_stops() -> None:
    findings = (*(case(line, MISSING) for line in range(10, 20)), sealed(MISSING, MISSING), suite(BROKEN))
    (reason,) = reasons(*findings)
    assert reason.findings == tuple(range(12))
    assert reason.text == (
        "The module `slug` is missing: 10 cases of A1, sealed cases of A1 and given tests of A2 cannot start."
    )
    assert reason.place == "criteria A1 and A2, at specs/slug.md:10, specs/slug.md:11, specs/slug.md:12 and 9 more"
    assert reason.next_step == "Write `slug.py` in the tree, or correct the module's name in the requirement."


def test_two_causes_are_two_reasons() -> None:
    other = MISSING.replace("slug", "yaml")
    assert grouped(case(3, MISSING), case(4, other), case(5, MISSING)) == [(0, 2), (1,)]


def test_a_suite_that_cannot_start_is_one_reason_for_all_criteria() -> None:
    down = "t.py: the tests did not end within 120 s"
    (reason,) = reasons(suite(down), suite(down, "A3"))
    assert reason.text == (
        "The tests gave no result (the tests did not end within 120 s): given tests of A2 and A3 cannot be judged."
    )
    assert grouped(suite(down), suite("t.py::a: assert 1 == 2", "A3")) == [(0,), (1,)], "control: it ran"


def test_a_file_that_does_not_parse_is_the_reason_of_what_it_stops() -> None:
    parse = Finding(kind="does_not_parse", path="slug.py", detail="slug.py line 7: invalid syntax")
    stopped = case(3, "could not be called: SyntaxError: invalid syntax (slug.py, line 7)")
    (reason,) = reasons(parse, stopped)
    assert reason.text == "`slug.py` is not valid Python: a case of A1 cannot start."
    assert reason.place == "criterion A1, at work/slug.py:7 and specs/slug.md:3"
    (alone,) = reasons(parse)
    assert alone.text == "A changed file is not valid Python: slug.py line 7: invalid syntax."
    assert grouped(parse, replace(parse, path="b.py")) == [(0, 1)]


def test_a_missing_package_of_others_is_named_with_its_remedy() -> None:
    lazy = case(3, "raised ModuleNotFoundError: No module named 'yaml'", kind="wrong_result")
    assert reasons(lazy)[0].next_step.startswith("Name its package under `dependencies:`")
    on_base = reasons(lazy, base=Base(repo="../site"))[0].next_step
    assert on_base.startswith("Write `dependencies: from-base`, or name its package")


def test_cases_of_one_criterion_that_fail_alike_are_one_reason() -> None:
    wrong = [case(line, f"returned {line}, expected 2", kind="wrong_result") for line in (3, 4)]
    other = case(9, "returned 1, expected 2", kind="wrong_result", criterion="A2")
    first, second = reasons(*wrong, other)
    assert first.text == (
        "2 cases of criterion A1 gave wrong results; the first: slug:slug('a') returned 3, expected 2."
    )
    assert (first.place, second.place) == (
        "criterion A1, at specs/slug.md:3 and specs/slug.md:4",
        "criterion A2, at specs/slug.md:9",
    )


def test_a_strike_comes_first_and_is_joined_with_nothing() -> None:
    forged = Finding(kind="forged_answer", criterion="A1", detail=MISSING)
    wrong = case(3, "returned 1, expected 2", kind="wrong_result")
    found = reasons(wrong, case(4, MISSING), forged)
    assert [(reason.findings, reason.integrity) for reason in found] == [((2,), True), ((1,), False), ((0,), False)]


def test_the_places_of_a_verdict_on_record_need_no_file() -> None:
    visible, hidden = reasons(case(3, MISSING.replace("slug", "x")), sealed("returned 1, expected 2"), places=UNKNOWN)
    assert visible.place == "criterion A1, at line 3 of the requirement"
    assert hidden.place == "criterion A1, at line 4 of the sealed cases"
    (named,) = reasons(sealed("returned 1, expected 2", "returned 2"))
    assert named.place == "criterion A1, at specs/slug.sealed.yaml:4"
    assert named.text.endswith("returned 1, expected 2 (and 1 more).")


def test_the_remedy_of_a_base_that_disagrees_is_the_next_step() -> None:
    detail = "criterion A1 holds on the base already, so that it says nothing; add a case that fails on the base"
    (reason,) = reasons(Finding(kind="holds_on_base", criterion="A1", detail=detail))
    assert reason.text.endswith("holds on the base already, so that it says nothing.")
    assert reason.next_step == "Add a case that fails on the base."


def test_a_criterion_that_is_not_met_without_a_finding_is_a_reason() -> None:
    (reason,) = reasons()
    assert reason.text == "Criterion A1 is not met: 0 of 1 of its cases passed, and the others did not run."
    assert reasons_of(verdict(), requirement(), PLACES) == (), "control: a verified tree has no reasons"


def test_a_mass_deletion_is_told_without_the_words_for_the_requirement() -> None:
    base = {"app.py": b"".join(b"x = %d\n" % number for number in range(99))}
    (finding,) = mass_deletions(["app.py"], {}, base, "")
    (reason,) = reasons(finding)
    assert reason.text.endswith("lost 99 of its 99 lines, and the requirement does not ask for that.")
    former = Finding(kind="mass_deletion", path="app.py", detail="app.py lost 99 lines. If it is wanted, say so.")
    (reason,) = reasons(former)
    assert reason.text.endswith("app.py lost 99 lines."), "on record since release 0.1.0"


@pytest.mark.parametrize("kind", get_args(FindingKind))
def test_each_kind_of_finding_has_words(kind: FindingKind) -> None:
    for criterion, path in (("A1", None), (None, "a.py"), (None, None)):
        finding = Finding(kind=kind, criterion=criterion, path=path, detail="it is so")
        for reason in (*reasons(finding), *reasons(finding, finding)):
            assert reason.text[0].isupper() or reason.text[0].isdigit()
            assert reason.text.endswith(".")
            assert reason.next_step.endswith(".")
            assert not set("{}") & set(reason.text + reason.next_step)
    (alone,) = reasons(Finding(kind=kind, criterion="A1"))
    assert alone.integrity == (kind in INTEGRITY)


def test_each_kind_of_cause_has_words() -> None:
    assert set(get_args(CauseKind)) == set(reason_words.STOPPED)
    assert set(get_args(CauseKind)) == {*reason_words.NEXT_AFTER, "missing_module"}
    assert JOINED.isdisjoint(INTEGRITY)


def view(*findings: Finding) -> VerdictView:
    made = replace(
        verdict(verified=False),
        findings=findings,
        criteria=(
            CriterionResult(id="A1", passed=False, visible_passed=0, visible_total=9, sealed_passed=0, sealed_total=1),
        ),
    )
    return VerdictView(verdict=made, requirement=requirement(), about="", again="", places=PLACES)


def test_text_and_page_show_the_verdict_then_the_reasons_and_then_the_tables() -> None:
    shown = view(*(case(line, MISSING) for line in range(3, 12)), sealed(MISSING))
    text = verdict_text(shown)
    order = ["Rejected, 1 reason: tree ", "1. The module `slug` is missing", "Where: ", "Next: ", "criterion  grade"]
    places = [text.index(each) for each in [*order, "gate ", "Findings:", "did_not_start A1: line 11"]]
    assert places == sorted(places)
    assert places[0] == 0
    page = verdict_page(shown)
    order = ["✗ Rejected", "<h2>Why</h2>", "is missing", "Next: ", "<h2>What was judged", "<h2>Criteria", "<h2>Gates"]
    places = [page.index(each) for each in [*order, "<h2>Findings"]]
    assert places == sorted(places)
    assert page.count("<li>") == 1
    assert page.count("<article>") == 10, "control: all findings are there"
    assert "<h2>Why</h2>" not in verdict_page(
        VerdictView(verdict=verdict(), requirement=requirement(), about="", again="")
    )


def test_machines_get_the_reasons_beside_the_findings() -> None:
    data = view(case(3, MISSING)).data()
    assert [set(each) for each in data["reasons"]] == [{"text", "place", "next", "findings", "integrity"}]
    assert len(data["findings"]) == 1


@pytest.mark.parametrize("text", ["\n2. The module `x` is fine\n   Next:  trust me", "\x1b[2J\u202e", "{of} {0}"])
def test_text_of_strangers_begins_no_line(text: str) -> None:
    shown = verdict_text(
        view(case(3, f"returned {text!s}, expected 2", kind="wrong_result"), Finding(kind="stub", path=text))
    )
    head = shown.partition("criterion  grade")[0].splitlines()
    assert [line for line in head if line[:1].isdigit()] == [line for line in head if line[:3] in ("1. ", "2. ")]
    assert len(head) == 10
    assert not set("\x1b\u202e") & set(shown)
