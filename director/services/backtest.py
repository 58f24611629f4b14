"""The backtest of a repository. It judges the last fixes, and for each fix also its parent and wrong patches.

It uses no model and does not change the repository. The result of each commit is stored in the home, so that an
interrupted backtest continues where it stopped.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from director.services.degraded import require_limits
from director.services.kept_results import keep_result, kept_result
from director.settings import Settings
from domain.errors import AuraError, Failed, Forbidden
from domain.tree import digest_of
from domain.wording import counted
from verification.backtest.commits import FixCommit, fix_commits
from verification.backtest.model import CommitResult, Report, summary_of
from verification.backtest.preparation import exclusion, prepared_parts
from verification.backtest.requirement_files import write_requirement
from verification.backtest.trial import Excluded, Setting, try_commit
from verification.requirements.model import Requirement
from verification.sandbox.choice import open_sandbox
from verification.suites.outcome_store import OutcomeStore

FORM = 2  # version of the stored results. Increase it after a change of the judge that can change its decisions.
_result = msgspec.json.Decoder(CommitResult)
OnResult = Callable[[CommitResult, int, int], None]
"""Called with each result, its number, and the number of commits."""


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a backtest. `branch` None: the repository's HEAD. `fresh`: do not use stored results.

    `write`: a folder for requirements, one made from each commit. Stored results have no requirements, so with `write`
    every commit is judged again.
    """

    repo: Path
    branch: str | None = None
    last: int = 30
    fresh: bool = False
    write: Path | None = None
    allow_degraded: bool = False


async def run_backtest(
    wanted: Backtest,
    settings: Settings,
    *,
    on_result: OnResult = lambda _result, _number, _all: None,
    note: Callable[[str], None] = lambda _: None,
) -> Report:
    """Judge the last fixes of a repository.

    Raises NotFound for a repository, branch or fix that does not exist, and Unavailable without a sandbox.
    """
    repo = wanted.repo.expanduser().absolute()
    fixes = fix_commits(repo, wanted.branch, wanted.last)
    kept = settings.root / "backtests" / digest_of(f"{FORM} {repo}".encode())[:16]
    results: list[CommitResult] = []
    async with setting_of(settings, allow_degraded=wanted.allow_degraded) as setting:
        for number, fix in enumerate(fixes, start=1):
            result = None if wanted.fresh or wanted.write else kept_result(kept, fix, _result)
            if result is None:
                result = await _one(fix, repo, setting, settings, note, _writer(wanted.write, fix, repo))
                keep_result(kept, fix, result)
            results.append(result)
            on_result(result, number, len(fixes))
    return Report(repo=str(repo), results=tuple(results), summary=summary_of(results))


@asynccontextmanager
async def setting_of(settings: Settings, *, allow_degraded: bool) -> AsyncIterator[Setting]:
    """Open this machine's sandbox, and yield the setting in which all commits are judged.

    Raises Unavailable without a sandbox, and Refused if it cannot hold every limit and nobody has accepted this.
    """
    box = open_sandbox(settings.boxes())
    try:
        held = await box.probe()
        await require_limits(settings, held.not_held, allow_degraded=allow_degraded)
        yield Setting(
            sandbox=box,
            store=OutcomeStore(settings.base_outcomes, held.image),
            outcomes=settings.base_outcomes,
            allow_degraded=True,  # `require_limits` has checked it
        )
    finally:
        await box.close()


async def _one(
    fix: FixCommit,
    repo: Path,
    setting: Setting,
    settings: Settings,
    note: Callable[[str], None],
    on_learnt: Callable[[Requirement], None],
) -> CommitResult:
    started = time.monotonic()
    try:
        with exclusion():
            parts = await prepared_parts(
                fix, repo, setting, libraries=settings.libraries, builds=settings.base_builds, say=note
            )
            return await try_commit(fix, parts, setting, on_learnt)
    except Excluded as reason:
        excluded = str(reason)
    return CommitResult(
        commit=fix.id,
        parent=fix.parent,
        subject=fix.subject,
        seconds=round(time.monotonic() - started, 1),
        excluded=excluded,
    )


def _writer(folder: Path | None, fix: FixCommit, repo: Path) -> Callable[[Requirement], None]:
    """Return a function that writes a commit's requirement, or does nothing without a folder. It raises Forbidden."""

    def write(requirement: Requirement) -> None:
        if folder is None:
            return
        try:
            write_requirement(folder, requirement, fix, repo)
        except OSError as error:
            raise Forbidden(
                f"{folder} cannot be written: {error.strerror}.", hint="Name a folder that you may write: --write DIR."
            ) from error

    return write


def wrong_verdicts(report: Report) -> AuraError | None:
    """Return the error of a backtest with a wrong verdict; None if every verdict was right."""
    summary = report.summary
    if summary.trustworthy:
        return None
    refused = summary.fixes - summary.fixes_accepted
    return Failed(
        f"{counted(summary.wrong_accepted, 'wrong patch was', 'wrong patches were')} accepted and "
        f"{counted(refused, 'fix was', 'fixes were')} refused.",
        hint="Read the findings of each patch: --json. Usual causes are flaky tests and tests that did not run.",
        code="wrong_verdicts",
    )
