"""The contract of an employee: it takes an order, calls a model once, and answers with files or a typed failure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

from agents.briefs.brief import Brief
from agents.employees.answer_reader.result import ParsedAnswer
from domain.attempt import Form
from domain.money import NOTHING, Amount

Finish = Literal["stop", "length", "tool", "blocked", "error", "other"]


class CallLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Hard limits of one call. If `prompt_tokens_max` is None, only the number of bytes limits the prompt."""

    output_tokens_max: int
    wall_s: float
    cost_usd_max: Decimal
    prompt_tokens_max: int | None = None


class SessionOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an order that only a session needs. It contains nothing sealed.

    `packs`: names of the packs of the working copy, in their order. `title`, `requirement`, `fixtures`: the
    requirement's title, its file without the sealed part, and the files that the visible part names. `criteria`,
    `scope`: of the task. `earlier`: criteria that hold already. `has_base`: the first pack is the base. `accepted`:
    machine -> limits of its boxes that need not hold.
    """

    packs: tuple[str, ...]
    title: str
    requirement: bytes
    fixtures: Mapping[str, bytes] = {}
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    has_base: bool = False
    accepted: Mapping[str, tuple[str, ...]] = {}
    allow_degraded: bool = False


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a task by one employee. A retry is a new order with the next attempt number and another seed.

    `reservation`: the most that all calls of the attempt may cost. `lease_s`: seconds from the arrival of the order
    until the attempt is over.
    """

    id: UUID
    run: UUID
    task: UUID
    task_name: str
    employee: UUID
    attempt: int  # number of the task's attempt, from 1; the attempts of all employees count
    seed: int
    brief: Brief
    limits: CallLimits
    form: Form = "answer"
    calls_max: int = 1
    reservation: Amount = NOTHING
    lease_s: float = 3600.0
    adaptations: tuple[str, ...] = ()  # changes to the request, because this employee's server refuses parts of it
    session: SessionOrder | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """The model asks to run a tool. `arguments` None: they are not a JSON object; `text` holds them as written."""

    id: str
    name: str
    arguments: Mapping[str, Any] | None
    text: str = ""

    @property
    def whole(self) -> bool:
        """Whether the call can be sent back to a server as a call: it has a name and arguments."""
        return self.arguments is not None and bool(self.name)


class ModelResult(msgspec.Struct, frozen=True, kw_only=True):
    """The execution snapshot of one call. A value is None if the provider does not report it or if no price is
    known.
    """

    text: str | None
    refusal: str | None
    finish: Finish
    finish_raw: str | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost: Decimal | None  # USD
    cost_source: str | None
    tokens: int | None = None  # charged tokens; None if only the upper bound is known
    estimated: bool = False  # at least a part of the tokens is an estimate from the bytes of prompt and answer
    adaptations: tuple[str, ...] = ()  # changes that were made in the request
    latency_s: float
    provider: str
    endpoint: str
    model_requested: str
    model_reported: str | None
    model_digest: str | None
    fingerprint: str | None
    request_id: str | None
    sdk: str
    request: Mapping[str, Any]  # the exact request that was sent, without the key
    request_sha256: str  # digest of the request as canonical JSON
    raw: Mapping[str, Any]  # the unchanged response
    started_at_us: int  # microseconds UTC
    calls: tuple[ToolCall, ...] = ()  # native tool calls of the answer
    opaque: Any = None  # content that the provider wants back unchanged in the next request of the conversation


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an order. If there are no files and no deletions, the text had no code (outcome `no_code`) or the
    employee declined.

    `deleted`: paths to delete. `dropped`: paths outside the scope that the answer wrote. They are not in `files` or
    `deleted`. `declined`: the employee's reason why the task cannot be done. `not_understood`: messages for the
    employee about parts of the text that could not be parsed as a change.
    """

    result: ModelResult
    files: Mapping[str, bytes]
    deleted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    declined: str = ""
    not_understood: tuple[str, ...] = ()


def answer_of(result: ModelResult, read: ParsedAnswer) -> Answer:
    """Return the answer with the change that was parsed from its text."""
    return Answer(
        result=result,
        files=read.files,
        deleted=read.deleted,
        dropped=read.dropped,
        declined=read.declined,
        not_understood=read.not_understood,
    )


class Employee(Protocol):
    """A member of the staff that does the work. There is one employee for each configured model and prompt style."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def scripted(self) -> bool: ...

    def describe(self) -> Mapping[str, str]:
        """Return provider, model, style, digest and price source, for `hire` and for screens. The result contains no
        secrets.
        """

    async def work(self, order: Order) -> Answer:
        """Make the model call of the order.

        :raises CallFailed: with the kind of failure.
        """

    async def probe(self) -> ModelResult:
        """Make one very small call that shows whether this employee can be reached.

        :raises CallFailed: with the kind of failure.
        """

    async def close(self) -> None:
        """Close the connections."""
