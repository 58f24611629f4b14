"""No answer, however unusual, makes the parser fail, wait or write outside the scope."""

import random
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from agents.employees.answer_reader.reader import read_answer
from agents.employees.answer_reader.result import ANSWER_CHARS_MAX, FENCES_MAX, LINES_MAX
from tests.unit.answers import ONE, THREE, brief
from tests.unit.answers_of_several import samples
from verification.requirements.scope import in_scope
from verification.requirements.steering import steering_reason

PLAIN_TIMES_MAX = 30.0
"""Limit for reading an unusual answer, as a multiple of reading the longest plain prose on the same machine."""
ODD_ANSWERS = 300
SEED = 9
_PIECES = r"""
```\n
````\n
~~~\n
```python\n
```python path=words.py\n
```markdown path=README.md\n
> |
- |
1. |
\t|
    |
<think>\n
</think>\n
\ufeff
\u200b
\ud83d
\x00
\r
\n\n
<<<<<<< SEARCH\n
=======\n
>>>>>>> REPLACE\n
--- a/words.py\n
+++ b/words.py\n
@@ -1,1 +1,1 @@\n
*** Begin Patch\n
*** Update File: show.py\n
cat > words.py <<'EOF'\n
EOF\n
{"files": {
}}
[{
<file path="words.py">\n
</file>\n
path=../../etc/passwd
path=/etc/passwd
path=conftest.py
path=.git/config
DELETE: README.md\n
RENAME: show.py -> ../x\n
CANNOT: |
<|channel|>final<|message|>
\"\"\"
# words.py\n
**show.py**\n
\u2028
\x0c
words.py\n
```json\n
git rm show.py\n
""".strip("\n")
PIECES = [re.sub(r"\|$", "", piece).encode("ascii").decode("unicode_escape") for piece in _PIECES.split("\n")]


def odd_answer(source: random.Random, texts: list[str]) -> str:
    """Return a text made of pieces of answers, which are cut, doubled and mixed."""
    text = source.choice(texts)
    for _ in range(source.randint(1, 12)):
        at, other = source.randint(0, len(text)), source.randint(0, len(text))
        begin, end = min(at, other), max(at, other)
        change = source.randint(0, 5)
        if change == 0:
            text = text[:at] + source.choice(PIECES) * source.choice((1, 1, 1, 3, 40)) + text[at:]
        elif change == 1:
            text = text[:begin] + text[end:]
        elif change == 2:
            text = text[:at] + source.choice(texts) + text[at:]
        elif change == 3:
            text = text[:end] + text[begin:end] + text[end:]
        elif change == 4:
            text = "".join(f"{source.choice(PIECES)}{line}\n" for line in text.split("\n"))
        else:
            text = text.replace(source.choice(PIECES).strip() or "\n", source.choice(PIECES))
        text = text[:200_000]
    return text


def test_300_odd_answers_neither_fail_nor_wait_nor_leave_the_scope() -> None:
    source = random.Random(SEED)
    texts = [sample.text for sample in samples()]
    plain_s = reading_s(plain_lines(), ONE)
    for number in range(ODD_ANSWERS):
        asked = source.choice((ONE, THREE, brief("src/**", "*.py"), brief("a.py", base_files={"a.py": "x = 1\n"})))
        text = odd_answer(source, texts)
        begun = time.process_time()
        read = read_answer(text, asked, complete=source.random() < 0.8)
        assert time.process_time() - begun < PLAIN_TIMES_MAX * plain_s, f"answer {number} of seed {SEED}"
        for path, content in read.files.items():
            assert in_scope(path, asked.paths) or steering_reason(path, content, None), f"{path} in answer {number}"
        assert all(in_scope(path, asked.paths) for path in read.deleted)
        assert len("".join(read.not_understood)) < 10_000


LONG: dict[str, Callable[[int], str]] = {
    "one line": lambda size: "a" * size,
    "spaces": lambda size: " " * size,
    "empty lines": lambda size: "\n" * size,
    "backticks": lambda size: "`" * size,
    "fences": lambda size: "```python\n" * (size // 10),
    "few fences and many lines": lambda size: "```python\nx = (\n" * 900 + "x\n" * (size // 2 - 900 * 8),
    "blocks": lambda size: "```python path=words.py\nx = 1\n```\n" * (size // 35),
    "quotes": lambda size: "> " * (size // 2),
    "quoted lines": lambda size: "> a\n" * (size // 4),
    "lists": lambda size: "- " * (size // 2),
    "list lines": lambda size: "- a\n" * (size // 4),
    "deeper lists": lambda size: "".join(f"{' ' * depth}- a\n" for depth in range(int((2 * size) ** 0.5))),
    "search blocks without end": lambda size: "<<<<<<< SEARCH\n" * (size // 15),
    "heredocs without end": lambda size: "cat > a <<EOF\n" * (size // 14),
    "elements without end": lambda size: "<file path='a'>\n" * (size // 16),
    "open brackets": lambda size: "[" * size,
    "objects": lambda size: '{"a":' * (size // 5),
    "lines of objects": lambda size: '{"a\n' * (size // 4),
    "diff headers": lambda size: "--- a/x\n+++ b/x\n" * (size // 16),
    "diff with empty lines": lambda size: "--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + "\n" * (size - 40),
    "hunks": lambda size: "--- a/words.py\n+++ b/words.py\n" + "@@ -1 +1 @@\n-x\n+y\n" * (size // 19),
    "thoughts": lambda size: "<think>\n" * (size // 8),
    "ends of thoughts": lambda size: "</think>\n" * (size // 9),
    "channels": lambda size: "<|channel|>" * (size // 11),
    "parentheses": lambda size: f"```python\n{'(' * (size - 14)}\n```",
    "a deep program": lambda size: f"```python\n{'-' * (size - 20)}1\n```",
    "an if for each line": lambda size: "```python\nif x: pass\n" + "elif x: pass\n" * (size // 13) + "```",
    "words that are names": lambda size: "words.py show.py README.md " * (size // 27),
    "titles": lambda size: "**words.py**\n" * (size // 13),
    "stars": lambda size: "*" * size,
    "readme fences": lambda _: "```markdown path=README.md\n" + "```\n\na\n" * 900,
    "directives": lambda size: "DELETE: words.py\n" * (size // 17),
    "entities": lambda size: "```python\n" + "a &gt; b\n" * (size // 9) + "```",
}


def plain_lines() -> str:
    """Return the longest answer of plain prose that is read. It is the measure for unusual answers."""
    return ("a line of prose\n" * LINES_MAX)[:ANSWER_CHARS_MAX]


def reading_s(text: str, asked: Any) -> float:
    """Return the processor time (s) for reading an answer."""
    begun = time.process_time()
    read_answer(text, asked)
    return time.process_time() - begun


def longest(kind: str) -> str:
    """Return the longest answer of a kind that is read."""
    text = LONG[kind](ANSWER_CHARS_MAX)[:ANSWER_CHARS_MAX]
    text = "\n".join(text.split("\n")[:LINES_MAX])
    for mark in ("```", "~~~"):
        text = mark.join(text.split(mark)[: FENCES_MAX + 1])
    return text


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("kind", LONG)
def test_a_long_answer_of_one_kind_is_read_in_time(kind: str) -> None:
    text = longest(kind)
    for asked in (ONE, THREE):
        plain_s = reading_s(plain_lines(), asked)
        assert reading_s(text, asked) < PLAIN_TIMES_MAX * plain_s
