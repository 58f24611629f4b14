"""A run of ours in a box, for a gate: tried again when the box itself could not be made."""

from domain.errors import Unavailable
from verification.casebox import SETUP_ATTEMPTS_MAX
from verification.sandbox.base import RunResult, RunSpec, Sandbox


async def boxed(spec: RunSpec, sandbox: Sandbox) -> RunResult:
    """How the run ended. Raises Unavailable when no box can be made."""
    result = await sandbox.run(spec)
    for _ in range(SETUP_ATTEMPTS_MAX - 1):
        if result.reason == "setup_failed":
            result = await sandbox.run(spec)
    if result.reason == "setup_failed":
        raise Unavailable(
            f"The box could not be made: {result.stderr.decode(errors='replace').strip()[-300:]}.",
            hint="Try again; if it stays so, look at memory and processes on this machine.",
            code="sandbox_failed",
        )
    return result
