"""The reason of a choice in words: in the story of a run, and as a table of candidates."""

from dataclasses import replace

from director.cli.log_text import choice_lines
from director.services.causes import choice_view
from director.terminal.event_text import Story
from domain import task
from domain.message import Recorded
from tests.unit.simulated_staff import Simulated, Simulation, steady

CHEAP = Simulated("cheap", steady(1.0), usd="0.01", usd_max="0.04")
STRONG = Simulated("strong", steady(1.0), usd="0.20", usd_max="0.60")


def told(simulation: Simulation) -> tuple[Story, list[Recorded]]:
    story = Story()
    for recorded in simulation.log:
        story.hear(recorded)
    return story, [each for each in simulation.log if isinstance(each.event, task.Assigned)]


def test_the_story_says_why_an_employee_was_chosen() -> None:
    simulation = Simulation((CHEAP, STRONG))
    simulation.run()
    story, assigned = told(simulation)
    words = story.tell(assigned[0])
    assert words.startswith(
        "T1: attempt 1 to cheap. cheap was chosen because its attempt has the best value among 2 employees"
    )
    unset = Simulation((CHEAP, STRONG), routing=None)
    unset.run()
    story, assigned = told(unset)
    assert "chosen" not in story.tell(assigned[0]), "control: without a recorded choice there is no reason"


def test_the_table_names_each_candidate_with_its_numbers() -> None:
    simulation = Simulation((CHEAP, replace(STRONG, name="dear")))
    simulation.run()
    story, assigned = told(simulation)
    view = choice_view(assigned[0], story)
    assert view is not None
    text = "\n".join(choice_lines(view))
    assert "Why this employee:" in text
    assert "strategy cascade, value $1.0000 (from: organisation), risk normal, 0 failed before" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith(("cheap ", "dear "))}
    assert rows["cheap"].rstrip().endswith("chosen")
    assert not rows["dear"].rstrip().endswith("chosen")
    assert all("50%" in line for line in rows.values())
    assert choice_view(simulation.log[0], story) is None
