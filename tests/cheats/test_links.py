"""Links, seen by the gates that need no box, and links of honest authors. tests/cheats/on_base judges other links."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import pytest

from agents.workers.result import HandIn
from domain.tree import Manifest, Tree, overlay
from tests.cheats.solutions import requirement
from tests.cheats.test_base_suite import BASE, QUIET, TIDY, subject
from verification.gates.base_suite import BaseTests
from verification.judge import Candidate, judge
from verification.sandbox.bubblewrap import Bubblewrap
from verification.source_scan.write_set import (
    changed_paths,
    compiled_findings,
    form_findings,
    scope_findings,
    twin_findings,
)
from verification.suites.base_suite import with_tests_of
from verification.suites.clean_tree import clean

SCOPE = ("src/**",)
BEFORE = Tree(
    {
        "conftest.py": b"import pytest\n",
        "data/words.txt": b"a\n",
        "pyproject.toml": b"[project]\n",
        "src/main.py": b"x = 1\n",
        "tests/conftest.py": b"",
        "tests/test_main.py": b"",
    },
    links={"src/words": "../data"},
)


class Linked(NamedTuple):
    """The author's additions to the base: links and files by path, and the message if they are refused."""

    links: Mapping[str, str]
    files: Mapping[str, bytes] = {}
    says: str = ""


def after(written: Linked) -> Tree:
    files = BEFORE.with_files(written.files)
    return files.with_tree(Tree({}, links=written.links))


def found(written: Linked) -> list[str]:
    """Return the findings of the gates that need no box."""
    tree = after(written)
    changed = changed_paths(tree, BEFORE)
    findings = [
        *form_findings(tree, changed),
        *compiled_findings(changed, tree),
        *twin_findings(changed, tree),
        *scope_findings(changed, SCOPE),
    ]
    return [finding.detail for finding in findings]


CHEATS = {
    "absolute": Linked({"src/hosts": "/etc/hosts"}, says="absolute path"),
    "out-of-the-tree": Linked({"src/up": "../../verify"}, says="leads out of the tree"),
    "out-by-another-link": Linked({"src/a": "b/../..", "src/b": "../data"}, says="leads out of the tree"),
    "circle": Linked({"src/a": "b", "src/b": "a"}, says="cycle"),
    "to-nothing": Linked({"src/later.py": "made.py"}, says="leads to nothing"),
    "to-conftest-by-two": Linked({"src/a.py": "b.py", "src/b.py": "../conftest.py"}, says="could influence"),
    "to-a-folder-with-conftest": Linked({"src/checks": "../tests"}, says="tests/conftest.py, which could influence"),
    "to-the-root": Linked({"src/all": ".."}, says="folder that contains it"),
    "to-itself-from-below": Linked({"src/sub/all": ".."}, {"src/sub/x.py": b""}, says="folder that contains it"),
    "to-configuration": Linked({"src/settings.toml": "../pyproject.toml"}, says="pyproject.toml, which could"),
    "named-conftest": Linked({"src/conftest.py": "main.py"}, says="with the name src/conftest.py"),
    "named-configuration": Linked({"src/pyproject.toml": "own.toml"}, {"src/own.toml": b""}, says="with the name"),
    "named-path-file": Linked({"src/x.pth": "own"}, {"src/own": b"import os\n"}, says="with the name src/x.pth"),
    "compiled-by-another-name": Linked({"src/late.pyo": "blob"}, {"src/blob": b"\xa7\r\r\n"}, says="compiled Python"),
    "twin-by-case": Linked({"src/Main.py": "main.py"}, says="the same file on some systems"),
    "file-below-a-link": Linked({}, {"src/words/more.txt": b""}, says="lies below"),
    "changed-target": Linked({"src/words": "../tests"}, says="could influence"),
    "outside-its-scope": Linked({"lib": "src"}, says="lib was written"),
}
HONEST = {
    "to-a-file-beside": Linked({"src/alias.py": "main.py"}),
    "to-data": Linked({"src/list.txt": "../data/words.txt"}),
    "to-a-folder": Linked({"src/lists": "../data"}),
    "through-a-link": Linked({"src/list.txt": "words/words.txt"}),
    "changed-target": Linked({"src/words": "../data/"}),
    "nothing": Linked({}),
    "a-file": Linked({}, {"src/more/words.txt": b""}),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_with_a_link_is_refused(name: str) -> None:
    told = found(CHEATS[name])
    assert any(CHEATS[name].says in line for line in told), told


@pytest.mark.parametrize("name", HONEST)
def test_control_an_honest_link_is_accepted(name: str) -> None:
    assert found(HONEST[name]) == []


def test_the_bases_own_links_are_left_alone() -> None:
    base = Tree(BEFORE, links={"src/checks": "../tests", "later": "made/by/a/build", "conftest2.py": "conftest.py"})
    assert form_findings(base.with_files({"src/main.py": b""}), ("src/main.py",)) == []
    assert form_findings(base, ("src/checks",)) != [], "control: the same link, written by an author"


def handed_in(**fields: object) -> Manifest:
    ids = {"order": UUID(int=1), "run": UUID(int=2), "task": UUID(int=3), "employee": UUID(int=4)}
    answer: HandIn = HandIn(**ids, outcome="answered", **fields)  # type: ignore[arg-type]  # fields of HandIn
    return answer.difference(BEFORE.manifest())


@pytest.mark.parametrize("path", ["src/words/words.txt", "src/./words//words.txt"])
def test_what_is_written_through_a_link_is_written_where_it_leads(path: str) -> None:
    difference = handed_in(files={path: b"b\n"})
    assert [*difference] == ["data/words.txt"]
    assert [found.path for found in scope_findings(tuple(difference), SCOPE)] == ["data/words.txt"]
    assert scope_findings(tuple(handed_in(files={"src/main.py": b""})), SCOPE) == [], "control"


def test_a_link_is_deleted_and_not_what_it_leads_to() -> None:
    left = overlay(BEFORE.manifest(), handed_in(deleted=("src/words",)))
    assert ("src/words" in left, "data/words.txt" in left) == (False, True)
    replaced = handed_in(deleted=("src/words",), files={"src/words": b"a\n"})
    assert [(path, entry.kind) for path, entry in replaced.items()] == [("src/words", "file")]


LINKED_CONFTEST = Tree(
    {**BASE, "helping.py": BASE["tests/conftest.py"]}, links={"tests/conftest.py": "../helping.py"}
).kept(lambda path: path != "tests/conftest.py")
LINKED_CONFTEST = LINKED_CONFTEST.with_tree(Tree({}, links={"tests/conftest.py": "../helping.py"}))
NO_TEST_RUNS = b"""import pytest

@pytest.fixture
def answer():
    return 'A'

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
"""


def test_a_steering_link_of_the_base_is_the_bases_own_content() -> None:
    cheated = LINKED_CONFTEST.with_files({"helping.py": NO_TEST_RUNS, "shout.py": QUIET})
    laid = with_tests_of(LINKED_CONFTEST, cheated)
    assert laid["tests/conftest.py"] == BASE["tests/conftest.py"]
    assert (laid["helping.py"], dict(laid.links)) == (NO_TEST_RUNS, {})
    among_tests = Tree(BASE, links={"tests/more.py": "conftest.py"})
    assert with_tests_of(among_tests, among_tests).links == {"tests/more.py": "conftest.py"}, "control: it may stay"


def test_a_link_to_a_folder_of_code_among_the_tests_is_the_bases_own_content() -> None:
    base = Tree({**BASE, "lib/help.py": b"x = 1\n"}, links={"tests/lib": "../lib"})
    laid = with_tests_of(base, base.with_files({"lib/help.py": b"x = 2\n"}))
    assert (laid["tests/lib/help.py"], laid["lib/help.py"], dict(laid.links)) == (b"x = 1\n", b"x = 2\n", {})


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_who_edits_what_the_bases_conftest_links_to_gains_nothing(sandbox: Bubblewrap) -> None:
    cheated = LINKED_CONFTEST.with_files({"helping.py": NO_TEST_RUNS, "shout.py": QUIET})
    report = await BaseTests().ask(subject(sandbox, cheated, LINKED_CONFTEST))
    assert report.result == "failed"
    honest = LINKED_CONFTEST.with_files({"helping.py": NO_TEST_RUNS, **TIDY})
    assert (await BaseTests().ask(subject(sandbox, honest, LINKED_CONFTEST))).result == "passed", "control"


def test_configuration_of_pytest_behind_a_link_is_left_out_of_a_clean_copy() -> None:
    hidden = b"[project]\nname = 'x'\n[tool.pytest.ini_options]\naddopts = '-k nothing'\n"
    tree = Tree({"own.toml": hidden, "a.py": b""}, links={"pyproject.toml": "own.toml", "sub/conftest.py": "../a.py"})
    cleaned = clean(tree)
    assert (cleaned["pyproject.toml"], dict(cleaned.links)) == (b"[project]\nname = 'x'\n", {})
    plain = Tree({"own.toml": b"[project]\n"}, links={"pyproject.toml": "own.toml", "b.toml": "own.toml"})
    assert clean(plain)["pyproject.toml"] == b"[project]\n", "control"
    assert clean(plain).links == {"b.toml": "own.toml"}


@pytest.mark.needs_sandbox
async def test_code_reads_through_an_honest_link_in_a_box_and_not_through_a_forged_one(sandbox: Bubblewrap) -> None:
    asked = requirement("hello-slug")
    code = b"""from pathlib import Path


def slugify(text, limit=0):
    allowed = Path(__file__).with_name("letters").read_text()
    kept = "".join(char if char in allowed else " " for char in text.lower())
    slug = "-".join(kept.split())
    return slug
"""
    base = Tree({"data/letters.txt": b"abcdefghijklmnopqrstuvwxyz0123456789"})
    for text, fit in (("data/letters.txt", True), ("/etc/hostname", False)):
        tree = base.with_files({"slugify.py": code}).with_tree(Tree({}, links={"letters": text}))
        verdict = await judge(
            Candidate(requirement=asked, tree=tree, base=base, scope=("**",), whole=False),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )
        form = next(gate for gate in verdict.gates if gate.gate == "form")
        cases = next(gate for gate in verdict.gates if gate.gate == "cases")
        assert (form.result == "passed", cases.result != "not_run") == (fit, fit)
