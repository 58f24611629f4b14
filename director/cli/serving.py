"""The output of `aura serve`. It consists of log lines if a program reads it."""

import os
from collections.abc import Coroutine
from typing import Any, NoReturn

from bus.event_loop import Factory
from bus.logger import Logger
from director.cli.output import Door
from director.deployment.process_log import DEFECT, form_of, kind_of, libraries_in, open_log, places_of
from director.settings import Settings
from domain.errors import AuraError


def open_door(command: str, as_json: bool, settings: Settings, role: str) -> tuple[Door, Logger]:
    """Return the door and the log of a serving process."""
    log = open_log(settings, role, os.environ)
    return (LogDoor(command, as_json, log) if form_of(settings) == "json" else Door(command, as_json)), log


class LogDoor(Door):
    """A door that writes log lines instead of text. With --json, the answer goes to stdout as for every command."""

    for_people = False

    def __init__(self, command: str, as_json: bool, log: Logger) -> None:
        super().__init__(command, as_json)
        self._log = log

    def say(self, text: str = "") -> None:
        self._log.info("said", text=text)

    def note(self, text: str) -> None:
        self._log.info("said", text=text)

    def answer(self, data: Any, text: str = "", error: AuraError | None = None) -> None:
        del text  # the log line `stopped` reports it
        if self.as_json or error is not None:
            super().answer(data, "", error)

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        self._log.error("failed", code=error.code, message=error.message, hint=error.hint)
        if self.as_json:
            super().fail(error, data)
        raise SystemExit(error.exit_code)

    def run(self, work: Coroutine[Any, Any, Any], loop: Factory | None = None) -> None:
        """Run the work as `Door.run` does. A defect becomes a log line with its place but without its text.

        The text may quote a secret.
        """
        try:
            with libraries_in(self._log):
                super().run(work, loop)
        except Exception as defect:
            self._log.error(DEFECT, error=kind_of(defect), where=places_of(defect))
            if self.as_json or os.environ.get("AURA_TRACEBACK"):
                raise
            raise SystemExit(AuraError.exit_code) from None
