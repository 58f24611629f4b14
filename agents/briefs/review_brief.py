"""The brief of a reviewer: the requirement, the changes and the results of the gates. It contains no answers of the
authors and no sealed cases.
"""

import difflib
from collections.abc import Iterable, Mapping

from agents.briefs.brief import Brief, criterion_of
from agents.briefs.excerpts import fenced
from agents.briefs.surroundings import scope_texts
from agents.run_content import Library
from domain.judgement import REVIEW
from domain.review import PATH, is_review
from domain.run import RunState, files_of
from domain.run_messages import TaskPlan
from verification.requirements.model import Requirement
from verification.verdict.model import Verdict
from verification.verdict.review import FORM

DIFF_CHARS_MAX = 60_000  # limit for all files together; a note marks a cut

INSTRUCTIONS = f"""You review work that others have done. Nothing of it is yours. Read what was required, what was
changed and what the gates say, then answer with one fenced block of JSON and nothing else, of this form:
{FORM}
Block only for a defect that makes the work wrong or unsafe for what was required, and say how to see it. You cannot
make up for a gate: the merged work is judged again after you."""


def review_plan(names: Iterable[str]) -> TaskPlan:
    """Return the review task. It is the last task of a run if the requirement asks for a review."""
    return TaskPlan(name=REVIEW, criteria=(), scope=(PATH,), after=tuple(names))


async def review_brief(library: Library, state: RunState, requirement: Requirement, feedback: tuple[str, ...]) -> Brief:
    """Return the brief for the reviewer of a run."""
    assert state.submitted is not None
    base = scope_texts(await library.contents(await library.base_manifest(state.submitted)), ("**",)).texts
    contents = await library.contents(files_of(state))
    changed = scope_texts(contents, ("**",)).texts
    parts = [part for part in state.tasks.values() if not is_review(part) and part.evidence]
    verdicts = {part.name: await library.verdict(part.evidence) for part in parts if part.evidence}
    prose = "\n\n".join(
        [
            "# What was required",
            requirement.prose.strip(),
            diff_of(base, changed, contents.keys() - changed.keys()),
            _gates(verdicts),
        ]
    )
    return Brief(
        title=requirement.title,
        instructions=INSTRUCTIONS,
        prose=prose,
        task=REVIEW,
        criteria=tuple(criterion_of(criterion) for criterion in requirement.criteria),
        paths=(PATH,),
        feedback=feedback,
    )


def diff_of(base: Mapping[str, str], changed: Mapping[str, str], unseen: Iterable[str] = ()) -> str:
    """Return the changes as a diff. `base` and `changed`: path -> text before and after.

    `unseen`: paths of files that are too long or not text. The diff lists only the paths of these files.
    """
    lines: list[str] = []
    for path, text in changed.items():
        before = base.get(path, "").splitlines()
        lines += difflib.unified_diff(before, text.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    whole = "\n".join(lines)
    cut = "" if len(whole) <= DIFF_CHARS_MAX else f"\n(cut after {DIFF_CHARS_MAX} characters)"
    named = ", ".join(sorted(unseen))
    more = f"\nChanged too, and not shown, because they are long or no text: {named}" if named else ""
    return f"# What was changed\n{fenced(f'{whole[:DIFF_CHARS_MAX]}{cut}', 'diff')}{more}"


def _gates(verdicts: Mapping[str, Verdict]) -> str:
    lines = [
        f"- {name}: {gate.gate} (grade {gate.grade}): {gate.result}{f', {gate.text}' if gate.text else ''}"
        for name, verdict in verdicts.items()
        for gate in verdict.gates
        if gate.result != "not_run"
    ]
    return "\n".join(["# What the gates say", *lines])
