"""The process of the whole staff, for the measurement of many runs: `aura serve all` in a process of its own.

Merged trees are judged like the work on a task, because the other gates of a merged tree take several seconds of
processor time for each run, and would hide everything else.
"""

import asyncio
import dataclasses
import sys
from typing import Any

import msgspec

from director.deployment.serve import Serving, serve_roles
from director.settings import Settings
from runtime.composition import Organisation
from runtime.process_config import Setup
from verification.judge import Candidate, judge
from verification.verdict.model import Verdict


async def as_share(candidate: Candidate, **named: Any) -> Verdict:
    """Judge without the gates that run only on a merged tree."""
    return await judge(msgspec.structs.replace(candidate, whole=False), **named)


def make(setup: Setup) -> Organisation:
    return Organisation(dataclasses.replace(setup, judge=as_share))


def main() -> int:
    asyncio.run(serve_roles(Settings(), Serving(roles=("all",), allow_degraded=True), make=make))
    return 0


if __name__ == "__main__":
    sys.exit(main())
