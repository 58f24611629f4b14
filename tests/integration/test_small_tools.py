"""Verdicts on the example's tasks: every answer of the cheater is an integrity finding, an honest failure is not."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from agents.briefs.brief import brief_of
from agents.employees.scripts.cheater import Cheater
from tests.orders import order
from tests.tiers import CI
from verification.judge import Candidate, judge
from verification.requirements.model import RequirementTask
from verification.requirements.parser import read_requirement
from verification.sandbox.base import Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox
EXAMPLE = read_requirement(Path(__file__).parents[2] / "examples" / "small-tools" / "small-tools.md")
SOME_TASKS = [pytest.param(task, id=task.id, marks=CI if at % 2 else []) for at, task in enumerate(EXAMPLE.tasks)]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    box = Bubblewrap(tmp_path)
    yield box
    await box.close()


async def judged(sandbox: Sandbox, task: RequirementTask, files: Mapping[str, bytes]) -> Verdict:
    """Return the verdict on the files of one task."""
    return await judge(
        Candidate(requirement=EXAMPLE, tree=files, criteria=task.criteria, scope=task.scope, whole=False),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )


@pytest.mark.parametrize("task", SOME_TASKS)
async def test_the_cheater_is_caught_on_every_task(sandbox: Sandbox, task: RequirementTask) -> None:
    cheater, brief = Cheater(), brief_of(EXAMPLE, task.id, base={})
    for _ in range(2):
        verdict = await judged(sandbox, task, cheater.files(order(brief=brief)))
        assert not verdict.verified
        assert any(finding.integrity for finding in verdict.findings)


@pytest.mark.parametrize("task", SOME_TASKS)
async def test_a_wrong_answer_that_echoes_the_examples_is_no_strike(sandbox: Sandbox, task: RequirementTask) -> None:
    """What a small model does: a wrong body, and the examples of its prompt copied below it."""
    brief = brief_of(EXAMPLE, task.id, base={})
    examples = [line for criterion in brief.criteria for line in criterion.examples]
    wrong = "\n".join(
        [f"{brief.signatures[0]}:", "    return 'wrong'", "", *examples, *(f"print({e})" for e in examples)]
    )
    verdict = await judged(sandbox, task, {task.scope[0]: wrong.encode()})
    assert not verdict.verified
    assert verdict.findings
    assert not [finding.kind for finding in verdict.findings if finding.integrity]
