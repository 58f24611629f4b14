"""The placement of a ready task: the employee of its next attempt, and the account of the attempt's first call."""

from dataclasses import replace
from uuid import UUID

from agents.manager.choosing import Answer, Ask, Router
from agents.manager.routing import StaffCapacity, call_bound_of

NOBODY_NOW = Answer(None)


def placed(router: Router, ask: Ask) -> tuple[Answer, str]:
    """Return who gets the task, and the account of the first call; no account if the employee names none.

    If an account of the last employee failed, another account of this employee comes before another employee. An
    employee without an account for this call is passed over for now, which is no reason to end the run.
    """
    stays = ask.task.stays_with
    if stays is not None and stays in ask.team.profiles and stays not in ask.barred and ask.team.free(stays) > 0:
        account = _account(ask, stays)
        answer = router.answer(ask._replace(team=_alone(ask.team, stays))) if account is not None else NOBODY_NOW
        if answer.employee is not None and account is not None:
            return answer, account
    answer = router.answer(ask)
    while answer.employee is not None:
        account = _account(ask, answer.employee)
        if account is not None:
            return answer, account
        ask = ask._replace(barred=ask.barred | {answer.employee})
        answer = router.answer(ask)._replace(ends="")
    return answer, ""


def _account(ask: Ask, employee: UUID) -> str | None:
    """Return the account of the employee's next call; None if none of its accounts may take this call."""
    profile = ask.team.profiles[employee]
    return ask.team.accounts.choose(profile.accounts, call_bound_of(profile, ask.prompt_tokens))


def _alone(team: StaffCapacity, employee: UUID) -> StaffCapacity:
    return replace(team, profiles={employee: team.profiles[employee]})
