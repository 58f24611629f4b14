"""Inputs for properties, drawn from a verdict's seed by `verification/in_box/hypothesis_draw.py` in its own process."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import Invalid, Unavailable
from verification.execution.case_runner import ALONE
from verification.requirements.property_model import Property
from verification.sandbox.child_process import run_program
from verification.sandbox.orphans import new_tag, sweep_folders
from verification.sandbox.remedy import temporary_folder

DRAW_WALL_S = 60.0
SAID_CHARS_MAX = 300
_SOURCE = Path(__file__).parents[1] / "in_box" / "hypothesis_draw.py"

Arguments = tuple[Any, ...]
"""One input: the positional arguments of a call, written as in a requirement file."""


async def draw(properties: Sequence[Property], seed: int) -> list[list[Arguments]]:
    """Return the inputs of each property: at most `tries` different inputs, with edge values first.

    The same properties and seed give the same inputs. Raises Invalid if no value satisfies a generator.
    """
    if not properties:
        return []
    wanted = [{"inputs": msgspec.to_builtins(one.inputs), "tries": one.tries} for one in properties]
    order = json.dumps({"seed": seed, "wanted": wanted}).encode()
    sweep_folders(temporary_folder())
    folder = temporary_folder() / new_tag()
    folder.mkdir(mode=0o700)
    try:
        drawn = await run_program(
            (sys.executable, *ALONE, "-c", _SOURCE.read_text(encoding="utf-8")),
            wall_s=DRAW_WALL_S,
            stdin=order,
            cwd=folder,
            env={"HYPOTHESIS_STORAGE_DIRECTORY": str(folder), "HYPOTHESIS_NO_PLUGINS": "1", "PYTHONHASHSEED": "0"},
        )
    except TimeoutError as error:
        raise _unusable(f"nothing was drawn within {DRAW_WALL_S:g} s") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if drawn.returncode != 0:
        text = drawn.stderr.decode(errors="replace").strip().rpartition("\n")[2][:SAID_CHARS_MAX]
        if not text.startswith("hypothesis.errors"):
            raise Unavailable(f"The inputs of properties were not drawn: {text}.", hint="Run `pip install hypothesis`.")
        raise _unusable(text.partition(": ")[2].partition(". ")[0])
    return [[tuple(arguments) for arguments in inputs] for inputs in json.loads(drawn.stdout)]


def _unusable(why: str) -> Invalid:
    return Invalid(
        f"The inputs of a property cannot be drawn: {why}.",
        hint="Check `min`, `max` and `unique` of its inputs: enough different values must be possible.",
        code="requirement_unusable",
    )
