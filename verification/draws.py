"""Inputs for properties: drawn from a verdict's seed by `verification/drawing.py` in a process of its own."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import Invalid, Unavailable
from verification.casebox import ALONE
from verification.property import Property

DRAW_WALL_S = 60.0
SAID_CHARS_MAX = 300
_SOURCE = Path(__file__).with_name("drawing.py")

Arguments = tuple[Any, ...]
"""One input: positional arguments, as they stand in a requirement."""


async def draw(properties: Sequence[Property], seed: int) -> list[list[Arguments]]:
    """For each property its inputs: different ones, edge values first, at most `tries`.

    The same properties and seed give the same inputs. Raises Invalid for generators that nothing satisfies.
    """
    if not properties:
        return []
    wanted = [{"inputs": msgspec.to_builtins(one.inputs), "tries": one.tries} for one in properties]
    order = json.dumps({"seed": seed, "wanted": wanted}).encode()
    with tempfile.TemporaryDirectory(prefix="aura-draws-") as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, *ALONE, "-c", _SOURCE.read_text(encoding="utf-8")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"HYPOTHESIS_STORAGE_DIRECTORY": folder, "HYPOTHESIS_NO_PLUGINS": "1", "PYTHONHASHSEED": "0"},
        )
        try:
            told, said = await asyncio.wait_for(child.communicate(order), DRAW_WALL_S)
        except TimeoutError as error:
            raise _unusable(f"nothing was drawn within {DRAW_WALL_S:g} s") from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        text = said.decode(errors="replace").strip().rpartition("\n")[2][:SAID_CHARS_MAX]
        if not text.startswith("hypothesis.errors"):
            raise Unavailable(f"The inputs of properties were not drawn: {text}.", hint="`pip install hypothesis`.")
        raise _unusable(text.partition(": ")[2].partition(". ")[0])
    return [[tuple(arguments) for arguments in inputs] for inputs in json.loads(told)]


def _unusable(why: str) -> Invalid:
    return Invalid(
        f"The inputs of a property cannot be drawn: {why}.",
        hint="Look at `min`, `max` and `unique` of its inputs: there must be that many different values.",
        code="requirement_unusable",
    )
