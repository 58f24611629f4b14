"""The page about OWASP ASVS: each requirement has one status, and each named file exists."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "asvs.md"
STATUSES = ("met", "not met", "does not apply")
CHAPTERS = {
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 7,
}
"""Chapter of ASVS 5.0.0 -> number of its requirements of levels 1 and 2."""
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?(?:::\w+)?)`")


def fault_of(row: tuple[str, ...], root: Path = ROOT) -> str:
    """Return what is wrong with a row; "" if nothing is."""
    id, level, _, status, proof = row
    if level not in ("1", "2") or status not in STATUSES:
        return f"{id} has the level {level} and the status {status}"
    named = NAMED.findall(proof)
    if status == "met" and not named and not any((root / name).exists() for name in re.findall(r"`([\w.]+)`", proof)):
        return f"{id} is met and names no file"
    for name in named:
        path, _, test = name.partition("::")
        file = next((folder / path for folder in (root, root / "tests") if (folder / path).exists()), None)
        if file is None:
            return f"{id} names {path}, which does not exist"
        if test and f"def {test}(" not in file.read_text(encoding="utf-8"):
            return f"{id} names {test}, which {path} does not have"
    return ""


def test_each_requirement_has_one_status_and_its_proof_exists() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [fault for row in rows if (fault := fault_of(row))] == []
    ids = [row[0] for row in rows]
    assert len(ids) == len(set(ids))
    assert Counter(int(id.partition(".")[0]) for id in ids) == CHAPTERS


def test_the_numbers_of_the_page_are_those_of_its_rows() -> None:
    page = PAGE.read_text(encoding="utf-8")
    counts = Counter(row[3] for row in ROW.findall(page))
    for status in STATUSES:
        assert re.search(rf"^\| {status} \| .* \| {counts[status]} \|$", page, re.MULTILINE), (status, counts)


@pytest.mark.parametrize(
    ("status", "proof", "fault"),
    [
        ("met", "`unit/test_user.py`", ""),
        ("met", "`unit/test_user.py::test_a_purge_never_gives_a_right`", ""),
        ("met", "`unit/test_user.py::test_nothing`", "test_nothing"),
        ("met", "`unit/test_nothing.py`", "does not exist"),
        ("met", "certainly", "no file"),
        ("partly met", "`unit/test_user.py`", "the status"),
        ("not met", "there is none", ""),
    ],
)
def test_a_wrong_row_is_found(status: str, proof: str, fault: str) -> None:
    found = fault_of(("1.1.1", "1", "words", status, proof))
    assert fault in found
    assert bool(found) == bool(fault)
