"""The commands employees, hire, rename, suspend, reinstate and dismiss."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from director.cli.commands.command import command
from director.cli.commands.discovery import IsDiscovery, Names, discover, one_name
from director.cli.commands.options import Reason
from director.cli.output import Door, as_data

if TYPE_CHECKING:
    from director.services.staff import StandingChanged
    from director.settings import Settings

Who = Annotated[str, typer.Argument(metavar="EMPLOYEE", help="Name, id, or the beginning of the id.")]

ProviderName = Annotated[
    str | None,
    typer.Option(
        help="The protocol of the model's server: openai (the default, for every OpenAI-compatible server), "
        "anthropic, gemini or ollama."
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="The model's server, for example http://127.0.0.1:11434/v1 (default: the provider's)."),
]
Api = Annotated[
    str | None, typer.Option(help="chat (chat completions, the default), or responses for OpenAI's own server.")
]
KeyEnv = Annotated[
    str | None,
    typer.Option(
        help="The environment variable with the API key (default: the provider's own, such as OPENAI_API_KEY). "
        "Set it where `aura up` runs. The key itself is never stored."
    ),
]
Local = Annotated[
    bool | None,
    typer.Option(
        "--local/--no-local",
        help="A local model: its price is 0.00 USD, until it gets a server of a known vendor. "
        "--no-local: the price of the price table (the default).",
    ),
]
PriceIn = Annotated[
    str | None, typer.Option(metavar="USD", help="The price per million prompt tokens, if no price table has it.")
]
PromptTokens = Annotated[
    int | None,
    typer.Option(min=1, help="The maximum tokens of one prompt: the model's context minus the answer (default 32768)."),
]
Model = Annotated[str | None, typer.Option(help="The model's name on that server.")]
StyleName = Annotated[str | None, typer.Option(help="chat (the default), or grammar for a llama.cpp server")]
PriceOut = Annotated[str | None, typer.Option(metavar="USD", help="The price per million answer tokens.")]
Slots = Annotated[
    int | None,
    typer.Option(min=1, max=64, help="The maximum number of calls, or of sessions, at the same time (default 1)."),
]
OutputTokens = Annotated[
    int | None,
    typer.Option(min=1, help="The maximum tokens of one answer (default 1024; 4096 with --session)."),
]
WallS = Annotated[float | None, typer.Option(min=1, help="The maximum seconds of one call (default 120).")]
ScriptFile = Annotated[str | None, typer.Option(help="Play recorded answers from this JSON file instead of a model.")]
IsUpdate = Annotated[
    bool,
    typer.Option(
        "--update",
        help="Change an employee. Its id, its strikes, and all options that are not given stay the same.",
    ),
]
IsSession = Annotated[
    bool | None,
    typer.Option(
        "--session/--no-session",
        help="The employee works in sessions: it reads, changes and runs a working copy with many calls. "
        "--no-session: it answers with one call (the default).",
    ),
]
SessionCalls = Annotated[
    int | None, typer.Option(min=1, max=1000, help="The maximum number of calls of one session (default 60).")
]
SessionMinutes = Annotated[
    float | None, typer.Option(min=0.1, max=600, help="The maximum minutes of one session (default 30).")
]
SessionUsd = Annotated[
    str | None, typer.Option(metavar="USD", help="The maximum cost of one session (default 1.00 USD).")
]
SessionTokens = Annotated[
    int | None, typer.Option(min=1, help="The maximum tokens of one session, all calls together (default 1000000).")
]
Cli = Annotated[
    str | None,
    typer.Option(
        metavar="AGENT",
        help="A coding agent works in the sessions of this employee, for example claude, codex or aider. "
        "`aura toolbox` lists the agents and installs their programs.",
    ),
]
CliFlags = Annotated[
    str | None, typer.Option(metavar="FLAGS", help="More flags for the agent's command line, as one text in quotes.")
]
Accounts = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="The accounts of its calls, in order: `aura account list`. They replace --key-env. An empty text: none.",
    ),
]


def register(app: typer.Typer) -> None:
    for function in (employees, hire, rename, suspend, reinstate, dismiss):
        app.command()(function)


@command("employees")
async def employees(
    door: Door,
    settings: "Settings",
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Test each employee: its worker makes one small call, with the worker's key."),
    ] = False,
    everybody: Annotated[bool, typer.Option("--all", help="Also show dismissed employees.")] = False,
) -> None:
    """List the employees with their version and standing."""
    from director.cli.staff_text import staff_text
    from director.services.staff import list_staff
    from domain.errors import Failed

    staff = await list_staff(settings, dismissed=everybody, probe=probe, on_progress=door.note)
    data = as_data({"employees": staff.employees, "strikes": staff.strikes, "fallback": staff.fallback})
    for line, person in zip(data["employees"], staff.employees, strict=True):
        line["session"] = as_data(person.session)
    asked = sum(person.probe is not None for person in staff.employees)
    said = f"{len(staff.silent)} of {asked} employees did not answer."
    failed = Failed(said, hint="The column `probe` shows why.", code="probe") if staff.silent else None
    door.answer(data, staff_text(data["employees"], data["strikes"], data["fallback"]), failed)


@command("hire")
async def hire(
    door: Door,
    settings: "Settings",
    names: Names = None,
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    model: Model = None,
    style: StyleName = None,
    api: Api = None,
    key_env: KeyEnv = None,
    local: Local = None,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    slots: Slots = None,
    output_tokens: OutputTokens = None,
    prompt_tokens: PromptTokens = None,
    wall_s: WallS = None,
    script: ScriptFile = None,
    session: IsSession = None,
    session_calls: SessionCalls = None,
    session_minutes: SessionMinutes = None,
    session_usd: SessionUsd = None,
    session_tokens: SessionTokens = None,
    cli: Cli = None,
    cli_flags: CliFlags = None,
    accounts: Accounts = None,
    update: IsUpdate = False,
    is_discovery: IsDiscovery = False,
) -> None:
    """Hire an employee. It is a model on a server, a coding agent with a model, or a script."""
    if is_discovery:
        await discover(door, settings, names or [], key_env or "")
        return
    act = partial(_hire, door, settings, update=update)
    await act(
        name=one_name(names),
        provider=provider,
        base_url=base_url,
        model=model,
        style=style,
        api=api,
        key_env=key_env,
        local=local,
        price_in=price_in,
        price_out=price_out,
        slots=slots,
        output_tokens=output_tokens,
        prompt_tokens=prompt_tokens,
        wall_s=wall_s,
        script=script,
        session=session,
        session_calls=session_calls,
        session_minutes=session_minutes,
        session_usd=session_usd,
        session_tokens=session_tokens,
        cli=cli,
        cli_flags=cli_flags,
        accounts=accounts,
    )


async def _hire(door: Door, settings: "Settings", *, update: bool, **options: Any) -> None:
    """Hire or update an employee, and print the result. `options`: the fields of Hiring."""
    from director.cli.staff_text import hired_text
    from director.services import hiring
    from director.services.hire_options import Hiring

    act = hiring.update if update else hiring.hire
    hired = await act(settings, Hiring(**options))
    data = as_data(hired)
    profile = data.pop("profile")
    data |= {"call_usd_max": profile["call_usd_max"], "session": profile["session"]}
    door.answer(data, hired_text(data))


@command("rename")
async def rename(
    door: Door, settings: "Settings", who: Who, name: Annotated[str, typer.Argument(help="The new name.")]
) -> None:
    """Rename an employee. Its id, strikes and scores stay."""
    from director.services import hiring

    _changed(door, await hiring.rename(settings, who, name), f"{who} has the name {name}")


@command("suspend")
async def suspend(
    door: Door,
    settings: "Settings",
    who: Who,
    reason: Reason,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="The term in days (default: until `aura reinstate`).")
    ] = None,
) -> None:
    """Suspend an employee: it gets no work."""
    from director.services import staff

    until = "`aura reinstate`" if days is None else f"the end of the term ({days} days)"
    _changed(door, await staff.suspend(settings, who, reason, days=days), f"{who} gets no work until {until}")


@command("reinstate")
async def reinstate(door: Door, settings: "Settings", who: Who, reason: Reason) -> None:
    """End an employee's suspension. Its strikes stay."""
    from director.services import staff

    _changed(door, await staff.reinstate(settings, who, reason), f"{who} gets work again")


@command("dismiss")
async def dismiss(door: Door, settings: "Settings", who: Who, reason: Reason) -> None:
    """Dismiss an employee. Its record stays, and its name becomes free. `aura rehire` takes it back."""
    from director.services import hiring

    changed = await hiring.dismiss(settings, who, reason)
    _changed(door, changed, f"{who} is dismissed. Its record stays, and its name is free")


def _changed(door: Door, changed: "StandingChanged", said: str) -> None:
    """Print the change and its event. A change that was made before has no new event."""
    door.answer(changed, f"{said}, as event {changed.seq}." if changed.seq else f"{said} already.")
