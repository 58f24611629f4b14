"""The commands events, why, state and replay, which read the log."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door
from director.services.times import SEQ_MAX
from domain.wording import counted

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
        bool,
        typer.Option(
            "--follow", help="Wait for new events and show them. With --since or --after, show earlier events first."
        ),
    ] = False,
    run: Annotated[str, typer.Option(metavar="RUN", help="Only events of this run.")] = "",
    kind: Annotated[
        str, typer.Option("--type", help="Only types that begin with this text, for example task. or task.rejected")
    ] = "",
    entity: Annotated[
        str,
        typer.Option(
            metavar="ID", help="Only events of this task, run, employee (or its name), incident or other entity."
        ),
    ] = "",
    actor: Annotated[
        str,
        typer.Option(
            metavar="ROLE|ID",
            help="Only events caused by this role, or by the principal with this id (or this beginning of its id).",
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(metavar="SEQ|TIME", help="From this event on: a sequence, or a UTC time like 2026-01-31T12:00."),
    ] = "",
    until: Annotated[str, typer.Option(metavar="SEQ|TIME", help="Up to this event, inclusive.")] = "",
    after: Annotated[
        int | None,
        typer.Option(metavar="SEQ", min=0, max=SEQ_MAX, help="Only events after this sequence; 0 is the whole log."),
    ] = None,
) -> None:
    """Show the log, oldest event first. With --json: one object per line. An event must pass every given filter."""
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
    """Show the causes of an event, and its effects as a tree."""
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
        str,
        typer.Argument(
            help="manager, verifier, auditor, accountant or hr, or one of its tables, such as auditor.attempt"
        ),
    ],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="SEQ|TIME", help="A sequence, or a UTC time like 2026-01-31T12:00")
    ] = "",
) -> None:
    """Show a view, rebuilt from the log, as of now or of any event."""
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
        str, typer.Argument(help="The projection to rebuild: manager, verifier, auditor, accountant or hr.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Rebuild all projections. The log is read once.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Compute the rows of all projections from the log and compare them with the live rows. "
            "Exit 6: they differ.",
        ),
    ] = False,
    to: Annotated[
        int,
        typer.Option(
            metavar="SEQ", min=0, max=SEQ_MAX, help="With --check: rebuild up to this event and print digests instead."
        ),
    ] = 0,
    jobs: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="With --check or --all: number of processes that share the projections."),
    ] = 1,
) -> None:
    """Rebuild projections from the event store, or check all projections against it."""
    from director.cli.log_text import checked_text, digests_text
    from director.services.replay import checked_replay, differs, digests_at, projection_named, rebuild, rebuild_all
    from director.services.session import archive
    from domain.errors import Invalid

    if projection and (check or to or every):
        raise Invalid(
            "--check, --to and --all work on all projections.", hint=f"Leave out {projection}, or the options."
        )
    if every and check:
        raise Invalid("--check compares rows, and --all rebuilds them.", hint="Leave out one of them.")
    if to and not check:
        raise Invalid("--to needs --check.", hint=f"Write: aura replay --check --to {to}")
    if jobs > 1 and (to or not (check or every)):
        raise Invalid("--jobs needs --check without --to, or --all.", hint="Leave out --jobs.")
    named = None if check or every else projection_named(projection)
    async with archive(settings) as store:
        if named is not None:
            rebuilt = await rebuild(store, named, door.note)
            door.answer(rebuilt, f"Rebuilt {rebuilt.projection} from {counted(rebuilt.seq, 'event')}.")
        elif every:
            whole = await rebuild_all(store, door.note, jobs=jobs)
            lines = [f"Rebuilt {one.projection} from {counted(one.seq, 'event')}." for one in whole.rebuilt]
            door.answer(whole, "\n".join(lines))
        elif to:
            digests = await digests_at(store, to, door.note)
            door.answer(digests, digests_text(digests))
        else:
            checked = await checked_replay(store, door.note, jobs=jobs)
            door.answer(checked, checked_text(checked), differs(checked))
