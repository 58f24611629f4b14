"""One way to write a command: a coroutine that gets its door, the settings if it asks, and its options."""

import inspect
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any

from director.cli.commands.options import Json
from director.cli.output import Door

DOOR, SETTINGS, AS_JSON = "door", "settings", "as_json"
Work = Callable[..., Coroutine[Any, Any, None]]


def command(
    name: str, *, interrupted: str = "", door: Callable[[bool, Mapping[str, Any]], Door] | None = None
) -> Callable[[Work], Callable[..., None]]:
    """Return the decorator that makes of a coroutine function what typer takes, with --json as its last option.

    name: as it is typed, in the answer's schema too. interrupted: what Ctrl-C leaves and the way to go on, with the
    options' names in braces. door: makes another door than the common one, from --json and the options.
    A parameter `settings` gets the settings of this environment; they are read, and pydantic is imported, only when the
    command runs. So a command's heavy imports stand inside its function.
    """

    def made(function: Work) -> Callable[..., None]:
        signature = inspect.signature(function)
        needs_settings = SETTINGS in signature.parameters

        @wraps(function)
        def run(*, as_json: bool, **options: Any) -> None:
            opened = door(as_json, options) if door is not None else Door(name, as_json)
            opened.when_interrupted = interrupted.format_map(options)
            opened.run(_work(function, opened, options, needs_settings=needs_settings))

        _shown_as(run, signature)
        return run

    return made


async def _work(function: Work, door: Door, options: Mapping[str, Any], *, needs_settings: bool) -> None:
    if not needs_settings:
        await function(door, **options)
        return
    from director.settings import Settings

    await function(door, settings=Settings(), **options)


def _shown_as(run: Callable[..., None], signature: inspect.Signature) -> None:
    """Give a function the signature that typer reads: the options of the coroutine, and --json."""
    own = [each for each in signature.parameters.values() if each.name not in (DOOR, SETTINGS)]
    json = inspect.Parameter(AS_JSON, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    run.__signature__ = signature.replace(parameters=[*own, json], return_annotation=None)  # type: ignore[attr-defined]  # inspect reads it
    run.__annotations__ = {each.name: each.annotation for each in own} | {AS_JSON: Json}
