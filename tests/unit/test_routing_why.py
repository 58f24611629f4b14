"""The reason of a choice in words: in the story of a run, and as a table of candidates."""

from dataclasses import replace

from director.cli.log_text import choice_lines
from director.services.causes import choice_view, last_choices
from director.terminal.event_text import Story
from director.terminal.text import choice_sentences
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


def test_the_record_of_a_run_has_the_last_choice_of_each_task() -> None:
    simulation = Simulation((replace(CHEAP, rate=steady(0.0)), STRONG))
    run = simulation.run(plan=2)
    events = [each for each in simulation.log if getattr(each.event, "run", None) == run]
    story, assigned = told(simulation)
    last = {each.event.task: each.event for each in assigned if isinstance(each.event, task.Assigned)}
    choices = last_choices(events, story)
    assert [choice.task for choice in choices] == ["T1", "T2"]
    assert [(choice.task, choice.attempt, choice.employee) for choice in choices] == [
        (story.task_name(event.task), event.attempt, event.employee) for event in last.values()
    ]
    assert choice_sentences(choices)[0] == f"T1, attempt {choices[0].attempt}: {choices[0].sentence}"
    assert choices[0].attempt > 1, "control: an earlier choice is not shown"
    unset = Simulation((CHEAP,), routing=None)
    unset.run()
    assert last_choices(unset.log, Story()) == (), "control: without a recorded choice there is no reason"
