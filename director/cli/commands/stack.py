"""up, down, status, serve, repair, demo: the servers and the organisation's process."""

from typing import Annotated

import typer

from director.cli.commands.options import Json


def register(app: typer.Typer) -> None:
    app.command()(demo)
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(found)
    app.command()(repair)
    app.command()(serve)


def demo(
    as_json: Json = False,
    scripted: Annotated[
        bool, typer.Option("--scripted", help="Without a model: recorded answers, in seconds.")
    ] = False,
) -> None:
    """An organisation at work: five small functions, two real employees and one that cheats."""
    from director.cli.demo import Demo
    from director.settings import Settings
    from director.terminal.output import Door

    begun = "The organisation may still be at work: `aura status` shows it, and `aura down` stops it."
    door = Door("demo", as_json, when_interrupted=begun)
    door.run(Demo(Settings(), door, scripted=scripted).run())


def up(
    as_json: Json = False,
    no_model: Annotated[bool, typer.Option("--no-model", help="Do not start the embedded model.")] = False,
    apart: Annotated[bool, typer.Option("--processes", help="One process for each role, each kept alive.")] = False,
    managers: Annotated[
        int, typer.Option(min=1, max=9, help="With --processes: so many managers, of which one leads.")
    ] = 1,
) -> None:
    """Start the servers and the organisation, or find them running."""
    from director.services.bring_up import bring_up
    from director.settings import Settings
    from director.terminal.output import Door

    begun = "What has been started goes on: `aura status` shows it, and `aura down` stops it."
    door = Door("up", as_json, when_interrupted=begun)

    async def work() -> None:
        from director.deployment import nats_context
        from director.services.stack_status import stack_data
        from director.terminal.text import stack_text

        settings = Settings()
        await bring_up(settings, door.note, model=not no_model, apart=apart, managers=managers)
        door.note(nats_context.write(settings))
        data = await stack_data(settings)
        door.answer(data, stack_text(data))

    door.run(work())


def down(as_json: Json = False) -> None:
    """Drain the consumers and stop everything that `aura up` started."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("down", as_json, when_interrupted="The stop goes on: `aura status` shows how far it is.")

    async def work() -> None:
        from bus.embedded import stack
        from director.deployment.stop_report import findings, stopped

        settings = Settings()
        found = stack.status(settings.root)
        if not found.running and not any(child.alive for child in found.children):
            door.answer({"running": False}, f"Nothing runs in {settings.root}.")
            return
        left = await stack.down(settings.root, on_progress=door.note)
        door.answer(*stopped(findings(found, left)))

    door.run(work())


def status(as_json: Json = False) -> None:
    """Show what runs, where its data is, and where every consumer stands. Exit 69: nothing runs."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("status", as_json)

    async def work() -> None:
        from director.services.stack_status import stack_data
        from director.terminal.text import stack_text
        from domain.errors import Unavailable

        data = await stack_data(Settings())
        if not data["running"]:
            door.fail(Unavailable(f"Nothing runs in {data['home']}.", hint="Start it with `aura up`."), data)
        door.answer(data, stack_text(data))

    door.run(work())


def found(as_json: Json = False) -> None:
    """Found the organisation on servers of your own, once; `aura up` does it by itself. Needs a recorder at work."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("found", as_json)

    async def work() -> None:
        from director.services import bring_up
        from director.services.session import desk
        from governance import keys

        settings = Settings()
        settings.endpoints()
        keys.create(settings.keys, "director")
        async with desk(settings) as opened:
            await bring_up.found(opened)
        door.answer({"founded": True}, "The organisation is founded.")

    door.run(work())


def repair(
    as_json: Json = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: the stream is deleted and made anew.")] = False,
) -> None:
    """Rebuild the stream from Postgres after the two have parted (a fork, a lost or foreign stream)."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("repair", as_json, when_interrupted="The stream may be incomplete: `aura repair` says, and mends it.")

    async def work() -> None:
        from director.services.repair import repair_stream

        await repair_stream(Settings(), door, yes=yes)

    door.run(work())


def serve(
    roles: Annotated[list[str], typer.Argument(metavar="ROLE...", help="all, recorder, manager, …, or employee NAME.")],
    as_json: Json = False,
    allow_degraded: Annotated[bool, typer.Option("--allow-degraded", help="See `aura submit --help`.")] = False,
    name: Annotated[str, typer.Option(help="As which process it is shown; a second manager: manager-2.")] = "",
) -> None:
    """Run roles of the organisation in this process until SIGTERM."""
    from director.deployment.process_log import open_door
    from director.deployment.serve import name_of, serve_roles
    from director.settings import Settings

    settings = Settings()
    known = name_of(settings, roles, name)
    door, log = open_door("serve", as_json, settings, known)
    door.run(serve_roles(settings, roles, door, allow_degraded=allow_degraded, name=known, log=log))
