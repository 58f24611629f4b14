"""The rules of a run for an assignment. `domain/task.py` has the rules of the task itself."""

from domain import funds, named_staff, repeats, returning
from domain.errors import LimitReached, Refused
from domain.faults import FAULTS_MAX
from domain.money import checked, left_text
from domain.run_state import RunState
from domain.task import Assign, TaskState
from domain.tranches import check_draws


def may_assign(command: Assign, task: TaskState, state: RunState) -> None:
    """Check the rules of the run. Raises Refused, or LimitReached if a limit of the run is used up."""
    assert state.submitted is not None
    checked(command.reservation, "The reservation")
    if state.asked is not None:
        raise Refused(
            "The run waits for the Director's answer about its budget.",
            hint="Answer it: aura budget raise, or aura budget refuse.",
        )
    if command.at >= state.due_at:
        raise LimitReached("The run's minutes are used up.", hint="Submit the requirement again with more minutes.")
    used = returning.attempts_used(task)
    if used >= state.submitted.attempts_max:
        raise LimitReached(
            f"Task {task.name} had {used} attempts, and attempts_max is {state.submitted.attempts_max}.",
            hint="The run ends. Read the findings, then submit a clearer requirement or hire a stronger employee.",
        )
    if task.worn_out(command.employee):
        raise LimitReached(
            f"Task {task.name}: too many calls failed (faults_max is {FAULTS_MAX}). Last failure: {task.failure}",
            hint="Correct the cause of the last failure, or hire another employee.",
        )
    repeats.refuse_repeater(task.name, task.repeats.get(command.employee, 0), state.submitted.attempts_max)
    open_tasks = [state.tasks[other].name for other in task.after if state.tasks[other].phase != "verified"]
    if open_tasks:
        raise Refused(
            f"Task {task.name} waits for {', '.join(open_tasks)}.", hint="The manager assigns the task after that."
        )
    named_staff.refuse_employee(state.submitted, task, state.tasks.values(), command.employee)
    if not command.reservation.fits(state.left) or state.left.tokens <= 0:
        raise LimitReached(
            f"The call may cost {command.reservation.usd} USD and {command.reservation.tokens} tokens, but the run has "
            f"only {left_text(state.left)}.",
            hint="Submit with a larger budget, or hire a cheaper employee.",
        )
    funds.check_task_budget(command, task, state)
    check_draws(state.tranches, state.tasks, command)
