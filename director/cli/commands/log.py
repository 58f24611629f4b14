"""events, why, state, replay: the record itself."""

from typing import Annotated

import typer

from director.cli.commands.options import Json
from director.services.times import SEQ_MAX


def register(app: typer.Typer) -> None:
    for command in (events, why, state, replay):
        app.command()(command)


def events(
    as_json: Json = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Stay and show what comes from now on, or after --since or --after.")
    ] = False,
    run: Annotated[str, typer.Option(metavar="RUN", help="Of this run only.")] = "",
    kind: Annotated[
        str, typer.Option("--type", help="Types that begin with this, for example task. or task.rejected")
    ] = "",
    entity: Annotated[
        str, typer.Option(metavar="ID", help="About this task, run, employee (or its name), incident or other entity.")
    ] = "",
    actor: Annotated[
        str, typer.Option(metavar="ROLE|ID", help="Caused by this role, or by the principal whose id begins so.")
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="SEQ|TIME", help="From here on: a sequence, or a UTC time like 2026-01-31T12:00.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="SEQ|TIME", help="Up to here, inclusive.")] = "",
    after: Annotated[
        int | None, typer.Option(metavar="SEQ", min=0, max=SEQ_MAX, help="Behind this sequence; 0 is the whole log.")
    ] = None,
) -> None:
    """Show the log, oldest first; with --json one object a line. Filters narrow each other down."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("events", as_json)

    async def work() -> None:
        from director.services.events import Filter, show_events

        wanted = Filter(run=run, kind=kind, entity=entity, actor=actor, since=since, until=until, after=after)
        await show_events(Settings(), door, wanted, follow=follow)

    door.run(work())


def why(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="An event's id or its sequence.")], as_json: Json = False
) -> None:
    """Show as a tree what led to an event, and what came of it."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("why", as_json)

    async def work() -> None:
        from director.services.causes import explain

        await explain(Settings(), door, event)

    door.run(work())


def state(
    view: Annotated[
        str, typer.Argument(help="manager, verifier, auditor, accountant or hr; or one table: auditor.attempt")
    ],
    as_json: Json = False,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="SEQ|TIME", help="A sequence, or a UTC time like 2026-01-31T12:00")
    ] = "",
) -> None:
    """A view rebuilt from the log, now or as of any event."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("state", as_json)

    async def work() -> None:
        from director.services.replay import show_state

        await show_state(Settings(), door, view, as_of)

    door.run(work())


def replay(
    projection: Annotated[
        str, typer.Argument(help="The one to rebuild: manager, verifier, auditor, accountant or hr.")
    ] = "",
    as_json: Json = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Rebuild all in memory and compare with the live rows; exit 6 on a difference."),
    ] = False,
    to: Annotated[
        int,
        typer.Option(
            metavar="SEQ", min=0, max=SEQ_MAX, help="With --check: rebuild to here and print digests instead."
        ),
    ] = 0,
) -> None:
    """Rebuild a projection from the event store, or check them all against it."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("replay", as_json)

    async def work() -> None:
        from director.services.replay import check_replay, digest_replay, rebuild_projection
        from domain.errors import Invalid

        settings = Settings()
        if projection and (check or to):
            raise Invalid("--check and --to concern all projections.", hint=f"Leave {projection} out, or the options.")
        if to and not check:
            raise Invalid("--to belongs to --check.", hint=f"Write: aura replay --check --to {to}")
        if check and to:
            await digest_replay(settings, door, to)
        elif check:
            await check_replay(settings, door)
        else:
            await rebuild_projection(settings, door, projection)

    door.run(work())
