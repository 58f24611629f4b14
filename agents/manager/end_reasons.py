"""Texts that say why a run cannot continue."""

from domain.faults import FAULTS_MAX
from domain.funds import left_of_limit, task_limit
from domain.money import left_text
from domain.repeats import REPEATED, repeats_max
from domain.returning import attempts_used
from domain.run import RunState
from domain.run_messages import Submitted
from domain.task import TaskState
from domain.wording import counted


def no_answer(part: TaskState) -> str:
    """Say that no attempt of the task was verified, and what the last one lacked."""
    last = part.failure or ", ".join(dict.fromkeys(finding.kind for finding in part.findings))
    return f"no verified answer in {counted(attempts_used(part), 'attempt')}" + (f" (last: {last})" if last else "")


def budget_used(state: RunState, prompt_tokens: int | None) -> str:
    """Say that the rest of the run's budget is too small for one more call."""
    size = f" with a prompt of about {prompt_tokens} tokens" if prompt_tokens is not None and prompt_tokens >= 0 else ""
    left = f"The budget has {left_text(state.left)}"
    return f"{left}: not enough for one more call{size}."


def task_budget_used(state: RunState, part: TaskState) -> str:
    """Say that the rest of a task's own budget is too small for one more call."""
    limit = task_limit(state, part)
    assert limit is not None
    return f"The budget of task {part.name} has {left_of_limit(limit, limit.room(part.spent))}: not enough for a call."


def nobody_left(part: TaskState, submitted: Submitted) -> str:
    """Say why no employee may try the task again."""
    most = repeats_max(submitted.attempts_max)
    if any(count >= most for count in part.repeats.values()):
        kinds = ", ".join(dict.fromkeys(finding.kind for finding in part.findings if finding.kind != REPEATED))
        return (
            f"no employee has a new answer. Each one handed in {most} times in a row an answer that had been rejected "
            f"(repeats_max is {most}). The last rejection: {kinds}."
        )
    return f"every employee's calls failed too often (faults_max is {FAULTS_MAX}). The last failure: {part.failure}"
