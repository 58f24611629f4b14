"""Comparison of a case's expectations with the observed results, outside the sandbox."""

import msgspec

from verification.execution.case_runner import NOT_STARTED, CaseAnswer, CaseProblem, StepSeen
from verification.requirements.model import Case, Expectation, Step
from verification.requirements.tags import plain
from verification.requirements.values import matches, show, text_matches

SHOWN_CHARS_MAX = 200


def problem_of(case: Case, answer: CaseAnswer) -> CaseProblem | None:
    """Return the first result that is not as expected, or None."""
    written: dict[str, str] = {}
    for step, seen in zip(case.steps, answer.steps, strict=True):
        written.update(step.files_before)
        problem = _step(step, seen) or _files(step, seen, written)
        if problem:
            return CaseProblem(problem.kind, f"{_called(step)} {problem.text}")
    if answer.untrue is not None:
        return CaseProblem("wrong_result", f"changed {answer.untrue} after the last step of the case")
    return None


def _called(step: Step) -> str:
    if step.action == "run":
        return f"`{' '.join(step.argv)}`"[:SHOWN_CHARS_MAX]
    given = [show(value, SHOWN_CHARS_MAX) for value in step.args]
    given += [f"{key}={show(value, SHOWN_CHARS_MAX)}" for key, value in step.kwargs.items()]
    return f"{step.target}({', '.join(given)})"


def _step(step: Step, seen: StepSeen) -> CaseProblem | None:
    if (seen.did == "ran") != (step.action == "run") and seen.did != "raised":
        return CaseProblem("forged_answer", "was answered with a step of a wrong kind")
    if seen.did == "raised":
        return _raised(step, seen)
    return _ran(step.expect, seen) if seen.did == "ran" else _returned(step.expect, seen)


def _raised(step: Step, seen: StepSeen) -> CaseProblem | None:
    expect = step.expect
    told = f"{seen.name}: {seen.message}"[:SHOWN_CHARS_MAX] if seen.message else seen.name
    if seen.stage == "import" and seen.name == "SystemExit":
        return CaseProblem("no_answer", f"ended the program during its import ({told})")
    if seen.stage != "call":
        return CaseProblem("did_not_start", f"could not be called: {told}")
    if seen.name == "MemoryError" and expect.raises != "MemoryError":
        return CaseProblem("memory", "ran out of memory")
    if expect.raises is None:
        return CaseProblem("wrong_result", f"raised {told}")
    names = {name for each in (seen.names if expect.or_subclass else seen.names[:1]) for name in each}
    if expect.raises not in names:
        return CaseProblem("wrong_result", f"raised {told}, expected {expect.raises}")
    if expect.message_matches is not None and not text_matches(expect.message_matches, seen.message):
        return CaseProblem("wrong_result", f"raised {told}, expected a message matching {expect.message_matches!r}")
    return None


def _returned(expect: Expectation, seen: StepSeen) -> CaseProblem | None:
    value = seen.value if expect.exact_type else plain(seen.value)
    shown = show(value, SHOWN_CHARS_MAX)
    if expect.raises is not None:
        return CaseProblem("wrong_result", f"returned {shown}, expected {expect.raises}")
    if expect.returns is msgspec.UNSET or matches(expect.returns, value, approx=expect.approx):
        return None
    if _holds_object(value):
        return CaseProblem("not_accepted", f"returned {shown}, which is not a plain value")
    exactly = " of exactly this type" if expect.exact_type else ""
    wanted = f"{show(expect.returns, SHOWN_CHARS_MAX)}{exactly}"
    return CaseProblem("wrong_result", f"returned {shown}, expected {wanted}")


def _ran(expect: Expectation, seen: StepSeen) -> CaseProblem | None:
    if seen.over:
        return CaseProblem("output_limit", "wrote more output than allowed")
    stderr = seen.stderr if isinstance(seen.stderr, str) else ""
    if seen.exit == 1 and stderr.rstrip().endswith(NOT_STARTED):
        return CaseProblem("did_not_start", f"did not start: {stderr[:SHOWN_CHARS_MAX]}")
    if seen.exit != expect.exit:
        return CaseProblem("wrong_result", f"ended with exit code {seen.exit}, expected {expect.exit}: {_tail(stderr)}")
    for name, wanted, found in (("stdout", expect.stdout, seen.stdout), ("stderr", expect.stderr, seen.stderr)):
        if wanted is not None and not (isinstance(found, str) and found == wanted):
            told = f"wrote {show(found, SHOWN_CHARS_MAX)} to {name}, expected {show(wanted, SHOWN_CHARS_MAX)}"
            return CaseProblem("wrong_result", told)
    if expect.stdout_matches is not None and not text_matches(expect.stdout_matches, seen.stdout):
        told = f"wrote {show(seen.stdout, SHOWN_CHARS_MAX)} to stdout, expected text matching {expect.stdout_matches!r}"
        return CaseProblem("wrong_result", told)
    return None


def _tail(text: str) -> str:
    return text.strip()[-SHOWN_CHARS_MAX:]


def _files(step: Step, seen: StepSeen, written: dict[str, str]) -> CaseProblem | None:
    expect = step.expect
    for path, wanted in expect.files_after.items():
        found = seen.files.get(path)
        if found is None:
            return CaseProblem("wrong_result", f"did not leave a file {path}")
        if wanted is not None and not (isinstance(found, str) and found == wanted):
            told = f"left the file {path} with {show(found, SHOWN_CHARS_MAX)}, expected {show(wanted, SHOWN_CHARS_MAX)}"
            return CaseProblem("wrong_result", told)
    for path in expect.files_unchanged:
        # Files that the judge wrote come last and win: the worker's report about them could be forged.
        begun = {**written, **seen.before, **step.files_before}.get(path)
        if seen.files.get(path) is None or seen.files[path] != begun:
            return CaseProblem("wrong_result", f"changed {path}")
    for path in expect.files_absent:
        if seen.files.get(path) is not None:
            return CaseProblem("wrong_result", f"left the file {path}, which must not exist")
    return None


def _holds_object(value: object) -> bool:
    if isinstance(value, dict):
        return "$object" in value or any(_holds_object(item) for item in value.values())
    return isinstance(value, list) and any(_holds_object(item) for item in value)
