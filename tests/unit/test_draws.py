"""Inputs of properties: the effect of the seed, the limits of generators, and the reduction of failing inputs."""

import asyncio
import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agents.briefs.property_text import described
from verification.properties.inputs import Arguments, draw
from verification.properties.shrinking import size_of, smaller
from verification.requirements.property_model import Generator, Property
from verification.requirements.values import encode, key_of
from verification.sandbox.orphans import new_tag

ROOT = Path(__file__).parents[2]
TRIES = 60
WHOLE = Generator(kind="integer", min=3, max=90)
WORD = Generator(kind="text", min=1, max=8, alphabet="ab -")
CHOICES = (1, "x", {"$tuple": [1]})
SHOWN = {"integer": "a whole number from 3 to 90", "text": "a text of 1 to 8 characters out of 'ab -'"}


def is_word(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 8 and set(value) <= set("ab -")


def is_whole(value: Any) -> bool:
    return type(value) is int and 3 <= value <= 90


KINDS: dict[str, tuple[Generator, Callable[[Any], bool]]] = {
    "integer": (WHOLE, is_whole),
    "float": (
        Generator(kind="float", min=-1, max=2, nan=True),
        lambda value: value == {"$float": "nan"} or (type(value) is float and -1 <= value <= 2),
    ),
    "text": (WORD, is_word),
    "any text": (Generator(kind="text", max=20), lambda value: isinstance(value, str) and len(value) <= 20),
    "bytes": (Generator(kind="bytes", min=2, max=9), lambda value: 2 <= len(base64.b64decode(value["$bytes"])) <= 9),
    "boolean": (Generator(kind="boolean"), lambda value: type(value) is bool),
    "none": (Generator(kind="none"), lambda value: value is None),
    "choice": (
        Generator(kind="choice", values=(1, "x", {"$tuple": [1]})),
        lambda value: value in (1, "x", {"$tuple": [1]}),
    ),
    "list": (
        Generator(kind="list", min=1, max=5, of=(WORD,)),
        lambda value: isinstance(value, list) and 1 <= len(value) <= 5 and all(map(is_word, value)),
    ),
    "unique list": (
        Generator(kind="list", min=2, max=5, of=(WHOLE,), unique=True),
        lambda value: 2 <= len(value) == len(set(value)) <= 5 and all(map(is_whole, value)),
    ),
    "tuple": (
        Generator(kind="tuple", of=(WORD, WHOLE)),
        lambda value: is_word(value["$tuple"][0]) and is_whole(value["$tuple"][1]),
    ),
    "dict": (
        Generator(kind="dict", max=4, of=(WORD, WHOLE)),
        lambda value: len(value) <= 4 and all(map(is_word, value)) and all(map(is_whole, value.values())),
    ),
    "dict of numbers": (
        Generator(kind="dict", min=1, max=4, of=(WHOLE, WORD)),
        lambda value: all(is_whole(key) and is_word(item) for key, item in value["$dict"]),
    ),
    "record": (
        Generator(kind="record", names=("name", "age"), of=(WORD, WHOLE)),
        lambda value: list(value) == ["name", "age"] and is_word(value["name"]) and is_whole(value["age"]),
    ),
    "one_of": (Generator(kind="one_of", of=(WORD, WHOLE)), lambda value: is_word(value) or is_whole(value)),
    "decimal": (
        Generator(kind="decimal", min="0.5", max="9", places=2),
        lambda value: Decimal("0.5") <= Decimal(value["$decimal"]) <= 9,
    ),
    "date": (
        Generator(kind="date", min="2020-02-01", max="2021-01-31"),
        lambda value: date(2020, 2, 1) <= date.fromisoformat(value["$date"]) <= date(2021, 1, 31),
    ),
}


def asked(*inputs: Generator, tries: int = TRIES) -> Property:
    return Property(kind="deterministic", call="m:f", inputs=inputs, line=1, tries=tries)


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Arguments]]:
    """Draw all kinds in one process."""
    found = asyncio.run(draw([asked(made) for made, _ in KINDS.values()], 7))
    return dict(zip(KINDS, found, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_every_input_is_one_that_was_asked_for(drawn: dict[str, list[Arguments]], kind: str) -> None:
    made, fits = KINDS[kind]
    values = [value for (value,) in drawn[kind]]
    assert [value for value in values if not fits(value)] == []
    keys = [key_of(encode(value)) for value in values]
    assert None not in keys
    assert len(set(keys)) == len(keys) or kind in ("float", "decimal"), "0.0 and -0.0, 0.5 and 0.50 are equal"
    assert len(values) == TRIES or kind in ("boolean", "none", "choice")
    text = described(asked(made))
    assert SHOWN.get(made.kind, "for every a, ") in text or kind == "any text"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_smaller_is_of_the_same_kind(drawn: dict[str, list[Arguments]], kind: str) -> None:
    made, fits = KINDS[kind]
    found = [(before, after) for before in drawn[kind] for after in smaller([made], before)]
    assert [after for _, after in found if not fits(after[0])] == []
    assert all(size_of(after) < size_of(before) for before, after in found)
    assert found or kind in ("boolean", "none", "one_of", "decimal", "date", "dict of numbers")


async def test_the_same_seed_gives_the_same_inputs_and_another_gives_others() -> None:
    wanted = [asked(WORD, WHOLE, tries=20), asked(WORD, tries=20)]
    first, again, other = [await draw(wanted, seed) for seed in (5, 5, 6)]
    assert first == again
    assert first != other
    assert first[0][0] == ("a", 3), "the least first"
    assert first[1] != [(word,) for word, _ in first[0]], "two properties with one generator are drawn apart"


def test_what_is_drawn_does_not_depend_on_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis would take constants from loaded modules, settings from CI's environment, and leave files here."""
    wanted = [asked(Generator(kind="text", max=20), tries=20)]
    here = asyncio.run(draw(wanted, 5))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    (tmp_path / "random.py").write_text("raise ImportError")
    assert asyncio.run(draw(wanted, 5)) == here
    assert [path.name for path in tmp_path.iterdir()] == ["random.py"]


def test_the_judge_is_imported_without_hypothesis() -> None:
    program = "import sys, verification.judge; sys.exit('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0


async def test_the_folder_of_a_killed_process_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive = tmp_path / new_tag()
    space, pid, started, _ = alive.name.removeprefix("aura-box-").split("-")
    for folder in (alive, tmp_path / f"aura-box-{space}-{pid}-{int(started) + 1}-00"):
        folder.mkdir()
    assert await draw([Property(kind="never_raises", call="m:f", inputs=(WHOLE,), tries=2, line=1)], 1)
    assert os.listdir(tmp_path) == [alive.name]
