"""events, why, state, replay: the record itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door
from director.services.times import SEQ_MAX

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    for function in (events, why, state, replay):
        app.command()(function)


@command("events")
async def events(
    door: Door,
    settings: "Settings",
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
    from director.cli.log_text import event_line
    from director.services.events import Filter, event_view, events_of
    from director.services.session import archive

    wanted = Filter(
        run=run, kind=kind, entity=entity, actor=actor, since=since, until=until, after=after, follow=follow
    )
    async with archive(settings) as store:
        async for recorded in events_of(store, wanted, door.note):
            event = event_view(recorded)
            door.line(event, event_line(event))


@command("why")
async def why(
    door: Door,
    settings: "Settings",
    event: Annotated[str, typer.Argument(metavar="EVENT", help="An event's id or its sequence.")],
) -> None:
    """Show as a tree what led to an event, and what came of it."""
    from director.cli.log_text import explanation_text
    from director.services.causes import explain
    from director.services.session import archive, find_event

    async with archive(settings) as store:
        explained = await explain(store, await find_event(store, event))
    door.answer(explained, explanation_text(explained))


@command("state")
async def state(
    door: Door,
    settings: "Settings",
    view: Annotated[
        str, typer.Argument(help="manager, verifier, auditor, accountant or hr; or one table: auditor.attempt")
    ],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="SEQ|TIME", help="A sequence, or a UTC time like 2026-01-31T12:00")
    ] = "",
) -> None:
    """A view rebuilt from the log, now or as of any event."""
    from director.cli.log_text import state_text
    from director.services.replay import state_of, view_named
    from director.services.session import archive

    wanted = view_named(view)
    async with archive(settings) as store:
        rebuilt = await state_of(store, wanted, as_of)
    door.answer(rebuilt, state_text(rebuilt))


@command("replay")
async def replay(
    door: Door,
    settings: "Settings",
    projection: Annotated[
        str, typer.Argument(help="The one to rebuild: manager, verifier, auditor, accountant or hr.")
    ] = "",
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
    from director.cli.log_text import checked_text, digests_text
    from director.services.replay import checked_replay, differs, digests_at, projection_named, rebuild
    from director.services.session import archive
    from domain.errors import Invalid

    if projection and (check or to):
        raise Invalid("--check and --to concern all projections.", hint=f"Leave {projection} out, or the options.")
    if to and not check:
        raise Invalid("--to belongs to --check.", hint=f"Write: aura replay --check --to {to}")
    named = None if check else projection_named(projection)
    async with archive(settings) as store:
        if named is not None:
            rebuilt = await rebuild(store, named, door.note)
            door.answer(rebuilt, f"Rebuilt {rebuilt.projection} from {rebuilt.seq} events.")
        elif to:
            digests = await digests_at(store, to)
            door.answer(digests, digests_text(digests))
        else:
            checked = await checked_replay(store)
            door.answer(checked, checked_text(checked), differs(checked))
