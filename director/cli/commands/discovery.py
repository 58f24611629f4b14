"""The part of `aura hire` that hires nobody: --discover."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME", help="The employee's name: letters, digits, - and _. With --discover: addresses of servers."
    ),
]
IsDiscovery = Annotated[
    bool,
    typer.Option(
        "--discover",
        help="Hire nobody. List the models of servers on this machine and at the given addresses, and the coding "
        "agents on PATH. Each model has the command that hires it.",
    ),
]


def one_name(names: list[str] | None) -> str:
    """Return the name of the employee. Raises Invalid if there is not exactly one."""
    from domain.errors import Invalid

    if not names or len(names) > 1:
        raise Invalid(
            f"aura hire needs one name, not {len(names or [])}.",
            hint="Example: aura hire coder --provider ollama --model qwen2.5-coder:7b\n"
            "`aura hire --discover` lists the models that can be hired.",
        )
    return names[0]


async def discover(door: Door, settings: "Settings", urls: list[str], key_env: str) -> None:
    """List the models of servers and the coding agents. An address without models is a failure."""
    from director.cli.discovery_text import discovered_text
    from director.services import discovery
    from domain.errors import Unavailable

    found = await discovery.discover(settings, urls, key_env=key_env, on_progress=door.note)
    data = msgspec.to_builtins(found)
    silent = ", ".join(one.address for one in found.unanswered)
    failed = Unavailable(f"There are no models at {silent}.", hint=found.unanswered[0].hint) if silent else None
    door.answer(data, discovered_text(data), failed)
