"""The command backtest: it judges a repository's own fixes, without a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Degraded, Html
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings

LAST_MAX = 500


def register(app: typer.Typer) -> None:
    app.command()(backtest)


@command(
    "backtest",
    interrupted="The finished results are stored. To continue with the next commit, run the same command again.",
)
async def backtest(
    door: Door,
    settings: "Settings",
    repo: Annotated[
        Path, typer.Option("--repo", metavar="PATH", help="A clone of the repository. It is not changed.")
    ] = Path(),
    last: Annotated[
        int,
        typer.Option(
            "--last", min=1, max=LAST_MAX, help="Judge this many of the last commits that change code and tests."
        ),
    ] = 30,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="A branch, tag or commit (default HEAD).")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Also judge commits that an earlier backtest has judged.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Also write a requirement file for each commit.")
    ] = None,
    allow_degraded: Degraded = False,
    html: Html = None,
) -> None:
    """Test Aura's verdicts on a repository's past fixes. Aura judges the last fixes, their parents, and wrong patches.

    The result shows whether verdicts on this repository can be trusted.

    No model and no server is needed. Each commit takes minutes, because its tests run several times in sandboxes.
    An interrupted backtest continues where it stopped. Exit 0: no verdict was wrong. Exit 1: some were wrong.
    """
    from director.cli.written_file import write_file
    from director.reports.backtest import commit_line, report_page, report_text
    from director.services.backtest import Backtest, run_backtest, wrong_verdicts

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
