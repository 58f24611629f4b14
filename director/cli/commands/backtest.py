"""backtest: a repository's own fixes, judged without any model."""

from pathlib import Path
from typing import Annotated

import typer

from director.cli.commands.options import Degraded, Html, Json

LAST_MAX = 500


def register(app: typer.Typer) -> None:
    app.command()(backtest)


def backtest(
    repo: Annotated[Path, typer.Option("--repo", metavar="PATH", help="A clone; nothing in it is changed.")] = Path(),
    last: Annotated[
        int, typer.Option("--last", min=1, max=LAST_MAX, help="How many commits that change code and tests.")
    ] = 30,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="A branch, tag or commit; else what HEAD names.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Judge again what an earlier backtest has judged.")] = False,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Also write each commit as a requirement to submit.")
    ] = None,
    allow_degraded: Degraded = False,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Judge a repository's last fixes, their parents and wrong patches of them: can verdicts on it be trusted?

    No model is asked and no server is needed. Each commit takes minutes, because its tests run several times in boxes.
    An interrupted backtest goes on where it stopped. Exit 0: no verdict was wrong, 1: some were.
    """
    from director.settings import Settings
    from director.terminal.output import Door

    kept = "What has been judged is kept: the same command goes on from there."
    door = Door("backtest", as_json, when_interrupted=kept)

    async def work() -> None:
        import msgspec

        from director.reports.backtest import commit_line, report_page, report_text
        from director.services.backtest import Backtest, run_backtest, wrong_verdicts
        from director.services.judge import write_file

        wanted = Backtest(repo=repo, branch=branch, last=last, fresh=fresh, write=write, allow_degraded=allow_degraded)
        report = await run_backtest(
            wanted,
            Settings(),
            on_result=lambda result, number, count: door.say(commit_line(result, number, count)),
            note=door.note,
        )
        if html is not None:
            write_file(html, report_page(report).encode())
        data = msgspec.to_builtins(report)
        if (error := wrong_verdicts(report)) is None:
            door.answer(data, report_text(report))
            return
        if not as_json:
            door.say(report_text(report))
        door.fail(error, data)

    door.run(work())
