"""The decorator for commands. It calls a coroutine with its door, its options and, if it wants them, the settings."""

import inspect
import os
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any

from director.cli.commands.options import Json
from director.cli.output import Door

URL = "AURA_URL"
DOOR, SETTINGS, AS_JSON = "door", "settings", "as_json"
Work = Callable[..., Coroutine[Any, Any, None]]
COMMANDS: dict[str, Work] = {}
"""Every command by its name, once its module is imported."""


def command(
    name: str, *, interrupted: str = "", door: Callable[[bool, Mapping[str, Any]], Door] | None = None
) -> Callable[[Work], Callable[..., None]]:
    """Return the decorator that turns a coroutine function into a typer command with --json as its last option.

    name: the command as it is typed; it is also in the answer's schema. interrupted: the message after Ctrl-C, with
    names of options in braces. door: makes a door from --json and the options, instead of the standard door.
    If the coroutine has a parameter `settings`, it gets the settings of this environment. To keep `aura --help` fast,
    the settings are read (with pydantic) only when the command runs, and a command's slow imports are in its function.
    """

    def made(function: Work) -> Callable[..., None]:
        signature = inspect.signature(function)
        needs_settings = SETTINGS in signature.parameters
        COMMANDS[name] = function

        @wraps(function)
        def run(*, as_json: bool, **options: Any) -> None:
            opened = door(as_json, options) if door is not None else Door(name, as_json)
            opened.when_interrupted = interrupted.format_map(options)
            if goes_elsewhere(name):
                opened.run(_elsewhere(name, function, opened, options))
                return
            opened.run(_work(function, opened, options, needs_settings=needs_settings))

        _shown_as(run, signature)
        return run

    return made


def goes_elsewhere(name: str) -> bool:
    """Return whether AURA_URL sends a command to another machine."""
    if not os.environ.get(URL, "").strip():
        return False
    from director.cli.remote.offers import WITHOUT_ORGANISATION

    return name not in WITHOUT_ORGANISATION


async def _elsewhere(name: str, function: Work, door: Door, options: Mapping[str, Any]) -> None:
    from director.cli.remote.client import send
    from director.cli.remote.offers import offer_of

    await send(name, offer_of(name), function, door, options)


async def _work(function: Work, door: Door, options: Mapping[str, Any], *, needs_settings: bool) -> None:
    if not needs_settings:
        await function(door, **options)
        return
    from director.settings import Settings

    await function(door, settings=Settings(), **options)


def _shown_as(run: Callable[..., None], signature: inspect.Signature) -> None:
    """Set the signature that typer reads: the options of the coroutine, and --json."""
    own = [each for each in signature.parameters.values() if each.name not in (DOOR, SETTINGS)]
    json = inspect.Parameter(AS_JSON, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    run.__signature__ = signature.replace(parameters=[*own, json], return_annotation=None)  # type: ignore[attr-defined]  # inspect reads it
    run.__annotations__ = {each.name: each.annotation for each in own} | {AS_JSON: Json}
