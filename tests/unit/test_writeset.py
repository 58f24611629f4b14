"""The paths that count as written, and trees with an invalid form."""

from verification.source_scan.write_set import (
    changed_paths,
    compiled_findings,
    form_findings,
    scope_findings,
    twin_findings,
)
from verification.tree_limits import FILE_BYTES_MAX, TREE_FILES_MAX


def test_added_changed_and_removed_paths_are_written() -> None:
    base = {"same": b"1", "changed": b"1", "removed": b"1"}
    assert changed_paths({"same": b"1", "changed": b"2", "added": b""}, base) == ("added", "changed", "removed")
    assert changed_paths(base, base) == ()


def test_each_path_outside_scope_is_a_finding_and_only_one_that_steers_is_a_strike() -> None:
    tree = {"a.py": b"", "tests/x/y.py": b"", "b.py": b"", "conftest.py": b""}
    findings = scope_findings(tuple(sorted(tree)), ("a.py", "tests/**"), tree, {})
    assert [(each.kind, each.path, each.integrity) for each in findings] == [
        ("steering_file", "conftest.py", True),
        ("outside_scope", "b.py", False),
    ]
    assert "a.py, tests/**" in findings[1].for_author
    assert "changes how pytest finds, runs and reports tests" in findings[0].for_author


def test_what_steers_and_is_in_scope_is_no_finding() -> None:
    assert scope_findings(("tests/conftest.py",), ("tests/**",), {"tests/conftest.py": b""}, {}) == []


def test_many_are_summed_up() -> None:
    found = scope_findings(tuple(f"{number}.py" for number in range(100)), ("a.py",), {}, {})
    assert len(found) == 21
    assert "80 more" in found[-1].detail


def test_a_tree_has_plain_paths_and_no_file_is_a_folder() -> None:
    assert form_findings({"a/b.py": b"", "c": b""}) == []
    for path in ("../a", "/a", "a//b", "a/./b", "", "a\0b", ".git/config"):
        assert [each.kind for each in form_findings({path: b""})] == ["leftover_files"], path
    assert [each.path for each in form_findings({"a": b"", "a/b": b""})] == ["a/b"]
    whole = {f"{number}": b"" for number in range(TREE_FILES_MAX)}
    assert form_findings(whole) == []
    assert form_findings({**whole, "one": b""})
    assert [each.path for each in form_findings({"a": bytes(FILE_BYTES_MAX + 1), "b": bytes(FILE_BYTES_MAX)})] == ["a"]


def test_what_an_author_brings_is_no_compiled_python() -> None:
    tree = {"a.py": b"", "a.pyc": b"", "b/__pycache__/c.cpython-311.pyc": b"", "pyc": b""}
    assert [each.path for each in compiled_findings(tuple(sorted(tree)), tree)] == sorted({*tree} - {"a.py", "pyc"})
    assert compiled_findings(("a.py",), tree) == [], "what the base held is not the author's"


def test_two_paths_are_not_one_where_case_or_composition_does_not_count() -> None:
    for one, other in (("a/b.py", "a/B.py"), ("caf\u00e9.py", "cafe\u0301.py"), ("Stra\u00dfe", "strasse")):
        tree = {one: b"", other: b"", "c.py": b""}
        assert [each.path for each in twin_findings((one,), tree)] == [min(one, other)]
        assert twin_findings(("c.py",), tree) == [], "the base's own twins are left alone"
    assert twin_findings(("a.py", "b.py"), {"a.py": b"", "b.py": b""}) == []
