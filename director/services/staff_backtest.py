"""The backtest of staff: several employees get the same past fixes of a repository.

Each question is a shadow run for one employee: the verifier judges its work, and nothing is delivered. Its verdicts are
evidence of routing (projections/routing_rows.py), so they are the router's priors for this repository's work. Each
result is stored in the home, so that an interrupted backtest continues where it stopped.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec

from director.services.backtest import setting_of
from director.services.employee_trial import effort_of, question_of, why_excluded
from director.services.hand_in import HandIn, Ready, hand_in, ready_to_hand_in
from director.services.kept_results import keep_result, kept_result
from director.services.named_staff import named_staff
from director.services.run_end import RunEnd
from director.services.session import DirectorSession, archive, desk
from director.services.views import PEOPLE
from director.settings import Settings
from domain.errors import Invalid
from domain.tree import digest_of
from verification.backtest.commits import FixCommit, fix_commits
from verification.backtest.employee_results import EmployeeResult
from verification.backtest.questions_ahead import FixQuestions, cores
from verification.backtest.requirement_files import TRIAL_BUDGET, write_requirement
from verification.backtest.staff_results import FixResult, StaffReport, spent, staff_report
from verification.backtest.trial import Excluded, Learnt, Parts, Setting
from verification.base_check import BaseDisagrees
from verification.requirements.model import Budget

FORM = 1  # version of the stored results
STAFF_MAX = 20
LABELS: Mapping[str, str] = {"purpose": "backtest"}
"""The label of each run. `aura costs --by label.purpose` shows what backtests cost."""
_result = msgspec.json.Decoder(EmployeeResult)
Say = Callable[[str], None]
Question = tuple[Learnt, Parts]
OnResult = Callable[[FixResult, int, int], None]
"""Called with each fix, its number, and the number of fixes."""


class StaffBacktest(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a backtest of staff. `usd_max`: the most that all runs may cost. `budget`: of each run.

    `fresh`: do not use stored results. `branch` None: the repository's HEAD.
    """

    repo: Path
    staff: tuple[str, ...]
    usd_max: Decimal
    branch: str | None = None
    last: int = 20
    attempts_max: int = 1
    budget: Budget = TRIAL_BUDGET
    fresh: bool = False
    share_secrets: str = ""
    allow_degraded: bool = False


async def backtest_staff(
    wanted: StaffBacktest,
    settings: Settings,
    *,
    on_result: OnResult = lambda _result, _number, _all: None,
    on_run: Callable[[UUID], None] = lambda _run: None,
    note: Say = lambda _: None,
) -> StaffReport:
    """Give each employee the last fixes of a repository. A fix is asked only if all its runs fit into `usd_max`.

    Raises Invalid for options that do not fit, NotFound for a repository, branch, fix or employee that does not exist,
    Refused for an employee that cannot work, and Unavailable without a sandbox or without servers.
    """
    names = tuple(dict.fromkeys(wanted.staff))
    _check(wanted, names)
    repo = wanted.repo.expanduser().absolute()
    fixes = fix_commits(repo, wanted.branch, wanted.last)
    employees = dict(zip(names, await named_staff(settings, names), strict=True))
    async with archive(settings) as store:
        people = {person.employee: person for person in await PEOPLE.read(store)}
    versions = {name: people[employee].version for name, employee in employees.items()}
    stored = _Stored(settings, repo, wanted)
    results: list[FixResult] = []
    async with AsyncExitStack() as opening:
        setting = await opening.enter_async_context(setting_of(settings, allow_degraded=wanted.allow_degraded))
        opened = await opening.enter_async_context(desk(settings))
        asking = _Asking(wanted, repo, employees, opened, setting, note, on_run)
        asking.on_answer = lambda name, fix, result: stored.keep(versions[name], fix, result)
        known_of = {fix.id: stored.all_of(versions, fix) for fix in fixes}
        unasked = [fix for fix in fixes if _is_to_ask(known_of[fix.id], names)]
        questions = await opening.enter_async_context(FixQuestions(unasked, asking.question, cores()))
        for number, fix in enumerate(fixes, start=1):
            known = known_of[fix.id]
            missing = [name for name in names if name not in known]
            left = wanted.usd_max - spent(results) - spent([FixResult(commit="", subject="", results=known)])
            result = FixResult(commit=fix.id, subject=fix.subject, results=known)
            if excluded := next((one.excluded for one in known.values() if one.excluded), ""):
                result = FixResult(commit=fix.id, subject=fix.subject, excluded=excluded)
            elif missing and left < wanted.budget.usd * len(missing):
                result = msgspec.structs.replace(result, not_run=True)
            elif missing:
                result = await asking.of(fix, questions, known, missing)
                if result.excluded:
                    one = EmployeeResult(commit=fix.id, parent=fix.parent, subject=fix.subject)
                    one = msgspec.structs.replace(one, excluded=result.excluded)
                    for name in missing:
                        stored.keep(versions[name], fix, one)
            results.append(result)
            on_result(result, number, len(fixes))
    return staff_report(str(repo), versions, results, wanted.usd_max)


def _is_to_ask(known: Mapping[str, EmployeeResult], names: Sequence[str]) -> bool:
    """Return whether an employee has no stored result of a fix, and no stored result says that it is excluded."""
    return len(known) < len(names) and not any(one.excluded for one in known.values())


def _check(wanted: StaffBacktest, names: Sequence[str]) -> None:
    """Raise Invalid for options that do not fit."""
    if not names or len(names) > STAFF_MAX:
        raise Invalid(
            f"A backtest cannot have {len(names)} employees.", hint=f"Name 1 to {STAFF_MAX}: --staff anna,bert"
        )
    if wanted.usd_max < wanted.budget.usd * len(names):
        raise Invalid(
            f"--usd-max {wanted.usd_max} is less than one fix may cost: a run of {wanted.budget.usd} USD for each of "
            f"{', '.join(names)}.",
            hint="Give a larger --usd-max, or a smaller budget of each fix: --usd 0.10",
        )


class _Asking:
    """The questions to all employees about one repository."""

    def __init__(
        self,
        wanted: StaffBacktest,
        repo: Path,
        employees: Mapping[str, UUID],
        opened: DirectorSession,
        setting: Setting,
        note: Say,
        on_run: Callable[[UUID], None],
    ) -> None:
        self._wanted = wanted
        self._repo = repo
        self._employees = employees
        self._opened = opened
        self._setting = setting
        self._note = note
        self._on_run = on_run
        self.on_answer: Callable[[str, FixCommit, EmployeeResult], None] = lambda _name, _fix, _result: None

    async def question(self, fix: FixCommit) -> Question:
        """Prepare the question of one fix. Raises Excluded if it is no fair question."""
        self._note(f"{fix.id[:10]}: the tests of the repository run on the parent and on the fix.")
        return await question_of(fix, self._repo, self._setting, self._opened.settings, self._note)

    async def of(
        self,
        fix: FixCommit,
        questions: FixQuestions[Question],
        known: Mapping[str, EmployeeResult],
        missing: Sequence[str],
    ) -> FixResult:
        """Return the result of one fix: that of the employees in `known`, and that of those who are asked now."""
        try:
            learnt, parts = await questions.take(fix)
            with tempfile.TemporaryDirectory(prefix="aura-trial-") as folder:
                file = write_requirement(Path(folder), learnt.requirement, fix, self._repo, self._wanted.budget)
                asked = {name: await self._ready(file, name) for name in missing}
                self._note(f"{fix.id[:10]}: {', '.join(missing)} get the question.")
                answers = await self._answers(asked, fix, len(parts.parent))
        except (Excluded, BaseDisagrees) as reason:
            return FixResult(commit=fix.id, subject=fix.subject, excluded=why_excluded(reason))
        return FixResult(commit=fix.id, subject=fix.subject, results={**known, **answers})

    async def _ready(self, file: Path, name: str) -> Ready:
        request = HandIn(
            file=file,
            attempts_max=self._wanted.attempts_max,
            allow_degraded=self._wanted.allow_degraded,
            employees=(self._employees[name],),
            share_secrets=self._wanted.share_secrets,
            labels=LABELS,
            shadow=True,
        )
        return await ready_to_hand_in(request, self._opened.settings, self._note)

    async def _answers(self, asked: Mapping[str, Ready], fix: FixCommit, files: int) -> dict[str, EmployeeResult]:
        """Let all employees work at the same time. If one run fails, its error ends the backtest."""
        try:
            async with asyncio.TaskGroup() as group:
                runs = {name: group.create_task(self._answer(name, ready, fix, files)) for name, ready in asked.items()}
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return {name: run.result() for name, run in runs.items()}

    async def _answer(self, name: str, ready: Ready, fix: FixCommit, files: int) -> EmployeeResult:
        """Submit the question for one employee, wait for the verdict, and return its result."""
        opened = self._opened
        run = (await hand_in(opened, ready, note=self._note, on_handed_in=self._on_run)).run
        line = await RunEnd(opened, self._note, needs_budget=True).of(run)
        events = await opened.store.read_run(run)
        solved = line.outcome == "shadow"
        result = EmployeeResult(
            commit=fix.id,
            parent=fix.parent,
            subject=fix.subject,
            files=files,
            run=run,
            verified=solved,
            reason="" if solved else line.reason or f"the run ended as {line.outcome}",
            effort=effort_of(events),
        )
        self.on_answer(name, fix, result)
        return result


class _Stored:
    """The stored results of one repository and one number of attempts, by version of the employee and by commit."""

    def __init__(self, settings: Settings, repo: Path, wanted: StaffBacktest) -> None:
        name = digest_of(f"staff {FORM} {repo} {wanted.attempts_max}".encode())[:16]
        self._folder = settings.root / "backtests" / name
        self._fresh = wanted.fresh

    def of(self, version: UUID, fix: FixCommit) -> EmployeeResult | None:
        """Return the stored result; None if there is none, or if stored results are not wanted."""
        return None if self._fresh else kept_result(self._folder / str(version), fix, _result)

    def all_of(self, versions: Mapping[str, UUID], fix: FixCommit) -> dict[str, EmployeeResult]:
        """Return the stored results of a fix, by the name of the employee."""
        results = {name: self.of(version, fix) for name, version in versions.items()}
        return {name: result for name, result in results.items() if result is not None}

    def keep(self, version: UUID, fix: FixCommit, result: EmployeeResult) -> None:
        """Store a result. Raises Unavailable if the home is not writable."""
        keep_result(self._folder / str(version), fix, result)
