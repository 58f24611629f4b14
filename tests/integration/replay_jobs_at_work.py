"""Work for processes of a replay: one that is killed, and one that never ends by itself."""

import asyncio
import os
import signal
from pathlib import Path

from projections.log_fold import Progress

STEP_S = 0.02


def note(path: str, text: str) -> None:
    Path(path).write_text(text)


async def killed(request: str, on_progress: Progress) -> None:
    """Kill this process, or wait."""
    if request == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    await endless(os.devnull, on_progress)


async def endless(request: str, on_progress: Progress) -> None:
    """Report progress without end. At the end, note in a file that it was closed in an orderly way."""
    try:
        while True:
            await asyncio.sleep(STEP_S)
            on_progress(1, 2)
            if request != os.devnull:
                note(request, "begun")
    finally:
        note(request, "closed")
