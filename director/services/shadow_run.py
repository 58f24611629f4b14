"""The shadow run of `aura rerun --task TASK --employee NAME`: another employee gets the question of an earlier task.

It gets the same brief, the same base and the same earlier work. The verifier judges its work by the same cases. The run
has a budget of its own, and nothing of it is delivered.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.employee_trial import effort_of
from director.services.hand_in import goes_on
from director.services.named_staff import named_staff
from director.services.repeated_run import planned_again, repeated
from director.services.run_end import RunEnd
from director.services.session import RECORDED_WAIT_S, desk, find_run, new_id, run_state
from director.services.views import PEOPLE
from director.settings import Settings
from domain import run_messages, task
from domain.check_limits import USD_MAX
from domain.errors import Failed, Invalid, NotFound, Refused
from domain.message import Recorded
from domain.money import Amount
from domain.review import is_review
from domain.run import RunState
from domain.run_messages import Allowance, SecretsConsent, Submit
from domain.shadow import GivenTask, ShadowOf
from domain.task import TaskState
from verification.backtest.employee_results import Effort

LABEL, LABEL_VALUE = "purpose", "shadow"
"""The label of each shadow run. `aura costs --by label.purpose` shows what shadow runs cost."""
"""The default budget of a shadow run."""


class ShadowRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A task to repeat. `task`: its name, or the beginning of its id. `usd_max`: the budget of the shadow run."""

    run: str
    task: str
    employee: str
    usd_max: Decimal = USD_MAX
    attempts_max: int = 1
    share_secrets: str = ""
    allow_degraded: bool = False


class TaskOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a task in one run. `findings`: the kinds of the findings of its last rejection."""

    run: UUID
    employees: tuple[str, ...]
    verified: bool
    findings: tuple[str, ...]
    effort: Effort


class ShadowResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a task in its shadow run, beside its outcome in the run before. `reason`: of the run's end."""

    task: str
    employee: str
    verified: bool
    reason: str
    shadow: TaskOutcome
    before: TaskOutcome


async def shadow_run(
    wanted: ShadowRequest,
    settings: Settings,
    *,
    on_run: Callable[[UUID], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> ShadowResult:
    """Let an employee do a task of an earlier run again, and wait for the verdict. `on_run`: called with the new run.

    Raises NotFound for an unknown run, task or employee, Refused for an employee that cannot work, for a task that
    builds on work which is not verified, and for secrets without a reason to share them. Raises LimitReached if the
    organisation has no budget for the run.
    """
    if wanted.usd_max <= 0:
        raise Invalid("A shadow run needs a budget above 0.", hint="Write it like this: --usd-max 0.50")
    (employee,) = await named_staff(settings, [wanted.employee])
    async with desk(settings) as opened:
        before = await find_run(opened.store, wanted.run)
        state = await run_state(opened.store, before)
        part = _task_of(state, before, wanted.task)
        record = await opened.store.read_run(before)
        consent = _consent(record, state, wanted.share_secrets)
        run = new_id()
        outcome = await opened.gate.handle(_submission(wanted, run, before, state, part, employee, consent))
        on_run(run)
        with goes_on(run):
            await opened.store.wait_recorded(outcome.seq, RECORDED_WAIT_S)
        note(f"{wanted.employee} does task {part.name} of run {before} again, as shadow run {run}.")
        line = await RunEnd(opened, note, needs_budget=True).of(run)
        events, names = await opened.store.read_run(run), await _names(opened.store)
        ended = (await run_state(opened.store, run)).tasks
        shadow = next(each for each in ended.values() if each.name == part.name) if ended else None
    return ShadowResult(
        task=part.name,
        employee=wanted.employee,
        verified=line.outcome == "shadow",
        reason=line.reason or "",
        shadow=_outcome(run, shadow, events, names),
        before=_outcome(before, part, record, names),
    )


def not_verified(result: ShadowResult) -> Failed | None:
    """Return the error of a shadow run whose work was not verified; None if it was verified."""
    if result.verified:
        return None
    return Failed(
        f"{result.employee} did not solve task {result.task}: {result.reason}",
        hint=f"Read its attempts: aura run show {result.shadow.run} --attempt 1",
        code="not_verified",
    )


async def _names(store: Store) -> dict[UUID, str]:
    return {person.employee: person.name for person in await PEOPLE.read(store)}


def _task_of(state: RunState, run: UUID, text: str) -> TaskState:
    """Return the task with this name or id. Raises NotFound and Refused."""
    if state.submitted is None:
        raise NotFound(f"The submission of run {run} was purged.", hint="`aura runs` lists the runs.")
    wanted = [part for part in state.tasks.values() if part.name == text]
    wanted = wanted or [part for part in state.tasks.values() if len(text) > 1 and str(part.id).startswith(text)]
    if len(wanted) != 1:
        names = ", ".join(part.name for part in state.tasks.values())
        raise NotFound(f"Run {run} has no task {text}.", hint=f"Its tasks are: {names or 'none yet'}.")
    (found,) = wanted
    if is_review(found):
        raise Refused(
            f"Task {found.name} is a review, and a review cannot be repeated.",
            hint="To measure a reviewer, use: aura reviewers check NAME",
        )
    return found


def _before(state: RunState, last: TaskState) -> list[TaskState]:
    """Return the tasks on which a task builds, in the order of the plan. Raises Refused if one is not verified."""
    wanted, waiting = set[UUID](), [last]
    while waiting:
        for other in waiting.pop().after:
            if other not in wanted:
                wanted.add(other)
                waiting.append(state.tasks[other])
    parts = [part for part in state.tasks.values() if part.id in wanted]
    missing = [part.name for part in parts if part.phase != "verified"]
    if missing:
        raise Refused(
            f"Task {last.name} builds on {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            "verified in this run.",
            hint="Name a task whose earlier tasks are verified: `aura run show` lists them.",
        )
    return parts


def _submission(
    wanted: ShadowRequest,
    run: UUID,
    before: UUID,
    state: RunState,
    part: TaskState,
    employee: UUID,
    consent: SecretsConsent | None,
) -> Submit:
    """Return the command of the shadow run. `part`: the task that is done again."""
    was = state.submitted
    assert was is not None
    given = _before(state, part)
    return repeated(
        was,
        run,
        plan=planned_again((*given, part)),
        allowance=Allowance(amount=Amount(wanted.usd_max, was.allowance.amount.tokens), minutes=was.allowance.minutes),
        attempts_max=wanted.attempts_max,
        employee=employee,
        labels={LABEL: LABEL_VALUE},
        allow_degraded=wanted.allow_degraded,
        consent=consent,
        shadow=ShadowOf(
            run=before,
            task=part.id,
            name=part.name,
            given=tuple(GivenTask(name=each.name, files=each.files) for each in given),
        ),
    )


def _consent(record: Iterable[Recorded], state: RunState, reason: str) -> SecretsConsent | None:
    """Return a new consent for a base with secrets. Raises Refused without a reason: another provider reads them."""
    given = [each.event.consent for each in record if isinstance(each.event, run_messages.SecretsConsented)]
    if not given or state.submitted is None or state.submitted.base_commit is None:
        return None
    if not reason.strip():
        raise Refused(
            "The base of this run has secrets, and another employee would read them.",
            hint="If its provider may read them, consent with a reason, which is recorded: --share-secrets 'REASON'",
            code="secrets_in_base",
        )
    return msgspec.structs.replace(given[-1], reason=reason.strip(), base_commit=state.submitted.base_commit)


def _outcome(run: UUID, part: TaskState | None, events: Iterable[Recorded], names: Mapping[UUID, str]) -> TaskOutcome:
    """Return the outcome of a task. `part` None: the run ended before it was planned."""
    if part is None:
        return TaskOutcome(run=run, employees=(), verified=False, findings=(), effort=Effort())
    own = [each for each in events if getattr(each.event, "task", None) == part.id]
    who = [each.event.employee for each in own if isinstance(each.event, task.Assigned) and each.void is None]
    return TaskOutcome(
        run=run,
        employees=tuple(dict.fromkeys(names.get(employee, str(employee)) for employee in who)),
        verified=part.phase == "verified",
        findings=tuple(dict.fromkeys(finding.kind for finding in part.findings)),
        effort=effort_of(own),
    )
