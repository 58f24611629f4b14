"""Each promise of docs/promises.md names an existing test in the stated tier."""

import re
from pathlib import Path

import pytest

from tests.architecture.promises import FAST, SLOW, faults, rows, tier_of

ROOT = Path(__file__).parents[2]
MOVED = ROOT / "tests" / "slow.md"
PAGE = ROOT / "docs" / "promises.md"
WITHOUT = {PAGE.name, "index.md", "limits.md"}
"""Pages that contain no promises of their own."""
PAGES = {"README.md", "ARCHITECTURE.md"} | {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - {
    f"docs/{name}" for name in WITHOUT
}
SOURCE = """
import pytest

def test_plain(): ...

@pytest.mark.slow
async def test_marked(): ...

@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_mixed(x): ...

def helper(): ...
"""
WHOLE = "import pytest\npytestmark = [pytest.mark.slow, pytest.mark.needs_nats]\ndef test_in_it(): ...\n"


def test_every_promise_has_its_test_in_its_tier() -> None:
    assert faults(PAGE.read_text(encoding="utf-8"), ROOT / "tests") == []


def test_every_page_has_its_promises_and_no_promise_stands_twice() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headed = {found.group(1) for found in re.finditer(r"^## ([\w/]+\.md)", page, re.MULTILINE)}
    assert headed == PAGES
    promises = [row["promise"] for row in rows(page)]
    assert len(promises) == len(set(promises)) > 100


@pytest.mark.parametrize(
    ("test", "tier"),
    [("test_plain", FAST), ("test_marked", SLOW), ("test_mixed", FAST), ("test_absent", None), ("helper", None)],
)
def test_the_tier_is_read_from_the_source(test: str, tier: str | None) -> None:
    assert tier_of(SOURCE, test) == tier


def test_a_mark_of_the_file_counts() -> None:
    assert tier_of(WHOLE, "test_in_it") == SLOW
    assert tier_of(WHOLE.replace("pytest.mark.slow, ", ""), "test_in_it") == FAST


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| It holds. | `unit/test_it.py::test_plain` | fast |", None),
        ("| It holds. | `unit/test_it.py::test_plain` | slow |", "is fast, the page says slow"),
        ("| It holds. | `unit/test_it.py::test_marked` | fast |", "is slow, the page says fast"),
        ("| It holds. | `unit/test_it.py::test_gone` | fast |", "does not exist"),
        ("| It holds. | `unit/test_gone.py::test_plain` | fast |", "does not exist"),
    ],
)
def test_a_wrong_row_is_found_and_a_right_one_is_not(tmp_path: Path, row: str, fault: str | None) -> None:
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "test_it.py").write_text(SOURCE, encoding="utf-8")
    found = faults(f"| promise | test | tier |\n| --- | --- | --- |\n{row}\n", tmp_path)
    assert (fault is None and found == []) or (fault is not None and fault in found[0])


def test_a_row_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="It holds"):
        rows("| It holds. | test_plain | fast |\n")


def test_each_test_that_moved_is_slow_and_has_a_fast_one_beside_it() -> None:
    moved = [line for line in MOVED.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert moved
    for line in moved:
        names = re.findall(r"`([\w/]+\.py)::(test_\w+)`", line)
        tiers = [tier_of((ROOT / "tests" / file).read_text(encoding="utf-8"), test) for file, test in names]
        assert tiers == [SLOW, FAST], line
