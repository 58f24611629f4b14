"""A session, played from its record: the recorded answers in place of the model, and real commands in a real box."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from agents.employees.contract import ModelResult, Order, ToolCall
from agents.employees.conversation import CallRequest, Message
from agents.employees.model_employee import ModelEmployee
from agents.manager.session_orders import SessionOrders, without_files
from agents.permits import ENDS_ATTEMPT, PermitRefused, Permits, Standing
from agents.rerun.attempts import AttemptRecord, Played
from agents.rerun.model import RecordedModel, failure_in, result_of
from agents.rerun.prompts import FirstDifference, Said, excerpts
from agents.run_content import Library
from agents.sessions.record import RecordedPrompt, prompts_of
from agents.sessions.seen import SeenMessage, answer_in, message_in
from agents.sessions.transcript import encoded
from agents.workers.result import HandIn
from agents.workers.session_box import SessionPlace
from agents.workers.session_runner import SessionRunner
from agents.working_copies.cache import CopyCache
from agents.working_copies.hand_over import take_over
from agents.working_copies.pack_limits import PACKS, PACKS_LIMITS, UPLOADS, UPLOADS_LIMITS
from agents.working_copies.packing import Packs
from agents.working_copies.working_copy import WorkingCopies
from bus.blobs import Blobs
from bus.memory_bucket import MemoryBucket
from domain import task
from domain.errors import AuraError, NotFound, Unavailable
from domain.money import Amount
from domain.run import RunState
from domain.tree import Manifest, digest_of
from verification.sandbox.base import Sandbox

_message = msgspec.json.Decoder(Message)
_hand_in = msgspec.json.Decoder(HandIn)
RECORD_ENDS = "record_ends"
CODING_AGENT = "The program of a coding agent did it. Such programs are not played."
WIRE = "wire"
"""Parameter of a snapshot that names the wire format of a coding agent's call."""
FENCED_WORD = "aura-submit"
"""Word of the first message for models without tools."""
AT_ONCE_S = 0.001
"""Wait after a recorded fault of the server: the wait has no meaning in a rerun."""


class SessionPlaces(NamedTuple):
    """Folders of a rerun. `cache`: for working copies, temporary. `libraries`, `outcomes`: the home's caches."""

    cache: Path
    libraries: Path
    outcomes: Path


class SessionPlayer:
    """Plays the sessions of one run. `sandbox`: of all boxes."""

    def __init__(
        self, blobs: Blobs, sandbox: Sandbox, places: SessionPlaces, *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._blobs = blobs
        self._library = Library(blobs)
        self._uploads = MemoryBucket(UPLOADS, UPLOADS_LIMITS)
        packs = MemoryBucket(PACKS, PACKS_LIMITS)
        self._orders = SessionOrders(self._library, Packs(blobs, packs))
        self._place = SessionPlace(
            open_sandbox=lambda: sandbox,
            copies=WorkingCopies(packs, CopyCache(places.cache)),
            uploads=self._uploads,
            credential="rerun",
            libraries=places.libraries,
            outcomes=places.outcomes,
            machine="",
            allow_degraded=True,  # the caller has checked the limits of this machine
            say=say,
        )

    async def __call__(self, record: AttemptRecord, order: Order, state: RunState) -> Played:
        """Play one session. Its difference is stored in `blobs`."""
        if any(WIRE in receipt.snapshot.parameters for receipt in record.calls.values()):
            return Played(None, from_record=CODING_AGENT)
        try:
            model = await recorded_conversation(record, self._blobs)
            session = await self._orders.of(state, state.tasks[order.task], {})
        except Unavailable:
            raise
        except AuraError as error:
            return Played(None, from_record=str(error))
        order = replace(order, brief=without_files(order.brief), session=session)
        employee = ModelEmployee(id=order.employee, name=record.profile.name, model=model)
        try:
            results = ResultHere()
            permits = RecordedPermits(record, model, results, lease_s=order.lease_s)
            await SessionRunner(self._place, results).run(order, employee, permits, asyncio.Event())
        except PermitRefused as refused:
            return Played(None, model.played, model.differences, from_record=refused.message)
        assert results.hand_in is not None, "nobody else has the order"
        difference = await self._taken_over(results.hand_in)
        return Played(results.hand_in, model.played, model.differences, difference=difference)

    async def _taken_over(self, hand_in: HandIn) -> Manifest | None:
        """Return the difference of a hand-in, whose contents are stored now; None without work."""
        if hand_in.handed is None:
            return None
        pack = await take_over(hand_in.handed, self._uploads)
        await self._blobs.put(pack.contents.values(), redact=False)
        return pack.manifest


class RecordedTurn(NamedTuple):
    """One call on record. `prompt`: its messages that are on record."""

    receipt: task.CallFinished
    answer: SeenMessage
    opaque: object
    prompt: RecordedPrompt


class RecordedConversation(RecordedModel):
    """The model of a recorded session. It compares each prompt with the recorded one, and gives the recorded answer."""

    def __init__(self, turns: Mapping[int, RecordedTurn], texts: Mapping[str, bytes], *, has_tools: bool) -> None:
        """`texts`: the recorded messages by digest."""
        self.has_tools = has_tools
        self.turns = turns
        self.played = 0
        self.differences: dict[int, FirstDifference] = {}
        self._texts = texts
        self._known: set[tuple[int, str]] = set()  # differences of earlier calls: position, digest of today

    def describe(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": ""}

    async def complete(self, request: CallRequest) -> ModelResult:
        """Return the recorded answer of the next call. Raises CallFailed if the recorded call failed."""
        index = self.played
        turn = self.turns[index]
        self.played += 1
        difference = self._compared(turn.prompt, [encoded(message) for message in request.messages])
        if difference is not None:
            self.differences[index] = difference
        failure = failure_in(turn.receipt.snapshot)
        if failure is not None:
            failure.retry_after_s = AT_ONCE_S
            raise failure
        result = result_of(turn.receipt.snapshot, turn.answer.text)
        return replace(result, calls=turn.answer.calls, opaque=turn.opaque)

    def _compared(self, recorded: RecordedPrompt, today: Sequence[bytes]) -> FirstDifference | None:
        """Return the first message that differs and is new in this call, else the first one that differs."""
        digests = [digest_of(message) for message in today]
        repeated: FirstDifference | None = None
        for place in range(recorded.missing, max(recorded.length, len(digests))):
            at = place - recorded.missing
            was = recorded.messages[at] if at < len(recorded.messages) else None
            now = digests[place] if place < len(digests) else None
            if was == now:
                continue
            said = _said(self._texts.get(was or "")), _said(today[place] if now is not None else None)
            found = excerpts(place, *said, repeats=(place, now or "") in self._known)
            if not found.repeats:
                self._known.add((place, now or ""))
                return found
            repeated = repeated or found
        return repeated


class ResultHere:
    """The place of a worker's results in a rerun. It keeps the end of the attempt, and no receipts."""

    def __init__(self) -> None:
        self.hand_in: HandIn | None = None

    async def send_result(self, employee: UUID, id: str, data: bytes, /) -> None:
        """Keep a result that ends the attempt."""
        del employee, id
        hand_in = _hand_in.decode(data)
        if hand_in.outcome is not None:
            self.hand_in = hand_in

    async def ask_permit(self, employee: UUID, data: bytes, wait_s: float, /) -> None:
        """Answer nothing: there is no manager. The record has the permits."""


class RecordedPermits(Permits):
    """The permits on record: one for each call that has a receipt."""

    def __init__(
        self, record: AttemptRecord, model: RecordedConversation, results: ResultHere, *, lease_s: float
    ) -> None:
        """`lease_s`: the time of the session. Its commands run for real, so they may need it."""
        assigned = record.assigned
        super().__init__(
            results,
            run=assigned.run,
            task=assigned.task,
            order=assigned.order,
            employee=assigned.employee,
            ends_at=time.monotonic() + lease_s,
        )
        self._record = record
        self._model = model
        self._results = results

    async def ask(self, bound: Amount) -> int:
        """Return the index of the next call. Raises PermitRefused at the end of the record."""
        del bound
        index = self._model.played
        if index in self._model.turns:
            return index
        code, ended = RECORD_ENDS, self._record.ended
        if self._record.submitted is not None:  # it was handed in as it was
            code = "calls_used_up"
        elif isinstance(ended, task.AttemptEnded) and ended.outcome in ENDS_ATTEMPT:
            code = ended.outcome
        raise PermitRefused(code, f"The record ends after call {index}.")

    async def standing(self, credential: str) -> Standing:
        """Return that the order is this worker's until its result is there."""
        del credential
        return Standing(ours=self._results.hand_in is None, open=None)


async def recorded_conversation(record: AttemptRecord, blobs: Blobs) -> RecordedConversation:
    """Read a recorded session. Raises NotFound if an answer was purged."""
    prompts = prompts_of({index: receipt.prompt for index, receipt in record.calls.items()})
    turns: dict[int, RecordedTurn] = {}
    for index, receipt in sorted(record.calls.items()):
        digest = receipt.snapshot.answer
        content = await blobs.get(digest) if digest and failure_in(receipt.snapshot) is None else b""
        turns[index] = RecordedTurn(receipt, answer_in(content), _opaque(content), prompts[index])
    texts: dict[str, bytes] = {}
    for digest in {digest for prompt in prompts.values() for digest in prompt.messages}:
        try:
            texts[digest] = await blobs.get(digest)
        except NotFound:
            continue  # it is compared by its digest alone
    return RecordedConversation(turns, texts, has_tools=_has_tools(turns, texts))


def _has_tools(turns: Mapping[int, RecordedTurn], texts: Mapping[str, bytes]) -> bool:
    """Return whether the model was offered tools. Otherwise it was told to write fenced commands."""
    if any(turn.answer.calls for turn in turns.values()):
        return True
    first = next((turn.prompt.messages[0] for turn in turns.values() if turn.prompt.messages), "")
    return FENCED_WORD.encode() not in texts.get(first, b"")


def _opaque(content: bytes) -> object:
    try:
        return _message.decode(content).opaque
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _said(content: bytes | None) -> Said | None:
    """Return a message in no provider's form, with its calls and results as text."""
    if content is None:
        return None
    seen = message_in(content)
    return Said(
        seen.role, "\n".join([seen.text, *map(_call, seen.calls), *(each.text for each in seen.results)]).strip()
    )


def _call(call: ToolCall) -> str:
    return f"{call.name} {call.text}"
