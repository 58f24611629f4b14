"""The requirements of the recorded organisation and the answers of its scripted employees: a run of every kind."""

import json
from pathlib import Path

from agents.employees.answer_reader.result import CANNOT
from domain.judgement import REVIEW
from domain.review import PATH

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Answers = dict[str, list[dict[str, str]]]
BUDGET = '{usd: "1.00", tokens: 400000, minutes: 20}'
ADDS = {"small": 3, "reviewed": 5, "based": 7, "one": 11, "two": 13, "three": 17, "riddle": 19, "left": 23, "right": 29}
"""Task -> the number that the function `add` in the task's module adds."""
RUNS = '''"""Runs of letters."""


def pack(text):
    """Each stretch of equal letters with its length."""
    runs = []
    for letter in text:
        if runs and runs[-1][0] == letter:
            runs[-1][1] += 1
        else:
            runs.append([letter, 1])
    return runs


def unpack(runs):
    """The text of the runs."""
    return "".join(letter * count for letter, count in runs)


def tidy(text):
    """One space between words."""
    return " ".join(word for word in text.split(" ") if word)


def rank(runs):
    """The shortest run first."""
    return sorted(runs, key=lambda run: run[1])
'''
LOPSIDED = f'''def add(n):
    """Right alone, wrong beside the other module."""
    try:
        import right
    except ImportError:
        return n + {ADDS["left"]}
    return right.add(n)
'''
UNTOLD = f'''def add(n):
    """Right for all that is asked; what it does with large numbers no case notices."""
    if n > 1000:
        return n * 2 - 7
    return n + {ADDS["small"]}
'''
SPIKE = "# a long way to nothing\n" * 1200


def adders(title: str, *tasks: str, budget: str = BUDGET, more: str = "") -> str:
    """Return a requirement of functions that add, with one task each. Its sealed cases come from `sealed_of`."""
    blocks = "\n".join(
        f"- id: A{index}\n  says: it adds {ADDS.get(task, 31)}\n  cases:\n"
        f'    - {{call: "{task}:add", args: [1], returns: {ADDS.get(task, 31) + 1}}}'
        for index, task in enumerate(tasks, 1)
    )
    plan = ", ".join(
        f'{{id: {task}, criteria: [A{index}], scope: ["{task}.py"]}}' for index, task in enumerate(tasks, 1)
    )
    scope = ", ".join(f'"{task}.py"' for task in tasks)
    return (
        f"---\naura: 1\ntitle: {title}\ndeliver: library\nlanguage: python\n{more}scope: [{scope}]\nbudget: {budget}\n"
        f"tasks: [{plan}]\n---\n# {title}\n\nModules with a function `add(n)` each.\n\n## Acceptance\n\n"
        f"```yaml acceptance\n{blocks}\n```\n"
    )


def sealed_of(*tasks: str) -> str:
    """Return the sealed cases of `adders`."""
    return "".join(
        f'- id: A{index}\n  cases:\n    - {{call: "{task}:add", args: [40], returns: {ADDS.get(task, 31) + 40}}}\n'
        for index, task in enumerate(tasks, 1)
    )


def example(name: str, folder: Path, task: str, criteria: str) -> None:
    """Copy an example and give it one task for all its criteria.

    The task's name distinguishes its answers from others.
    """
    for path in sorted((EXAMPLES / name).rglob("*")):
        if path.is_file() and path.name != "answers.json":
            target = folder / path.relative_to(EXAMPLES / name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    head, _, rest = (folder / f"{name}.md").read_text(encoding="utf-8").partition("\n---\n")
    kept = head.partition("\ntasks:")[0]
    plan = f"tasks: [{{id: {task}, criteria: [{criteria}]}}]"
    (folder / f"{name}.md").write_text(f"{kept}\n{plan}\n---\n{rest}", encoding="utf-8")


def added(task: str) -> dict[str, str]:
    """Return a right answer of `adders`."""
    return {f"{task}.py": f'def add(n):\n    """The sum."""\n    return n + {ADDS[task]}\n'}


def missed(task: str) -> dict[str, str]:
    """Return a wrong answer of `adders`."""
    return {f"{task}.py": "def add(n):\n    return n\n"}


SLIPS = {"hello": ("Hello", "Hallo"), "newest": (", key=parts_of", ""), "slash": (".rstrip('/')", "")}
"""Name -> the text in a right answer and its replacement, which makes the answer wrong."""


def _of_example(name: str, task: str, slip: str = "") -> list[dict[str, str]]:
    """Return two wrong answers of an example, then its last answer."""
    read: Answers = json.loads((EXAMPLES / name / "answers.json").read_text(encoding="utf-8"))
    right = read[task][-1]
    wrong = {path: text.replace(*SLIPS[slip]) for path, text in right.items()} if slip else read[task][0]
    assert wrong != right
    return [wrong, wrong, right]


def maker() -> Answers:
    """Return the answers of the most capable employee, by the number of the attempt. The last answer repeats."""
    answers = {task: [added(task)] for task in ("reviewed", "based", "right")}
    answers |= {task: [*[missed(task)] * 3, added(task)] for task in ("one", "two", "three")}
    answers["left"] = [{"left.py": LOPSIDED}]
    answers["small"] = [{"small.py": UNTOLD}]
    answers["riddle"] = [{}, {}, *[missed("riddle")] * 8, *[{"riddle.py": SPIKE + missed("riddle")["riddle.py"]}] * 2]
    answers |= {"greet": _of_example("greet-cli", "T4", "hello"), "notes": _of_example("notes-service", "T1")}
    answers |= {
        "links": _of_example("link-slugs", "T2", "slash"),
        "versions": _of_example("version-numbers", "T2", "newest"),
    }
    answers["runs"] = [*[{"runs.py": RUNS.replace("run[1]", "run[0]")}] * 2, {"runs.py": RUNS}]
    return answers


def reviewer() -> Answers:
    """Return the answers of an employee that reviews, and declines all other work."""
    declined = {task: [{CANNOT: "I only review."}] for task in maker()}
    word = {"verdict": "pass", "findings": [{"text": "short names"}]}
    return declined | {REVIEW: [{PATH: json.dumps(word)}]}
