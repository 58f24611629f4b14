"""The command backtest: it judges a repository's own fixes, without a model."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Degraded, Html, ShareSecrets
from director.cli.output import Door

if TYPE_CHECKING:
    from uuid import UUID

    from director.services.employee_trial import Trial
    from director.settings import Settings
    from verification.requirements.model import Budget

LAST_MAX = 500
Repo = Annotated[Path, typer.Option("--repo", metavar="PATH", help="A clone of the repository. It is not changed.")]
Last = Annotated[
    int,
    typer.Option("--last", min=1, max=LAST_MAX, help="Judge this many of the last commits that change code and tests."),
]
Branch = Annotated[str | None, typer.Option("--branch", metavar="NAME", help="A branch, tag or commit (default HEAD).")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Also judge commits that an earlier backtest has judged.")]
Write = Annotated[
    Path | None, typer.Option("--write", metavar="DIR", help="Also write a requirement file for each commit.")
]
Name = Annotated[
    str | None,
    typer.Option(
        "--employee", metavar="NAME", help="Let this employee solve the last fixes, in the running organisation."
    ),
]
Attempts = Annotated[int, typer.Option(min=1, max=100, help="With --employee: attempts per fix.")]
Usd = Annotated[str, typer.Option(help="With --employee: the budget of each fix, in USD.")]
Tokens = Annotated[int, typer.Option(min=1, help="With --employee: the budget of each fix, in tokens.")]
Minutes = Annotated[int, typer.Option(min=1, help="With --employee: the budget of each fix, in minutes.")]
Keep = Annotated[bool, typer.Option("--keep", help="With --employee: keep each delivery for an approval.")]
"""The options of the command. The last five are options of a trial of an employee."""


def register(app: typer.Typer) -> None:
    app.command()(backtest)


@command(
    "backtest",
    interrupted="The finished results are stored. To continue with the next commit, run the same command again.",
)
async def backtest(
    door: Door,
    settings: "Settings",
    repo: Repo = Path(),
    last: Last = 30,
    branch: Branch = None,
    fresh: Fresh = False,
    write: Write = None,
    employee: Name = None,
    attempts: Attempts = 6,
    usd: Usd = "1.00",
    tokens: Tokens = 1_000_000,
    minutes: Minutes = 60,
    keep: Keep = False,
    share_secrets: ShareSecrets = "",
    allow_degraded: Degraded = False,
    html: Html = None,
) -> None:
    """Test Aura's verdicts on a repository's past fixes. Aura judges the last fixes, their parents, and wrong patches.

    The result shows whether verdicts on this repository can be trusted.

    No model and no server is needed. Each commit takes minutes, because its tests run several times in sandboxes.
    An interrupted backtest continues where it stopped. Exit 0: no verdict was wrong. Exit 1: some were wrong.

    With --employee, an employee of the running organisation gets each fix as a requirement: the message and the tests,
    but not the code. The result shows which of its changes were verified, with attempts, calls, tokens, time and cost.
    """
    from director.cli.written_file import write_file
    from director.reports.backtest import commit_line, report_page, report_text
    from director.services.backtest import Backtest, run_backtest, wrong_verdicts
    from director.services.employee_trial import Trial
    from domain.errors import Invalid

    if employee is not None:
        if html is not None or write is not None or fresh:
            raise Invalid("--html, --write and --fresh cannot be used with --employee.", hint="Leave them out.")
        trial = Trial(
            repo=repo,
            employee=employee,
            branch=branch,
            last=last,
            attempts_max=attempts,
            budget=_budget(usd, tokens, minutes),
            keep=keep,
            share_secrets=share_secrets,
            allow_degraded=allow_degraded or settings.allow_degraded,
        )
        await _try_employee(door, settings, trial)
        return
    wanted = Backtest(repo=repo, branch=branch, last=last, fresh=fresh, write=write, allow_degraded=allow_degraded)
    report = await run_backtest(
        wanted,
        settings,
        on_result=lambda result, number, count: door.say(commit_line(result, number, count)),
        note=door.note,
    )
    if html is not None:
        write_file(html, report_page(report).encode())
    door.answer(report, report_text(report), wrong_verdicts(report))


def _budget(usd: str, tokens: int, minutes: int) -> "Budget":
    """Return the budget of one fix. Raises Invalid."""
    from domain.errors import Invalid
    from verification.requirements.model import Budget

    try:
        amount = Decimal(usd)
        if amount.is_finite() and amount >= 0:
            return Budget(usd=amount, tokens=tokens, minutes=minutes)
    except InvalidOperation:
        pass
    raise Invalid(f"{usd!r} is not an amount of dollars.", hint="Write it like this: --usd 2.50")


async def _try_employee(door: Door, settings: "Settings", wanted: "Trial") -> None:
    """Run the trial of an employee, and print its table."""
    from director.reports.employee_trial import result_line, trial_text
    from director.services.employee_trial import try_employee

    def on_run(run: "UUID") -> None:
        door.when_interrupted = f"The run of this fix continues: aura watch {run}. To end it: aura reject {run}"

    report = await try_employee(
        wanted,
        settings,
        on_result=lambda result, number, count: door.say(result_line(result, number, count)),
        on_run=on_run,
        note=door.note,
    )
    door.answer(report, trial_text(report))
