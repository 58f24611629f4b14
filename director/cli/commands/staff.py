"""employees, hire, suspend, reinstate, scores, costs: the staff and what it did."""

from typing import Annotated

import typer

from director.cli.commands.options import Json, Reason

Who = Annotated[str, typer.Argument(metavar="EMPLOYEE", help="Name, id, or the beginning of the id.")]


def register(app: typer.Typer) -> None:
    for command in (employees, hire, suspend, reinstate, scores, costs):
        app.command()(command)


def employees(
    as_json: Json = False,
    probe: Annotated[bool, typer.Option("--probe", help="Make one small call to each.")] = False,
) -> None:
    """The staff: who they are and how they stand."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("employees", as_json)

    async def work() -> None:
        from director.services.staff import list_staff

        await list_staff(Settings(), door, probe=probe)

    door.run(work())


def hire(
    name: Annotated[str, typer.Argument(help="A plain name for the employee.")],
    base_url: Annotated[
        str, typer.Option(help="An OpenAI-compatible server, for example http://127.0.0.1:11434/v1")
    ] = "",
    model: Annotated[str, typer.Option(help="The model's name there.")] = "",
    style: Annotated[str, typer.Option(help="chat, or grammar for a llama.cpp server")] = "chat",
    key_env: Annotated[
        str, typer.Option(help="The variable that holds the API key; the key itself is never stored.")
    ] = "OPENAI_API_KEY",
    local: Annotated[bool, typer.Option("--local", help="A local model: its price is 0.00 USD.")] = False,
    price_in: Annotated[
        str, typer.Option(metavar="USD", help="The price of a million tokens of prompts, where no table knows it.")
    ] = "",
    price_out: Annotated[str, typer.Option(metavar="USD", help="The price of a million tokens of answers.")] = "",
    slots: Annotated[int, typer.Option(min=1, max=64, help="Calls at the same time.")] = 1,
    output_tokens: Annotated[int, typer.Option(min=1, help="The most tokens of one answer.")] = 1024,
    prompt_tokens: Annotated[
        int, typer.Option(min=1, help="The most tokens of one prompt: the model's context less the answer.")
    ] = 32768,
    wall_s: Annotated[float, typer.Option(min=1, help="The most seconds of one call.")] = 120.0,
    script: Annotated[str, typer.Option(help="No model: play recorded answers from this JSON file.")] = "",
    as_json: Json = False,
) -> None:
    """Put an employee on the staff: a model on an OpenAI-compatible server, or a script."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("hire", as_json)

    async def work() -> None:
        from director.services.staff import Hiring, hire_employee, posting_of

        wanted = Hiring(
            name=name,
            base_url=base_url,
            model=model,
            style=style,
            key_env=key_env,
            local=local,
            price_in=price_in,
            price_out=price_out,
            slots=slots,
            output_tokens=output_tokens,
            prompt_tokens=prompt_tokens,
            wall_s=wall_s,
            script=script,
        )

        await hire_employee(Settings(), posting_of(wanted), door)

    door.run(work())


def suspend(who: Who, reason: Reason, as_json: Json = False) -> None:
    """Take an employee out of work."""
    _standing("suspend", who, reason, as_json)


def reinstate(who: Who, reason: Reason, as_json: Json = False) -> None:
    """Put a suspended employee back to work; its strikes are wiped."""
    _standing("reinstate", who, reason, as_json)


def _standing(verb: str, who: str, reason: str, as_json: bool) -> None:
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door(verb, as_json)

    async def work() -> None:
        from bus.clock import now
        from director.services.session import desk, find_employee, new_id
        from domain.employee import Reinstate, Suspend

        async with desk(Settings()) as opened:
            employee = await find_employee(opened.store, who)
            kind = Suspend if verb == "suspend" else Reinstate
            outcome = await opened.done(kind(id=new_id(), at=now(), employee=employee, reason=reason))
        door.answer({"employee": employee, "seq": outcome.seq}, f"Recorded as event {outcome.seq}.")

    door.run(work())


def scores(as_json: Json = False) -> None:
    """Show what each employee achieved: verified, rejected, at the first attempt, tokens, cost, time."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("scores", as_json)

    async def work() -> None:
        from director.services.session import archive, rows
        from director.services.staff import scores_text

        async with archive(Settings()) as store:
            found = await rows(store, "door_scores")
        door.answer({"scores": found}, scores_text(found))

    door.run(work())


def costs(as_json: Json = False) -> None:
    """Show what each run cost."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("costs", as_json)

    async def work() -> None:
        from director.services.session import archive, rows
        from director.terminal.text import money, table

        async with archive(Settings()) as store:
            found = await rows(store, "door_costs")
        lines = [
            (
                row["run"],
                row["title"],
                money(row["usd"]),
                row["tokens"],
                row["calls"],
                row["cut_off"],
                row["unpriced"],
            )
            for row in found
        ]
        header = ("run", "title", "cost", "tokens", "calls", "cut off", "unpriced")
        door.answer({"costs": found}, table(header, lines) if found else "Nothing has cost anything yet.")

    door.run(work())
