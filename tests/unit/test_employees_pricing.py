"""What a call costs: zero only where configured, known where a table knows, else unknown."""

from decimal import Decimal
from typing import get_args
from uuid import UUID

import pytest

from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.contract import CallLimits
from agents.employees.pricing import cost_of
from agents.employees.providers.openai import OpenAIEmployee
from agents.employees.server_errors import failure_of_status
from agents.employees.usage import tokens_of
from tests.orders import order

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://127.0.0.1:11434/v1"


def test_a_hosted_model_is_priced_by_the_table() -> None:
    cost, source = cost_of(
        "genai-prices", base_url=OPENAI, model="gpt-5", input_tokens=1000, output_tokens=100, cached_tokens=200
    )
    assert cost == Decimal("0.002025")
    assert source is not None
    assert source.startswith("genai-prices ")


@pytest.mark.parametrize(
    ("base_url", "model", "tokens"),
    [(LOCAL, "gpt-5", 10), (OPENAI, "no-such-model-at-all", 10), (OPENAI, "gpt-5", None)],
)
def test_what_is_not_known_is_unknown_and_never_zero(base_url: str, model: str, tokens: int | None) -> None:
    seen = cost_of("genai-prices", base_url=base_url, model=model, input_tokens=tokens, output_tokens=5)
    assert seen == (None, None)


def test_a_local_model_is_free_when_configured_so() -> None:
    cost, source = cost_of("zero", base_url=LOCAL, model="m", input_tokens=None, output_tokens=None)
    assert cost == 0
    assert source == "configured: local model"


def test_the_estimate_of_input_rounds_up() -> None:
    assert [tokens_of(chars) for chars in (0, 1, 3, 4)] == [0, 1, 1, 2]


def hosted(model: str) -> OpenAIEmployee:
    return OpenAIEmployee(id=UUID(int=1), name="eve", base_url=OPENAI, model=model)


def test_the_upper_bound_covers_prompt_and_longest_answer() -> None:
    bound = hosted("gpt-5").upper_bound_cost(order())
    assert bound is not None
    assert bound >= Decimal(64) * Decimal("0.00001")
    assert hosted("no-such-model-at-all").upper_bound_cost(order()) is None


async def test_a_call_above_its_reservation_is_not_made() -> None:
    limits = CallLimits(output_tokens_max=64, wall_s=0.1, cost_usd_max=Decimal("0.0000001"))
    with pytest.raises(CallFailed, match="reserved") as raised:
        await hosted("gpt-5").work(order(limits=limits))
    assert (raised.value.failure, raised.value.costs_nothing) == ("prompt_too_large", True)


def test_every_failure_says_what_to_do() -> None:
    for failure in get_args(CallFailure):
        assert CallFailed(failure, "it failed").hint


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, "maximum context length is 8192", "context_overflow"),
        (400, '{"code": "content_filter"}', "blocked"),
        (422, "", "bad_request"),
        (529, "", "overloaded"),
    ],
)
def test_a_status_has_one_reason(status: int, body: str, failure: str) -> None:
    assert failure_of_status(status, body) == failure
