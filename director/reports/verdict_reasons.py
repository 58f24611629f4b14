"""The reasons of a rejection. Findings with a common cause become one reason, with its place and a next step."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from director.reports.finding_causes import Cause, cause_of, parts_of
from director.reports.places import Places, line_in, sealed_line_in
from director.reports.reason_words import (
    LEADS,
    LEADS_OF_FILES,
    NEXT,
    NEXT_AFTER,
    NEXT_OF_FILES,
    STOPPED,
)
from verification.requirements.model import Requirement, modules_named
from verification.verdict.model import Finding, FindingKind, Verdict

TEXT_CHARS_MAX = 240
"""The maximum number of characters that a reason quotes. The findings have the whole text."""
PLACES_MAX = 3
"""The maximum number of places (files with lines) that one reason names."""
_OF_TESTS = frozenset({"sealed_failed", "suite_failed", "regression"})
"""Kinds of findings whose text has one part for each case or test."""
_ABOUT_BASE = frozenset({"base_suite", "holds_on_base", "fails_on_base", "unknown_test"})
"""Kinds of findings whose text ends with a remedy."""
_STOPPED_WHAT: dict[FindingKind, str] = {
    "sealed_failed": "sealed cases",
    "property_failed": "properties",
    "suite_failed": "given tests",
    "regression": "tests of earlier behaviour",
    "base_suite": "the base's tests",
    "smoke_failed": "the delivery",
}
_CASE = re.compile(r"^(?:sealed )?line \d+: ")
_INTENDED = re.compile(r"\. If (?:this is intended|it is wanted)")  # release 0.1.0 wrote the second text
_TEST_FILE = re.compile(r"([\w./-]+\.py)(?:::|: )")


class Reason(msgspec.Struct, frozen=True, kw_only=True, rename={"next_step": "next"}):
    """One cause of a rejection. `findings`: indices in the verdict's findings, from 0."""

    text: str  # one sentence, on one line
    place: str  # the criteria, and the files and lines that are known
    next_step: str
    findings: tuple[int, ...]
    integrity: bool = False


class _Group(msgspec.Struct):
    """Findings that become one reason."""

    cause: Cause | None
    numbers: list[int] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)


def reasons_of(verdict: Verdict, requirement: Requirement, places: Places) -> tuple[Reason, ...]:
    """Return the reasons of a rejection: strikes first, then common causes, then the other findings."""
    if verdict.verified:
        return ()
    groups = sorted(_grouped(verdict.findings), key=lambda each: (not each.findings[0].integrity, each.cause is None))
    reasons = tuple(_reason(group, requirement, places) for group in groups)
    return reasons or tuple(_not_met(verdict))


def _grouped(findings: Sequence[Finding]) -> Iterable[_Group]:
    causes = [cause_of(finding) for finding in findings]
    stopping = {
        cause for cause, finding in zip(causes, findings, strict=True) if cause and finding.kind != "does_not_parse"
    }
    groups: dict[object, _Group] = {}
    for number, (cause, finding) in enumerate(zip(causes, findings, strict=True)):
        shared = cause if cause in stopping else None
        group = groups.setdefault(shared or (finding.kind, finding.criterion), _Group(shared))
        group.numbers.append(number)
        group.findings.append(finding)
    return groups.values()


def _reason(group: _Group, requirement: Requirement, places: Places) -> Reason:
    return Reason(
        text=_line(_stopped(group, group.cause) if group.cause else _sentence(group.findings)),
        place=_place(group.findings, places),
        next_step=_line(_next_after(group.cause, requirement) if group.cause else _next(group.findings[0])),
        findings=tuple(group.numbers),
        integrity=group.findings[0].integrity,
    )


def _stopped(group: _Group, cause: Cause) -> str:
    """Return the sentence of a cause, with the cases and tests that cannot start."""
    what = [_named(kind, [each for each in group.findings if each.kind in kinds]) for kind, kinds in _kinds(group)]
    return f"{STOPPED[cause.kind].format(subject=_cut(cause.subject), what=_and(filter(None, what)))}."


def _kinds(group: _Group) -> list[tuple[str, frozenset[str]]]:
    """Return the names of the stopped tests (cases, properties, …), each with its kinds of findings, cases first."""
    others = {each.kind for each in group.findings if each.kind in _STOPPED_WHAT}
    cases = frozenset(each.kind for each in group.findings) - others - {"does_not_parse"}
    named = [(_STOPPED_WHAT[kind], frozenset({kind})) for kind in _STOPPED_WHAT if kind in others]
    return [*([("cases", cases)] if cases else []), *named]


def _named(what: str, findings: Sequence[Finding]) -> str:
    criteria = _unique(each.criterion for each in findings)
    counted = f"{len(findings)} cases" if len(findings) > 1 else "a case"
    return f"{counted if what == 'cases' else what}{f' of {_and(criteria)}' if criteria else ''}"


def _sentence(findings: Sequence[Finding]) -> str:
    """Return the sentence of findings of one kind: their number and the text of the first one."""
    first, several = findings[0], len(findings) > 1
    leads = LEADS_OF_FILES if first.criterion is None and first.kind in LEADS_OF_FILES else LEADS
    of = f"criterion {first.criterion}" if first.criterion else "the requirement"
    lead = leads[first.kind][several].format(n=len(findings), of=of)
    said = _cut(_first_words(first)).rstrip(".")
    return f"{lead}{'; the first' if several and said else ''}{f': {said}' if said else ''}."


def _first_words(finding: Finding) -> str:
    """Return the first part of a finding's text, without its line number: the reason's place names the line."""
    detail = finding.detail
    if finding.kind in _OF_TESTS:
        parts = parts_of(finding)
        more = len(parts) - 1
        detail = f"{parts[0]}{f' (and {more} more)' if more else ''}" if parts else ""
    elif finding.kind in _ABOUT_BASE:
        detail = detail.rpartition("; ")[0] or detail
    elif finding.kind == "mass_deletion":
        detail = _INTENDED.split(detail, maxsplit=1)[0]
    return _CASE.sub("", detail, count=1)


def _next(finding: Finding) -> str:
    if finding.kind in _ABOUT_BASE and (remedy := finding.detail.rpartition("; ")[2]):
        return f"{remedy[:1].upper()}{remedy[1:]}."
    if finding.criterion is None and finding.kind in NEXT_OF_FILES:
        return NEXT_OF_FILES[finding.kind]
    return NEXT[finding.kind]


def _next_after(cause: Cause, requirement: Requirement) -> str:
    if cause.kind != "missing_module":
        return NEXT_AFTER[cause.kind].format(subject=_cut(cause.subject))
    path = f"{cause.subject.replace('.', '/')}.py"
    if cause.subject.partition(".")[0] in modules_named(requirement.criteria, requirement.scope):
        own = next((each for each in requirement.scope if each.removeprefix("src/") == path), path)
        return f"Write `{own}` in the tree, or correct the module's name in the requirement."
    lock = "write `dependencies: from-base`, or " if requirement.base is not None else ""
    remedy = f"{lock}name its package under `dependencies:` in the requirement, or write code that does not need it."
    return f"{remedy[:1].upper()}{remedy[1:]}"


def _place(findings: Sequence[Finding], places: Places) -> str:
    """Return the place of findings: the criteria, then files with lines."""
    criteria = _unique(each.criterion for each in findings)
    named = f"{'criterion' if len(criteria) == 1 else 'criteria'} {_and(criteria)}" if criteria else ""
    where = _unique(_file(each, places) for each in findings)
    more = [f"{len(where) - PLACES_MAX} more"] if len(where) > PLACES_MAX else []
    return _line(", at ".join(filter(None, [named, _and([*where[:PLACES_MAX], *more])])))


def _file(finding: Finding, places: Places) -> str | None:
    if finding.path is not None:
        return _with_line(places.of(finding.path), line_in(finding.detail, finding.path))
    if line := line_in(finding.detail, None):
        return _with_line(places.requirement, line) if places.requirement else f"line {line} of the requirement"
    if line := sealed_line_in(finding.detail):
        return _with_line(places.sealed, line) if places.sealed else f"line {line} of the sealed cases"
    found = _TEST_FILE.match(finding.detail) if finding.kind in _OF_TESTS else None
    return found[1] if found else None


def _with_line(path: str, line: int | None) -> str:
    return f"{path}:{line}" if line else path


def _not_met(verdict: Verdict) -> Iterable[Reason]:
    """Yield a reason for each criterion that is not met although it has no finding: some of its cases did not run."""
    for part in verdict.criteria:
        if not part.passed:
            passed = f"{part.visible_passed + part.sealed_passed} of {part.visible_total + part.sealed_total}"
            yield Reason(
                text=f"Criterion {part.id} is not met: {passed} of its cases passed, and the others did not run.",
                place=f"criterion {part.id}",
                next_step="Judge again. The table of gates shows which gates did not run.",
                findings=(),
            )


def _unique(names: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))


def _and(names: Iterable[str]) -> str:
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str) -> str:
    line = _line(text)
    return line if len(line) <= TEXT_CHARS_MAX else f"{line[: TEXT_CHARS_MAX - 1]}…"
