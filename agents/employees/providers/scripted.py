"""An employee that plays a script and has no model, for demonstrations and tests. Every screen shows that it is
scripted.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import msgspec

from agents.employees.answer_reader.reader import read_answer
from agents.employees.answer_reader.result import CANNOT
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Answer, ModelResult, Order
from domain.errors import Invalid
from domain.tree import digest_of

ENDPOINT = "none: scripted"
CHARS_PER_TOKEN = 4  # scripts report the tokens that a model would have used, so that totals are not 0


class Script(Protocol):
    """A script that a scripted employee plays."""

    name: str

    def files(self, order: Order) -> Mapping[str, bytes | None]:
        """Return the files of this attempt. If the content is None, the file is deleted.

        `{}` is an answer without code. A file named `CANNOT:` gives the reason why there is no code.

        :raises CallFailed: if the script plays a failed call.
        """


_recording = msgspec.json.Decoder(dict[str, list[dict[str, str | None]]])


class Recording:
    """Recorded answers: task name -> attempts in order -> path -> content. The last attempt is repeated."""

    def __init__(self, name: str, answers: Mapping[str, Sequence[Mapping[str, bytes | None]]]) -> None:
        self.name = name
        self._answers = answers

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Return the recording in a JSON file `{"task": [{"path": "text", "old path": null}]}`. null deletes a file.

        :raises Invalid: if the file is missing or has another form.
        """
        try:
            read = _recording.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise Invalid(
                f"The script {path.name} cannot be read: {error}.",
                hint='Write JSON of the form {"T1": [{"file.py": "text of the first attempt"}]}.',
            ) from None
        answers = {
            task: [
                {name: None if text is None else text.encode() for name, text in files.items()} for files in attempts
            ]
            for task, attempts in read.items()
        }
        return cls(path.stem, answers)

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

    def upper_bound_cost(self, order: Order) -> Decimal | None:
        del order  # a script costs nothing for every order
        return Decimal(0)

    async def work(self, order: Order) -> Answer:
        if order.limits.output_tokens_max <= 0 or order.limits.wall_s <= 0:
            raise CallFailed("bad_settings", "This order allows 0 tokens or 0 seconds, so no call is made.")
        started_at_us, begun = time.time_ns() // 1000, time.monotonic()
        try:
            async with asyncio.timeout(order.limits.wall_s):
                await asyncio.sleep(self.delay_s)
        except TimeoutError:
            raise CallFailed("timeout", f"The script took longer than {order.limits.wall_s:g} s.") from None
        written = self.script.files(order)
        files = {path: content for path, content in written.items() if content is not None}
        deleted = tuple(path for path, content in written.items() if content is None)
        request = {"script": self.script.name, "task": order.task_name, "attempt": order.attempt, "seed": order.seed}
        text = "\n".join(
            f"```python path={path}\n{content.decode(errors='replace')}```" for path, content in files.items()
        )
        declined = ""
        if CANNOT in files:
            text, files = f"{CANNOT} {files[CANNOT].decode(errors='replace')}", {}
            declined = read_answer(text, order.brief).declined
        asked = len(json.dumps(msgspec.to_builtins(order.brief)))
        result = self._result(text, request, started_at_us, time.monotonic() - begun, asked)
        return Answer(result=result, files=files, deleted=deleted, declined=declined)

    async def probe(self) -> ModelResult:
        return self._result("ready", {"script": self.script.name}, time.time_ns() // 1000, 0.0, 0)

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _result(
        self, text: str, request: Mapping[str, Any], started_at_us: int, latency_s: float, asked_chars: int
    ) -> ModelResult:
        return ModelResult(
            text=text,
            refusal=None,
            finish="stop",
            finish_raw="scripted",
            input_tokens=asked_chars // CHARS_PER_TOKEN,
            cached_tokens=None,
            output_tokens=len(text) // CHARS_PER_TOKEN,
            reasoning_tokens=None,
            cost=Decimal(0),
            cost_source="scripted",
            latency_s=latency_s,
            provider=self.provider,
            endpoint=ENDPOINT,
            model_requested=f"script {self.script.name}",
            model_reported=None,
            model_digest=None,
            fingerprint=None,
            request_id=None,
            sdk="scripted",
            request=request,
            request_sha256=digest_of(msgspec.json.encode(request, order="sorted")),
            raw={"scripted": True},
            started_at_us=started_at_us,
        )
