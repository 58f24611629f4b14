"""The one way to write a command: what typer sees of it, and its answer, failure and interruption."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import pytest
import typer

from director.cli.commands.command import command
from director.cli.commands.options import RunId
from director.cli.output import INTERRUPTED, Door
from director.settings import Settings
from domain.errors import NotFound, Refused

RULE = "a"


@command("thing show", interrupted="`aura thing show {run}` goes on.")
async def show(
    door: Door, settings: Settings, run: RunId = "last", rule: Annotated[str, typer.Option(help="The rule.")] = RULE
) -> None:
    """Show a thing."""
    if rule == "refused":
        raise Refused("It is refused.", hint="Ask.")
    if rule == "differs":
        door.answer({"run": run}, f"the run is {run}", NotFound("A part is missing.", hint="Look for it."))
    if rule == "interrupted":
        raise KeyboardInterrupt
    door.answer({"run": run, "home": settings.root.name}, f"the run is {run}")


@command("plain")
async def plain(door: Door) -> None:
    """Need no settings."""
    await asyncio.sleep(0)
    door.answer({}, "plain")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    monkeypatch.setenv("AURA_HOME", str(tmp_path / "the-home"))
    made = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    made.command()(show)
    made.command()(plain)
    return made


def run(app: typer.Typer, *arguments: str) -> int:
    """Run a command and return its exit code."""
    try:
        app(args=list(arguments), prog_name="t", standalone_mode=False)
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_it_answers_in_words_or_as_one_object_of_its_own_schema(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, "show") == 0
    assert capsys.readouterr().out == "the run is last\n"
    assert run(app, "show", "018f", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["data"]) == ("aura/1/thing-show", {"run": "018f", "home": "the-home"})


def test_its_help_shows_its_options_and_json_and_no_inner_parameter(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    run(app, "show", "--help")
    text = capsys.readouterr().out
    assert all(part in text for part in ("Show a thing.", "RUN", "--rule", "--json"))
    assert not any(part in text for part in ("door", "settings", "as_json"))


def test_an_error_is_the_exit_code_and_the_hint(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, "show", "--rule", "refused") == Refused.exit_code
    assert capsys.readouterr().err == "aura thing show: It is refused.\n  Ask.\n"


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_an_answer_with_an_error_is_given_before_the_command_fails(
    app: typer.Typer, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    assert run(app, "show", "--rule", "differs", *(["--json"] if as_json else [])) == NotFound.exit_code
    said = capsys.readouterr()
    if as_json:
        answer = json.loads(said.out)
        assert (answer["ok"], answer["data"], answer["error"]["code"]) == (False, {"run": "last"}, "not_found")
    else:
        assert (said.out, said.err.splitlines()[0]) == ("the run is last\n", "aura thing show: A part is missing.")


def test_ctrl_c_says_what_goes_on_with_the_options_as_they_were_typed(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, "show", "018f", "--rule", "interrupted") == INTERRUPTED
    assert capsys.readouterr().err == "Interrupted. `aura thing show 018f` goes on.\n"


def test_settings_are_not_read_by_a_command_that_does_not_ask(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AURA_LOG", "xml")  # no form of a log
    assert run(app, "plain") == 0
    capsys.readouterr()
    assert run(app, "show") == 2, "control: another one reads them"
    assert "AURA_LOG" in capsys.readouterr().err
