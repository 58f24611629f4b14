"""The calls of an attempt for readers: what the employee was asked, thought and did, and what the call cost."""

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from agents.employees.contract import ToolCall
from agents.sessions.record import Conversations
from agents.sessions.seen import SeenMessage, answer_in, message_in
from bus.blobs import Blobs
from director.services.attempt_record import OrderRecord
from domain import task
from domain.errors import NotFound

WIRE = "wire"
"""Parameter of a snapshot that names the wire format of a coding agent's call."""
NOT_KEPT = "[this message is not on record, or was purged]"


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model asked for. `arguments`: JSON, or the model's text if it is not a JSON object."""

    name: str
    arguments: str
    call_id: str = ""


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an action as the model saw it. `text` None: it is not on record, or was purged."""

    call_id: str = ""
    text: str | None


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an attempt.

    `outcome` None: the call has no receipt. `prompt`: what the model was asked, for a call that begins a conversation;
    None if it is not on record, was purged, or `continues` names the call whose conversation goes on. `answer`: the
    recorded answer; None if it is not on record, or was purged. `thought`: the text of a session's answer.
    `bound_usd`: the upper bound that was permitted. `total_usd`, `total_tokens`: the attempt's charges up to here.
    `is_told`: the call was shown before, and now its results are known.
    """

    order: UUID
    index: int
    employee: str
    model: str
    outcome: str | None
    message: str | None
    tokens: int
    cost_usd: Decimal | None
    seconds: float
    estimated: bool = False
    bound_usd: Decimal | None = None
    total_usd: Decimal
    total_tokens: int
    continues: int | None = None
    prompt: str | None = None
    answer: str | None = None
    thought: str = ""
    actions: list[ActionView] = []
    results: list[ResultView] = []
    is_told: bool = False


class CallReader:
    """Reads the calls of one order. `names`: the names of the employees."""

    def __init__(self, order: OrderRecord, names: Mapping[UUID, str], blobs: Blobs) -> None:
        self._order = order
        self._names = names
        self._blobs = blobs
        self._conversations = Conversations(order.prompts)

    def has_results(self, index: int) -> bool:
        """Return whether a later call brought the results of this call's actions."""
        return bool(self._conversations.after(index))

    async def view(self, index: int) -> CallView:
        """Return one call."""
        receipt = self._order.finished.get(index)
        if receipt is None:
            return self._without_receipt(index)
        snapshot, total = receipt.snapshot, self._order.totals[index]
        answer = await self._kept(snapshot.answer)
        seen = SeenMessage()
        if answer is not None and self._order.assigned.form == "session":
            seen = answer_in(answer, str(snapshot.parameters.get(WIRE, "")))
        return CallView(
            **self._about(index),
            model=snapshot.model,
            outcome=snapshot.outcome,
            message=snapshot.message,
            tokens=receipt.charged.tokens,
            cost_usd=receipt.charged.usd,
            seconds=snapshot.latency_s,
            estimated=snapshot.estimated,
            total_usd=total.usd,
            total_tokens=total.tokens,
            continues=receipt.prompt.base,
            prompt=await self._prompt(receipt),
            answer=None if answer is None else answer.decode("utf-8", "replace"),
            thought=seen.text,
            actions=[_action(call) for call in seen.calls],
            results=[result async for result in self._results(index)],
        )

    def _about(self, index: int) -> dict[str, Any]:
        assigned, started = self._order.assigned, self._order.started.get(index)
        return {
            "order": assigned.order,
            "index": index,
            "employee": self._names.get(assigned.employee, "?"),
            "bound_usd": started.bound.usd if started is not None and started.bound is not None else None,
        }

    def _without_receipt(self, index: int) -> CallView:
        """Return a call that is open, or was cut off at the end of the attempt and is charged at its bound."""
        about, charged = self._about(index), self._order.charged
        cut_off = isinstance(self._order.ended, task.Released) and self._order.ended.cut_off
        return CallView(
            **about,
            model="",
            outcome="cut_off" if cut_off else None,
            message=None,
            tokens=0,
            cost_usd=about["bound_usd"] if cut_off else None,
            seconds=0.0,
            total_usd=charged.usd,
            total_tokens=charged.tokens,
        )

    async def _prompt(self, receipt: task.CallFinished) -> str | None:
        """Return what the model was asked; None for a call that continues a conversation."""
        record = receipt.prompt
        if record.base is not None:
            return None
        if not record.messages:
            kept = await self._kept(receipt.snapshot.prompt)
            return None if kept is None else _messages_text(kept)
        contents = [await self._kept(digest) for digest in record.messages]
        return "\n".join(NOT_KEPT if content is None else _spoken(message_in(content)) for content in contents)

    async def _results(self, index: int) -> AsyncIterator[ResultView]:
        """Yield the results of a call's actions, and the notes that the model got in their place."""
        for digest in self._conversations.after(index):
            content = await self._kept(digest)
            if content is None:
                yield ResultView(text=None)
                continue
            message = message_in(content)
            if message.is_answer:
                continue
            for result in message.results:
                yield ResultView(call_id=result.call_id, text=result.text)
            if message.text:
                yield ResultView(text=message.text)

    async def _kept(self, digest: str | None) -> bytes | None:
        """Return the bytes of a blob; None without a digest, or if the blob was purged."""
        if not digest:
            return None
        try:
            return await self._blobs.get(digest)
        except NotFound:
            return None


def _action(call: ToolCall) -> ActionView:
    arguments = msgspec.json.encode(call.arguments).decode() if call.arguments is not None else call.text
    return ActionView(name=call.name, arguments=arguments, call_id=call.id)


def _messages_text(prompt: bytes) -> str:
    """Return the messages of an answer's prompt, each below its role. A prompt in another format stays unchanged."""
    try:
        messages: Sequence[dict[str, Any]] = msgspec.json.decode(prompt)["messages"]
        return "\n".join(f"[{message['role']}]\n{message['content']}" for message in messages)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return prompt.decode("utf-8", "replace")


def _spoken(message: SeenMessage) -> str:
    """Return a message of a session's prompt below its role."""
    said = [message.text, *(result.text for result in message.results)]
    said += [f"{call.name} {call.text}" for call in message.calls]
    return "\n".join([f"[{message.role or 'settings'}]", *(text for text in said if text)])
