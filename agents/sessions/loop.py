"""The loop of a session: call, actions, results, until the employee hands in, declines or reaches a limit."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult
from agents.employees.conversation import CallRequest, Message, Model
from agents.permits import ENDS_ATTEMPT, NO_ACCOUNT, PermitRefused
from agents.sessions.actions import TOOLS, Action, BadAction, actions_of
from agents.sessions.transcript import Transcript
from domain.faults import PASSING, weight_of
from domain.money import Amount

REPEATS_TOLD = 3
REPEATS_MAX = 6
"""After REPEATS_TOLD equal actions in a row the model gets a note. After REPEATS_MAX the attempt ends."""
WORDLESS_MAX = 4
"""Answers in a row without an action, after which the attempt ends."""
CALL_RETRIES_MAX = 4
"""Calls in a row that fail by a passing fault of the server, after which the attempt ends."""
RETRY_WAIT_S = 2.0
RETRY_WAIT_MAX_S = 60.0
STUCK = "stuck"
NO_ACTION = (
    "Your answer has no action. Call a tool. When your work is complete, call submit.",
    "Your answer has no action. Write one command between ```sh and ```. When your work is complete: aura-submit",
)


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a session. `outcome` "answered": the working copy is handed in. Otherwise: why there is no work."""

    outcome: str
    message: str = ""


STOPPED = SessionEnd(outcome="cancelled", message="The worker stops.")
"""The end of a session whose worker stops. It is a fault, so it uses up no attempt."""


class AskPermit(Protocol):
    """Asks for the permit of a call. `agents/permits.py` has the real one."""

    async def ask(self, bound: Amount) -> int: ...


class Receipts(Protocol):
    """Sends the receipt of each call to the manager. `prompt`: all messages of the call as JSON."""

    async def finished(self, index: int, prompt: Sequence[bytes], result: ModelResult) -> None: ...

    async def failed(self, index: int, prompt: Sequence[bytes], failure: CallFailed) -> None: ...


Act = Callable[[Action], Awaitable[str]]
"""Does one action in the working copy, and returns its result for the model."""


class CallSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The limits and parameters of each call of a session."""

    output_tokens_max: int
    wall_s: float
    seed: int
    adaptations: tuple[str, ...] = ()


class Session:
    """One attempt of one model in one working copy."""

    def __init__(
        self,
        model: Model,
        transcript: Transcript,
        permits: AskPermit,
        receipts: Receipts,
        act: Act,
        settings: CallSettings,
        stopped: Callable[[], bool] = lambda: False,
        other_account: Callable[[CallFailed], bool] = lambda _: False,
    ) -> None:
        """`stopped`: whether the worker stops. The session then ends before its next call.

        `other_account`: told of each failed call; whether the call may be made again at once, by another account.
        """
        self._model = model
        self._transcript = transcript
        self._permits = permits
        self._receipts = receipts
        self._act = act
        self._settings = settings
        self._stopped = stopped
        self._other_account = other_account
        self._recent: deque[str] = deque(maxlen=REPEATS_MAX)
        self._wordless = 0
        self._calls = 0

    async def run(self) -> SessionEnd:
        """Work until the end. Raises TakenElsewhere and PermitRefused if the order is no longer this worker's."""
        while True:
            if self._stopped():
                return STOPPED
            try:
                result = await self._call()
            except PermitRefused as error:
                if error.code not in (*ENDS_ATTEMPT, NO_ACCOUNT):
                    raise
                return SessionEnd(outcome=error.code, message=error.message)
            except CallFailed as failure:
                return SessionEnd(outcome=failure.failure, message=failure.message)
            if result is None:
                return SessionEnd(outcome="context_overflow", message="The conversation no longer fits the model.")
            end = await self._take(result)
            if end is not None:
                return end

    async def _call(self) -> ModelResult | None:
        """Make the next call, and again after a passing fault or by another account. None: the prompt cannot fit."""
        retries = 0
        while True:
            if not self._transcript.fit():
                return None
            request = self._request()
            bound = self._model.bound(request)
            if bound.usd is None:
                raise CallFailed("bad_settings", "The price of this model is not known, so no call is made.")
            index = await self._permits.ask(Amount(bound.usd, bound.tokens))
            self._calls += 1
            prompt = self._transcript.encoded
            try:
                result = await self._model.complete(request)
            except asyncio.CancelledError:  # the session has to end now, and its end needs the receipts of all calls
                await self._receipts.failed(index, prompt, CallFailed("cancelled", "The session ended in this call."))
                raise
            except CallFailed as failure:
                await self._receipts.failed(index, prompt, failure)
                if self._other_account(failure):
                    continue
                if weight_of(failure.failure) != PASSING or retries == CALL_RETRIES_MAX:
                    raise
                await asyncio.sleep(min(failure.retry_after_s or RETRY_WAIT_S * 2**retries, RETRY_WAIT_MAX_S))
                retries += 1
                continue
            await self._receipts.finished(index, prompt, result)
            return result

    def _request(self) -> CallRequest:
        return CallRequest(
            messages=self._transcript.messages,
            tools=TOOLS if self._model.has_tools else (),
            output_tokens_max=self._settings.output_tokens_max,
            wall_s=self._settings.wall_s,
            seed=(self._settings.seed + self._calls) % 2**31,
            adaptations=self._settings.adaptations,
        )

    async def _take(self, result: ModelResult) -> SessionEnd | None:
        """Do the actions of an answer. Return the end of the session, or None if it continues."""
        self._transcript.add(
            Message(role="assistant", text=result.text or "", calls=result.calls, opaque=result.opaque)
        )
        actions = actions_of(result, native=self._model.has_tools)
        if not actions:
            return self._without_action(result)
        self._wordless = 0
        for position, action in enumerate(actions):
            if isinstance(action, BadAction):
                self._answer(action.call_id, action.problem)
                continue
            if action.name == "submit":
                return SessionEnd(outcome="answered")
            if action.name == "decline":
                return SessionEnd(outcome="declined", message=str(action.arguments["reason"]))
            end = self._repeated(action)
            if end is not None:
                return end
            text = await self._act(action)
            self._answer(action.call_id, text + self._warning(action, last=position == len(actions) - 1))
        return None

    def _without_action(self, result: ModelResult) -> SessionEnd | None:
        self._wordless += 1
        if self._wordless >= WORDLESS_MAX:
            return SessionEnd(outcome="no_code", message=f"{WORDLESS_MAX} answers in a row had no action.")
        cut = " Your answer was cut off at its length limit." if result.finish == "length" else ""
        self._transcript.add(Message(role="user", text=NO_ACTION[0 if self._model.has_tools else 1] + cut))
        return None

    def _repeated(self, action: Action) -> SessionEnd | None:
        self._recent.append(action.key)
        if len(self._recent) == REPEATS_MAX and len(set(self._recent)) == 1:
            return SessionEnd(
                outcome=STUCK, message=f"The same action came {REPEATS_MAX} times in a row: {action.name}."
            )
        return None

    def _warning(self, action: Action, *, last: bool) -> str:
        count = 0
        for key in reversed(self._recent):
            if key != action.key:
                break
            count += 1
        if not last or count < REPEATS_TOLD:
            return ""
        return (
            f"\n[This was the same action {count} times in a row. After {REPEATS_MAX} times the session ends. "
            "Do something else.]"
        )

    def _answer(self, call_id: str, text: str) -> None:
        role = "tool" if call_id else "user"
        self._transcript.add(Message(role=role, text=text, call_id=call_id))  # type: ignore[arg-type]  # two of the roles
