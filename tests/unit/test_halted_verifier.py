"""While the organisation is halted, the verifier keeps no boxes ready."""

from typing import Any, cast

from agents.verifier.judging import Judging
from domain.organisation import Halted, Paused, Resumed
from projections.halts import halt_in
from tests.unit.test_degraded import Weak, log

HALTED, RESUMED = Halted(reason="stop"), Resumed(reason="go on")


def test_a_halt_is_a_row_until_the_organisation_resumes() -> None:
    assert halt_in(log()) is None
    assert halt_in(log(HALTED)) is not None
    assert halt_in(log(HALTED, HALTED)) is not None
    assert halt_in(log(HALTED, RESUMED)) is None
    assert halt_in(log(HALTED, RESUMED, HALTED)) is not None
    assert halt_in(log(Paused(reason="wait"))) is None, "a paused organisation goes on soon"


async def test_the_verifier_tells_its_sandbox_once_for_each_change() -> None:
    async def send(_: object) -> None:
        raise AssertionError("nothing is judged")

    told: list[bool] = []
    nothing = cast(Any, None)  # no tree waits, so nothing is read
    judging = Judging(Weak(), nothing, nothing, send, keep_boxes=told.append)
    for rows in (log(), log(HALTED), log(HALTED), log(HALTED, RESUMED), log()):
        judging.note(rows, True)
    assert told == [False, True]
