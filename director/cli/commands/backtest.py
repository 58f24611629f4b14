"""The command backtest: it judges a repository's own fixes, without a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Degraded, Html, ShareSecrets, dollars
from director.cli.output import Door
from domain.errors import Invalid

if TYPE_CHECKING:
    from uuid import UUID

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
Attempts = Annotated[
    int | None,
    typer.Option(min=1, max=100, help="With --employee or --staff: attempts per fix (default 6, with --staff 1)."),
]
Usd = Annotated[str, typer.Option(help="With --employee or --staff: the budget of each fix, in USD.")]
Tokens = Annotated[int, typer.Option(min=1, help="With --employee or --staff: the budget of each fix, in tokens.")]
Minutes = Annotated[int, typer.Option(min=1, help="With --employee or --staff: the budget of each fix, in minutes.")]
Keep = Annotated[bool, typer.Option("--keep", help="With --employee: keep each delivery for an approval.")]
Staff = Annotated[
    str,
    typer.Option(
        "--staff", metavar="NAMES", help="Give each of these employees the last fixes, with commas between the names."
    ),
]
UsdMax = Annotated[str, typer.Option("--usd-max", help="With --staff: the most that all runs may cost, in USD.")]
"""The options of the command. All from `Name` on are about employees."""


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
    staff: Staff = "",
    usd_max: UsdMax = "",
    attempts: Attempts = None,
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

    With --staff and --usd-max, several employees get the same fixes in shadow runs: nothing is delivered. The table
    shows each one's share solved, false-done rate, cost and time. Their results are evidence for routing.
    """
    asked = _Asked(repo, branch, last, attempts, _budget(usd, tokens, minutes), share_secrets, allow_degraded)
    given = {"--html": html is not None, "--write": write is not None, "--fresh": fresh, "--keep": keep}
    if staff or usd_max:
        _refuse(given | {"--employee": employee is not None, "--fresh": False}, "--staff")
        await _try_staff(door, settings, asked, staff, usd_max, fresh=fresh)
        return
    if employee is not None:
        _refuse(given | {"--keep": False}, "--employee")
        await _try_employee(door, settings, asked, employee, keep=keep)
        return
    await _judge(door, settings, asked, fresh=fresh, write=write, html=html)


class _Asked(NamedTuple):
    """The options of a backtest that several of its forms share. `attempts` None: the default of the form."""

    repo: Path
    branch: str | None
    last: int
    attempts: int | None
    budget: "Budget"
    share_secrets: str
    allow_degraded: bool


def _refuse(given: Mapping[str, bool], option: str) -> None:
    """Raise Invalid for options that do not fit another option."""
    names = [name for name, is_given in given.items() if is_given]
    if names:
        raise Invalid(f"{', '.join(names)} cannot be used with {option}.", hint="Leave them out.")


async def _judge(
    door: Door, settings: "Settings", asked: _Asked, *, fresh: bool, write: Path | None, html: Path | None
) -> None:
    """Judge the last fixes, their parents and wrong patches, and print the table."""
    from director.cli.written_file import write_file
    from director.reports.backtest import commit_line, report_page, report_text
    from director.services.backtest import Backtest, run_backtest, wrong_verdicts

    wanted = Backtest(
        repo=asked.repo,
        branch=asked.branch,
        last=asked.last,
        fresh=fresh,
        write=write,
        allow_degraded=asked.allow_degraded,
    )
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
    from verification.requirements.model import Budget

    return Budget(usd=dollars(usd, "--usd 2.50"), tokens=tokens, minutes=minutes)


async def _try_staff(door: Door, settings: "Settings", asked: _Asked, staff: str, usd_max: str, *, fresh: bool) -> None:
    """Give several employees the same fixes, and print their table."""
    from director.reports.staff_backtest import fix_line, staff_text
    from director.services.staff_backtest import StaffBacktest, backtest_staff

    if not staff or not usd_max:
        raise Invalid("--staff and --usd-max need each other.", hint="Write: --staff anna,bert --usd-max 20")
    wanted = StaffBacktest(
        repo=asked.repo,
        staff=tuple(name.strip() for name in staff.split(",") if name.strip()),
        usd_max=dollars(usd_max, "--usd-max 20"),
        branch=asked.branch,
        last=asked.last,
        attempts_max=asked.attempts or 1,
        budget=asked.budget,
        fresh=fresh,
        share_secrets=asked.share_secrets,
        allow_degraded=asked.allow_degraded or settings.allow_degraded,
    )
    report = await backtest_staff(
        wanted,
        settings,
        on_result=lambda result, number, count: door.say(fix_line(result, number, count)),
        note=door.note,
    )
    door.answer(report, staff_text(report))


async def _try_employee(door: Door, settings: "Settings", asked: _Asked, employee: str, *, keep: bool) -> None:
    """Run the trial of an employee, and print its table."""
    from director.reports.employee_trial import result_line, trial_text
    from director.services.employee_trial import Trial, try_employee
    from director.services.submit import ATTEMPTS_MAX

    wanted = Trial(
        repo=asked.repo,
        employee=employee,
        branch=asked.branch,
        last=asked.last,
        attempts_max=asked.attempts or ATTEMPTS_MAX,
        budget=asked.budget,
        keep=keep,
        share_secrets=asked.share_secrets,
        allow_degraded=asked.allow_degraded or settings.allow_degraded,
    )

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
