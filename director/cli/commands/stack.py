"""The commands demo, up, down, status, logs, found, repair and serve: the servers and processes."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import COMMANDS, command, goes_elsewhere
from director.cli.commands.options import Json
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    for function in (demo, up, down, status, logs, found, repair, serve):
        app.command()(function)


@command("demo")
async def demo(
    door: Door,
    settings: "Settings",
    scripted: Annotated[
        bool, typer.Option("--scripted", help="Play recorded answers instead of a model; takes seconds.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end.")] = False,
) -> None:
    """Run a demonstration in its own home. Two real employees and one cheater work on five small functions."""
    from director.cli.demo import Demo

    await Demo(settings, door, scripted=scripted, keep=keep).run()


@command(
    "up", interrupted="Processes that were started keep running: `aura status` shows them, `aura down` stops them."
)
async def up(
    door: Door,
    settings: "Settings",
    no_model: Annotated[bool, typer.Option("--no-model", help="Do not start the embedded model.")] = False,
    apart: Annotated[
        bool, typer.Option("--processes", help="Start one process for each role. A process that dies is restarted.")
    ] = False,
    managers: Annotated[
        int,
        typer.Option(min=1, max=9, help="With --processes: the number of managers. One leads, the others stand by."),
    ] = 1,
) -> None:
    """Start the servers and the organisation. Processes that already run are not restarted."""
    from director.deployment import nats_context
    from director.services.bring_up import bring_up
    from director.services.stack_status import stack_data
    from director.terminal.text import stack_text

    await bring_up(settings, door.note, model=not no_model, apart=apart, managers=managers)
    door.note(nats_context.write(settings))
    data = await stack_data(settings)
    door.answer(data, stack_text(data))


@command("down", interrupted="The stop continues: `aura status` shows what still runs.")
async def down(door: Door, settings: "Settings") -> None:
    """Stop everything that `aura up` started. The consumers are drained first."""
    from director.cli.stack_text import stopped_data, stopped_text
    from director.services.bring_down import bring_down

    report = await bring_down(settings, door.note)
    door.answer(stopped_data(report), stopped_text(report))


@command("status")
async def status(door: Door, settings: "Settings") -> None:
    """Show processes, data folders and consumer lag. Exit 69: nothing runs, or a part is missing."""
    from director.services.stack_status import stack_data, stack_fault
    from director.terminal.text import stack_text

    data = await stack_data(settings)
    door.answer(data, stack_text(data) if data["running"] else "", stack_fault(data))


@command("logs")
async def logs(
    door: Door,
    settings: "Settings",
    name: Annotated[str, typer.Argument(metavar="[PROCESS]", help="Only this process: manager, nats, …")] = "",
    lines: Annotated[int, typer.Option(min=1, max=10_000, help="Number of lines.")] = 20,
) -> None:
    """Show the last lines of each process's log."""
    from director.services.process_logs import logs_of
    from director.terminal.escape import visible

    found = logs_of(settings.root, name, lines)
    texts = ["\n".join([f"== {each.path}", *map(visible, each.lines)]) for each in found]
    door.answer({"logs": found}, "\n\n".join(texts) or f"No process has written a log in {settings.root}.")


@command("found")
async def found(door: Door, settings: "Settings") -> None:
    """Found the organisation on your own servers, once. A recorder must run. `aura up` does this by itself."""
    from director.services import bring_up
    from director.services.session import desk
    from governance import keys

    settings.endpoints()
    keys.create(settings.keys, "director")
    async with desk(settings) as opened:
        await bring_up.found(opened)
    door.answer({"founded": True}, "The organisation is founded.")


@command("repair", interrupted="The stream may be incomplete: run `aura repair` again.")
async def repair(
    door: Door,
    settings: "Settings",
    yes: Annotated[bool, typer.Option("--yes", help="Confirm that the stream is deleted and rebuilt.")] = False,
) -> None:
    """Rebuild the stream from Postgres. Use it if the two differ: a fork, a lost stream, or another home's stream."""
    from director.services.repair import repair_stream

    report = await repair_stream(settings, yes=yes, note=door.note)
    text = f"The stream holds events {report.first} to {report.last} again."
    door.answer(report, text if report.repaired else "Stream and store are the same log. Nothing to repair.")


def serve(
    roles: Annotated[
        list[str], typer.Argument(metavar="ROLE...", help="all, recorder, manager, …, employee NAME, http, or notify.")
    ],
    as_json: Json = False,
    allow_degraded: Annotated[bool, typer.Option("--allow-degraded", help="See `aura submit --help`.")] = False,
    name: Annotated[
        str, typer.Option(help="The name of the process in `aura status`, for example manager-2 for a second manager.")
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="With `http`: the port. 0: any free port.")] = 8000,
) -> None:
    """Run roles, the HTTP API (`http`) or notifications (`notify`) in this process until SIGTERM."""
    if goes_elsewhere("serve"):
        from director.cli.remote.offers import offer_of

        offer_of("serve")
    if roles == ["http"]:
        _serve_http(port=port, as_json=as_json)
        return
    if roles == ["notify"]:
        _serve_notify(as_json=as_json)
        return
    from bus.event_loop import factory_of
    from director.cli.serving import open_door
    from director.deployment.serve import Serving, name_of, serve_roles
    from director.settings import Settings

    settings = Settings()
    wanted = Serving(roles=tuple(roles), name=name_of(settings, roles, name), allow_degraded=allow_degraded)
    door, log = open_door("serve", as_json, settings, wanted.name)

    def ready(roles: Sequence[str]) -> None:
        if door.for_people:  # otherwise the log already has the line `ready`
            door.say(f"serving {', '.join(roles)}")

    async def work() -> None:
        served = await serve_roles(settings, wanted, log=log, note=door.say, on_ready=ready)
        door.answer(served, "drained and stopped")

    door.run(work(), factory_of(settings.loop))


@command("serve http")
async def _serve_http(door: Door, settings: "Settings", port: int) -> None:
    from director.cli.remote.running import Runner
    from director.deployment.process_log import open_log
    from director.http.server import serve_http

    log = open_log(settings, "http", os.environ)

    def ready(url: str) -> None:
        log.info("ready")
        door.say(f"serving the API at {url}")

    served = await serve_http(
        settings, host=settings.serve_http_at(), port=port, commands=Runner(COMMANDS, log), log=log, on_ready=ready
    )
    door.answer(served, "drained and stopped")


@command("serve notify")
async def _serve_notify(door: Door, settings: "Settings") -> None:
    from director.deployment.process_log import open_log
    from director.notify.server import serve_notify

    log = open_log(settings, "notify", os.environ)

    def ready() -> None:
        log.info("ready")
        door.say("sending notifications")

    served = await serve_notify(settings.root, settings.store_only(), log=log, on_ready=ready)
    door.answer(served, "stopped")
