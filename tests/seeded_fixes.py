"""A repository with seeded past fixes, and a model server whose models solve a known part of them."""

import json
import re
from asyncio import StreamWriter
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.histories import history
from tests.loopback import Reply, Seen, completion, raw

WRONG = "def value(number):\n    return number\n"


def right(fix: int) -> str:
    """Return the fixed module of this fix."""
    return f"def value(number):\n    return number + {fix + 2}\n"


def seeded_fixes(folder: Path, count: int) -> list[str]:
    """Make a repository with `count` fixes. Each corrects a module of its own. Return the hex ids of the fixes."""
    modules: dict[str, str | None] = {f"part_{fix:02}.py": WRONG for fix in range(count)}
    first = {**modules, "tests/test_start.py": "def test_start():\n    assert True\n"}
    versions: list[tuple[str, Mapping[str, str | None]]] = [("Parts", first)]
    for fix in range(count):
        test = (
            f"from part_{fix:02} import value\n\n\n"
            f"def test_part_{fix:02}():\n    assert value(1) == {fix + 3}\n    assert value(5) == {fix + 7}\n"
        )
        versions.append(
            (f"Correct part {fix:02}", {f"part_{fix:02}.py": right(fix), f"tests/test_part_{fix:02}.py": test})
        )
    return history(folder, versions)[1:]


def fix_asked_in(prompt: str) -> int:
    """Return the number of the fix that a prompt asks for. Its title says it."""
    found = re.search(r"Correct part (\d\d)", prompt)
    assert found is not None, prompt
    return int(found[1])


def solvers(count: int, solved: Mapping[str, int]) -> Reply:
    """Return the replies of a server. Its model NAME solves `solved[NAME]` of `count` fixes, chosen by its place.

    Each model hands in work for each fix, so each fix that it does not solve is a false claim.
    """
    chosen = {name: set(Random(seed).sample(range(count), part)) for seed, (name, part) in enumerate(solved.items())}

    async def reply(writer: StreamWriter, seen: Seen) -> None:
        body = seen.body or {}
        if "messages" not in body:
            await raw(200, json.dumps({"object": "list", "data": [{"id": name} for name in solved]}).encode())(
                writer, seen
            )
            return
        fix = fix_asked_in(" ".join(str(message["content"]) for message in body["messages"]))
        text = right(fix) if fix in chosen[body["model"]] else f"def value(number):\n    return {fix} - number\n"
        answer = f"```python path=part_{fix:02}.py\n{text}```\n"
        await raw(200, completion(answer))(writer, seen)

    return reply
