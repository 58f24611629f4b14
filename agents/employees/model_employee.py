"""An employee that answers an order with one call of a model. Prompt and answer are here, the call is the model's."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from agents.briefs.fence import Fence
from agents.employees.answer_reader.reader import read_answer
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Answer, ModelResult, Order, answer_of
from agents.employees.conversation import CallRequest, Message, Model
from agents.employees.prompts import EXTRAS, FEEDBACK_LINES_MAX, ROLE_TOKENS, Prompt, Style, prompt_of
from agents.employees.reply import check_usable, failed
from agents.employees.tool_calls import text_of_calls
from agents.employees.usage import prompt_bytes, tokens_of

PROMPT_BYTES_MAX = 4 * 1024**2


class Prompting(msgspec.Struct, frozen=True, kw_only=True):
    """The way in which an employee asks its model. `temperature` None: the server's default.

    `may_decline`: whether the prompt explains how to decline a task. A tiny model would always decline. `small`: long
    prompts confuse the model.
    """

    style: Style = "chat"
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    feedback_max: int = FEEDBACK_LINES_MAX
    may_decline: bool = True
    small: bool = False


class ModelEmployee:
    """One model with one way to ask it. It makes one call per order and never retries, because the manager does."""

    def __init__(self, *, id: UUID, name: str, model: Model, prompting: Prompting | None = None) -> None:
        self.id = id
        self.name = name
        self.model = model
        self.prompting = prompting or Prompting()

    @property
    def provider(self) -> str:
        return self.model.provider

    @property
    def scripted(self) -> bool:
        return self.model.scripted

    def model_for(self, order: Order) -> Model:
        """Return the model of a session of this order."""
        del order
        return self.model

    def describe(self) -> Mapping[str, str]:
        return {**self.model.describe(), "style": self.prompting.style}

    def upper_bound_cost(self, order: Order) -> Decimal | None:
        """Return the highest cost of the order's call in USD, or None if no price is known."""
        return self.model.bound(self._request(order, self._prompt(order))).usd

    async def work(self, order: Order) -> Answer:
        prompt = self._prompt(order)
        request = self._request(order, prompt)
        self._check_limits(order, request, prompt_bytes(prompt.messages))
        result = _with_text(await self.model.complete(request))
        if not (result.text or "").strip():
            check_usable(replace(result, calls=()))
        read = read_answer(result.text or "", order.brief, partial=prompt.partial, complete=result.finish != "length")
        if not read.changes and result.finish == "length":
            raise failed(result, "truncated", "The answer reached its length limit before any code was complete.")
        return answer_of(result, read)

    async def probe(self) -> ModelResult:
        return await self.model.probe()

    async def close(self) -> None:
        await self.model.close()

    def __repr__(self) -> str:
        return f"ModelEmployee({self.name!r}, {self.model!r}, {self.prompting.style!r})"

    def _prompt(self, order: Order) -> Prompt:
        prompting, most = self.prompting, order.limits.prompt_tokens_max
        return prompt_of(
            order.brief,
            Fence(order.id),
            prompting.feedback_max,
            may_decline=prompting.may_decline and prompting.style == "chat",
            tokens_max=None if most is None else max(0, most - ROLE_TOKENS),
            small=prompting.small,
        )

    def _request(self, order: Order, prompt: Prompt) -> CallRequest:
        prompting = self.prompting
        return CallRequest(
            messages=tuple(
                Message(role="system" if each["role"] == "system" else "user", text=each["content"])
                for each in prompt.messages
            ),
            output_tokens_max=order.limits.output_tokens_max,
            wall_s=order.limits.wall_s,
            seed=order.seed,
            temperature=prompting.temperature,
            stop=prompting.stop,
            extra=EXTRAS[prompting.style](order.brief),
            adaptations=order.adaptations,
        )

    def _check_limits(self, order: Order, request: CallRequest, size: int) -> None:
        """Raise CallFailed for an order that may not be sent. Such an order costs nothing, because nothing is sent."""
        limits = order.limits
        if limits.output_tokens_max <= 0 or limits.wall_s <= 0:
            raise CallFailed("bad_settings", "This order allows 0 tokens or 0 seconds, so no call is made.")
        if size > PROMPT_BYTES_MAX:
            raise CallFailed(
                "prompt_too_large", f"The prompt has {size} bytes. The limit is {PROMPT_BYTES_MAX}. It was not sent."
            )
        tokens = tokens_of(size) + ROLE_TOKENS
        if limits.prompt_tokens_max is not None and tokens > limits.prompt_tokens_max:
            raise CallFailed(
                "prompt_too_large",
                f"The prompt has about {tokens} tokens. The limit of {self.name} is "
                f"{limits.prompt_tokens_max}. It was not sent.",
            )
        cost = self.model.bound(request).usd
        if cost is not None and cost > limits.cost_usd_max:
            raise CallFailed(
                "prompt_too_large",
                f"This call may cost {cost} USD. Only {limits.cost_usd_max} USD are reserved for it. It was not made.",
            )


def _with_text(result: ModelResult) -> ModelResult:
    """Return the result with a text.

    A model that calls a tool although none was offered puts its answer into the call.
    """
    if (result.text or "").strip() or not result.calls:
        return result
    return replace(result, text=text_of_calls(result.calls))
