"""The commands events, why, state and replay, which read the log."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from director.cli.commands.command import command
from director.cli.output import Door
from director.services.times import SEQ_MAX
from domain.wording import counted

if TYPE_CHECKING:
    from bus.store import Store
    from director.settings import Settings

SAMPLE_MAX = 100_000
TOLD_EVENTS = 10_000
"""A fold of more events reports its progress."""


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
            await door.room()


@command("why")
async def why(
    door: Door,
    settings: "Settings",
    event: Annotated[
        str, typer.Argument(metavar="EVENT|TASK", help="An event's id or its sequence; or a task's name or its id.")
    ],
    run: Annotated[str, typer.Option(metavar="RUN", help="The run of a task. Without: the newest run.")] = "last",
) -> None:
    """Show the causes of an event, and its effects as a tree. For a task: why its employee was chosen."""
    from director.cli.log_text import explanation_text
    from director.services.causes import explain, find_subject
    from director.services.session import archive

    async with archive(settings) as store:
        explained = await explain(store, await find_subject(store, event, run))
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
        str,
        typer.Option(
            "--as-of", metavar="SEQ|TIME", help="A sequence, or a UTC time like 2026-01-31T12:00. Without: now."
        ),
    ] = "",
    run: Annotated[str, typer.Option(metavar="RUN", help="Only the rows of this run.")] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="At most this many rows of each table; 0 means all.")
    ] = 0,
    after: Annotated[
        str, typer.Option(metavar="SCOPE/KEY", help="With one table: only the rows after this one, for the next page.")
    ] = "",
) -> None:
    """Show a view as of now or of any event: whole, one table, one run, or page by page."""
    from director.cli.log_text import state_text
    from director.services.session import archive
    from director.services.state import Part, state_of, view_named

    wanted, part = view_named(view), Part(run=run, limit=limit, after=after)

    def note(done: int, every: int) -> None:
        if every > TOLD_EVENTS:
            door.note(f"{done} of {every} events folded")

    async with archive(settings) as store:
        shown = await state_of(store, wanted, as_of, part, note)
    if shown.history_up_to is None and shown.as_of:
        door.note(f"{shown.view} has no history yet, so all {counted(shown.folded, 'event')} were folded.")
    door.answer(shown, state_text(shown))


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
    sample: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=SAMPLE_MAX,
            help="With --check: compare the history of the rows with the log at N random events instead.",
        ),
    ] = 0,
    seed: Annotated[
        int | None, typer.Option(metavar="K", min=0, max=SEQ_MAX, help="With --sample: draw the same events again.")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="With --check or --all: number of processes that share the projections."),
    ] = 1,
) -> None:
    """Rebuild projections from the event store, or check all projections against it."""
    from director.services.session import archive

    wanted = _Replay(projection, every, check, to, sample, seed, jobs)
    wanted.refuse_nonsense()
    async with archive(settings) as store:
        await (_checked if check else _rebuilt)(door, store, wanted)


class _Replay(NamedTuple):
    """The options of `aura replay`."""

    projection: str
    every: bool
    check: bool
    to: int
    sample: int
    seed: int | None
    jobs: int

    def refuse_nonsense(self) -> None:
        """Raise Invalid if the options do not go together, or NotFound for an unknown projection."""
        from director.services.replay import projection_named
        from domain.errors import Invalid

        if self.projection and (self.check or self.to or self.every):
            hint = f"Leave out {self.projection}, or the options."
            raise Invalid("--check, --to and --all work on all projections.", hint=hint)
        if self.every and self.check:
            raise Invalid("--check compares rows, and --all rebuilds them.", hint="Leave out one of them.")
        if self.to and not self.check:
            raise Invalid("--to needs --check.", hint=f"Write: aura replay --check --to {self.to}")
        if (self.sample and (self.to or not self.check)) or (self.seed is not None and not self.sample):
            hint = "Write: aura replay --check --sample 20"
            raise Invalid("--sample needs --check, and --seed needs --sample.", hint=hint)
        if self.jobs > 1 and (self.to or self.sample or not (self.check or self.every)):
            raise Invalid("--jobs needs --check without --to and --sample, or --all.", hint="Leave out --jobs.")
        if not (self.check or self.every):
            projection_named(self.projection)


async def _checked(door: Door, store: "Store", wanted: _Replay) -> None:
    from director.cli.log_text import checked_text, digests_text, sampled_text
    from director.services.replay import checked_replay, differs, digests_at
    from director.services.state import checked_history, history_differs

    if wanted.sample:
        sampled = await checked_history(store, wanted.sample, wanted.seed, door.note)
        door.answer(sampled, sampled_text(sampled), history_differs(sampled))
    elif wanted.to:
        digests = await digests_at(store, wanted.to, door.note)
        door.answer(digests, digests_text(digests))
    else:
        checked = await checked_replay(store, door.note, jobs=wanted.jobs)
        door.answer(checked, checked_text(checked), differs(checked))


async def _rebuilt(door: Door, store: "Store", wanted: _Replay) -> None:
    from director.services.replay import projection_named, rebuild, rebuild_all

    if wanted.every:
        whole = await rebuild_all(store, door.note, jobs=wanted.jobs)
        lines = [f"Rebuilt {one.projection} from {counted(one.seq, 'event')}." for one in whole.rebuilt]
        door.answer(whole, "\n".join(lines))
    else:
        rebuilt = await rebuild(store, projection_named(wanted.projection), door.note)
        door.answer(rebuilt, f"Rebuilt {rebuilt.projection} from {counted(rebuilt.seq, 'event')}.")
