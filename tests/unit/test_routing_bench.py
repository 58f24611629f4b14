"""The replay of routing on tables: tables and their mistakes, the conditions, and the order of the policies."""

from decimal import Decimal
from pathlib import Path

import pytest

from director.reports.routing_bench import routing_text
from director.routing_bench.chain import best_chain
from director.routing_bench.comparison import compare, worlds_of
from director.routing_bench.policies import POLICIES
from director.routing_bench.table import Table, read_table
from director.routing_bench.world import Conditions, PriceChange, World
from director.services.routing_bench import RoutingBench, bench_routing
from domain.errors import Invalid, NotFound
from domain.routing.fixed_point import MICRO

HEAD = "model,problem,category,correct,cost_usd\n"
PROBLEMS = 40
CHEAP_USD, STRONG_USD = "0.01", "0.5"


def rows() -> list[str]:
    """Return a table: the cheap model solves half of the problems, the strong one nine of ten, the weak one none."""
    lines = []
    for number in range(PROBLEMS):
        for model, correct, usd in (
            ("cheap", number % 2 == 0, CHEAP_USD),
            ("strong", number % 10 != 0, STRONG_USD),
            ("weak", False, CHEAP_USD),
        ):
            lines.append(f"{model},p{number},c{number % 3},{int(correct)},{usd}")
    return lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(HEAD + "\n".join(rows()), encoding="utf-8")
    return path


@pytest.fixture
def table(file: Path) -> Table:
    return read_table(file)


def conditions(**fields: object) -> Conditions:
    return Conditions(**{"value": 4 * MICRO, "tasks": PROBLEMS} | fields)  # type: ignore[arg-type]  # fields of a test


def test_csv_and_json_lines_give_the_same_table(table: Table, tmp_path: Path) -> None:
    lines = []
    for row in rows():
        model, problem, category, correct, usd = row.split(",")
        truth = "true" if correct == "1" else "false"
        names = f'"model": "{model}", "problem": "{problem}", "category": "{category}"'
        lines.append(f'{{{names}, "correct": {truth}, "cost_usd": {usd}}}')
    other = tmp_path / "table.jsonl"
    other.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    assert read_table(other) == table
    assert table.models == ("cheap", "strong", "weak")
    assert [table.rate(model) for model in range(3)] == [500_000, 900_000, 0]
    assert table.cost(1) == 500_000


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("model,problem\n", "Line 1 of the table has no column category, correct, cost_usd", HEAD.strip()),
        (HEAD + "a,p,c,maybe,1", "Line 2 of the table has 'maybe' in the column correct", "1 or true"),
        (HEAD + "a,p,c,1,$1", "Line 2 of the table has '$1' in the column cost_usd", "such as 0.0125"),
        (HEAD + "a,p,c,1,-1", "Line 2 of the table has '-1'", "such as 0.0125"),
        (HEAD + "a,p,c,1,1\n,p,c,1,1", "Line 3 of the table has no model", "in the column model"),
        (HEAD + "a,p,c,1,1\na,p,c,1,1", "Line 3 of the table has a second result of a for p", "one row for each"),
        (HEAD + "a,p,c,1,1\nb,p,d,1,1", "Line 3 of the table gives p a second category", "its first category: c"),
        (HEAD + "a,p,c,1,1\nb,q,c,1,1", "no result of a for q", "Add this row"),
        (HEAD + "a,p,c,1,1", "The table has 1 models", "at least 2 models"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_a_remedy(text: str, message: str, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid) as refused:
        read_table(path)
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(("text", "message"), [("{", "Line 1 of the table is not JSON"), ("[]", "is not an object")])
def test_a_line_that_is_no_object_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=message):
        read_table(path)
    with pytest.raises(NotFound):
        read_table(tmp_path / "none.csv")


def test_verdicts_are_wrong_at_the_stated_rate_and_the_same_when_repeated(table: Table) -> None:
    honest, wrong = World(table, conditions(), 1), World(table, conditions(wrong_verdicts=250_000), 1)
    pairs = [(number, model) for number in range(PROBLEMS) for model in range(3)]
    assert all(honest.verdict(*pair) == honest.result(*pair).correct for pair in pairs)
    differ = sum(wrong.verdict(*pair) != wrong.result(*pair).correct for pair in pairs)
    assert 15 <= differ <= 45
    assert [wrong.verdict(*pair) for pair in pairs] == [wrong.verdict(*pair) for pair in pairs]


def test_a_price_changes_from_a_task_on(table: Table) -> None:
    world = World(table, conditions(price_change=PriceChange(1, 2 * MICRO, 10)), 0)
    assert [world.result(number, 1).cost for number in (9, 10)] == [500_000, 1_000_000]
    assert world.result(10, 0).cost == 10_000


def test_the_best_chain_begins_with_the_cheap_model_and_leaves_out_the_weak_one(table: Table) -> None:
    assert best_chain(table, 4 * MICRO) == (0, 1)
    assert best_chain(table, MICRO // 4) == (0,)


def test_each_policy_pays_for_its_attempts_and_is_the_same_when_repeated(table: Table) -> None:
    world = World(table, conditions(), 3)
    for name, policy in POLICIES.items():
        done = policy(world)
        assert done == policy(world), name
        assert len(done) == PROBLEMS
        assert all(task.cost > 0 or task.attempts == 0 for task in done)


def test_the_policies_are_ordered_as_their_knowledge(table: Table) -> None:
    told: list[tuple[str, int, int]] = []
    results = compare(worlds_of(table, conditions(), range(4)), lambda *progress: told.append(progress))
    value = {result.policy: result.value_usd.mean for result in results}
    solved = {result.policy: result.solved.mean for result in results}
    assert solved["oracle"] == 1
    assert value["oracle"] >= value["known_rates"] > value["best_single"] > value["random"]
    assert value["cascade"] > value["best_single"]
    single = next(result for result in results if result.policy == "best_single")
    assert single.cost_ratio.mean == 1
    assert single.solved_more.low == single.solved_more.high == 0
    assert told[-1] == ("random", 4, 4)


def test_wrong_verdicts_cost_value(table: Table) -> None:
    def value(share: int) -> float:
        worlds = worlds_of(table, conditions(wrong_verdicts=share), range(4))
        return next(each for each in compare(worlds) if each.policy == "cascade").value_usd.mean

    assert value(200_000) < value(0)


def test_the_use_case_reports_the_table_and_its_text_names_every_policy(file: Path) -> None:
    report = bench_routing(RoutingBench(table=file, value_usd=Decimal(4), seeds=1, tasks=1000, known_prices=False))
    assert (report.models, report.problems, report.tasks, report.best_single) == (3, PROBLEMS, PROBLEMS, "strong")
    text = routing_text(report)
    assert all(name in text for name in POLICIES)
    changed = bench_routing(RoutingBench(table=file, value_usd=Decimal(4), seeds=1, price_change="strong=2@20"))
    costs = [
        next(each for each in one.policies if each.policy == "best_single").cost_usd.mean for one in (report, changed)
    ]
    assert costs == pytest.approx([0.5, 0.75])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value_usd": Decimal(0)}, "cannot be worth 0 USD"),
        ({"wrong_verdicts": Decimal(1)}, "share of 1 wrong verdicts"),
        ({"price_change": "unknown=2@1"}, "no model 'unknown'"),
        ({"price_change": "cheap=two@1"}, "'two@1' is not a change"),
        ({"price_change": "cheap=-2@1"}, "'-2@1' is not a change"),
    ],
)
def test_a_wrong_option_is_refused(fields: dict[str, object], message: str, file: Path) -> None:
    with pytest.raises(Invalid, match=message):
        bench_routing(RoutingBench(**{"table": file, "value_usd": Decimal(4), "seeds": 1} | fields))  # type: ignore[arg-type]  # fields of a test
