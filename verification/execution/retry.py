"""A run in a box that must be made: tried again when the box itself could not be, which is nobody's failure."""

from domain.errors import Unavailable
from verification.sandbox.base import RunResult, RunSpec, Sandbox

SETUP_ATTEMPTS_MAX = 2
SAID_CHARS_MAX = 300


async def boxed(spec: RunSpec, sandbox: Sandbox) -> RunResult:
    """Run a box and return how it ended. Raises Unavailable when no box can be made."""
    result = await sandbox.run(spec)
    for _ in range(SETUP_ATTEMPTS_MAX - 1):
        if result.reason == "setup_failed":
            result = await sandbox.run(spec)
    if result.reason == "setup_failed":
        raise not_made(result)
    return result


def not_made(result: RunResult) -> Unavailable:
    """The error for a box that could not be made."""
    return Unavailable(
        f"The box could not be made: {result.stderr.decode(errors='replace').strip()[-SAID_CHARS_MAX:]}.",
        hint="Try again; if it stays so, look at memory and processes on this machine.",
        code="sandbox_failed",
    )
