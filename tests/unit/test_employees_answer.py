"""From an answer's text to files, and from a brief to words and grammar."""

import pytest

from agents.briefs.brief import Brief
from agents.employees.answer_parser import CANNOT, declined_in, files_of
from agents.employees.prompts import DECLINE, grammar_of, messages_of
from tests.orders import BRIEF

CODE = "def double(number):\n    return 2 * number\n"
MANY = Brief(title="t", prose="p", task="T1", criteria=(), paths=("a.py", "lib/**"))
ONE_OF_TWO = Brief(title="t", prose="p", task="T1", criteria=(), paths=("a.py", "tests/**"))


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"Sure!\n\n```py\n{CODE}```\nand\n```python\nprint(double(2))\n```\n",
        f"```\n{CODE}\n\n```",
        f"~~~python\n{CODE}~~~",
        f"````python\n{CODE}````",
        f"```python\n{CODE}",
        f"\n  ```python\n{CODE}  ```",
    ],
    ids=["plain", "first of two", "no language", "tildes", "four", "unclosed", "indented fence"],
)
def test_the_first_block_is_the_single_file(text: str) -> None:
    assert files_of(text, BRIEF) == {"double.py": CODE.encode()}


@pytest.mark.parametrize("text", ["", "no code here", "```python\n```", "```python", "```\n\n\n```"])
def test_no_code_is_no_files(text: str) -> None:
    assert files_of(text, BRIEF) == {}


def test_a_block_cut_at_the_length_limit_does_not_count() -> None:
    assert files_of(f"```python\n{CODE}", BRIEF, complete=False) == {}
    assert files_of(f"```python\n{CODE}```\nand so", BRIEF, complete=False) == {"double.py": CODE.encode()}


@pytest.mark.parametrize(
    "text",
    [
        "```python path=lib/b.py\nx = 1\n```",
        "```python lib/b.py\nx = 1\n```",
        '```python title="lib/b.py"\nx = 1\n```',
        "```lib/b.py\nx = 1\n```",
        "**lib/b.py**:\n```python\nx = 1\n```",
        "### `lib/b.py`\n\n```python\nx = 1\n```",
        "Now the file lib/b.py:\n```\nx = 1\n```",
    ],
)
def test_blocks_are_filed_under_the_path_beside_them(text: str) -> None:
    assert files_of(text, MANY) == {"lib/b.py": b"x = 1\n"}


def test_a_path_comment_in_the_first_line_names_the_file() -> None:
    assert files_of("```python\n# lib/b.py\nx = 1\n```", MANY) == {"lib/b.py": b"# lib/b.py\nx = 1\n"}


def test_several_files_and_the_first_block_of_each() -> None:
    text = "```python path=a.py\nx = 1\n```\n```python path=lib/b.py\ny = 2\n```\n```python path=a.py\nx = 3\n```"
    assert files_of(text, MANY) == {"a.py": b"x = 1\n", "lib/b.py": b"y = 2\n"}


def test_a_path_outside_scope_is_kept_for_the_verifier_to_judge() -> None:
    assert list(files_of("```python path=conftest.py\nx = 1\n```", MANY)) == ["conftest.py"]


def test_a_single_unnamed_block_goes_to_the_single_concrete_path() -> None:
    assert files_of("```python\nx = 1\n```", ONE_OF_TWO) == {"a.py": b"x = 1\n"}
    assert files_of("```python\nx = 1\n```\n```python\ny = 1\n```", ONE_OF_TWO) == {}


def test_feedback_is_told_unless_it_is_left_out() -> None:
    brief = Brief(**{field: getattr(BRIEF, field) for field in BRIEF.__struct_fields__} | {"feedback": ("A1 failed",)})
    assert "A1 failed" in messages_of(brief)[1]["content"]
    assert "A1 failed" not in messages_of(brief, 0)[1]["content"]


def test_several_files_are_asked_for_by_path() -> None:
    asked = messages_of(MANY)[1]["content"]
    assert "path=FILE" in asked
    assert "lib/**" in asked


def test_the_grammar_holds_fence_and_signature() -> None:
    assert grammar_of(BRIEF).startswith('root ::= "```python\\n" "def double(number):\\n" line+ "```"\n')
    assert 'path=" ' in grammar_of(MANY)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{CANNOT} it needs the network", "it needs the network"),
        (f"\n  {CANNOT}  it needs\n the network \n", "it needs the network"),
        (CANNOT, "no reason was given"),
        (f"{CANNOT} {'x' * 999}", "x" * 500),
        (f"{CANNOT} it is hard\n```python\n{CODE}```", ""),
        (f"I think {CANNOT} be", ""),
        ("", ""),
        ("no code here", ""),
    ],
)
def test_an_answer_may_say_that_it_cannot_be_done(text: str, reason: str) -> None:
    """With code it is a claim, and judged as one."""
    assert declined_in(text) == reason


def test_only_who_may_decline_is_told_how() -> None:
    assert DECLINE in messages_of(MANY, may_decline=True)[1]["content"]
    assert CANNOT not in messages_of(MANY)[1]["content"]
