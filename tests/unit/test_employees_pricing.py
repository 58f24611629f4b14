"""The cost of a call: zero only if configured, known if the price table has the model, else unknown."""

import copy
import re
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest
from genai_prices import Usage, calc_price
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.contract import CallLimits
from agents.employees.model_employee import ModelEmployee
from agents.employees.posting import Posting
from agents.employees.pricing import UNKNOWN, Rates, cost_of, prices_digest
from agents.employees.providers.table import profile_of
from agents.employees.server_errors import failure_of_status
from agents.employees.usage import tokens_of
from bus.projection_rows import Rows
from domain.money import Amount
from domain.task import CallFinished
from projections.accountant import AccountantProjection, Charge
from tests.openai_employee import openai_employee
from tests.orders import order
from tests.unit.samples import EMPLOYEE, FIRST, ORDER, RUN, SNAPSHOT
from tests.unit.test_projections import recorded

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://127.0.0.1:11434/v1"


def test_a_hosted_model_is_priced_by_the_table() -> None:
    cost, source = cost_of(
        "genai-prices", base_url=OPENAI, model="gpt-5", input_tokens=1000, output_tokens=100, cached_tokens=200
    )
    assert cost == Decimal("0.002025")
    assert source is not None
    assert re.fullmatch(r"genai-prices \S+, prices [0-9a-f]{12}", source)


def test_a_corrected_price_has_another_version_and_the_same_price_the_same() -> None:
    (before, again, other) = (
        calc_price(Usage(input_tokens=tokens, output_tokens=5), model_ref=model, provider_id="openai")
        for tokens, model in ((10, "gpt-5"), (99, "gpt-5"), (10, "gpt-5-mini"))
    )
    assert prices_digest(before.model_price) == prices_digest(again.model_price)
    corrected = copy.copy(before.model_price)
    vars(corrected)["output_mtok"] = Decimal("9.99")
    digests = {prices_digest(prices) for prices in (before.model_price, corrected, other.model_price)}
    assert len(digests) == 3


def test_a_corrected_price_changes_later_charges_and_no_earlier_one() -> None:
    """The event holds the charge and the version of its price. The rows follow from the events alone."""
    rows, projection = Rows(AccountantProjection.tables), AccountantProjection()
    stated = (Rates(Decimal(1), Decimal(1)), Rates(Decimal(2), Decimal(2)))
    shown: list[list[tuple[Decimal, str]]] = []
    for seq, rates in enumerate(stated, 1):
        usd, source = cost_of(rates, base_url=LOCAL, model="m", input_tokens=10**6, output_tokens=0)
        assert usd is not None
        charged = Amount(usd, 10**6)
        snapshot = replace(SNAPSHOT, cost=charged, cost_source=source)
        receipt = CallFinished(run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, snapshot=snapshot, charged=charged)
        projection.apply(recorded(seq, receipt), rows)
        shown.append(sorted((charge.usd, charge.price_source) for charge in rows.all(Charge)))
    assert shown[0] == [(Decimal(1), str(stated[0]))]
    assert shown[1] == [*shown[0], (Decimal(2), str(stated[1]))]


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


def hosted(model: str) -> ModelEmployee:
    return openai_employee(id=UUID(int=1), name="eve", base_url=OPENAI, model=model)


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


GATEWAY: dict[str, Any] = {"base_url": "https://models.example.com/v1", "model": "our-model"}


def test_a_stated_price_is_for_a_million_tokens_and_says_where_it_comes_from() -> None:
    rates = Rates(Decimal("2.50"), Decimal(10))
    usd, source = cost_of(rates, **GATEWAY, input_tokens=1_000_000, output_tokens=2000, cached_tokens=900_000)
    assert usd == Decimal("2.52"), "cached tokens cost as much as others"
    assert source == "2.50 USD in and 10 USD out for a million tokens, as stated"
    assert cost_of(rates, **GATEWAY, input_tokens=None, output_tokens=2000) == UNKNOWN
    assert cost_of("genai-prices", **GATEWAY, input_tokens=1, output_tokens=1) == UNKNOWN, "the control"


def test_a_posting_keeps_its_stated_price_and_what_is_reserved_follows_from_it() -> None:
    posting = Posting(name="gate", kind="openai", price_in=Decimal(2), price_out=Decimal(8), **GATEWAY)
    assert msgspec.json.decode(msgspec.json.encode(posting), type=Posting) == posting
    profile = profile_of(posting)
    answer = posting.output_tokens_max * Decimal(8) / 1_000_000
    prompt = posting.prompt_tokens_max * Decimal(2) / 1_000_000
    assert (profile.call_usd_max, profile.prompt_usd_max) == (prompt + answer, prompt)
    unpriced = msgspec.structs.replace(posting, price_in=None, price_out=None)
    assert profile_of(unpriced).call_usd_max is None, "the control"
    assert unpriced.id == posting.id, "a price is no part of who an employee is"
