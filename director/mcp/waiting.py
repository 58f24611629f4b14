"""The tool that waits for a run, and reports its progress meanwhile."""

import asyncio

from director.mcp import answers, arguments
from director.mcp.places import WAITS
from director.mcp.reading import line_of
from director.mcp.tool import Call
from director.services.session import find_run
from director.services.views import rows
from director.services.waiting import Waits
from domain.errors import Forbidden
from domain.wording import counted

POLL_S = 0.5
RECHECK_S = 2.0


async def wait(call: Call, asked: arguments.Waiting) -> answers.RunNow:
    """Wait until a run has ended or needs a person, or until the time is over. Raises TooMany, Forbidden."""
    run = await find_run(call.store, asked.run)
    loop = asyncio.get_running_loop()
    waits, ends_at, checked, told = Waits(call.store, call.settings), loop.time() + asked.seconds, loop.time(), ""
    with WAITS.one():
        while True:
            waiting = await waits.of(run)  # before the line, so that the line is not older than the reason
            line = await line_of(call, run)
            phases = [row["phase"] for row in await rows(call.store, "door_tasks", run)]
            verified = sum(phase == "verified" for phase in phases)
            rests = line.phase == "ended" or (waiting is not None and waiting.needs_somebody)
            said = f"{line.phase}: verified {verified} of {counted(len(phases), 'task')}"
            if said != told:
                told = said
                await call.progress(verified, len(phases) or None, said)
            if rests or loop.time() >= ends_at:
                return answers.RunNow(run=line, tasks=len(phases), verified=verified, rests=rests, waiting=waiting)
            if loop.time() - checked >= RECHECK_S:
                checked = loop.time()
                if not await call.callers.still_reads(call.who):
                    raise Forbidden("This person or token may not read any more.", hint="Use another token.")
            await asyncio.sleep(min(POLL_S, max(0.0, ends_at - loop.time())))
