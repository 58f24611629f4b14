"""Mutants: each has one small mistake in valid Python, on a changed line. The seed decides their order."""

import ast
import time

import pytest

from tests.cheats.solutions import NAMES, solution
from verification.adequacy.mutation import SOURCE_BYTES_MAX, changed_lines, mutants

MISTAKES = [
    ("a + b", {"a - b"}),
    ("a % b", {"a // b"}),
    ("'%s' % b", {"'' % b"}),
    ("a < b", {"a <= b", "a >= b"}),
    ("a == b", {"a != b"}),
    ("a < b < 3", {"a <= b < 3", "a >= b < 3", "a < b <= 3", "a < b >= 3", "a < b < 4", "a < b < 2"}),
    ("a in b", {"a not in b"}),
    ("a and b", {"a or b"}),
    ("not a", {"a"}),
    ("True", {"False"}),
    ("None", set()),
    ("7", {"8", "6"}),
    ("0.5", {"1.5"}),
    ("'word'", {"''"}),
    ("''", {"'another text'"}),
    ("b'x'", {"b''"}),
    ("a[b:]", {"a[b + 1:]"}),
    ("a[1:]", {"a[2:]", "a[0:]"}),
    ("range(a)", {"range(a + 1)", "range(a - 1)"}),
    ("f'{a}-{b:>4}'", {"f'{a}{b:>4}'"}),
    ("a if b else c", {"a if not b else c"}),
    ("[a for a in b if a]", {"[a for a in b if not a]"}),
]


def found(source: str, lines: set[int] | None = None) -> set[str]:
    return {mutant.source.decode() for mutant in mutants(source.encode(), lines)}


@pytest.mark.parametrize(("right", "wrong"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_an_expression_has_its_mistakes(right: str, wrong: set[str]) -> None:
    expected = {ast.unparse(ast.parse(f"if {other}:\n    import a")) for other in wrong}
    expected |= {ast.unparse(ast.parse(f"if not ({right}):\n    import a"))} if _stands_alone(right) else set()
    assert found(f"if {right}:\n    import a") == expected


def _stands_alone(text: str) -> bool:
    node = ast.parse(text, mode="eval").body
    return not isinstance(node, ast.Compare | ast.Constant | ast.UnaryOp)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("def f():\n    return None", set()),
        ("f()", {"pass"}),
        ("a = b", {"pass"}),
        ("a += b", {"a -= b", "pass"}),
        ("raise E('text')", {"pass"}),
        ("assert a, 'text'", {"assert not a, 'text'"}),
        ("for a in b:\n    break", {"for a in b:\n    continue"}),
        ("for a in b:\n    continue", {"for a in b:\n    break"}),
        ("while a:\n    pass", {"while not a:\n    pass"}),
    ],
)
def test_a_statement_has_its_mistakes(right: str, wrong: set[str]) -> None:
    assert found(right) == wrong


@pytest.mark.parametrize(
    "source",
    [
        '"""Text."""',
        'def f(a: "int" = None) -> "str":\n    """Text."""\n    return None',
        "import a\nfrom b import c",
        "@route('/a', 1)\ndef f():\n    pass",
        "if __name__ == '__main__':\n    f(1)",
        "if typing.TYPE_CHECKING:\n    a = 1",
        "a: int",
        "def f(",
        "\0",
        "a = 1  #" + "x" * SOURCE_BYTES_MAX,
        "",
    ],
    ids=range(11),
)
def test_what_says_nothing_of_the_behaviour_is_left_alone(source: str) -> None:
    assert found(source) == set()


def test_only_changed_lines_are_touched() -> None:
    before = b"a = 1\nb = 2\nc = 3\n"
    after = b"a = 1\nb = 22\nc = 3\nd = 4\n"
    assert changed_lines(before, after) == {2, 4}
    assert changed_lines(after, after) == set()
    assert {mutant.line for mutant in mutants(after, changed_lines(before, after))} == {2, 4}
    assert {mutant.line for mutant in mutants(after)} == {1, 2, 3, 4}


@pytest.mark.parametrize("count", [10, 400_000])
def test_lines_that_are_all_alike_are_soon_compared(count: int) -> None:
    alike = b"x = 0\n" * count
    began = time.process_time()
    assert changed_lines(alike * 2, alike + b"y = 1\n" + alike) == {count + 1}
    assert changed_lines(alike, alike * 2) == set(range(count + 1, 2 * count + 1))
    ends = changed_lines(b"a = 1\n" + alike + b"b = 1\n", b"a = 2\n" + alike + b"b = 2\n")
    assert ends >= {1, count + 2}
    assert (len(ends) == 2) is (count == 10)  # named is what may have changed, and not what certainly has
    assert time.process_time() - began < 10


def test_the_order_is_the_seed_s() -> None:
    source = solution("hello-slug")["slugify.py"]
    first, again, other = (list(mutants(source, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {mutant.source for mutant in first} == {mutant.source for mutant in other}


@pytest.mark.parametrize("name", NAMES)
def test_every_mutant_is_another_program_and_none_stands_twice(name: str) -> None:
    for source in solution(name).values():
        made = [mutant.source for mutant in mutants(source)]
        assert made
        assert len(set(made)) == len(made)
        assert ast.unparse(ast.parse(source)).encode() not in made
        for each in made:
            compile(each, "mutant", "exec")
