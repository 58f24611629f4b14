"""The trial of an employee on the past fixes of a repository.

Each fix becomes a requirement, as in a backtest, and is submitted to the running organisation for this employee alone.
The employee sees the message and the tests of the fix, but not its code.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from director.services.approvals import reject_run
from director.services.backtest import setting_of
from director.services.hand_in import HandIn, hand_in, ready_to_hand_in
from director.services.named_staff import named_staff
from director.services.run_end import RunEnd
from director.services.session import desk
from director.services.submit import ATTEMPTS_MAX
from director.settings import Settings
from domain import run_messages, task
from domain.message import Recorded, TaskEvent
from domain.tree import tree_digest
from verification.backtest.commits import FixCommit, fix_commits
from verification.backtest.employee_results import Effort, EmployeeReport, EmployeeResult, report_of
from verification.backtest.preparation import exclusion, prepared_parts
from verification.backtest.requirement_files import TRIAL_BUDGET, write_requirement
from verification.backtest.trial import Excluded, Learnt, Parts, Setting, judged_fix, learn
from verification.base_check import BaseDisagrees
from verification.requirements.model import Budget

MICRO = 1_000_000
NOT_NEEDED = "The delivery of a trial on past fixes is not needed."
_ENDS = (task.Submitted, task.AttemptEnded, task.Released)
_BEGINS = (task.Assigned, run_messages.Merged, *_ENDS)
_VERDICTS = (task.Verified, task.Rejected, run_messages.Verified, run_messages.Rejected)
Say = Callable[[str], None]
OnResult = Callable[[EmployeeResult, int, int], None]
"""Called with each result, its number, and the number of commits."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a trial. `branch` None: the repository's HEAD. `budget`: of each run. `keep`: keep each delivery
    for an approval. Otherwise a delivery is declined after it was counted. `share_secrets`: the reason why the employee
    may read secrets in the repository.
    """

    repo: Path
    employee: str
    branch: str | None = None
    last: int = 30
    attempts_max: int = ATTEMPTS_MAX
    budget: Budget = TRIAL_BUDGET
    keep: bool = False
    allow_degraded: bool = False
    share_secrets: str = ""


async def try_employee(
    wanted: Trial,
    settings: Settings,
    *,
    on_result: OnResult = lambda _result, _number, _all: None,
    on_run: Callable[[UUID], None] = lambda _run: None,
    note: Say = lambda _: None,
) -> EmployeeReport:
    """Let an employee solve the last fixes of a repository, one after another. `on_run`: called with each new run.

    Raises NotFound for a repository, branch, fix or employee that does not exist, Refused for an employee that cannot
    work, and Unavailable without a sandbox or without servers.
    """
    repo = wanted.repo.expanduser().absolute()
    (employee,) = await named_staff(settings, [wanted.employee])
    fixes = fix_commits(repo, wanted.branch, wanted.last)
    results: list[EmployeeResult] = []
    async with setting_of(settings, allow_degraded=wanted.allow_degraded) as setting:
        trial = _Trial(wanted, repo, employee, settings, setting, note, on_run)
        for number, fix in enumerate(fixes, start=1):
            results.append(await trial.of(fix))
            on_result(results[-1], number, len(fixes))
    return report_of(str(repo), wanted.employee, results)


def why_excluded(reason: Excluded | BaseDisagrees) -> str:
    """Return why a commit is not a fair question."""
    if isinstance(reason, BaseDisagrees):
        return f"the requirement does not agree with the parent: {reason.problems[0]}"
    return str(reason)


class _Trial:
    """The trial of one employee on one repository."""

    def __init__(
        self,
        wanted: Trial,
        repo: Path,
        employee: UUID,
        settings: Settings,
        setting: Setting,
        note: Say,
        on_run: Callable[[UUID], None],
    ) -> None:
        self._wanted = wanted
        self._repo = repo
        self._employee = employee
        self._settings = settings
        self._setting = setting
        self._note = note
        self._on_run = on_run

    async def of(self, fix: FixCommit) -> EmployeeResult:
        """Return the result of one commit. A commit that is not a fair question is excluded."""
        result = EmployeeResult(commit=fix.id, parent=fix.parent, subject=fix.subject)
        self._note(f"{fix.id[:10]}: the tests of the repository run on the parent and on the fix.")
        try:
            learnt, parts = await question_of(fix, self._repo, self._setting, self._settings, self._note)
            result = msgspec.structs.replace(result, files=len(parts.parent))
            with tempfile.TemporaryDirectory(prefix="aura-trial-") as folder:
                file = write_requirement(Path(folder), learnt.requirement, fix, self._repo, self._wanted.budget)
                return await self._asked(file, result, parts)
        except (Excluded, BaseDisagrees) as reason:
            return msgspec.structs.replace(result, excluded=why_excluded(reason))

    async def _asked(self, file: Path, result: EmployeeResult, parts: Parts) -> EmployeeResult:
        request = HandIn(
            file=file,
            attempts_max=self._wanted.attempts_max,
            allow_degraded=self._wanted.allow_degraded,
            employees=(self._employee,),
            share_secrets=self._wanted.share_secrets,
        )
        ready = await ready_to_hand_in(request, self._settings, self._note)
        async with desk(self._settings) as opened:
            run = (await hand_in(opened, ready, note=self._note, on_handed_in=self._on_run)).run
            self._note(f"{result.commit[:10]}: submitted for {self._wanted.employee} as run {run}.")
            line = await RunEnd(opened, self._note).of(run)
            events = await opened.store.read_run(run)
            delivered = line.phase == "delivered"
            if delivered and not self._wanted.keep:
                await reject_run(opened, run, NOT_NEEDED)
        return msgspec.structs.replace(
            result,
            run=run,
            verified=delivered,
            reason="" if delivered else line.reason or f"the run ended as {line.outcome}",
            effort=effort_of(events),
            folder=line.folder or "",
            branch=line.branch or "",
            same=_merged(events) == tree_digest(parts.fixed.manifest()),
        )


async def question_of(
    fix: FixCommit, repo: Path, setting: Setting, settings: Settings, note: Say = lambda _: None
) -> tuple[Learnt, Parts]:
    """Return the requirement of a commit. Raises Excluded, also if the fix itself is refused here."""
    with exclusion():
        parts = await prepared_parts(
            fix, repo, setting, libraries=settings.libraries, builds=settings.base_builds, say=note
        )
        learnt = await learn(fix, parts, setting)
        judged = await judged_fix(learnt, parts, setting)
    if not judged.accepted:
        raise Excluded(f"the fix itself is refused here: {'; '.join(judged.findings)}")
    return learnt, parts


def effort_of(events: Sequence[Recorded]) -> Effort:
    """Return the effort of a run, from its events in order. Void events do not count."""
    counting = [recorded for recorded in events if recorded.void is None]
    calls = [each.event for each in counting if isinstance(each.event, task.CallFinished)]
    charged = [each.event.charged for each in counting if isinstance(each.event, task.CallFinished | task.Released)]
    began: dict[UUID, int] = {}  # the last event of a task or run -> microseconds
    work_us = verdict_us = attempts = 0
    for recorded in counting:
        event, at = recorded.event, recorded.envelope.occurred_at
        of = event.task if isinstance(event, TaskEvent) else recorded.envelope.run
        if isinstance(event, task.Assigned):
            attempts += 1
        if isinstance(event, _ENDS):
            work_us += at - began.get(of, at) if of else 0
        elif isinstance(event, _VERDICTS):
            verdict_us += at - began.get(of, at) if of else 0
        if of and isinstance(event, _BEGINS):
            began[of] = at
    return Effort(
        attempts=attempts,
        calls=len(calls),
        tokens=sum(amount.tokens for amount in charged),
        usd=sum((amount.usd for amount in charged), Effort().usd),
        work_s=round(work_us / MICRO, 1),
        verdict_s=round(verdict_us / MICRO, 1),
        hand_ins=sum(isinstance(each.event, task.Submitted) for each in counting),
        rejected=sum(isinstance(each.event, task.Rejected) for each in counting),
    )


def _merged(events: Sequence[Recorded]) -> str:
    """Return the name of the merged tree; empty if no tree was merged."""
    trees = [each.event.tree for each in events if isinstance(each.event, run_messages.Merged) and each.void is None]
    return trees[-1] if trees else ""
