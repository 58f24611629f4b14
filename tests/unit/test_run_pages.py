"""The parts of the screen of a run that need no server: the drawing, the sources of lines, foreign text."""

import pytest

from director.http.pages.foreign_text import coloured, markdown
from director.http.pages.plan_graph import NODE_H, drawing
from director.services.importance import LOW
from director.services.run_at import PlannedNode
from director.services.run_code import LineSource, blame, side_by_side
from director.services.run_timeline import KEY, level_of
from domain.registry import EVENTS


def node(name: str, *after: str) -> PlannedNode:
    return PlannedNode(
        name=name, phase="waiting", attempts=0, employee="", reason="", criteria=(), scope=(), after=after
    )


def source(name: str) -> LineSource:
    return LineSource(employee=name, task="t", attempt=1, seq=1)


def test_a_task_is_right_of_the_tasks_before_it_and_no_two_are_in_one_place() -> None:
    plan = [node("d", "b", "c"), node("b", "a"), node("a"), node("c", "a"), node("e", "gone")]
    drawn = drawing(plan)
    places = {each.node.name: (each.x, each.y) for each in drawn.nodes}
    assert places["a"][0] == places["e"][0] < places["b"][0] == places["c"][0] < places["d"][0]
    assert len(set(places.values())) == len(plan)
    assert len(drawn.curves) == 4, "a dependency outside the plan is left out"
    assert all(0 <= y <= drawn.height - NODE_H for _, y in places.values())
    assert drawing(plan) == drawn
    assert drawing([]).nodes == ()


def test_a_cycle_does_not_hang() -> None:
    assert len(drawing([node("a", "b"), node("b", "a")]).nodes) == 2


def test_a_line_belongs_to_the_first_work_that_has_it() -> None:
    ann, bob = source("ann"), source("bob")
    versions = [(ann, ["one", "two"]), (bob, ["one", "2", "three"])]
    assert blame(["zero"], versions, ["one", "2", "three"]) == [ann, bob, bob]
    assert blame(["one"], versions, ["one", "2", "three"]) == [None, bob, bob], "the base had the first line"
    assert blame(["a"], [], ["a", "b"]) == [None, None]


def test_unchanged_lines_far_from_a_change_become_a_gap() -> None:
    before = [str(number) for number in range(30)]
    lines = side_by_side(before, [*before[:20], "new", *before[21:]], [None] * 30)
    assert [line.kind for line in lines] == ["gap", *["same"] * 4, "removed", "added", *["same"] * 4]
    assert [(line.old, line.new) for line in lines if line.kind != "same"][1:] == [(21, 0), (0, 21)]
    assert side_by_side(["a"], ["a"], [None]) == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/x.png)",
        "<img src=x onerror=alert(1)>",
        "[x](http://plain.example)",
        "<div hx-get=/stop>x</div>",
    ],
)
def test_a_models_markdown_runs_and_loads_nothing(text: str) -> None:
    made = str(markdown(text))
    assert not any(part in made for part in ("<script", "href", "<img", "<div"))
    assert "<strong>" in markdown("**x**"), "the control"


def test_code_is_escaped_and_keeps_its_lines() -> None:
    lines = ["x = '''a", "<script>'''", "", "y = 1  # </td>"]
    made = coloured("a.py", lines)
    assert len(made) == len(lines)
    assert not any("<script" in line or "</td" in line for line in made)
    assert [line.striptags() for line in coloured("a.unknown", ["a  <b", "c"])] == ["a <b", "c"]


def test_each_important_type_exists() -> None:
    types = set(EVENTS)
    assert types >= KEY | LOW
    assert not KEY & LOW
    assert (level_of("run.approved"), level_of("task.call_started"), level_of("run.merged")) == (
        "key",
        "routine",
        "normal",
    )
