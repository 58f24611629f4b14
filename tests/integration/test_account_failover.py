"""Accounts at work: an account is exhausted in the middle of a task, and the task ends verified elsewhere."""

import asyncio
import json
import time
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from agents.employees.account_files import AccountFile, save_account
from agents.employees.posting import Posting
from bus.checkpoints import read_rows
from director.services.costs import CostRequest, costs
from director.settings import Settings
from domain import task
from domain.employee import SessionTerms
from domain.message import Recorded
from domain.model_account import NO_LIMITS, AccountLimits, ReopenAccount, SetAccount
from domain.organisation import SetFallback
from projections.accounts import AccountRow, account_row
from projections.manager import EmployeeRow, ManagerProjection
from tests.integration.folded_log import rows_of_log
from tests.integration.house import House, Sample, at, of
from tests.integration.test_agent_sessions import WORKS
from tests.integration.test_agent_sessions import posting as agent_posting
from tests.integration.test_staff_services import settings as settings  # a fixture
from tests.loopback import Seen, completion, loopback, raw
from tests.provider_double import Provider, provider
from tests.provider_double import Seen as SeenByProvider
from tests.providers import answering, fixed
from tests.tiers import only_first_row
from tests.two_keys import ENVIRONMENT, MAIN, REFUSED_KEY, SLOW_DOWN, SPARE, USED_UP, TwoKeys, refuses, tool_turn

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox]
WAIT_S = 90.0


def session_turns(sample: Sample) -> list[bytes]:
    content = sample.right("T1")["adder_t1.py"]
    return [
        tool_turn(0, "run", command="ls"),
        tool_turn(1, "write", path="adder_t1.py", content=content),
        tool_turn(2, "submit"),
    ]


def answer_turns(sample: Sample) -> list[bytes]:
    return [completion(f"```python\n{sample.right('T1')['adder_t1.py']}```")]


async def add_account(
    house: House, name: str, base_url: str, key_env: str, limits: AccountLimits = NO_LIMITS
) -> AccountFile:
    account = AccountFile(name=name, base_url=base_url, key_env=key_env, limits=limits)
    save_account(house.home / "employees", account)
    await house.director.handle(SetAccount(id=uuid4(), at=at(), name=name, server=account.server, limits=limits))
    return account


async def hire(
    house: House, base_url: str, accounts: tuple[str, ...], *, name: str = "ada", sessions: bool = False, **more: object
) -> UUID:
    """Hire a model with these accounts, in this order. A million tokens cost 100 USD."""
    terms = SessionTerms(minutes=5, calls_max=20, usd_max=Decimal(20)) if sessions else None
    return await house.post(
        Posting(
            name=name,
            kind="openai",
            model="m",
            base_url=base_url,
            price_in=Decimal(100),
            price_out=Decimal(100),
            output_tokens_max=500,
            accounts=accounts,
            session=terms,
            **more,  # type: ignore[arg-type]
        )
    )


def receipts(log: Sequence[Recorded], run: UUID) -> list[task.CallFinished]:
    events = [each.event for each in of(log, run, "task.call_finished")]
    return [event for event in events if isinstance(event, task.CallFinished)]


def nobody_is_blamed(log: Sequence[Recorded]) -> bool:
    """Return whether no strike, suspension, fine or change of tier is on record."""
    blame = ("warned", "suspended", "dismissed", "fined", "demoted")
    return not any(each.envelope.type == f"employee.{word}" for each in log for word in blame)


async def check_costs(settings: Settings, run: UUID, log: Sequence[Recorded]) -> None:
    """Check that the costs by account are the charges of the events, to the last digit."""
    deadline = time.monotonic() + WAIT_S
    expected: dict[str, Decimal] = {}
    for event in receipts(log, run):
        expected[event.snapshot.account] = expected.get(event.snapshot.account, Decimal(0)) + event.charged.usd
    while True:
        lines = await costs(settings, CostRequest(by=("account",)))
        found = {line.account: line.usd for line in lines}
        if found == expected or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    assert found == expected
    assert sum(expected.values()) > 0


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    only_first_row(
        [
            ("quota", 429, USED_UP, "payment"),
            ("rate", 429, SLOW_DOWN, "rate_limit"),
            ("unpaid", 402, USED_UP, "payment"),
            ("key", 401, REFUSED_KEY, "auth"),
        ]
    ),
)
async def test_a_session_goes_on_with_another_account(
    house: House, settings: Settings, status: int, body: object, outcome: str
) -> None:
    sample = Sample(1, budget='{usd: "50.00", tokens: 1000000, minutes: 20}')
    double = TwoKeys(session_turns(sample), main_max=1, refusal=refuses(status, body, retry_after="1200"))
    async with loopback(double) as server:
        await add_account(house, "main", server.base_url, "MAIN_KEY")
        await add_account(house, "spare", server.base_url, "SPARE_KEY")
        await hire(house, server.base_url, ("main", "spare"), sessions=True)
        async with house.running(environment=ENVIRONMENT):
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=WAIT_S)
            rows = await read_rows(house.office.store, ManagerProjection.name, (AccountRow,))
            await check_costs(settings, run, log)
            rebuilt = await rows_of_log(house.office.store, ManagerProjection())
    calls = receipts(log, run)
    assert [(event.snapshot.account, event.snapshot.outcome) for event in calls] == [
        ("main", "answered"),
        ("main", outcome),
        ("spare", "answered"),
        ("spare", "answered"),
    ], "the same attempt goes on, and every call is on record"
    assert len({event.order for event in calls}) == 1
    assert len(of(log, run, "task.assigned")) == 1, "no attempt is used up"
    assert (double.answered, double.refused) == ({MAIN: 1, SPARE: 2}, {MAIN: 1})
    assert nobody_is_blamed(log)
    row = account_row(rows, "main")
    assert row is not None
    assert (row.fault, row.faults) == (outcome, 1)
    assert row.closed_until > calls[1].snapshot.latency_s
    assert MAIN not in str(log)
    assert rebuilt.all(AccountRow) == rows.all(AccountRow), "a replay gives the same"


async def test_an_answer_goes_to_another_account_of_the_same_employee(house: House, settings: Settings) -> None:
    sample = Sample(1, budget='{usd: "50.00", tokens: 1000000, minutes: 20}')
    double = TwoKeys(answer_turns(sample), main_max=0, refusal=refuses(429, USED_UP))
    async with loopback(double) as server:
        await add_account(house, "main", server.base_url, "MAIN_KEY")
        await add_account(house, "spare", server.base_url, "SPARE_KEY")
        ada = await hire(house, server.base_url, ("main", "spare"))
        await hire(house, server.base_url, ("main",), name="ben", slots=8)
        async with house.running(environment=ENVIRONMENT):
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=WAIT_S)
            await check_costs(settings, run, log)
    assigned = [each.event for each in of(log, run, "task.assigned")]
    accounts = [event.account for event in assigned if isinstance(event, task.Assigned)]
    assert accounts in (["main", "spare"], ["main", "spare"]), "an exhausted account is not chosen again"
    assert [event.attempt for event in assigned if isinstance(event, task.Assigned)] == [1, 1], "a fault is no attempt"
    last = assigned[-1]
    assert isinstance(last, task.Assigned)
    assert last.employee == ada, "the other account of an employee is used"
    assert nobody_is_blamed(log)


async def test_without_another_account_the_chain_has_the_next_employee(house: House) -> None:
    sample = Sample(1, budget='{usd: "50.00", tokens: 1000000, minutes: 20}')
    double = TwoKeys(session_turns(sample), main_max=1, refusal=refuses(429, USED_UP))
    async with loopback(double) as server:
        await add_account(house, "main", server.base_url, "MAIN_KEY")
        await add_account(house, "spare", server.base_url, "SPARE_KEY")
        ada = await hire(house, server.base_url, ("main",), sessions=True)
        ben = await hire(house, server.base_url, ("spare",), name="ben", sessions=True)
        await house.director.handle(SetFallback(id=uuid4(), at=at(), role="implementer", employees=(ada, ben)))
        async with house.running(environment=ENVIRONMENT):
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=WAIT_S)
    calls = receipts(log, run)
    assert [event.employee for event in calls] == [ada, ada, ben, ben, ben]
    assert all(event.snapshot.answer for event in calls if event.snapshot.outcome == "answered"), "its evidence is kept"
    (ended,) = [each.event for each in of(log, run, "task.attempt_ended")]
    assert isinstance(ended, task.AttemptEnded)
    assert (ended.outcome, ended.counts) == ("payment", False)
    assert nobody_is_blamed(log)


async def test_control_without_a_second_account_the_run_waits_and_says_why(house: House, settings: Settings) -> None:
    from director.services.waiting import Waits

    sample = Sample(1, budget='{usd: "50.00", tokens: 1000000, minutes: 20}')
    double = TwoKeys(answer_turns(sample), main_max=0, refusal=refuses(429, USED_UP))
    async with loopback(double) as server:
        await add_account(house, "main", server.base_url, "MAIN_KEY")
        await hire(house, server.base_url, ("main",))
        async with house.running(environment=ENVIRONMENT):
            run = await house.submit(sample)
            await house.until_type(run, "task.attempt_ended", wait_s=WAIT_S)
            waits, deadline = Waits(house.office.store, settings), time.monotonic() + WAIT_S
            while (wait := await waits.of(run)) is None or wait.code != "no_account":
                assert time.monotonic() < deadline, wait
                await asyncio.sleep(0.1)
            assert "ada has no account for a call: main is exhausted until" in wait.message
            assert "You exceeded your current quota" in wait.message
            assert "aura account reopen" in wait.hint
            log = await house.log()
            assert len(of(log, run, "task.assigned")) == 1, "it is not asked again and again"
            assert nobody_is_blamed(log)
            double.paid.set()
            await house.director.handle(ReopenAccount(id=uuid4(), at=at(), name="main", reason="paid"))
            log = await house.until_type(run, "run.delivered", wait_s=WAIT_S)
    assert [event.snapshot.outcome for event in receipts(log, run)] == ["payment", "answered"]


@pytest.mark.slow
@pytest.mark.ci
async def test_a_limit_of_calls_at_the_same_time_holds(house: House) -> None:
    sample = Sample(6, budget='{usd: "50.00", tokens: 1000000, minutes: 20}')
    open_calls, most = 0, 0
    texts = {
        task: completion(f"```python\n{sample.right(task)[f'{sample.module(task)}.py']}```") for task in sample.numbers
    }

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> None:
        nonlocal open_calls, most
        open_calls += 1
        most = max(most, open_calls)
        await asyncio.sleep(0.2)
        open_calls -= 1
        name = next(name for name in sample.numbers if f"{sample.module(name)}.py" in str(seen.body))
        await raw(200, texts[name])(writer, seen)

    async with loopback(reply) as server:
        await add_account(house, "main", server.base_url, "MAIN_KEY", AccountLimits(calls_max=2))
        await hire(house, server.base_url, ("main",), slots=6)
        async with house.running(environment=ENVIRONMENT):
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=WAIT_S)
            rows = await rows_of_log(house.office.store, ManagerProjection())
    assert most == 2
    assert len(receipts(log, run)) == 6
    assert [row.faults for row in rows.all(EmployeeRow)] == [0]


@pytest.mark.slow
@pytest.mark.ci
async def test_a_coding_agent_goes_on_with_another_account(house: House, settings: Settings) -> None:
    sample = Sample(1, budget='{usd: "50.00", tokens: 1000000, minutes: 20}')
    answer, refuse = answering(sample.right("T1")["adder_t1.py"]), fixed(429, json.dumps(USED_UP).encode())
    keys: list[str] = []

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: SeenByProvider) -> None:
        keys.append(seen.headers["authorization"].removeprefix("Bearer "))
        await (refuse if keys[-1] == MAIN and len(keys) > 1 else answer)(double, writer, seen)

    async with provider(act) as double:
        await add_account(house, "main", f"{double.address}/v1", "MAIN_KEY")
        await add_account(house, "spare", f"{double.address}/v1", "SPARE_KEY")
        await house.post(replace(agent_posting(house, double, WORKS), accounts=("main", "spare")))
        async with house.running(environment=ENVIRONMENT):
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered", wait_s=WAIT_S)
            await check_costs(settings, run, log)
    assert keys == [MAIN, MAIN, SPARE]
    assert [(event.snapshot.account, event.snapshot.outcome) for event in receipts(log, run)] == [
        ("main", "answered"),
        ("main", "payment"),
        ("spare", "answered"),
    ]
    assert len(of(log, run, "task.assigned")) == 1
    assert nobody_is_blamed(log)
