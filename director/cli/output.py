"""Common behaviour of commands: one JSON object or text, one exit code for each kind of error, one event loop."""

import os
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn

import msgspec

from director.terminal.escape import visible
from domain.errors import AuraError

SCHEMA = "aura/1"
INTERRUPTED = 130


class Door:
    """One command's way to answer. People's text and progress go to stderr with --json, to stdout otherwise."""

    for_people = True
    """Whether what it says is read by people: a log's lines say it otherwise."""

    def __init__(self, command: str, as_json: bool, *, when_interrupted: str = "") -> None:
        self.command = command
        self.as_json = as_json
        self.when_interrupted = when_interrupted
        """The state after Ctrl-C and the way to go on. A command changes it as soon as something else is true."""

    def say(self, text: str = "") -> None:
        """Progress and prose, line by line."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def note(self, text: str) -> None:
        """Progress that is not part of the answer."""
        print(text, file=sys.stderr, flush=True)

    def answer(self, data: Any, text: str = "", error: AuraError | None = None) -> None:
        """Give the answer: the JSON object, or the text. With an error the command then fails, and the data stay."""
        if text and not self.as_json:
            self.say(text)
        if error is not None:
            self.fail(error, data)
        if self.as_json:
            self._object(True, data, None)

    def line(self, data: Any, text: str) -> None:
        """One line of a stream: JSONL, or the text."""
        print(_json(data) if self.as_json else text, flush=True)

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        """Say what is wrong and what to do, and leave with the error's exit code. `data` replaces the error's own."""
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

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a command's work to its end. Ctrl-C ends it in order; a closed pipe ends it quietly."""
        import asyncio

        try:
            asyncio.run(work)
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
        """Say that Ctrl-C ended the command, and what goes on without it."""
        self.note(f"Interrupted. {self.when_interrupted}".rstrip())
        raise SystemExit(INTERRUPTED) from None

    def _object(self, ok: bool, data: Any, error: dict[str, str] | None) -> None:
        print(_json({"schema": f"{SCHEMA}/{self.command.replace(' ', '-')}", "ok": ok, "data": data, "error": error}))
        sys.stdout.flush()


def _json(data: Any) -> str:
    return msgspec.json.encode(data, enc_hook=str).decode()


def _first(group: BaseExceptionGroup[AuraError]) -> AuraError:
    """The first error of a group of tasks: the others followed from it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, AuraError)
    return error
