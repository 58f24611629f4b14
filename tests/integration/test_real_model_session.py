"""The real embedded model in a session: everything is recorded, the limits hold, and its result is refused."""

import pytest

from agents.employees.posting import Posting
from agents.employees.providers.llama_cpp_server import model_digest
from domain import run_messages, task
from domain.employee import SessionTerms
from tests.integration.house import House, Sample, of
from tests.integration.test_real_model import REASON, model_url

__all__ = ["model_url"]  # a fixture

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(REASON is not None, reason=f"the embedded model is not available: {REASON}"),
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.slow,
]
CALLS_MAX = 6
TOKENS_MAX = 12_000


async def test_the_small_model_works_in_a_session(house: House, model_url: str) -> None:
    sample = Sample(1)
    terms = SessionTerms(calls_max=CALLS_MAX, minutes=3, tokens_max=TOKENS_MAX)
    await house.post(
        Posting(
            name="smol",
            kind="embedded",
            base_url=model_url,
            model="SmolLM2",
            model_digest=model_digest(),
            output_tokens_max=128,
            wall_s=60,
            session=terms,
        )
    )
    async with house.running():
        run = await house.submit(sample, attempts_max=2)
        log = await house.until_type(run, "run.ended")
    (ended,) = [event.event for event in of(log, run, "run.ended")]
    assert isinstance(ended, run_messages.Ended)
    assert ended.outcome == "rejected", "a model of this size solves no task in a session"
    receipts = [
        event.event for event in of(log, run, "task.call_finished") if isinstance(event.event, task.CallFinished)
    ]
    assert receipts, "it was asked"
    orders = {receipt.order for receipt in receipts}
    for order in orders:
        own = [receipt for receipt in receipts if receipt.order == order]
        assert [receipt.index for receipt in own] == [*range(len(own))]
        assert len(own) <= CALLS_MAX
        assert sum(receipt.charged.tokens for receipt in own) <= TOKENS_MAX
    for receipt in receipts:
        assert receipt.snapshot.answer is not None
        assert await house.blobs.get(receipt.snapshot.answer)
        assert [digest for digest in receipt.prompt.messages if not await house.blobs.get(digest)] == []
    ends = [event.event for event in of(log, run, "task.attempt_ended") if isinstance(event.event, task.AttemptEnded)]
    print(f"{len(receipts)} calls in {len(orders)} sessions; ends: {[end.outcome for end in ends]}; {ended.reason}")
