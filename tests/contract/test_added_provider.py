"""The provider of docs/employees.md: the page's example is built, and works as an employee."""

import re
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Optional

import pytest
from pydantic import SecretStr

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.employees.providers import table
from agents.employees.providers.remote_model import RemoteModel
from agents.employees.providers.table import PROVIDERS, Provider, profile_of
from tests.loopback import Reply, cut, loopback
from tests.orders import order
from tests.wires.played import address
from tests.wires.wire import KEY, sends

PAGE = Path(__file__).parents[2] / "docs" / "employees.md"
LINES_MAX = 50
CODE = "```python\ndef double(number):\n    return 2 * number\n```"
GOOD: dict[str, Any] = {"content": CODE, "tokens_evaluated": 40, "tokens_predicted": 12, "stop_type": "eos"}


def example() -> str:
    (code,) = re.findall(r"```python\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    return str(code)


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the kind of the example, which is in the table during the test."""
    module = ModuleType("completion")
    exec(compile(example(), str(PAGE), "exec"), module.__dict__)

    def completion(posting: Posting, key: Optional["SecretStr"]) -> Employee:
        model: RemoteModel = module.CompletionModel(
            base_url=posting.base_url, model=posting.model, api_key=key, price=posting.price_source
        )
        return table._on_model(posting, model)

    monkeypatch.setitem(PROVIDERS, "completion", Provider(shown="completion", build=completion))
    monkeypatch.setenv("MY_KEY", KEY)
    return "completion"


def posting_of(kind: str, base_url: str) -> Posting:
    return Posting(name="ada", kind=kind, base_url=base_url, model="smol", api_key_env="MY_KEY", price="zero")


def test_the_example_is_short() -> None:
    assert len(example().splitlines()) <= LINES_MAX


async def test_it_works_as_an_employee(kind: str) -> None:
    async with loopback(sends(200, GOOD)) as server:
        posting = posting_of(kind, address(server))
        ada = build(posting, {"MY_KEY": KEY})
        answer = await ada.work(order())
        await ada.close()
    (seen,) = server.seen
    assert answer.files == {"double.py": b"def double(number):\n    return 2 * number\n"}
    assert (answer.result.tokens, answer.result.cost, answer.result.provider) == (52, Decimal(0), kind)
    assert (seen.path, seen.body["n_predict"], seen.body["seed"]) == ("/completion", 64, 7)
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert profile_of(posting).provider == kind
    assert KEY not in f"{ada!r}{dict(ada.describe())}{answer.result}"


@pytest.mark.parametrize(
    ("reply", "failure", "costs_nothing"),
    [
        (sends(401, {"error": {"message": f"no {KEY}"}}), "auth", True),
        (sends(429, {"error": {"message": "slow down"}}, retry_after="3"), "rate_limit", True),
        (sends(200, GOOD | {"content": "", "stop_type": "limit"}), "truncated", False),
        (sends(200, {"hello": 1}), "malformed_response", False),
        (cut, "connection", False),
    ],
    ids=["401", "429", "a limit", "other JSON", "a cut body"],
)
async def test_its_failures_are_typed(kind: str, reply: Reply, failure: str, costs_nothing: bool) -> None:
    async with loopback(reply) as server:
        ada = build(posting_of(kind, address(server)), {"MY_KEY": KEY})
        with pytest.raises(CallFailed) as caught:
            await ada.work(order())
        await ada.close()
    assert (caught.value.failure, caught.value.costs_nothing) == (failure, costs_nothing)
    assert KEY not in str(caught.value)


async def test_a_refused_seed_is_left_out(kind: str) -> None:
    async def picky(writer: Any, seen: Any) -> None:
        refused = sends(400, {"error": {"message": "seed is not supported"}})
        await (refused if "seed" in seen.body else sends(200, GOOD))(writer, seen)

    async with loopback(picky) as server:
        ada = build(posting_of(kind, address(server)), {})
        assert (await ada.work(order())).result.adaptations == ("no_seed",)
        await ada.close()
    assert ["seed" in seen.body for seen in server.seen] == [True, False]


def test_the_page_names_every_provider_with_its_address_and_key() -> None:
    rows = {
        row[0].split("`")[1]: row
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `") and len(row := [cell.strip() for cell in line.strip("|").split("|")]) == 4
    }
    assert set(rows) == set(PROVIDERS)
    for name, provider in PROVIDERS.items():
        assert (provider.key_env or "none") in rows[name][3]
        assert not provider.address or provider.address in rows[name][2]
