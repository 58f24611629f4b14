"""Changes that delete far more than requested, and similar changes that do not."""

import pytest

from verification.source_scan.mass_deletion import mass_deletions

FUNCTIONS = [f"def f{number}(x):\n    y = x + {number}\n    return y\n" for number in range(40)]
BASE = "\n\n".join(FUNCTIONS)
ONE = FUNCTIONS[7].replace("return y", "return 2 * y")
ASKED = "`f7` returns twice as much. The module is app/calc.py."


def kinds(after: str | None, asked: str = ASKED, **others: str) -> list[str | None]:
    """Return the paths of the findings if app/calc.py gets this text or is deleted."""
    tree = {path: text.encode() for path, text in others.items()}
    tree |= {"app/calc.py": after.encode()} if after is not None else {}
    findings = mass_deletions(["app/calc.py", *others], tree, {"app/calc.py": BASE.encode()}, asked)
    assert {finding.kind for finding in findings} <= {"mass_deletion"}
    return [finding.path for finding in findings]


@pytest.mark.parametrize("after", [ONE, "", None, "\n\n".join(FUNCTIONS[:10])])
def test_a_file_that_lost_most_of_its_lines_is_a_finding(after: str | None) -> None:
    assert kinds(after) == ["app/calc.py"]


@pytest.mark.parametrize(
    "after",
    [
        BASE.replace("y = x + 7\n    return y", "return 2 * (x + 7)"),
        "\n\n".join(FUNCTIONS[:30]),
        BASE.replace("    y = x", "    z = 1 + x"),
        "\n\n".join(function.replace("x", "value").replace("y", "total") for function in FUNCTIONS),
        BASE + ONE.replace("f7", "f41"),
    ],
    ids=["one function changed", "a quarter deleted", "a line of each changed", "all rewritten", "one more"],
)
def test_a_change_that_leaves_most_of_a_file_is_none(after: str) -> None:
    assert kinds(after) == []


def test_lines_that_moved_to_another_file_are_not_lost() -> None:
    assert kinds(ONE, **{"app/other.py": BASE}) == []
    assert kinds(ONE, **{"app/other.py": "x = 1\n"}) == ["app/calc.py"]


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        (None, "Delete app/calc.py."),
        (None, "- remove calc.py, which nobody uses"),
        (ONE, "Shorten app/calc.py to what is used."),
        ("\n\n".join(FUNCTIONS[:10]), "Drop " + ", ".join(f"`f{number}`" for number in range(10, 40)) + "."),
    ],
)
def test_what_was_asked_for_is_no_finding(after: str | None, asked: str) -> None:
    assert kinds(after, asked) == []
    assert kinds(after) == ["app/calc.py"]


@pytest.mark.parametrize(
    "asked", ["Delete other.py. The module is app/calc.py.", "Deletes nothing.\n\napp/calc.py", ""]
)
def test_a_sentence_about_something_else_asks_for_nothing(asked: str) -> None:
    assert kinds(None, asked) == ["app/calc.py"]


def test_small_files_and_files_that_are_no_text_are_left_alone() -> None:
    base = {"a.py": b"x = 1\n" * 20, "b.bin": b"\xff\n" * 500}
    assert mass_deletions([*base], {}, base, "") == []


def test_the_author_is_told_what_to_do_and_the_director_how_to_ask_for_it() -> None:
    (finding,) = mass_deletions(["app/calc.py"], {}, {"app/calc.py": BASE.encode()}, "")
    assert "lost 120 of its 120 lines" in finding.for_author
    assert "answer with edits" in finding.for_author
    assert "write in the requirement" in finding.detail
    assert not finding.integrity
