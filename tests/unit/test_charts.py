"""Charts as numbers: bars and columns keep the order and the proportions, and a line has a point for each value."""

import itertools
from decimal import Decimal

from director.http.pages.charts import BARS_MAX, HEIGHT, LEAST, WIDTH, bars, columns, points, rate_over_time
from director.http.pages.event_pages import PAYLOAD_CHARACTERS_MAX, shortened
from director.http.pages.house_pages import name_of
from director.http.pages.rendering import environment, normal, percent
from director.services.costs import CostLine

LINES = [("a", Decimal("0.5")), ("b", Decimal(2)), ("c", Decimal(0)), ("d", Decimal("0.000001"))]


def test_bars_keep_order_and_proportion() -> None:
    assert [(bar.label, bar.width) for bar in bars(LINES)] == [("a", 250), ("b", WIDTH), ("c", 0), ("d", LEAST)]
    assert bars([]) == []
    assert [bar.width for bar in bars([("a", Decimal(0))])] == [0], "nothing is divided by 0"


def test_columns_stand_on_the_ground_side_by_side() -> None:
    shown = columns(LINES)
    assert [bar.y + bar.height for bar in shown] == [HEIGHT] * len(LINES)
    assert all(left.x + left.width < right.x for left, right in itertools.pairwise(shown))
    many = columns([(str(day), Decimal(day)) for day in range(200)])
    assert [many[0].label, many[-1].label, len(many)] == ["140", "199", BARS_MAX]
    assert max(bar.x + bar.width for bar in many) <= WIDTH


def test_a_line_has_a_point_for_each_value() -> None:
    assert points([0, 50, 100], 100) == "0,100 500,50 1000,0"
    assert points([50], 100) == points([], 100) == points([1, 2], 0) == ""


def test_a_rate_over_time_forgets_old_outcomes() -> None:
    assert rate_over_time([True, False, True, True]) == [100, 50, 66, 75]
    assert rate_over_time([False, True, True], window=2) == [0, 50, 100]


def test_numbers_as_text() -> None:
    assert (percent(123_456), percent(None), normal(Decimal("2.500")), normal(Decimal(100))) == (
        "12.3%",
        "-",
        "2.5",
        "100",
    )
    assert shortened("x" * 10) == "x" * 10
    assert shortened("x" * (PAYLOAD_CHARACTERS_MAX + 7)).endswith(
        "7 more characters: /api/events/ has the whole payload"
    )


def test_a_group_of_charges_has_a_name() -> None:
    line = CostLine(
        usd=Decimal(1),
        tokens=0,
        input_tokens=0,
        output_tokens=0,
        calls=0,
        cut_off=0,
        unpriced=0,
        estimated=0,
        title="Adders",
        model="m",
        labels={"team": "web"},
    )
    assert [name_of(line, each) for each in ("run", "model", "account", "label.team")] == [
        "Adders",
        "m",
        "no account",
        "team=web",
    ]


def test_a_chart_has_a_table_with_the_same_numbers_and_hostile_names_are_escaped() -> None:
    template = environment().from_string(
        '{% from "charts.html" import column_chart, bar_list, sparkline %}'
        '{{ column_chart("Costs", columns, "$") }}{{ bar_list("Most", bars, "$") }}'
        '{{ sparkline("Rate", line, rates, "%") }}'
    )
    lines = [("<b>", Decimal("1.50")), ("day", Decimal(3))]
    text = template.render(columns=columns(lines), bars=bars(lines), line=points([1, 2], 2), rates=[1, 2])
    assert "<b>" not in text
    assert text.count("&lt;b&gt;") == 3
    assert text.count("<svg") == 4
    assert '<th scope="row">day</th><td class="num">$3</td>' in text
    assert '<td class="num">2%</td>' in text
