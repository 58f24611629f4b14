"""The prompt and the grammar that are made from a brief."""

from agents.briefs.brief import Brief
from agents.briefs.fence import ANY_FENCE
from agents.employees.answer_reader.result import CANNOT
from agents.employees.prompts import DECLINE, grammar_of, messages_of
from tests.orders import BRIEF

MANY = Brief(title="t", prose="p", task="T1", criteria=(), paths=("a.py", "lib/**"))


def test_feedback_is_told_unless_it_is_left_out() -> None:
    brief = Brief(**{field: getattr(BRIEF, field) for field in BRIEF.__struct_fields__} | {"feedback": ("A1 failed",)})
    assert "A1 failed" in messages_of(brief, ANY_FENCE)[1]["content"]
    assert "A1 failed" not in messages_of(brief, ANY_FENCE, 0)[1]["content"]


def test_several_files_are_asked_for_by_path() -> None:
    asked = messages_of(MANY, ANY_FENCE)[1]["content"]
    assert "path=FILE" in asked
    assert "lib/**" in asked


def test_the_grammar_holds_fence_and_signature() -> None:
    assert grammar_of(BRIEF).startswith('root ::= "```python\\n" "def double(number):\\n" line+ "```"\n')
    assert 'path=" ' in grammar_of(MANY)


def test_only_who_may_decline_is_told_how() -> None:
    assert DECLINE in messages_of(MANY, ANY_FENCE, may_decline=True)[1]["content"]
    assert CANNOT not in messages_of(MANY, ANY_FENCE)[1]["content"]
