"""The time limit of the base's own tests on a tree follows the machine, and a tree that hangs is still refused."""

import pytest

from tests.sandboxes import sandbox
from verification.execution.case_runner import Project
from verification.sandbox.bubblewrap import Bubblewrap
from verification.suites import base_suite
from verification.suites.base_outcome import BaseOutcome
from verification.suites.base_suite import BaseSuite

__all__ = ["sandbox"]

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.slow]

BASE = {
    "shop.py": b"def total(prices):\n    return sum(prices)\n",
    "tests/test_shop.py": (
        b"import time\n\nfrom shop import total\n\n\n"
        b"def test_total():\n    time.sleep(2)\n    assert total([1, 2]) == 3\n"
    ),
}
TEST = "tests/test_shop.py::test_total"
QUICK = BaseOutcome(outcomes={TEST: "passed"}, files=("tests/test_shop.py",), seconds={"tests/test_shop.py": 0.1})
"""The outcome on the base when the machine was much faster."""


@pytest.fixture
def suite(sandbox: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> BaseSuite:
    monkeypatch.setattr(base_suite, "TREE_WALL_MIN_S", 1.0)
    return BaseSuite(BASE, Project(BASE, None), sandbox)


async def test_a_machine_that_became_slower_refuses_no_honest_tree(suite: BaseSuite) -> None:
    tree = BASE | {"shop.py": b"def total(prices):\n    return sum(list(prices))\n"}
    assert (await suite.compare(QUICK, tree)).lost == ()


async def test_a_tree_that_hangs_is_refused(suite: BaseSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the longer limit ends, too."""
    monkeypatch.setattr(base_suite, "TREE_TIMES_LONGER", 1.5)
    tree = BASE | {"shop.py": b"def total(prices):\n    while True:\n        pass\n"}
    ((test, why),) = (await suite.compare(QUICK, tree)).lost
    assert "did not end within" in why, test


async def test_the_whole_duration_on_the_base_is_measured(suite: BaseSuite) -> None:
    before = await suite.on_base()
    assert before.took_s >= sum(before.seconds.values()) > 1.9
