"""Common behaviour of commands: output as one JSON object or as text, an exit status per error, the event loop."""

import os
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from director.terminal.escape import visible
from domain.errors import AuraError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

SCHEMA = "aura/1"
INTERRUPTED = 130
CANCELS_MAX = 10
CANCEL_AGAIN_S = 1.0
"""Number of times that a remaining task is cancelled at the end of a command, and the seconds between them."""


def as_data(value: Any) -> Any:
    """Convert structs to dictionaries for an answer. Amounts of money stay decimals."""
    from decimal import Decimal

    return msgspec.to_builtins(value, builtin_types=(Decimal,), enc_hook=str)


class Door:
    """The output of one command. With --json, text and progress go to stderr; otherwise they go to stdout.

    It escapes every text, so a name or message from outside Aura cannot change the screen.
    """

    for_people = True
    """Whether people read the output. False for a process that writes log lines."""

    def __init__(self, command: str, as_json: bool, *, when_interrupted: str = "") -> None:
        self.command = command
        self.as_json = as_json
        self.when_interrupted = when_interrupted
        """The state after Ctrl-C and the next step, in words. A command changes it when its state changes."""

    def say(self, text: str = "") -> None:
        """Print a line of text or progress."""
        print(visible(text), file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def note(self, text: str) -> None:
        """Print a line of progress that does not belong to the answer, on stderr."""
        print(visible(text), file=sys.stderr, flush=True)

    def answer(self, data: Any, text: str = "", error: AuraError | None = None) -> None:
        """Print the answer: the JSON object or the text. With an error, print it too, and exit with its status."""
        if text and not self.as_json:
            self.say(text)
        if error is not None:
            self.fail(error, data)
        if self.as_json:
            self._object(True, data, None)

    def line(self, data: Any, text: str) -> None:
        """Print one line of a stream, as JSON or as text."""
        print(_json(data) if self.as_json else visible(text), flush=True)

    async def room(self) -> None:
        """Wait until the output can take more lines. A door that prints can always take them."""

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        """Print the error and its hint, and exit with the error's status. `data` replaces the error's own data."""
        if self.as_json:
            self._object(
                False,
                error.data if data is None else data,
                {"code": error.code, "message": error.message, "hint": error.hint},
            )
        else:
            print(f"{f'aura {self.command}'.strip()}: {visible(error.message)}", file=sys.stderr)
            for line in error.hint.splitlines():
                print(f"  {visible(line)}", file=sys.stderr)
        raise SystemExit(error.exit_code)

    def run(self, work: Coroutine[Any, Any, Any], loop: Callable[[], "AbstractEventLoop"] | None = None) -> None:
        """Run a command's work to its end. Ctrl-C stops it with a message. A closed pipe stops it without a message.

        loop: the function that makes the event loop; without it, asyncio makes its own.
        """
        import asyncio

        try:
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(_to_the_end(work))
        except BaseExceptionGroup as group:
            own, others = group.split(AuraError)
            if own is None or others is not None:
                raise
            self.fail(_first(own))
        except AuraError as error:
            self.fail(error)
        except KeyboardInterrupt:
            self.interrupted()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def interrupted(self) -> NoReturn:
        """Print that Ctrl-C ended the command, with the state after it, and exit."""
        self.note(f"Interrupted. {self.when_interrupted}".rstrip())
        raise SystemExit(INTERRUPTED) from None

    def _object(self, ok: bool, data: Any, error: dict[str, str] | None) -> None:
        print(_json({"schema": f"{SCHEMA}/{self.command.replace(' ', '-')}", "ok": ok, "data": data, "error": error}))
        sys.stdout.flush()


async def _to_the_end(work: Coroutine[Any, Any, Any]) -> None:
    """Run a command's work, and then end all tasks that it has left.

    In Python 3.11, wait_for loses a cancel that comes together with its result. `asyncio.run` cancels only once, so it
    would wait for such a task without end. Here each task is cancelled again.
    """
    import asyncio

    try:
        await work
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for _ in range(CANCELS_MAX):
            for task in left:
                task.cancel()
            if not left:
                break
            _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)


def _json(data: Any) -> str:
    return msgspec.json.encode(data, enc_hook=str).decode()


def _first(group: BaseExceptionGroup[AuraError]) -> AuraError:
    """Return the first error of a group of tasks: the others are its consequences."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, AuraError)
    return error
