"""The base's own tests are a regression gate that the author cannot edit. The author's own tests are only advice."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cheats.suite_cheats import RIGHT
from tests.cheats.test_suites import CASE, gate, requirement
from tests.tiers import every_second
from verification.execution.case_runner import Project
from verification.gates.base import Origin, Subject
from verification.gates.base_suite import BaseTests
from verification.gates.own_tests import OwnTests
from verification.judge import Candidate, judge
from verification.packages.project_environment import environment_of
from verification.requirements.model import BaseSuitePolicy
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


def subject(
    sandbox: Bubblewrap, tree: Mapping[str, bytes], base: Mapping[str, bytes], policy: BaseSuitePolicy | None = None
) -> Subject:
    """Return a subject for tests of single gates."""
    asked = replace(requirement(cases=(CASE,)), base_suite=policy or BaseSuitePolicy(), scope=("tidy.py",))
    return Subject(
        requirement=asked,
        tree=tree,
        base=base,
        changed=tuple(tree),
        criteria=asked.criteria,
        earlier=(),
        scope=asked.scope,
        whole=True,
        project=Project(tree, None, environment=environment_of(base, None)),
        sandbox=sandbox,
        seed=1,
        origin=Origin(files=base),
    )


@pytest.mark.needs_sandbox
async def test_what_the_base_could_do_it_can_do_still(sandbox: Bubblewrap) -> None:
    asked = requirement(cases=(CASE,))
    found = await judge(
        Candidate(requirement=asked, tree={**BASE, **TIDY}, base=BASE, mutants_max=0),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert found.verified, found.findings
    seen = gate(found, BaseTests.name)
    assert (seen.result, seen.grade, seen.evidence["passed_before"]) == ("passed", "B", 2)
    assert seen.evidence["ignored"] == ("tests/test_shout.py::test_broken",)
    own = gate(found, OwnTests.name)
    assert (own.result, own.text) == ("not_run", "the author wrote no tests")


LOST = {"breaks it": {"shout.py": QUIET}, "takes the module away": {"shout.py": b""}}
"""Losses by wrong code alone. Cheats that also change the tests are in tests/cheats/on_base."""


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("name", every_second(LOST))
async def test_a_loss_is_refused(sandbox: Bubblewrap, name: str) -> None:
    report = await BaseTests().ask(subject(sandbox, {**BASE, **TIDY, **LOST[name]}, BASE))
    assert report.result == "failed"
    (finding,) = report.findings
    assert (finding.kind, finding.integrity) == ("regression", False)
    assert "passed before your change and do not pass now" in finding.for_author
    assert "test_broken" not in finding.detail


@pytest.mark.needs_sandbox
async def test_a_base_whose_tests_cannot_run_is_refused_unless_the_requirement_says_why(sandbox: Bubblewrap) -> None:
    base = {**BASE, "tests/conftest.py": b"import nosuchmodule\n"}
    report = await BaseTests().ask(subject(sandbox, {**base, **TIDY}, base))
    (finding,) = report.findings
    assert (report.result, finding.kind, finding.integrity) == ("failed", "base_suite", False)
    assert "only 0 of 1 of the base's test files ran on the base" in finding.detail
    assert "nosuchmodule" in finding.detail
    none = BaseSuitePolicy(run="none", reason="they need a module that nobody has")
    report = await BaseTests().ask(subject(sandbox, {**base, **TIDY}, base, none))
    assert (report.result, report.findings) == ("noted", ())
    assert none.reason in report.text
    without = {"shout.py": BASE["shout.py"]}
    assert (await BaseTests().ask(subject(sandbox, {**without, **TIDY}, without))).result == "not_run"


MANY = {
    **BASE,
    "loud/__init__.py": b"from importlib.metadata import version\n\n__version__ = version('loud-talk')\n",
    "loud/words.py": b"def words(text):\n    return text.split()\n",
    "tests/test_loud.py": b"import loud\n\ndef test_version():\n    assert loud.__version__ == '1.2.3'\n",
    "tests/test_words.py": b"from loud.words import words\n\ndef test_words():\n    assert words('a b')[1:] == ['b']\n",
    "tests/test_other.py": b"import nosuchmodule\n\ndef test_other():\n    pass\n",
    "tests/deep/conftest.py": b"def pytest_nosuchplugin_hook():\n    pass\n",
    "pyproject.toml": b"""[project]
name = "loud-talk"
version = "1.2.3"
[tool.pytest.ini_options]
markers = ["slow"]
addopts = "--strict-markers --cov=loud --cov-report=term -n 2 --unknown-option"
filterwarnings = ["error", "ignore::nosuchmodule.Deprecated"]
required_plugins = "pytest-cov"
""",
}


@pytest.mark.needs_sandbox
@pytest.mark.slow
@pytest.mark.ci
async def test_a_file_that_does_not_import_leaves_the_others_judging(sandbox: Bubblewrap) -> None:
    """The other files ran with coverage options, a plugin and a warning filter that the box lacks, all left out."""
    right = {**MANY, **TIDY, "loud/words.py": b"def words(text):\n    return [*text.split()]\n"}
    report = await BaseTests().ask(subject(sandbox, right, MANY))
    assert report.result == "passed", report
    assert report.text.startswith("3 of 4 test files ran, 4 tests passed on the base")
    assert "--cov=loud" in report.text
    assert "nosuchmodule" in str(report.evidence["not_run"])
    broken = {**MANY, **TIDY, "loud/words.py": b"def words(text):\n    return [text]\n"}
    report = await BaseTests().ask(subject(sandbox, broken, MANY))
    assert report.result == "failed"
    assert [(finding.kind, "test_words" in finding.detail) for finding in report.findings] == [("regression", True)]


SETTINGS_PLUGIN = """import importlib
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config):
    early_config.settings = importlib.import_module("tests.settings")

@pytest.fixture
def settings(request):
    return request.config.settings
"""
SETTLED = {
    "shout.py": BASE["shout.py"],
    "tests/__init__.py": b"",
    "tests/settings.py": b"LOUD = '!'\n",
    "tests/test_settled.py": b"""from shout import shout

def test_settled(settings):
    assert shout('a') + settings.LOUD == 'A!'
""",
}


@pytest.mark.needs_sandbox
async def test_a_plugin_that_imports_the_projects_settings_finds_them(sandbox: Bubblewrap, tmp_path: Path) -> None:
    """It does so before any conftest, as pytest-django does."""
    (tmp_path / "settling.py").write_text(SETTINGS_PLUGIN)
    (tmp_path / "settling-1.dist-info").mkdir()
    (tmp_path / "settling-1.dist-info" / "entry_points.txt").write_text("[pytest11]\nsettling = settling\n")
    asked = subject(sandbox, {**SETTLED, **TIDY}, SETTLED)
    project = replace(asked.project, libraries=tmp_path, environment=environment_of(SETTLED, tmp_path))
    report = await BaseTests().ask(dataclasses.replace(asked, project=project))
    assert report.text == "1 of 1 test files ran, 1 test passed on the base", report
    assert report.result == "passed"


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_half_of_the_files_that_import_a_module_in_scope_must_run(sandbox: Bubblewrap) -> None:
    """Three of four files run, and the only one that would notice a change of the module in scope does not."""
    base = {**MANY, "tests/test_other.py": b"import nosuchmodule\nimport tidy\n\ndef test_other():\n    pass\n"}
    base["tidy.py"] = b""
    report = await BaseTests().ask(subject(sandbox, {**base, **TIDY}, base))
    assert [finding.kind for finding in report.findings] == ["base_suite"]
    assert "only 0 of 1 of the test files that import a module in scope" in report.findings[0].detail
    policy = BaseSuitePolicy(run="partial", reason="nosuchmodule is not to be had")
    report = await BaseTests().ask(subject(sandbox, {**base, **TIDY}, base, policy))
    assert (report.result, report.findings) == ("passed", ())
    assert policy.reason in report.text


@pytest.mark.needs_sandbox
@pytest.mark.parametrize(
    ("test", "told"),
    [
        (b"def test_it():\n    assert False\n", "1 failed"),
        (b"while True:\n    pass\n", "did not end within"),
        (b"import os\nos._exit(0)\n", "without a complete answer"),
        (b"def test_it(:\n", "1 not collected"),
    ],
    ids=["fails", "hangs", "exits", "syntax"],
)
async def test_own_tests_block_nothing(
    sandbox: Bubblewrap, monkeypatch: pytest.MonkeyPatch, test: bytes, told: str
) -> None:
    if "did not end" in told:  # the others end by themselves, on a busy machine later
        monkeypatch.setattr("verification.gates.own_tests.OWN_WALL_S", 3.0)
    report = await OwnTests().ask(subject(sandbox, {**TIDY, "tests/test_own.py": test}, {}))
    assert (report.result, report.findings) == ("noted", ())
    assert told in report.text


@pytest.mark.needs_sandbox
async def test_on_a_base_the_authors_own_tests_are_the_ones_that_the_author_wrote(sandbox: Bubblewrap) -> None:
    """The base's tests have run already, in the gate before. A test of the author may use the base's fixtures."""
    own = b"def test_own(answer):\n    assert answer == 'A'\n\n\ndef test_fails():\n    assert False\n"
    tree = {**BASE, **TIDY, "tests/test_own.py": own}
    whole = subject(sandbox, tree, BASE)
    report = await OwnTests().ask(dataclasses.replace(whole, changed=("tests/test_own.py", "tidy.py")))
    assert (report.result, report.evidence["counts"], report.evidence["files"]) == (
        "noted",
        {"passed": 1, "failed": 1},
        1,
    )
    alone = dataclasses.replace(whole, changed=tuple(tree), origin=Origin(files={}), base={})
    control = await OwnTests().ask(alone)
    assert control.evidence["counts"] == {"passed": 3, "failed": 2}, "without a base, all tests are the author's"


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


CHAIN = {
    "state.py": b"READY = []\n\ndef value():\n    return 1\n",
    "tests/test_chain.py": b"""import state

def test_first():
    state.READY.append(1)

def test_second():
    assert state.READY and state.value() == 1
""",
}


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_a_test_that_needs_the_one_before_it_is_lost_and_not_flaky(sandbox: Bubblewrap) -> None:
    broken = {**CHAIN, **TIDY, "state.py": CHAIN["state.py"].replace(b"return 1", b"return 2")}
    report = await BaseTests().ask(subject(sandbox, broken, CHAIN))
    assert [finding.kind for finding in report.findings] == ["regression"]
    assert report.evidence["flaky"] == ()
    honest = await BaseTests().ask(subject(sandbox, {**CHAIN, **TIDY}, CHAIN))
    assert honest.result == "passed"
