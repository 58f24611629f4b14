"""The commands runs, run show, diff, watch, inbox, approve and reject."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason, RunId
from director.cli.output import Door
from domain.errors import Invalid

if TYPE_CHECKING:
    from director.settings import Settings

Commit = Annotated[str, typer.Option(help="The commit that you have reviewed. Another commit is not approved.")]


def register(app: typer.Typer) -> None:
    app.command()(runs)
    group = typer.Typer(help="Show one run.")
    group.command("show")(run_show)
    app.add_typer(group, name="run")
    for function in (diff, watch, inbox, approve, reject):
        app.command()(function)


@command("runs")
async def runs(door: Door, settings: "Settings") -> None:
    """List all runs, newest first."""
    from director.cli.run_text import runs_text
    from director.services.session import archive
    from director.services.views import RUNS

    async with archive(settings) as store:
        lines = await RUNS.read(store)
    door.answer({"runs": lines}, runs_text(lines))


@command("run show")
async def run_show(
    door: Door,
    settings: "Settings",
    run: RunId,
    attempt: Annotated[
        int | None,
        typer.Option(min=1, help="Show this attempt, call by call: prompts, actions, results, changes and findings."),
    ] = None,
    task: Annotated[str, typer.Option(metavar="TASK", help="With --attempt: the task of the attempt.")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="With --attempt: show each call when it is done, until the attempt ends.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="With --attempt: show long texts whole.")] = False,
) -> None:
    """Show the whole record of a run: tasks, attempts with reasons, incidents, cost, and the next step."""
    if attempt is not None:
        show = _follow_attempt if follow else _show_attempt
        await show(door, settings, (run, attempt, task), full=full)
        return
    for name, given in (("--task", task), ("--follow", follow), ("--full", full)):
        if given:
            option = f"{name} {task}" if given is task else name
            raise Invalid(f"{name} needs --attempt.", hint=f"Write: aura run show {run} {option} --attempt 1")
    from director.services.run_record import run_data
    from director.services.session import archive, find_run
    from director.services.waiting import Waits
    from director.terminal.event_text import record_of
    from director.terminal.text import run_text
    from domain.errors import Unavailable

    async with archive(settings) as store:
        found = await find_run(store, run)
        data = await run_data(store, found) | {"waiting": await Waits(store, settings).of(found)}
    if data["run"] is None:
        raise Unavailable("The manager has not begun this run yet.", hint="See whether the manager runs: `aura status`")
    door.answer(data, f"{run_text(data)}\n\n{record_of(data['run'])}")


async def _show_attempt(door: Door, settings: "Settings", wanted: tuple[str, int, str], *, full: bool) -> None:
    import msgspec

    from bus.blobs import Blobs
    from bus.redaction import Redactor
    from director.services.attempt import attempt_of
    from director.services.session import archive, find_run
    from director.terminal.attempt_text import AttemptText

    run, number, task = wanted
    async with archive(settings) as store:
        view = await attempt_of(store, Blobs(store, Redactor()), await find_run(store, run), number, task)
    data = msgspec.to_builtins(view)
    door.answer(data, AttemptText(full=full).whole(data))


async def _follow_attempt(door: Door, settings: "Settings", wanted: tuple[str, int, str], *, full: bool) -> None:
    import msgspec

    from bus.blobs import Blobs
    from bus.redaction import Redactor
    from director.services.attempt import follow_attempt
    from director.services.session import archive, find_run
    from director.terminal.attempt_text import FollowedText

    run, number, task = wanted
    text = FollowedText(full=full)
    async with archive(settings) as store:
        parts = follow_attempt(store, Blobs(store, Redactor()), await find_run(store, run), number, task)
        async for part in parts:
            data = msgspec.to_builtins(part)
            door.line(data, text.next(data))
            await door.room()


@command("diff")
async def diff(door: Door, settings: "Settings", run: RunId = "last") -> None:
    """Show the changes of a run as a git diff. Before the delivery, these are the changes that are verified so far."""
    from bus.blobs import Blobs
    from bus.redaction import Redactor
    from director.services.changes import diff_of
    from director.services.session import archive, find_run, run_state
    from director.terminal.escape import visible

    async with archive(settings) as store:
        changes, text = await diff_of(await run_state(store, await find_run(store, run)), Blobs(store, Redactor()))
    door.answer({"changes": changes, "diff": text}, visible(text))


@command("watch", interrupted="The run continues: `aura watch {run}` follows it again.")
async def watch(door: Door, settings: "Settings", run: RunId = "last") -> None:
    """Follow a run until it is delivered or has ended."""
    from director.cli.live_view import Watch
    from director.services.base_notes import with_notes
    from director.services.session import archive, find_run
    from director.services.waiting import Waits
    from director.terminal.text import next_step

    async with archive(settings) as store:
        waits = Waits(store, settings)
        line = await Watch(store, await find_run(store, run), door, quiet=door.as_json, waits=waits.of).until_rest()
        line = await with_notes(store, line) | {"waiting": await waits.of(line["run"])}
    door.answer(line, next_step(line))


@command("inbox")
async def inbox(door: Door, settings: "Settings") -> None:
    """List what needs a decision: deliveries, runs that need a person, severe incidents, open appeals, warnings."""
    from director.cli.hr_text import appeals_text
    from director.services.inbox import inbox_of
    from director.services.session import archive
    from director.terminal.budget_text import warnings_text
    from director.terminal.inbox_text import inbox_text

    async with archive(settings) as store:
        found = await inbox_of(store, settings)
    more = [appeals_text(found.appeals)] if found.appeals else []
    more += ["\n".join(warnings_text(found.budgets))] if found.budgets else []
    door.answer(found, inbox_text(found.waiting, found.held_up, found.incidents, more))


@command("approve")
async def approve(door: Door, settings: "Settings", run: RunId, commit: Commit = "", reason: Reason = "") -> None:
    """Approve a delivery: its commit gets the release ref. If its base has moved, Aura judges it again instead."""
    from director.services.approvals import approve_run
    from director.services.left_out import left_out
    from director.services.session import desk, find_run
    from director.terminal.text import left_out_text, released_text

    async with desk(settings) as opened:
        found = await find_run(opened.store, run)
        line = await approve_run(opened, found, commit=commit or None, reason=reason, note=door.note)
        paths = await left_out(opened.store, found)
    door.answer(line, "\n".join([released_text(line), *left_out_text(paths)]))


@command("reject")
async def reject(door: Door, settings: "Settings", run: RunId, reason: Reason) -> None:
    """Decline a delivery, or cancel an open run. No release ref is made."""
    from director.services.approvals import reject_run
    from director.services.session import desk, find_run

    async with desk(settings) as opened:
        line = await reject_run(opened, await find_run(opened.store, run), reason)
    door.answer(line, f"Ended: {line['outcome']}. {line['reason']}")
