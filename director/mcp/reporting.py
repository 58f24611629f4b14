"""Progress of a call, from work that reports in lines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from director.mcp.tool import Call

LINES_MAX = 1000
"""Lines that wait to be sent. Further lines are left out, because they are only progress."""


@asynccontextmanager
async def reported(call: Call) -> AsyncIterator[Callable[[str], None]]:
    """Yield a function that takes lines of progress, and send each line to the caller."""
    lines: asyncio.Queue[str | None] = asyncio.Queue(LINES_MAX + 1)

    def say(text: str) -> None:
        if lines.qsize() < LINES_MAX:
            lines.put_nowait(text)

    async def send() -> None:
        count = 0
        while (line := await lines.get()) is not None:
            count += 1
            await call.progress(count, None, line)

    sending = asyncio.create_task(send())
    try:
        yield say
    except BaseException:
        sending.cancel()
        raise
    lines.put_nowait(None)
    await sending
