"""Run of all calls of a model's answer in one box. This is fast enough to measure hundreds of answers.

It only serves measurements. For a delivery, the judge uses a new box for each case. In both, expected values stay
outside the box.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from verification.sandbox.base import MIB, PYTHON, Limits, RunSpec, Sandbox

LIMITS = Limits(wall_s=20.0, memory_bytes=256 * MIB, output_bytes=MIB)
_WORKER = """
import json, os, sys
asked = json.load(sys.stdin)
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
names = {"__name__": "candidate"}
exec(compile(asked["source"], "candidate.py", "exec"), names)
got = []
for args in asked["calls"]:
    try:
        got.append({"returns": names[asked["function"]](*args)})
    except Exception as error:
        got.append({"raises": type(error).__name__})
os.write(out, json.dumps(got).encode())
"""


async def outcomes(
    sandbox: Sandbox, source: str, function: str, calls: Sequence[Sequence[Any]]
) -> list[Mapping[str, Any]] | None:
    """Return the result of each call. Return None if the code did not load, did not end, or gave an invalid answer."""
    asked = json.dumps({"source": source, "function": function, "calls": calls}).encode()
    argv = (PYTHON, "-I", "-S", "-B", "-c", _WORKER)
    done = await sandbox.run(RunSpec(argv=argv, stdin=asked, limits=LIMITS))
    try:
        got = json.loads(done.stdout)
    except ValueError:
        return None
    return got if isinstance(got, list) and len(got) == len(calls) else None
