"""The acts of a signed-in person on work and employees, beside those of `user_acts.py`.

Each act has the id of its command. The same id gives the same result, however often it is sent.
"""

from collections.abc import Sequence
from uuid import UUID

from bus.clock import now
from director.services.blacklist import blacklisted_versions, version_in
from director.services.budget import raised
from director.services.comments import Remark, comment_on, return_run
from director.services.override import submission_of
from director.services.session import DirectorSession, find_employee, run_state
from director.services.user_acts import Acted, acted
from director.services.views import PEOPLE
from domain.employee import Reinstate
from domain.errors import NotFound, Refused
from domain.message import derive
from domain.money import Amount
from domain.organisation import BlacklistVersion
from domain.run_act_messages import COMMANDS, Comment, ReturnWithComments
from domain.run_messages import Submit

NOBODY = UUID(int=0)
"""Stands for an employee or a version that is not looked up yet, while the gate checks the right of the person."""


async def returned(opened: DirectorSession, id: UUID, run: UUID, commit: str, remarks: Sequence[Remark]) -> Acted:
    """Send a delivery back to work with comments."""
    outcome = await return_run(opened, run, commit, remarks, id=id)
    return acted(opened, outcome.events, COMMANDS[ReturnWithComments], run)


async def commented(opened: DirectorSession, id: UUID, run: UUID, remark: Remark) -> Acted:
    """Comment on a run that is not approved yet."""
    outcome = await comment_on(opened, run, remark, id=id)
    return acted(opened, outcome.events, COMMANDS[Comment], run)


async def asked_again(opened: DirectorSession, id: UUID, run: UUID) -> Acted:
    """Submit the requirement of an earlier run again, with its base, budget and cases, as a new run.

    Raises Refused if the base had secrets: a person consents to show them for each run.
    """
    state = await run_state(opened.store, run)
    was = state.submitted
    if was is None:
        raise NotFound(f"There is no run {run}.", hint="`aura runs` lists them.")
    if was.shadow is not None or state.override is not None:
        raise Refused("This run did not work on a requirement of its own.", hint="Name the run that it refers to.")
    history = await opened.store.read_run(run)
    if any(each.envelope.type == "run.secrets_consented" for each in history):
        raise Refused(
            "The base of this run has secrets, and each run needs a new consent to show them.",
            hint="Submit it at the command line: aura submit FILE --share-secrets 'REASON'",
            code="secrets_in_base",
        )
    new = derive(id, "run", opened.gate.principal.id)
    outcome = await opened.done(Submit(**submission_of(was, new, id)))
    return acted(opened, outcome.events, ("run.submitted",), new)


async def raised_budget(opened: DirectorSession, id: UUID, run: UUID, amount: Amount, task: str, reason: str) -> Acted:
    """Raise the budget of an open run, or of one of its tasks."""
    outcome = await raised(opened, str(run), amount, task=task, reason=reason, id=id)
    kinds = ("organisation.budget_raised", "organisation.cap_warned", "run.budget_raised")
    return acted(opened, outcome.events, kinds, run)


async def reinstated(opened: DirectorSession, id: UUID, who: str, reason: str) -> Acted:
    """End the suspension of an employee. Its strikes stay."""
    await opened.gate.check(Reinstate(id=id, at=now(), employee=NOBODY, reason=reason))
    employee = await find_employee(opened.store, who)
    versions = await blacklisted_versions(opened.store)
    command = Reinstate(id=id, at=now(), employee=employee, reason=reason, blacklisted=versions)
    return acted(opened, (await opened.done(command)).events, ("employee.reinstated",), None)


async def blacklisted(opened: DirectorSession, id: UUID, what: str, reason: str) -> Acted:
    """Blacklist a version. HR suspends each employee that has it. `what`: the version, or an employee that has it."""
    await opened.gate.check(BlacklistVersion(id=id, at=now(), employee_version=NOBODY, reason=reason))
    version = version_in(await PEOPLE.read(opened.store), what)
    command = BlacklistVersion(id=id, at=now(), employee_version=version, reason=reason)
    return acted(opened, (await opened.done(command)).events, ("organisation.version_blacklisted",), None)
