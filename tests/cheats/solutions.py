"""Right solutions of the example requirements, by the example's folder."""

import json
from pathlib import Path

from verification.requirements.model import Requirement
from verification.requirements.parser import read_requirement

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# Typed and told about, as a person writes them: the demonstration's model must never be found to have written these.
_SMALL = {
    "has_duplicates.py": '''\
def has_duplicates(items: list[object]) -> bool:
    """Whether an item equals an earlier one."""
    seen: list[object] = []
    for item in items:
        if item in seen:
            return True
        seen.append(item)
    return False
''',
    "all_positive.py": '''\
def all_positive(numbers: list[int]) -> bool:
    """Whether no number is zero or below."""
    for number in numbers:
        if number <= 0:
            return False
    return True
''',
    "count_long.py": '''\
def count_long(words: list[str]) -> int:
    """How many words have more than four letters."""
    count = 0
    for word in words:
        if len(word) > 4:
            count += 1
    return count
''',
    "longest_word.py": '''\
def longest_word(words: list[str]) -> str:
    """The first of the words that no other is longer than."""
    longest = ""
    for word in words:
        if len(word) > len(longest):
            longest = word
    return longest
''',
    "anagrams.py": '''\
def anagrams(first: str, second: str) -> bool:
    """Whether both are made of the same letters."""
    return sorted(first) == sorted(second)
''',
}
_SLUG = {
    "slugify.py": '''\
"""Slugs of texts."""

WORDS = "abcdefghijklmnopqrstuvwxyz0123456789"


def slugify(text: str) -> str:
    """The words of a text, lowercased, with one hyphen between."""
    words = []
    word = ""
    for char in text.lower() + " ":
        if char in WORDS:
            word += char
        elif word:
            words.append(word)
            word = ""
    if not words:
        raise ValueError("the text is empty")
    return "-".join(words)
''',
    "history.py": '''\
"""Slugs that were made before."""

from slugify import slugify


class History:
    def __init__(self):
        self._slugs = []

    def add(self, text):
        slug = made = slugify(text)
        count = 1
        while made in self._slugs:
            count += 1
            made = f"{slug}-{count}"
        self._slugs.append(made)
        return made

    def all(self):
        return list(self._slugs)
''',
}
_GREET = {
    "greet.py": '''\
"""Greets people."""

import sys


def line(name, loud):
    said = f"Hello, {name}!"
    return said.upper() if loud else said


def main():
    given = sys.argv[1:]
    loud = False
    place = None
    while given and given[0].startswith("-"):
        option = given.pop(0)
        if option == "--shout":
            loud = True
        elif option == "--save" and given:
            place = given.pop(0)
        else:
            print(f"greet: {option} is no option", file=sys.stderr)
            return 2
    names = given[:1] or [name.strip() for name in sys.stdin if name.strip()]
    text = "".join(line(name, loud) + "\\n" for name in names)
    if place is None:
        sys.stdout.write(text)
    else:
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
    return 0
''',
}


def _recorded(example: str) -> dict[str, str]:
    """Return the last recorded answer of each task, which is the right one."""
    answers = json.loads((EXAMPLES / example / "answers.json").read_text(encoding="utf-8"))
    return {path: text for task in answers.values() for path, text in task[-1].items()}


def solution(example: str) -> dict[str, bytes]:
    written = {"small-tools": _SMALL, "hello-slug": _SLUG, "greet-cli": _GREET}
    files = written[example] if example in written else _recorded(example)
    return {path: text.encode() for path, text in files.items()}


def requirement(example: str) -> Requirement:
    return read_requirement(EXAMPLES / example / f"{example}.md")


NAMES = ("small-tools", "recorded-tools", "hello-slug", "greet-cli", "notes-service")
