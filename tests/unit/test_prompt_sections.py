"""A prompt contains all sections, or names the omitted parts, and never has more tokens than its budget."""

import random

import pytest

from agents.briefs.brief import Brief, BriefCriterion, PreviousAnswer
from agents.briefs.fence import ANY_FENCE
from agents.briefs.surroundings import LISTED_MAX, imported_paths, listed, scope_texts
from agents.employees.answer_reader.reader import read_answer
from agents.employees.prompts import SYSTEM, Prompt, messages_of, prompt_of
from agents.employees.usage import prompt_bytes, tokens_of
from tests.unit.answers import brief, fenced

LONG = "".join(f"def f{number}(x):\n    return x + {number}\n\n\n" for number in range(900))
WORK = {
    "prose": "The tool keeps notes. `f700` must add seven hundred.",
    "criteria": (BriefCriterion(id="A1", says="it adds", examples=("f700(1) == 701",)),),
    "suites": {"tests/test_f.py": "def test_f():\n    assert f700(1) == 701\n"},
    "base_files": {"src/app/calc.py": LONG, "src/app/small.py": "y = 1\n"},
    "not_shown": {"src/app/logo.py": "it is not UTF-8 text"},
    "neighbours": {"src/app/base.py": "class Base:\n    def name(self):\n        return 'b'\n"},
    "listing": ("README.md", "src/app/calc.py", "src/app/small.py"),
    "feedback": ("A1 failed for f700(1)",),
    "previous": PreviousAnswer(text="I changed nothing.", files={"src/app/small.py": "y = 2\n"}),
}


def task(**more: object) -> Brief:
    """Return a task on a base, with everything that a brief can contain."""
    fields: dict[str, object] = {"title": "Notes", "task": "T1", "paths": ("src/app/**",)}
    return Brief(**{**fields, **WORK, **more})  # type: ignore[arg-type]  # fields of Brief


def user(prompt: Prompt) -> str:
    return prompt.messages[1]["content"]


def test_a_whole_prompt_holds_everything() -> None:
    prompt = prompt_of(task(), ANY_FENCE)
    text = user(prompt)
    assert prompt.partial == frozenset()
    for said in (
        "The tool keeps notes.",
        "f700(1) == 701",
        "assert f700(1) == 701",
        LONG.rstrip("\n"),
        "y = 1",
        "src/app/logo.py: it is not UTF-8 text",
        "class Base:",
        "README.md",
        "A1 failed for f700(1)",
        "I changed nothing.",
        "```python path=FILE",
        "--- a/FILE",
        "<<<<<<< SEARCH",
        "DELETE: path",
        "RENAME: old -> new",
        "Only these paths may be written: src/app/**",
    ):
        assert said in text, said


@pytest.mark.parametrize("tokens_max", [700, 1000, 2000, 5000, 10_000, 14_000])
def test_a_prompt_never_has_more_than_its_tokens(tokens_max: int) -> None:
    prompt = prompt_of(task(), ANY_FENCE, tokens_max=tokens_max, may_decline=True)
    assert tokens_of(prompt_bytes(prompt.messages)) <= tokens_max


def test_random_tasks_never_have_more_than_their_tokens() -> None:
    source = random.Random(3)
    for _ in range(40):
        size = source.choice((0, 50, 500, 4_000))
        more = {
            "prose": "ü`x` word " * source.choice((1, 50, 2_000)),
            "suites": {f"tests/t{n}.py": "assert x\n" * size for n in range(source.randint(0, 4))},
            "base_files": {f"src/app/m{n}.py": "z = 'ß'\n" * size for n in range(source.randint(0, 6))},
            "neighbours": {f"lib/n{n}.py": "def g(): ...\n" * size for n in range(source.randint(0, 5))},
            "listing": tuple(f"path/{n}.py" for n in range(source.choice((0, 10, 2_000)))),
            "feedback": tuple(f"reason {n} " * 30 for n in range(source.randint(0, 20))),
            "previous": PreviousAnswer(text="a\n" * size) if source.random() < 0.5 else None,
        }
        tokens_max = source.choice((900, 2_000, 8_000, 30_000))
        prompt = prompt_of(task(**more), ANY_FENCE, tokens_max=tokens_max)
        assert tokens_of(prompt_bytes(prompt.messages)) <= tokens_max


def test_a_long_file_is_shown_in_numbered_parts_around_what_the_task_is_about() -> None:
    prompt = prompt_of(task(), ANY_FENCE, tokens_max=3_000)
    text = user(prompt)
    assert prompt.partial == {"src/app/calc.py"}
    assert "src/app/calc.py has 3600 lines" in text
    assert "part 1 of " in text
    assert "def f700(x):\n    return x + 700" in text, "what the task is about"
    assert "def f400(x)" not in text
    assert "Files of which only parts or nothing is shown can be edited and not given whole." in text
    assert "y = 1" in text, "a short file stays whole"


def test_what_is_shown_in_parts_is_not_replaced_by_the_answer() -> None:
    """The control beside it: where all of it was shown, it is replaced."""
    answer = fenced("def f700(x):\n    return 1\n", "python path=src/app/calc.py")
    cut, whole = prompt_of(task(), ANY_FENCE, tokens_max=3_000), prompt_of(task(), ANY_FENCE)
    assert not read_answer(answer, task(), partial=cut.partial).changes
    assert list(read_answer(answer, task(), partial=whole.partial).files) == ["src/app/calc.py"]


def test_the_order_in_which_sections_are_cut() -> None:
    """Neighbours go first; then the listing, the previous answer and the tests; prose and criteria stay to the last."""
    names = {
        "neighbours": "class Base:",
        "listing": "The files of the project",
        "tests": "assert f700(1) == 701",
        "prose": "The tool keeps notes.",
        "criteria": "f700(1) == 701",
    }
    left = {
        tokens: {name for name, said in names.items() if said in user(prompt_of(task(), ANY_FENCE, tokens_max=tokens))}
        for tokens in (14_000, 3_000, 640)
    }
    assert left[14_000] >= {"tests", "prose", "criteria"}
    assert left[3_000] >= {"tests", "prose", "criteria"}
    assert left[640] >= {"prose", "criteria"}


def test_the_prose_is_always_there_also_for_one_function_in_one_file() -> None:
    one = brief("words.py", signatures=("def words(text)",), definitions={"words": ("words",)})
    assert "p" in user(prompt_of(one, ANY_FENCE)).split()
    assert "Give each file whole" in user(prompt_of(one, ANY_FENCE))


def test_a_small_model_is_asked_for_one_new_function_in_few_words_and_for_all_else_in_full() -> None:
    """A file that is there is never rewritten from its signature alone."""
    one = brief("words.py", signatures=("def words(text)",))
    there = brief("words.py", signatures=("def words(text)",), base_files={"words.py": "x = 1\n"})
    assert user(prompt_of(one, ANY_FENCE, small=True)).startswith("Write the Python function `words(text)`.")
    assert "x = 1" in user(prompt_of(there, ANY_FENCE, small=True))
    assert messages_of(one, ANY_FENCE)[0]["content"].startswith(SYSTEM)


def test_a_file_with_fences_is_shown_in_a_longer_fence() -> None:
    text = user(prompt_of(brief("README.md", base_files={"README.md": "a\n```\nb\n```\n"}), ANY_FENCE))
    assert "````\na\n```\nb\n```\n````" in text


def test_files_that_are_no_text_or_too_large_are_named() -> None:
    base = {"a.py": b"x\n", "b.bin": b"\xff", "c.txt": b"\0", "big.py": b"#" * (1024**2 + 1), "other/d.py": b"x\n"}
    texts, not_shown = scope_texts(base, ("*",))
    assert texts == {"a.py": "x\n"}
    assert not_shown == {
        "b.bin": "it is not UTF-8 text",
        "c.txt": "it is not UTF-8 text",
        "big.py": "it has 1024 KiB, more than 1024",
    }
    many = {f"{number}.py": b"#" * 1024**2 for number in range(6)}
    assert len(scope_texts(many, ("*",)).not_shown) == 2


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        ("app/a.py", "import app.b", "app/b.py"),
        ("app/a.py", "from app import b", "app/b.py"),
        ("app/a.py", "from . import b", "app/b.py"),
        ("app/a.py", "from .b import x", "app/b.py"),
        ("app/sub/a.py", "from ..b import x", "app/b.py"),
        ("src/app/a.py", "from app.b import x", "src/app/b.py"),
        ("app/a.py", "import pkg", "pkg/__init__.py"),
        ("app/a.py", "import json", None),
        ("app/a.py", "from ....b import x", None),
        ("app/a.py", "not python(", None),
    ],
)
def test_imported_files_of_the_project_are_neighbours(path: str, line: str, found: str | None) -> None:
    paths = ("src/app/b.py" if path.startswith("src/") else "app/b.py", "pkg/__init__.py", path)
    assert imported_paths({path: f"{line}\n"}, paths)[:1] == ((found,) if found else ())


def test_a_long_listing_is_shown_by_folders() -> None:
    names = [f"src/p{number % 7}/f{number}.py" for number in range(LISTED_MAX + 10)]
    assert listed(names) == tuple(f"src/p{number}/ ({len(names[number::7])} files)" for number in range(7))
    assert listed(names[:3]) == tuple(sorted(names[:3]))
