"""Permits of model calls. A worker asks the manager before each call, and makes the call only if it is permitted.

A worker takes an order under a random `claim`. The claim is in the event of each permitted call, so that a second
worker with the same order cannot use a permit of the first one.
"""

import asyncio
import time
from collections.abc import Collection
from typing import Literal, NamedTuple, Protocol
from uuid import UUID, uuid4

import msgspec

from domain.errors import Unavailable
from domain.faults import NO_ACCOUNT as NO_ACCOUNT
from domain.money import Amount

ANSWER_WAIT_S = 5.0
"""Seconds to wait for an answer to one request. Then the worker asks again."""
RETRY_WAIT_S = 0.25
RETRY_WAIT_MAX_S = 4.0
ENDS_ATTEMPT = ("reservation_used_up", "calls_used_up", "lease_ended")
"""Codes of refused permits that end the attempt. After any other code but NO_ACCOUNT, the order is no longer this
worker's. NO_ACCOUNT ends the attempt as a fault, without its work.
"""
Status = Literal["granted", "already_granted", "refused"]


class SignTimes(NamedTuple):
    """Times of the signs of life during a session, in seconds.

    A worker gives a sign every `every_s`. After `silence_max_s` without a sign, the worker is lost. An order must be
    taken within `take_wait_s`.
    """

    every_s: float = 10.0
    silence_max_s: float = 45.0
    take_wait_s: float = 120.0


SIGN_TIMES = SignTimes()


class PermitRequest(msgspec.Struct, frozen=True, kw_only=True, tag="permit"):
    """The request for one call. `ask`: number of the request; after a refusal the next one has another number.

    `avoid`: accounts that failed a moment ago, so the manager may not know it yet.
    """

    run: UUID
    task: UUID
    order: UUID
    index: int
    bound: Amount
    claim: UUID
    ask: int = 0
    avoid: tuple[str, ...] = ()


class SignOfLife(msgspec.Struct, frozen=True, kw_only=True, tag="sign"):
    """A message that a worker still works on a session. `credential`: the name of its upload bucket."""

    run: UUID
    task: UUID
    order: UUID
    claim: UUID
    credential: str


class PermitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The manager's answer. `already_granted`: the call with this index has a permit, which belongs to `claim`.

    `again`: a later request may succeed. `open`: in the answer to a sign of life, the calls without a receipt.
    `account`: the permitted call goes through this account; empty if the employee names none.
    """

    status: Status
    claim: UUID | None = None
    code: str = ""
    message: str = ""
    again: bool = False
    open: tuple[int, ...] = ()
    account: str = ""


class Permit(msgspec.Struct, frozen=True):
    """A permitted call: its index in the attempt, and its account."""

    index: int
    account: str


class Standing(NamedTuple):
    """The state of an order at the manager. `open`: calls without a receipt; None if no manager has answered."""

    ours: bool
    open: tuple[int, ...] | None


class PermitRefused(Exception):
    """The call may not be made. `code` is machine-readable, for example `reservation_used_up`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TakenElsewhere(Exception):
    """Another worker has a permit for this order. This worker stops without a result."""


class PermitQueue(Protocol):
    """The way to the manager. `bus/work_queue.py` has the real one."""

    async def ask_permit(self, employee: UUID, data: bytes, wait_s: float, /) -> bytes | None: ...


class Permits:
    """The permits of one order in one worker. Calls get the indexes 0, 1, 2, … in the order of their permits."""

    def __init__(
        self, queue: PermitQueue, *, run: UUID, task: UUID, order: UUID, employee: UUID, ends_at: float
    ) -> None:
        """`ends_at`: end of the order's lease, by the monotonic clock of this process."""
        self.ends_at = ends_at
        self._queue = queue
        self._ids = {"run": run, "task": task, "order": order}
        self._employee = employee
        self._claim = uuid4()
        self._next = 0
        self._asks = 0
        self._turn = asyncio.Lock()

    async def ask(self, bound: Amount) -> int:
        """Return the index of the permitted call. Raises the errors of `permit`."""
        return (await self.permit(bound)).index

    async def permit(self, bound: Amount, avoid: Collection[str] = ()) -> Permit:
        """Return the permitted call. Wait during a pause, for an account, and while no manager answers.

        `avoid`: accounts that failed a moment ago. Raises PermitRefused, TakenElsewhere.
        """
        async with self._turn:
            account = await self._granted(bound, tuple(sorted(avoid)))
            index, self._next = self._next, self._next + 1
            return Permit(index, account)

    async def standing(self, credential: str) -> Standing:
        """Tell the manager that this worker still works on the order, and return the state of the order.

        If no manager answers, the order counts as this worker's: its lease limits the work.
        """
        sign = SignOfLife(**self._ids, claim=self._claim, credential=credential)
        try:
            data = await self._queue.ask_permit(self._employee, msgspec.json.encode(sign), ANSWER_WAIT_S)
        except Unavailable:
            data = None
        if data is None:
            return Standing(ours=time.monotonic() < self.ends_at, open=None)
        answer = _answer.decode(data)
        return Standing(ours=answer.status != "refused", open=answer.open)

    async def _granted(self, bound: Amount, avoid: tuple[str, ...]) -> str:
        """Wait until the call is permitted, and return its account."""
        wait_s = RETRY_WAIT_S
        while True:
            left_s = self.ends_at - time.monotonic()
            if left_s <= 0:
                raise PermitRefused("lease_ended", "The lease of the order ended before the call was permitted.")
            answer = await self._answer(bound, avoid, min(ANSWER_WAIT_S, left_s))
            if answer is not None and self._is_ours(answer):
                return answer.account
            if answer is not None:
                self._asks += 1  # the same request would get the same answer, now and later
                avoid = ()  # the manager now knows from the receipt how long the account is closed
            if answer is not None and not answer.again:
                raise PermitRefused(answer.code, answer.message)
            await asyncio.sleep(min(wait_s, max(0.0, self.ends_at - time.monotonic())))
            wait_s = min(2 * wait_s, RETRY_WAIT_MAX_S)

    async def _answer(self, bound: Amount, avoid: tuple[str, ...], wait_s: float) -> PermitAnswer | None:
        request = PermitRequest(
            **self._ids, index=self._next, bound=bound, claim=self._claim, ask=self._asks, avoid=avoid
        )
        try:
            data = await self._queue.ask_permit(self._employee, msgspec.json.encode(request), wait_s)
        except Unavailable:
            return None
        return _answer.decode(data) if data is not None else None

    def _is_ours(self, answer: PermitAnswer) -> bool:
        """Return whether the call is permitted. Raises TakenElsewhere if the permit belongs to another worker."""
        if answer.status == "already_granted" and answer.claim != self._claim:
            raise TakenElsewhere
        return answer.status in ("granted", "already_granted")


_answer = msgspec.json.Decoder(PermitAnswer)
