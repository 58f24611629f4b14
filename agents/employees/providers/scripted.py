"""An employee that plays a script and has no model, for demonstrations and tests. Every screen shows that it is
scripted.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from agents.employees.answer_reader.reader import read_answer
from agents.employees.answer_reader.result import CANNOT
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Answer, ModelResult, Order
from agents.employees.conversation import Model
from agents.employees.providers.scripted_model import ENDPOINT, ScriptedModel, Turn, delayed, scripted_result
from domain.errors import Invalid


class Script(Protocol):
    """A script that a scripted employee plays."""

    name: str

    def files(self, order: Order) -> Mapping[str, bytes | None]:
        """Return the files of this attempt. If the content is None, the file is deleted.

        `{}` is an answer without code. A file named `CANNOT:` gives the reason why there is no code.

        :raises CallFailed: if the script plays a failed call.
        """


_Files = Mapping[str, bytes | None]
_recording = msgspec.json.Decoder(dict[str, list[dict[str, str | None]] | dict[str, list[Turn]]])
_EXAMPLE = (
    'Write JSON of the form {"T1": [{"file.py": "text of the first attempt"}]}, or for sessions '
    '{"turns": {"T1": [{"text": "…", "calls": [{"name": "submit", "arguments": {}}]}]}}.'
)


class Recording:
    """Recorded answers, and turns of sessions.

    Answers: task name -> attempts in order -> path -> content. The last attempt is repeated. Turns: task name -> the
    turns of a session. Each attempt plays them from the first one.
    """

    def __init__(
        self,
        name: str,
        answers: Mapping[str, Sequence[_Files]],
        turns: Mapping[str, Sequence[Turn]] | None = None,
    ) -> None:
        self.name = name
        self._answers = answers
        self._turns = turns or {}

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Return the recording in a JSON file `{"task": [{"path": "text", "old path": null}]}`. null deletes a file.

        The key `turns` has the turns of sessions: `{"turns": {"task": [{"text": "…", "calls": […]}]}}`.

        :raises Invalid: if the file is missing or has another form.
        """
        try:
            read = _recording.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise Invalid(f"The script {path.name} cannot be read: {error}.", hint=_EXAMPLE) from None
        answers: dict[str, list[_Files]] = {}
        turns: dict[str, list[Turn]] = {}
        for task, played in read.items():
            if isinstance(played, list):
                answers[task] = [
                    {name: None if text is None else text.encode() for name, text in files.items()} for files in played
                ]
            elif task == "turns":
                turns = played
            else:
                raise Invalid(f"The script {path.name} has an object at {task!r} and not a list.", hint=_EXAMPLE)
        return cls(path.stem, answers, turns)

    def turns(self, order: Order) -> Sequence[Turn]:
        """Return the turns of a session of this order."""
        return self._turns.get(order.task_name, ())

    def files(self, order: Order) -> Mapping[str, bytes | None]:
        attempts = self._answers.get(order.task_name, ())
        return attempts[min(order.attempt, len(attempts)) - 1] if attempts else {}


class ScriptedEmployee:
    """An employee that plays a script instead of a model. It costs nothing and needs no server."""

    scripted = True
    provider = "scripted"

    def __init__(self, *, id: UUID, name: str, script: Script, delay_s: float = 0.0) -> None:
        self.id = id
        self.name = name
        self.script = script
        self.delay_s = delay_s

    def describe(self) -> Mapping[str, str]:
        return {
            "provider": "scripted",
            "model": f"script {self.script.name}",
            "style": "scripted: no model answers here",
            "endpoint": ENDPOINT,
            "price": "0.00 USD (scripted)",
        }

    def model_for(self, order: Order) -> Model:
        """Return the model of a session of this order. It plays the script's turns for the task."""
        turns = self.script.turns(order) if isinstance(self.script, Recording) else ()
        return ScriptedModel(self.script.name, turns, delay_s=self.delay_s)

    async def work(self, order: Order) -> Answer:
        if order.limits.output_tokens_max <= 0 or order.limits.wall_s <= 0:
            raise CallFailed("bad_settings", "This order allows 0 tokens or 0 seconds, so no call is made.")
        started_at_us, begun = time.time_ns() // 1000, time.monotonic()
        await delayed(self.delay_s, order.limits.wall_s)
        written = self.script.files(order)
        files = {path: content for path, content in written.items() if content is not None}
        deleted = tuple(path for path, content in written.items() if content is None)
        text = "\n".join(
            f"```python path={path}\n{content.decode(errors='replace')}```" for path, content in files.items()
        )
        declined = ""
        if CANNOT in files:
            text, files = f"{CANNOT} {files[CANNOT].decode(errors='replace')}", {}
            declined = read_answer(text, order.brief).declined
        result = scripted_result(
            self.script.name,
            Turn(text=text),
            {"script": self.script.name, "task": order.task_name, "attempt": order.attempt, "seed": order.seed},
            asked_chars=len(json.dumps(msgspec.to_builtins(order.brief))),
            started_at_us=started_at_us,
            latency_s=time.monotonic() - begun,
        )
        return Answer(result=result, files=files, deleted=deleted, declined=declined)

    async def probe(self) -> ModelResult:
        return await ScriptedModel(self.script.name, ()).probe()

    async def close(self) -> None:
        """Do nothing: there are no connections."""
