"""The committed table of pass rates gives the example's attempts_max, and was measured with the present prompts."""

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from agents.briefs.brief import brief_of
from agents.employees.prompts import Style
from agents.employees.providers.llama_cpp import FEEDBACK_MAX, OUTPUT_TOKENS_MAX, STOPS, TEMPERATURE
from agents.employees.providers.llama_cpp_server import model_available, model_digest
from bench.choose import CHEATED_ATTEMPTS_MAX, Published, page_of, rates_of
from bench.odds import all_verified_at_least, no_rejection_at_most
from bench.passrates import CANDIDATES, prompt_sha256
from verification.requirements.model import Requirement
from verification.requirements.parser import read_requirement

EXAMPLE = Path(__file__).parents[2] / "examples" / "small-tools"
TRIES_MIN = 40


@pytest.fixture(scope="module")
def table() -> Published:
    return msgspec.json.decode((EXAMPLE / "pass-rates.json").read_bytes(), type=Published)


@pytest.fixture(scope="module")
def requirement() -> Requirement:
    return read_requirement(EXAMPLE / "small-tools.md")


def test_every_candidate_was_tried_often_enough_in_each_style(table: Published) -> None:
    styles = {
        name: [row.style for row in table.rows if row.function == name] for name in {r.function for r in table.rows}
    }
    assert len(styles) >= 10
    assert all(sorted(found) == sorted(get_args(Style)) for found in styles.values())
    assert all(row.tries >= TRIES_MIN and 0 <= row.passes <= row.tries for row in table.rows)


def test_all_five_are_verified_with_more_than_999_in_1000(table: Published) -> None:
    attempts = table.attempts_max - CHEATED_ATTEMPTS_MAX
    probability = all_verified_at_least(rates_of(table.rows, table.example), attempts)
    assert probability == pytest.approx(table.all_verified_at_least)
    assert probability > 0.999


def test_a_run_without_rejection_is_rarer_than_1_in_1000(table: Published) -> None:
    probability = no_rejection_at_most(rates_of(table.rows, table.example))
    assert probability == pytest.approx(table.no_rejection_at_most)
    assert probability < 0.001


def test_one_attempt_a_task_would_not_do(table: Published) -> None:
    assert all_verified_at_least(rates_of(table.rows, table.example), 1) < 0.999


def test_the_rates_belong_to_the_prompts_of_the_example(table: Published, requirement: Requirement) -> None:
    assert tuple(task.scope[0].removesuffix(".py") for task in requirement.tasks) == table.example
    measured = {(row.function, row.style): row.prompt_sha256 for row in table.rows}
    for task in requirement.tasks:
        brief = brief_of(requirement, task.id, base={})
        for style in get_args(Style):
            assert measured[task.scope[0].removesuffix(".py"), style] == prompt_sha256(brief, style)


def test_every_row_belongs_to_a_candidate_and_its_prompt(table: Published) -> None:
    candidates = read_requirement(CANDIDATES)
    prompts = {
        (task.scope[0].removesuffix(".py"), style): prompt_sha256(brief_of(candidates, task.id, base={}), style)
        for task in candidates.tasks
        for style in get_args(Style)
    }
    assert {(row.function, row.style): row.prompt_sha256 for row in table.rows} == prompts


def test_the_rates_belong_to_the_settings_of_the_embedded_employees(table: Published) -> None:
    settings = (table.temperature, table.output_tokens_max, table.feedback_max, table.stops)
    assert settings == (TEMPERATURE, OUTPUT_TOKENS_MAX, FEEDBACK_MAX, STOPS)


@pytest.mark.skipif(model_available() is not None, reason="the embedded model is not installed")
def test_the_rates_belong_to_the_installed_weights(table: Published) -> None:
    assert table.model_digest == model_digest()


def test_the_page_for_people_is_the_table(table: Published) -> None:
    assert (EXAMPLE / "pass-rates.md").read_text() == page_of(table)


def test_no_sealed_case_is_a_visible_one_and_each_task_has_one_file(requirement: Requirement) -> None:
    assert len(requirement.tasks) == 5
    for task in requirement.tasks:
        assert len(task.scope) == 1
    for criterion in requirement.criteria:
        visible = {json.dumps(case.steps[0].args) for case in criterion.cases}
        sealed = {json.dumps(case.steps[0].args) for case in criterion.sealed}
        assert len(visible) >= 2
        assert len(sealed) >= 3
        assert not visible & sealed
