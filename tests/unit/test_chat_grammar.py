"""The grammar of the chat: every example means what the table says, and what is not in it is never an act."""

from decimal import Decimal
from pathlib import Path

import pytest

from director.services.chat_draft import RIGHTS
from director.services.chat_grammar import FORMS, Elsewhere, Question, Wish, read_message
from domain.chat import ACTS, MESSAGE_CHARACTERS_MAX
from domain.errors import Invalid
from domain.money import Amount
from governance.authority import MATRIX

PAGE = Path(__file__).resolve().parents[2] / "docs" / "chat.md"
REQUIREMENT = "---\ntitle: Adders\n---\n# Adders\n"


def test_every_example_of_the_grammar_is_understood() -> None:
    meanings = {form.example: read_message(form.example) for form in FORMS}
    acts = {meaning.act for meaning in meanings.values() if isinstance(meaning, Wish)}
    assert acts == set(ACTS) - {"submit"}
    assert {type(meaning) for meaning in meanings.values()} == {Wish, Question}
    assert set(RIGHTS) == set(ACTS)
    assert set(RIGHTS.values()) <= MATRIX["director"]


def test_the_page_has_every_form() -> None:
    rows = [f"| `{form.form}` | {form.meaning} | `{form.example}` |" for form in FORMS]
    assert [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line in rows] == rows


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        (
            "Cancel run 019a: too late",
            Wish(act="cancel", words="Cancel run 019a: too late", run="019a", text="too late"),
        ),
        (
            'please cancel "Slug maker" because of a: b',
            Wish(act="cancel", words='please cancel "Slug maker" because of a: b', run="Slug maker", text="of a: b"),
        ),
        (
            "return last task T2: two\nlines",
            Wish(act="return", words="return last task T2: two\nlines", run="last", task="T2", text="two\nlines"),
        ),
        ("comment on 01: x", Wish(act="comment", words="comment on 01: x", run="01", text="x")),
        (
            "raise the budget of 01 task T1 by $2.50",
            Wish(
                act="raise_budget",
                words="raise the budget of 01 task T1 by $2.50",
                run="01",
                task="T1",
                amount=Amount(Decimal("2.50"), 0),
            ),
        ),
        (
            "raise budget of 01 by 100,000 tokens: why",
            Wish(
                act="raise_budget",
                words="raise budget of 01 by 100,000 tokens: why",
                run="01",
                text="why",
                amount=Amount(Decimal(0), 100_000),
            ),
        ),
        ("rerun 01", Wish(act="rerun", words="rerun 01", run="01")),
        ("pause: lunch", Wish(act="pause", words="pause: lunch", text="lunch")),
        ("resume because we are back", Wish(act="resume", words="resume because we are back", text="we are back")),
        (REQUIREMENT, Wish(act="submit", words="submit", requirement=REQUIREMENT)),
        (f"submit\n{REQUIREMENT}", Wish(act="submit", words="submit", requirement=REQUIREMENT)),
    ],
)
def test_an_act_has_its_run_its_task_and_its_words(text: str, wish: Wish) -> None:
    assert read_message(text) == wish


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("status?", Question(about="status")),
        ("What waits for me?", Question(about="inbox")),
        ("status of 01", Question(about="run", run="01")),
        ("why did 01 fail?", Question(about="why", run="01")),
        ("why did run last fail?", Question(about="why", run="last")),
        ("what did 01 cost?", Question(about="cost", run="01")),
        ('cost of "Slug maker"', Question(about="cost", run="Slug maker")),
        ("costs", Question(about="costs")),
        ("submit", Question(about="template")),
        ("help", Question(about="help")),
    ],
)
def test_a_question_is_read_with_its_run(text: str, question: Question) -> None:
    assert read_message(text) == question


@pytest.mark.parametrize("text", ["approve last", "reject 01: no", "halt: fire", "stop everything", "override 01: x"])
def test_a_decision_that_is_bound_to_its_form_leads_there(text: str) -> None:
    meaning = read_message(text)
    assert isinstance(meaning, Elsewhere)
    assert meaning.path in ("/inbox", "/stop", "/rights")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "status"),
        ("make it better", "help"),
        ("cancel last", "cancel last: nobody needs it any more"),
        ("I would like you to cancel last: x", "help"),
        ("pause", "pause: we look at the costs first"),
        ("raise budget of last by 0", "by 2.50 USD"),
        ("raise budget of last", "raise budget of last by"),
        ("status of 01 and cancel 01: x", "status of last"),
        ("x" * (MESSAGE_CHARACTERS_MAX + 1), "less"),
    ],
)
def test_an_unclear_message_gets_an_example(text: str, hint: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_message(text)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [f"cancel {'a ' * 1900}", f"cancel a{' ' * 3900}b", f"raise budget of {'1' * 3900}", "why did " + "a? " * 1200],
)
def test_a_long_message_is_refused_at_once(text: str) -> None:
    """A pattern that tries all ways would never end."""
    with pytest.raises(Invalid) as refused:
        read_message(text)
    assert refused.value.code == "not_understood"
    assert isinstance(read_message("---" + " \n" * 190_000 + "x"), Wish), "control: a long requirement is read"
