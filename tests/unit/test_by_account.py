"""An employee with accounts in its worker: each call uses the key of its account, and a missing key is named."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from agents.employees.account_files import (
    AccountFile,
    accounts_of,
    key_of_account,
    load_accounts,
    posting_through,
    save_account,
)
from agents.employees.by_account import ByAccount, build_employee, first_way, through
from agents.employees.call_errors import CallFailed
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.workers.probing import Question, Served, WorkerReport
from domain.errors import Invalid, NotFound

URL = "https://api.openai.com/v1"
POSTING = Posting(name="ada", kind="openai", model="gpt-5", base_url=URL, accounts=("main", "spare"))
MAIN = AccountFile(name="main", base_url=URL, key_env="MAIN_KEY")


def test_a_file_holds_the_place_of_the_key_and_not_the_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-spare\n")
    spare = AccountFile(name="spare", base_url=URL, key_file=str(tmp_path / "key"))
    for account in (MAIN, spare):
        save_account(tmp_path, account)
    known = load_accounts(tmp_path)
    assert known == {"main": MAIN, "spare": spare}
    assert key_of_account(MAIN, {"MAIN_KEY": " sk-main "}) == "sk-main"
    assert key_of_account(spare, {}) == "sk-spare"
    assert key_of_account(MAIN, {}) == ""
    assert all("sk-" not in path.read_text() for path in (tmp_path / "accounts").iterdir())
    assert accounts_of(POSTING, known) == (MAIN, spare)
    with pytest.raises(NotFound, match="names the account 'spare'"):
        accounts_of(POSTING, {"main": MAIN})
    with pytest.raises(Invalid, match="its account main is at http://other"):
        accounts_of(POSTING, {"main": msgspec.structs.replace(MAIN, base_url="http://other/v1"), "spare": spare})
    (tmp_path / "accounts" / "main.json").write_text("{")
    with pytest.raises(Invalid, match="cannot be read"):
        load_accounts(tmp_path)


async def test_each_account_has_its_own_way_to_the_model() -> None:
    spare = AccountFile(name="spare", base_url=URL, key_env="SPARE_KEY")
    employee = build_employee(build, POSTING, (MAIN, spare), {"MAIN_KEY": "sk-main", "SPARE_KEY": "sk-spare"})
    assert isinstance(employee, ByAccount)
    assert (employee.name, employee.names, employee.provider) == ("ada", ("main", "spare"), "openai")
    ways = [through(employee, name) for name in employee.names]
    keys = [way.model._secret() for way in ways]  # type: ignore[attr-defined]  # of an employee with a model
    assert keys == ["sk-main", "sk-spare"]
    assert first_way(employee) is ways[0]
    with pytest.raises(CallFailed, match="does not have the account other"):
        through(employee, "other")
    plain = build_employee(build, msgspec.structs.replace(POSTING, accounts=()), (), {"OPENAI_API_KEY": "sk"})
    assert through(plain, "") is plain is first_way(plain), "control: without accounts there is one way"
    await asyncio.gather(employee.close(), plain.close())


@pytest.mark.parametrize(("environment", "says"), [({"MAIN_KEY": "sk"}, "SPARE_KEY is not set"), ({}, "MAIN_KEY")])
async def test_a_missing_key_of_an_account_is_reported(environment: dict[str, str], says: str) -> None:
    spare = AccountFile(name="spare", base_url=URL, key_env="SPARE_KEY")
    ways = [(posting_through(POSTING, account), account.environment(environment)) for account in (MAIN, spare)]
    report = await Served(POSTING, environment, None, "not built", ways).report(Question(call=False, wait_s=1.0))
    assert isinstance(report, WorkerReport)
    assert report.key == "unset"
    assert says in report.key_problem
    full = {"MAIN_KEY": "a", "SPARE_KEY": "b"}
    ways = [(posting_through(POSTING, account), account.environment(full)) for account in (MAIN, spare)]
    control = await Served(POSTING, full, None, "not built", ways).report(Question(call=False, wait_s=1.0))
    assert (control.key, control.key_problem) == ("set", "")
