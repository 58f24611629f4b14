"""Planted defects are in the changed lines of accepted work. A catch rate counts only the right place."""

import ast

from verification.adequacy.planted_defects import CatchRate, catch_rate, planted

BASE = {"a.py": b"def old(n):\n    return n + 1\n"}
WORK = {
    "a.py": BASE["a.py"] + b"\n\ndef new(n):\n    if n < 3:\n        return n * 2\n    return n - 1\n",
    "b.py": b"LIMIT = 5\n",
    "notes.md": b"1 + 1\n",
}


def test_each_defect_is_one_small_mistake_in_a_changed_line() -> None:
    defects = planted(BASE, WORK, 6, seed=1)
    assert len(defects) == 6
    assert {defect.path for defect in defects} == {"a.py", "b.py"}, "files take turns, and only Python has mistakes"
    for defect in defects:
        assert [path for path in WORK if defect.files[path] != WORK[path]] == [defect.path]
        ast.parse(defect.files[defect.path])
        assert defect.before != defect.after
        assert defect.path == "b.py" or defect.line > 2, "the old function stays as it is"


def test_the_same_seed_plants_the_same_and_another_seed_plants_others() -> None:
    assert planted(BASE, WORK, 4, seed=1) == planted(BASE, WORK, 4, seed=1)
    assert planted(BASE, WORK, 4, seed=1) != planted(BASE, WORK, 4, seed=2)


def test_work_without_python_or_without_a_change_has_no_defect() -> None:
    assert planted({}, {"notes.md": b"1 + 1\n"}, 4, seed=1) == []
    assert planted(BASE, BASE, 4, seed=1) == []
    assert planted({}, {"a.py": b"def ("}, 4, seed=1) == []


def test_a_review_that_blocks_for_another_reason_has_not_caught_the_defect() -> None:
    first, second = planted(BASE, WORK, 2, seed=1)
    others = {"a.py", "b.py"} - {first.path}
    reviews = [(first, True, {first.path}), (first, True, others), (second, False, {second.path})]
    assert catch_rate(reviews) == CatchRate(planted=3, caught=1)
    assert catch_rate(reviews).percent == 33
    assert catch_rate([]).percent == 0
