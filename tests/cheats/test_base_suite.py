"""The base's own tests are a regression gate that the author cannot edit; the author's own tests are advice."""

import pytest

from tests.cheats.suite_cheats import RIGHT
from tests.cheats.test_suites import CASE, gate, requirement
from tests.tiers import every_second
from verification.execution.case_runner import Project
from verification.gates.base import Subject
from verification.gates.base_suite import BaseSuite
from verification.gates.own_tests import OwnTests
from verification.judge import judge
from verification.sandbox.bubblewrap import Bubblewrap
from verification.source_scan.write_set import form_findings
from verification.suites.base_suite import with_tests_of

BASE = {
    "shout.py": b"def shout(text):\n    return text.upper()\n",
    "helping.py": b"ANSWER = 'A'\n",
    "tests/conftest.py": b"import pytest\n\n\n@pytest.fixture\ndef answer():\n    return 'A'\n",
    "tests/test_shout.py": b"""import pytest
from shout import shout

@pytest.mark.slow
def test_shout(answer):
    assert shout("a") == answer

def test_more():
    assert shout("b") == "B"

def test_broken():
    assert shout("c") == "c"
""",
    "pyproject.toml": b"[tool.pytest.ini_options]\nmarkers = ['slow']\naddopts = '--strict-markers'\n",
}
TIDY = {"tidy.py": RIGHT.encode()}
QUIET = b"def shout(text):\n    return text\n"
SKIPS = b"import pytest\n\ndef shout(text):\n    pytest.skip('later')\n"


def subject(sandbox: Bubblewrap, tree: dict[str, bytes], base: dict[str, bytes]) -> Subject:
    """What the gates alone are asked about."""
    asked = requirement(cases=(CASE,))
    return Subject(
        requirement=asked,
        tree=tree,
        base=base,
        changed=tuple(tree),
        criteria=asked.criteria,
        earlier=(),
        scope=asked.scope,
        whole=True,
        project=Project(tree, None),
        sandbox=sandbox,
        seed=1,
    )


@pytest.mark.needs_sandbox
async def test_what_the_base_could_do_it_can_do_still(sandbox: Bubblewrap) -> None:
    asked = requirement(cases=(CASE,))
    found = await judge(asked, {**BASE, **TIDY}, sandbox=sandbox, seed=1, base=BASE, allow_degraded=True)
    assert found.verified, found.findings
    seen = gate(found, BaseSuite.name)
    assert (seen.result, seen.grade, seen.evidence["passed_before"]) == ("passed", "B", 2)
    assert seen.evidence["ignored"] == ("tests/test_shout.py::test_broken",)
    own = gate(found, OwnTests.name)
    assert (own.result, own.grade, own.evidence["counts"]) == ("noted", "A", {"passed": 2, "failed": 1})


LOST = {
    "breaks it": {"shout.py": QUIET},
    "breaks it and edits the tests": {"shout.py": QUIET, "tests/test_shout.py": b"def test_shout(): pass\n"},
    "breaks it and helps with a conftest": {
        "shout.py": QUIET,
        "conftest.py": b"def pytest_collection_modifyitems(items): items.clear()\n",
        "tests/conftest.py": b"import pytest\n\n@pytest.fixture\ndef answer():\n    return 'a'\n",
    },
    "breaks it and collects only": {
        "shout.py": QUIET,
        "pytest.ini": b"[pytest]\naddopts = --collect-only\n",
        "pyproject.toml": b"[tool.pytest.ini_options]\naddopts = '--collect-only'\n",
    },
    "skips": {"shout.py": SKIPS},
    "exits": {"shout.py": b"import os\nos._exit(0)\n"},
    "takes the module away": {"shout.py": b""},
}


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("name", every_second(LOST))
async def test_a_loss_is_refused(sandbox: Bubblewrap, name: str) -> None:
    report = await BaseSuite().ask(subject(sandbox, {**BASE, **TIDY, **LOST[name]}, BASE))
    assert report.result == "failed"
    (finding,) = report.findings
    assert (finding.kind, finding.integrity) == ("regression", False)
    assert "passed before your change and do not now" in finding.for_author
    assert "test_broken" not in finding.detail


@pytest.mark.needs_sandbox
async def test_a_base_whose_tests_cannot_run_blocks_nothing(sandbox: Bubblewrap) -> None:
    base = {**BASE, "tests/conftest.py": b"import nosuchmodule\n"}
    report = await BaseSuite().ask(subject(sandbox, {**base, **TIDY}, base))
    assert (report.result, report.findings) == ("noted", ())
    assert "conftest or configuration" in report.text
    without = {"shout.py": BASE["shout.py"]}
    assert (await BaseSuite().ask(subject(sandbox, {**without, **TIDY}, without))).result == "not_run"


@pytest.mark.needs_sandbox
@pytest.mark.parametrize(
    ("test", "told"),
    [
        (b"def test_it():\n    assert False\n", "1 failed"),
        (b"while True:\n    pass\n", "did not end within"),
        (b"import os\nos._exit(0)\n", "without a whole answer"),
        (b"def test_it(:\n", "1 not collected"),
    ],
    ids=["fails", "hangs", "exits", "syntax"],
)
async def test_own_tests_block_nothing(
    sandbox: Bubblewrap, monkeypatch: pytest.MonkeyPatch, test: bytes, told: str
) -> None:
    monkeypatch.setattr("verification.gates.own_tests.OWN_WALL_S", 3.0)
    report = await OwnTests().ask(subject(sandbox, {**TIDY, "tests/test_own.py": test}, {}))
    assert (report.result, report.findings) == ("noted", ())
    assert told in report.text


def test_tests_are_the_bases() -> None:
    tree = {
        **BASE,
        "tests/test_new.py": b"",
        "tests/data.txt": b"",
        "test_root.py": b"",
        "conftest.py": b"",
        "new.py": b"",
    }
    assert with_tests_of(BASE, {**tree, "tests/conftest.py": b"edited"}) == {**BASE, "new.py": b""}


def test_what_stands_in_the_place_of_the_bases_tests_gives_way() -> None:
    """Otherwise no box could hold both, and the tree would have no verdict."""
    tree = {"shout.py": b"", "tests": b"a file", "tests.py": b"another"}
    kept = with_tests_of(BASE, tree)
    assert "tests" not in kept
    assert (kept["shout.py"], kept["tests.py"]) == (b"", b"another")
    assert not form_findings(kept)
    assert with_tests_of({"test_a.py": b""}, {"test_a.py/b.txt": b""}) == {"test_a.py": b""}
