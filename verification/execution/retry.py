"""Repetition of a run if its sandbox could not be made, because the code is not the cause of that failure."""

from domain.errors import Unavailable
from verification.sandbox.base import RunResult, RunSpec, Sandbox

SETUP_ATTEMPTS_MAX = 2
SAID_CHARS_MAX = 300


async def boxed(spec: RunSpec, sandbox: Sandbox) -> RunResult:
    """Run a command in a sandbox and return its result. Raises Unavailable if no sandbox can be made."""
    result = await sandbox.run(spec)
    for _ in range(SETUP_ATTEMPTS_MAX - 1):
        if result.reason == "setup_failed":
            result = await sandbox.run(spec)
    if result.reason == "setup_failed":
        raise not_made(result)
    return result


def not_made(result: RunResult) -> Unavailable:
    """Return the error for a sandbox that could not be made."""
    return Unavailable(
        f"The sandbox could not be made: {result.stderr.decode(errors='replace').strip()[-SAID_CHARS_MAX:]}.",
        hint="Try again. If it fails again, check free memory and the number of processes of this machine.",
        code="sandbox_failed",
    )
