"""The journey of a requirement in CONTRIBUTING.md can be measured again."""

import pytest

from tests.architecture.figures import PAGE, block_of
from tests.architecture.journey import travelled

pytestmark = [pytest.mark.slow, pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


def test_a_requirement_is_followed_through_the_code() -> None:
    """Given one task: its hops are those of the page, and each part of the way ran functions of its own."""
    journey = travelled()
    shown = block_of(PAGE.read_text(encoding="utf-8"), "journey")
    assert " → ".join(f"`{hop}`" for hop in journey.hops) in shown
    ran = {file for file, _ in journey.functions}
    assert {"governance/gate.py", "domain/run.py", "agents/workers/worker.py", "verification/judge.py"} <= ran
    assert "director/services/submit.py" in ran, "control: the command that hands in is traced too"
    assert "director/services/replay.py" not in ran, "control: a file that is not needed does not count"
