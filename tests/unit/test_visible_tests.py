"""The visible tests in a brief: the first ones are named, and the others are counted by file."""

from agents.briefs.visible_tests import TESTS_MAX, lines_of_tests


def test_each_test_is_named() -> None:
    assert lines_of_tests(["tests/test_a.py::test_b"], "must pass") == ["the test tests/test_a.py::test_b must pass"]


def test_a_thousand_parametrised_tests_do_not_fill_the_prompt() -> None:
    tests = [f"tests/test_a.py::test_b[{number}]" for number in range(1000)] + ["tests/test_c.py::test_d"]
    lines = lines_of_tests(tests, "must pass")
    assert len(lines) == TESTS_MAX + 2
    assert lines[TESTS_MAX:] == [
        f"tests/test_a.py: {1000 - TESTS_MAX} more tests that must pass",
        "tests/test_c.py: 1 more test that must pass",
    ]
    assert len(lines_of_tests(tests[:TESTS_MAX], "must pass")) == TESTS_MAX, "the control: nothing is left out"
