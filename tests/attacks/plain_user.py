"""A program that test_plain_user.py starts as a plain user. It prints the limits that the sandbox enforces, as JSON.

With the argument `pool` after the port, each run takes a box from the pool.
"""

import asyncio
import json
import random
import sys

from tests.cheats.judged import Puzzle
from tests.sandboxes import FromPool
from tests.services import FORGETFUL, RIGHT, verdict_of
from verification.judge import Candidate, judge
from verification.sandbox.base import Limits, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

MIB = 1024 * 1024


async def main() -> None:
    sandbox = FromPool() if "pool" in sys.argv[2:] else Bubblewrap()
    held = await sandbox.probe()
    told: dict[str, object] = {"not_held": held.not_held, "confinement": held.confinement}
    for name, code, limits in (
        ("honest", "print(open('a/in').read(), end=''); open('out', 'w').write('x')", Limits(wall_s=15)),
        ("network", "import socket; socket.create_connection(('127.0.0.1', int(__import__('sys').argv[1])))", Limits()),
        ("home", f"open({__file__!r}).read()", Limits(wall_s=15)),
        ("disk", "open('x', 'wb').write(bytes(20 << 20))", Limits(wall_s=15, work_bytes=8 * MIB)),
        ("forks", "import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(20)", Limits(wall_s=10, processes=20)),
        ("files", "for i in range(10**7): open(f'f{i}', 'w').close()", Limits(wall_s=15, files=500)),
        ("hang", "while True: pass", Limits(wall_s=1)),
        ("memory", "x = bytearray(1 << 30)", Limits(wall_s=15, memory_bytes=128 * MIB)),
    ):
        argv = ("python3", "-I", "-c", code, sys.argv[1])
        result = await sandbox.run(RunSpec(argv=argv, files={"a/in": b"hi"}, limits=limits, collect=("out",)))
        told[name] = [result.reason, result.exit_code, result.stdout.decode(), sorted(result.files)]
    puzzle = Puzzle(random.Random(sys.argv[1]))
    requirement = puzzle.requirement()
    for name, tree in (("right", puzzle.right()), ("table", puzzle.table())):
        verdict = await judge(
            Candidate(requirement=requirement, tree=tree, whole=False), sandbox=sandbox, seed=1, allow_degraded=True
        )
        told[name] = [verdict.verified, list(verdict.not_held)]
    for name, code in (("keeps", RIGHT), ("forgets", FORGETFUL)):
        verdict = await verdict_of(code, sandbox, "A4")
        told[name] = [verdict.verified, list(verdict.not_held)]
    told["all from the pool"] = isinstance(sandbox, FromPool) and sandbox.all_from_pool()
    await sandbox.close()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
