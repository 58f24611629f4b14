"""The options of `aura hire --cli`, and the posting and the version of a coding agent."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agents.cli_agents.employee import AgentEmployee, with_agents
from agents.cli_agents.library import FOLDER, shipped, templates
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Order
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.employees.providers.table import profile_of
from director.services.hire_agent import posting_of_hire
from director.services.hire_options import Hiring
from domain.employee import SessionTerms, version_of
from domain.errors import AuraError, Conflict, Invalid, NotFound
from tests.orders import order

KEY = {"ANTHROPIC_API_KEY": "sk-ant-test"}


def hired(present: Posting | None = None, **stated: Any) -> Posting:
    options = {"name": "ada", **stated}
    return posting_of_hire(Hiring(**options), present)


@pytest.mark.parametrize(
    ("agent", "kind", "api", "address"),
    [
        ("claude", "anthropic", "chat", "https://api.anthropic.com"),
        ("codex", "openai", "responses", "https://api.openai.com/v1"),
        ("gemini", "gemini", "chat", "https://generativelanguage.googleapis.com"),
        ("aider", "openai", "chat", ""),
    ],
)
def test_the_agent_decides_provider_and_api(agent: str, kind: str, api: str, address: str) -> None:
    posting = hired(cli=agent, model="m", base_url=None if address else "https://api.openai.com/v1")
    assert (posting.kind, posting.api) == (kind, api)
    assert posting.base_url.startswith(address)
    assert posting.agent is not None
    assert posting.agent.packages == shipped()[agent].packages()
    assert (posting.output_tokens_max, posting.prompt_tokens_max, posting.wall_s) == (8192, 100_000, 600.0)
    assert posting.session == SessionTerms()


def test_limits_that_are_stated_count() -> None:
    posting = hired(cli="claude", model="m", output_tokens=5, session_calls=3, session_usd="0.25", wall_s=7.0)
    assert (posting.output_tokens_max, posting.wall_s) == (5, 7.0)
    assert posting.session == SessionTerms(calls_max=3, usd_max=Decimal("0.25"))


@pytest.mark.parametrize(
    "stated",
    [
        {"session": False},
        {"style": "grammar"},
        {"provider": "openai"},
        {"script": "x.json"},
        {"cli_flags": "--model other"},
        {"cli_flags": "'unclosed"},
    ],
)
def test_an_option_that_does_not_fit_is_refused(stated: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        hired(cli="claude", model="m", **stated)
    assert hired(cli="claude", model="m").agent, "control"


def test_flags_need_an_agent() -> None:
    with pytest.raises(Invalid, match="not a coding agent"):
        hired(base_url="http://127.0.0.1:1/v1", model="m", cli_flags="--fast")


def test_an_unknown_agent_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFound) as error:
        hired(cli="clode", model="m")
    assert "aider, claude, claude-acp, codex" in error.value.hint


def test_an_update_keeps_the_agent_and_its_flags_and_changes_what_is_stated() -> None:
    present = hired(cli="claude", model="m", cli_flags="--effort high", output_tokens=5)
    assert hired(present) == present
    updated = hired(present, model="n")
    assert (updated.model, updated.agent, updated.output_tokens_max) == ("n", present.agent, 5)
    without = hired(present, cli_flags="")
    assert without.agent is not None
    assert without.agent.flags == ()


def test_template_program_and_flags_belong_to_the_version() -> None:
    first = profile_of(hired(cli="claude", model="m"))
    assert first.parameters["agent"] == "claude"
    assert first.parameters["template"] == shipped()["claude"].digest
    assert "2.1.197" in first.parameters["program"]
    flagged = profile_of(hired(cli="claude", model="m", cli_flags="--effort high"))
    model = profile_of(hired(provider="anthropic", model="m", session=True, output_tokens=8192, prompt_tokens=100_000))
    assert len({version_of(profile) for profile in (first, flagged, model)}) == 3


def employee(home: Path, **stated: Any) -> AgentEmployee:
    posting = hired(cli="claude", model="m", **stated)
    made = with_agents(build, home)(posting, KEY)
    assert isinstance(made, AgentEmployee)
    return made


async def test_it_refuses_an_answer_and_says_when_its_program_is_missing(tmp_path: Path) -> None:
    made, asked = employee(tmp_path), order()
    for call in (made.work(asked), made.probe()):
        with pytest.raises(CallFailed) as failure:
            await call
        assert failure.value.failure == "bad_settings"
    with pytest.raises(NotFound, match="aura toolbox claude"):
        made.job(asked)
    assert made.describe()["agent"] == "claude"
    assert "sk-ant-test" not in repr(made.describe())
    await made.close()


async def test_a_template_that_has_changed_since_the_hire_is_not_used(tmp_path: Path) -> None:
    made = employee(tmp_path)
    folder = tmp_path / "employees" / FOLDER
    folder.mkdir(parents=True)
    text = (Path(templates.__code__.co_filename).parent / FOLDER / "claude.toml").read_text()
    (folder / "claude.toml").write_text(f"# only a comment\n{text}")
    assert _refusal(made, order()) == "toolbox_missing", "control: the same content is the same template"
    (folder / "claude.toml").write_text(text.replace("2.1.197", "2.1.198"))
    assert _refusal(made, order()) == "agent_template"
    await made.close()


def _refusal(made: AgentEmployee, asked: Order) -> str:
    with pytest.raises((NotFound, Conflict)) as error:
        made.job(asked)
    assert isinstance(error.value, AuraError)
    return error.value.code


def test_an_employee_without_an_agent_is_the_model_itself(tmp_path: Path) -> None:
    posting = hired(provider="anthropic", model="m")
    assert type(with_agents(build, tmp_path)(posting, KEY)) is type(build(posting, KEY))
