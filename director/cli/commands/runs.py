"""runs, run show, watch, inbox, approve, reject: runs and what the Director says to them."""

from typing import Annotated

import typer

from director.cli.commands.options import Json, Reason, RunId
from domain.errors import Invalid


def register(app: typer.Typer) -> None:
    app.command()(runs)
    group = typer.Typer(help="One run.")
    group.command("show")(run_show)
    app.add_typer(group, name="run")
    app.command()(diff)
    app.command()(watch)
    app.command()(inbox)
    app.command()(approve)
    app.command()(reject)


def runs(as_json: Json = False) -> None:
    """All runs, newest first."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("runs", as_json)

    async def work() -> None:
        from director.services.session import archive, rows
        from director.terminal.text import clock, standing, table

        async with archive(Settings()) as store:
            found = await rows(store, "door_runs")
        lines = [
            (
                row["run"],
                row["title"],
                standing(row),
                f"{row['verified']}/{row['tasks']}",
                clock(row["submitted_at"]),
            )
            for row in found
        ]
        text = table(("run", "title", "standing", "verified", "submitted (UTC)"), lines)
        door.answer({"runs": found}, text if found else "No runs yet. Begin with: aura init my.md")

    door.run(work())


def run_show(
    run: RunId,
    as_json: Json = False,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="One attempt whole: prompt, answer, changes and findings.")
    ] = None,
    task: Annotated[str, typer.Option(metavar="TASK", help="With --attempt: of this task.")] = "",
) -> None:
    """Show the whole story of a run: tasks, attempts with reasons, incidents, cost, and what to do next."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("run show", as_json)

    async def show_attempt(number: int) -> None:
        import msgspec

        from bus.blobs import Blobs
        from bus.redaction import Redactor
        from director.services.attempt import attempt_of
        from director.services.session import archive, find_run
        from director.terminal.attempt_text import attempt_text

        async with archive(Settings()) as store:
            view = await attempt_of(store, Blobs(store, Redactor()), await find_run(store, run), number, task)
        data = msgspec.to_builtins(view)
        door.answer(data, attempt_text(data))

    async def work() -> None:
        if attempt is not None:
            await show_attempt(attempt)
            return
        if task:
            raise Invalid("--task belongs to --attempt.", hint=f"Write: aura run show {run} --task {task} --attempt 1")
        from director.services.run_record import run_data
        from director.services.session import archive, find_run
        from director.terminal.event_text import record_of
        from director.terminal.text import run_text
        from domain.errors import Unavailable

        async with archive(Settings()) as store:
            data = await run_data(store, await find_run(store, run))
        if data["run"] is None:
            raise Unavailable("The manager has not taken up this run yet.", hint="Is it at work? `aura status`")
        door.answer(data, f"{run_text(data)}\n\n{record_of(data['run'])}")

    door.run(work())


def diff(run: RunId = "last", as_json: Json = False) -> None:
    """Show the changes of a run as git would: of a delivery, or of the work that is verified so far."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("diff", as_json)

    async def work() -> None:
        from bus.blobs import Blobs
        from bus.redaction import Redactor
        from director.services.changes import diff_of
        from director.services.session import archive, find_run, run_state
        from director.terminal.escape import visible

        async with archive(Settings()) as store:
            changes, text = await diff_of(await run_state(store, await find_run(store, run)), Blobs(store, Redactor()))
        door.answer({"changes": changes, "diff": text}, visible(text))

    door.run(work())


def watch(run: RunId = "last", as_json: Json = False) -> None:
    """Follow a run until it is delivered or has ended."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("watch", as_json, when_interrupted=f"The run goes on: `aura watch {run}` follows it again.")

    async def work() -> None:
        from director.cli.live_view import Watch
        from director.services.base_notes import with_notes
        from director.services.session import archive, find_run
        from director.terminal.text import next_step

        async with archive(Settings()) as store:
            line = await Watch(store, await find_run(store, run), door, quiet=as_json).until_rest()
            line = await with_notes(store, line)
        door.answer(line, next_step(line))

    door.run(work())


def inbox(as_json: Json = False) -> None:
    """List what waits for the Director's decision."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("inbox", as_json)

    async def work() -> None:
        from director.services.base_notes import with_notes
        from director.services.left_out import left_out
        from director.services.session import archive, rows
        from director.terminal.text import inbox_text

        async with archive(Settings()) as store:
            found = [row | {"left_out": await left_out(store, row["run"])} for row in await rows(store, "door_inbox")]
            waiting = [await with_notes(store, row) for row in found]
        door.answer({"waiting": waiting}, inbox_text(waiting))

    door.run(work())


def approve(
    run: RunId,
    as_json: Json = False,
    commit: str = typer.Option("", help="The commit that was looked at: another one is not approved."),
    reason: Reason = "",
) -> None:
    """Release a delivery: the release ref is put on its commit. If its base has moved, it is judged there first."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("approve", as_json)

    async def work() -> None:
        from director.services.approvals import approve_run
        from director.services.left_out import left_out
        from director.services.session import desk, find_run
        from director.terminal.text import left_out_text, released_text

        async with desk(Settings()) as opened:
            found = await find_run(opened.store, run)
            line = await approve_run(opened, found, commit=commit or None, reason=reason, note=door.note)
            paths = await left_out(opened.store, found)
        door.answer(line, "\n".join([released_text(line), *left_out_text(paths)]))

    door.run(work())


def reject(run: RunId, reason: Reason, as_json: Json = False) -> None:
    """Decline a delivery, or cancel a run that is under way. No release ref is put."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("reject", as_json)

    async def work() -> None:
        from director.services.approvals import reject_run
        from director.services.session import desk, find_run

        async with desk(Settings()) as opened:
            line = await reject_run(opened, await find_run(opened.store, run), reason)
        door.answer(line, f"Ended: {line['outcome']}. {line['reason']}")

    door.run(work())
