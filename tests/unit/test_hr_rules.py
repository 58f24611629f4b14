"""The rules of HR: the default file, each error of a file with what to write, and the version of the rules."""

from importlib.resources import files
from pathlib import Path

import pytest

from domain.errors import Invalid, NotFound
from domain.ladder import Step
from governance import hr_rules
from governance.hr_rules import FILE, FILE_BYTES_MAX, default, in_force, parse, read, source_in


def default_text() -> str:
    """Return the default file without its comments."""
    text = files("governance").joinpath("hr_rules.toml").read_text()
    return "\n".join(line.partition("#")[0].rstrip() for line in text.splitlines())


LADDER = '[[ladder]]\naction = "warn"\n[[ladder]]\naction = "suspend"\ndays = 7\n[[ladder]]\naction = "end"\n'
REST = default_text().partition("[probation]")[2]
REST = f"[probation]{REST}"
RULES = LADDER + REST


def test_the_default_rules_end_the_employment_at_the_third_strike() -> None:
    rules = default().of_strikes
    assert rules.ladder == (Step(action="warn"), Step(action="suspend", days=7), Step(action="end"))
    assert [rules.step(strikes).action for strikes in (1, 2, 3, 4)] == ["warn", "suspend", "end", "end"]
    assert (rules.rehire_days, rules.version) == (30, default().version)
    assert parse(RULES, "here") == default(), "control: the texts of the tests below are the default rules"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("[[ladder]]", "[[ladder", "is not valid TOML"),
        ("after_days = 30", "after_day = 30", "unknown field `after_day`"),
        ("[rehire]", "[rehires]", "unknown field `rehires`"),
        ("days = 7", 'days = "7"', "Expected `int | null`, got `str` - at `$.ladder[1].days`"),
        ("days = 7", "days = 7.5", "Expected `int | null`, got `float`"),
        ("days = 7", "hours = 7", "unknown field `hours`"),
        ('action = "warn"', 'action = "fine"', "Invalid enum value 'fine' - at `$.ladder[0].action`"),
        ("filings_max = 2", "filings_max = 0", "Expected `int` >= 1 - at `$.appeals.filings_max`"),
        ("filings_max = 2", "", "missing required field `filings_max`"),
        ("after_days = 30", "after_days = -1", "Expected `int` >= 0"),
        ("verified_percent_min = 60", "verified_percent_min = 101", "Expected `int` <= 100"),
        ("verified_tasks_min = 20", "verified_tasks_min = 0", "Expected `int` >= 1"),
        (LADDER, "", "missing required field `ladder`"),
    ],
)
def test_a_wrong_key_or_value_is_named(before: str, after: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(RULES.replace(before, after, 1), "hr.toml")
    assert "hr.toml" in refused.value.message
    assert said in refused.value.message
    assert "aura rules show" in refused.value.hint
    assert refused.value.code == "rules_invalid"


def steps(*actions: str) -> str:
    """Return a ladder. A step is an action, or an action with days: suspend/7."""
    lines = []
    for action in actions:
        name, _, days = action.partition("/")
        lines.append(f'[[ladder]]\naction = "{name}"\n' + (f"days = {days}\n" if days else ""))
    return "".join(lines)


@pytest.mark.parametrize(
    ("ladder", "said"),
    [
        ("ladder = []\n", "Write 1 to 10 tables [[ladder]]. The file has 0."),
        (steps(*["warn"] * 11), "Write 1 to 10 tables [[ladder]]. The file has 11."),
        (steps("warn/3", "end"), "Step 1 (warn): remove `days`."),
        (steps("warn", "end/3"), "Step 2 (end): remove `days`."),
        (steps("suspend/0"), "Step 1: write `days` from 1 to 3650"),
        (steps("suspend/3651"), "Step 1: write `days` from 1 to 3650"),
        (steps("warn", "end", "end"), "Step 2 ends the employment, so no step can follow."),
        (steps("suspend/7", "warn", "end"), "Step 2 is milder than step 1."),
        (steps("suspend/7", "suspend/6"), "Step 2 is milder than step 1."),
        (steps("suspend", "suspend/6"), "Step 2 is milder than step 1."),
    ],
)
def test_an_impossible_ladder_is_refused_with_what_to_write(ladder: str, said: str) -> None:
    with pytest.raises(Invalid, match="impossible ladder") as refused:
        parse(ladder + REST, "hr.toml")
    assert said in refused.value.hint


@pytest.mark.parametrize(
    "ladder",
    [
        steps("end"),
        steps("warn", "warn", "warn"),
        steps("suspend/7", "suspend/7", "suspend/30", "suspend", "end"),
        steps(*["warn"] * 10),
    ],
)
def test_control_a_possible_ladder_is_read(ladder: str) -> None:
    assert len(parse(ladder + REST, "hr.toml").ladder) == ladder.count("[[ladder]]")


def test_the_version_follows_from_the_content_alone() -> None:
    version = parse(RULES, "here").version
    assert version == parse(f"# another comment\n{REST}\n{LADDER}", "there").version
    for before, after in (("days = 7", "days = 8"), ("after_days = 30", "after_days = 31"), ("max = 2", "max = 3")):
        assert parse(RULES.replace(before, after), "here").version != version
    assert version == "hr-6683b29390bc"


def test_a_file_in_the_home_replaces_the_default_rules(tmp_path: Path) -> None:
    assert (source_in(tmp_path), in_force(tmp_path)) == (None, default())
    own = tmp_path / FILE
    own.write_text(steps("end") + REST)
    assert source_in(tmp_path) == own
    assert [step.action for step in in_force(tmp_path).ladder] == ["end"]
    own.write_text("ladder = 3")
    with pytest.raises(Invalid, match=str(own)):
        in_force(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(NotFound, match=f"no file {path}"):
        read(path)
    with pytest.raises(Invalid, match="cannot be read"):
        read(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(Invalid, match="is not UTF-8"):
        read(path)
    path.write_text("#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(Invalid, match=f"more than {FILE_BYTES_MAX} bytes"):
        read(path)
    path.write_text(RULES)
    assert read(path) == hr_rules.default(), "control"
