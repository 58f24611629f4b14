"""All calls of one answer in one box: quick enough to measure hundreds of answers.

The judge decides deliveries, in a fresh box for each case; this only counts. As there, expected values stay outside.
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
    """Return the result of each call, or None when the code did not load, hung, or answered in another form."""
    asked = json.dumps({"source": source, "function": function, "calls": calls}).encode()
    argv = (PYTHON, "-I", "-S", "-B", "-c", _WORKER)
    done = await sandbox.run(RunSpec(argv=argv, stdin=asked, limits=LIMITS))
    try:
        got = json.loads(done.stdout)
    except ValueError:
        return None
    return got if isinstance(got, list) and len(got) == len(calls) else None
