"""The command bench: it makes the measurements of docs/bench.md on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door
from domain.errors import AuraError, Unavailable

SOURCES = Path(__file__).parents[3]


def register(app: typer.Typer) -> None:
    app.command()(bench)


@command("bench")
async def bench(
    door: Door,
    quick: Annotated[bool, typer.Option("--quick", help="Measure two small rounds, in a few minutes.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="Number of rounds (default 5, with --quick 2).")] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("bench.md"),
) -> None:
    """Measure events per second, runs and replays of Aura and comparable systems on this machine, on own servers."""
    import asyncio
    import sys

    if not (SOURCES / "bench" / "__main__.py").is_file():
        raise Unavailable(
            "The measurements are not installed with aura: only its source repository contains them.",
            hint="Clone the project and run `make bench` there.",
        )
    options = ["--out", str(out.resolve())]
    options += ["--quick"] if quick else []
    options += ["--rounds", str(rounds)] if rounds else []
    measuring = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", *options, cwd=SOURCES, stdout=sys.stderr
    )
    if await measuring.wait():
        raise AuraError("The measurements failed.", hint="See the error above.", code="failed")
    door.answer({"out": str(out.resolve()), "page": out.read_text(encoding="utf-8")}, f"Written: {out}")
