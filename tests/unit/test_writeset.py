"""What counts as written, and which trees are none."""

from verification.writeset import changed_paths, form_findings, scope_findings


def test_added_changed_and_removed_paths_are_written() -> None:
    base = {"same": b"1", "changed": b"1", "removed": b"1"}
    assert changed_paths({"same": b"1", "changed": b"2", "added": b""}, base) == ("added", "changed", "removed")
    assert changed_paths(base, base) == ()


def test_each_path_outside_scope_is_a_strike() -> None:
    found = scope_findings(("a.py", "tests/x/y.py", "b.py"), ("a.py", "tests/**"))
    assert [(each.path, each.integrity) for each in found] == [("b.py", True)]
    assert "a.py, tests/**" in found[0].for_author


def test_many_are_summed_up() -> None:
    found = scope_findings(tuple(f"{number}.py" for number in range(100)), ("a.py",))
    assert len(found) == 21
    assert "80 more" in found[-1].detail


def test_a_tree_has_plain_paths_and_no_file_is_a_folder() -> None:
    assert form_findings({"a/b.py": b"", "c": b""}) == []
    for path in ("../a", "/a", "a//b", "a/./b", "", "a\0b", ".git/config"):
        assert [each.kind for each in form_findings({path: b""})] == ["leftover_files"], path
    assert [each.path for each in form_findings({"a": b"", "a/b": b""})] == ["a/b"]
    assert form_findings({f"{number}": b"" for number in range(3000)})
