"""`aura backtest --staff`: several employees get the same past fixes of a repository."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, Server, homely
from tests.loopback import Loopback
from tests.seeded_fixes import seeded_fixes, solvers

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow]

BACKTEST_S = 3600.0
KNOWN = {"anna": 18, "bert": 14, "carl": 10, "dora": 6, "ewan": 2}
"""Employee -> how many of 20 fixes its model solves."""


def hire(aura: Aura, server: Loopback, names: Iterable[str]) -> None:
    """Hire one employee for each model of the server, under the model's name."""
    for name in names:
        aura.json("hire", name, "--base-url", server.base_url, "--model", name, "--local")


def test_each_employee_gets_the_same_fixes_and_an_interrupted_backtest_goes_on(tmp_path: Path) -> None:
    seeded_fixes(tmp_path / "repo", 2)
    repo = str(tmp_path / "repo")
    with homely("up", "--no-model") as aura, Server(solvers(2, {"anna": 2, "bert": 0})) as server:
        hire(aura, server, ("anna", "bert"))
        command = ("backtest", "--repo", repo, "--last", "2", "--staff", "bert,anna", "--usd", "0.50")
        begun = aura.json(*command, "--usd-max", "1.00")
        assert [line["employee"] for line in begun["staff"]] == ["anna", "bert"], "the better one comes first"
        assert [line["solved"]["count"] for line in begun["staff"]] == [2, 0]
        assert [line["false_done"]["count"] for line in begun["staff"]] == [0, 2]
        assert (begun["asked"], begun["not_run"], begun["usd"]) == (2, 0, "0")
        runs = aura.json("runs")["runs"]
        assert {run["outcome"] for run in runs} == {"shadow", "rejected"}
        assert len(runs) == 4
        assert aura.json("inbox")["waiting"] == [], "nothing is delivered"
        assert aura.json("scores")["scores"] == [], "no score includes a backtest"

        again = aura.json(*command, "--usd-max", "1.00")
        assert again == begun
        assert len(aura.json("runs")["runs"]) == 4, "stored results are used again"
        text = aura.text(*command, "--usd-max", "1.00")
        assert "anna" in text
        assert "1.00" in text

        assert aura.json(*command, "--usd-max", "0.99", code=2)["code"] == "invalid"
        assert aura.json("backtest", "--repo", repo, "--staff", "anna,zoe", "--usd-max", "9", code=3)["code"]


def test_the_table_recovers_the_order_of_five_employees_of_known_rates(tmp_path: Path) -> None:
    seeded_fixes(tmp_path / "repo", 20)
    with homely("up", "--no-model") as aura, Server(solvers(20, KNOWN)) as server:
        hire(aura, server, KNOWN)
        staff = ",".join(sorted(KNOWN, reverse=True))
        command = ("backtest", "--repo", str(tmp_path / "repo"), "--last", "20", "--staff", staff, "--usd", "0.10")
        with aura.begin(*command, "--usd-max", "10") as long:  # it takes longer than other commands may
            out, err = long.communicate(timeout=BACKTEST_S)
        assert long.returncode == 0, out + err
        report = aura.json(*command, "--usd-max", "10")  # the stored results
        print(aura.text(*command, "--usd-max", "10"))
        assert report["asked"] == 20
        assert {line["employee"]: line["solved"]["count"] for line in report["staff"]} == KNOWN
        assert [line["employee"] for line in report["staff"]] == list(KNOWN)


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    aura = Aura(tmp_path)
    assert aura.json("backtest", "--staff", "anna", code=2)["code"] == "invalid"
    assert aura.json("backtest", "--usd-max", "5", code=2)["code"] == "invalid"
    assert aura.json("backtest", "--staff", "anna", "--usd-max", "much", code=2)["code"] == "invalid"
    assert aura.json("backtest", "--staff", "anna", "--usd-max", "5", "--keep", code=2)["code"] == "invalid"
