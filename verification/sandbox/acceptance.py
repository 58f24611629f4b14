"""The rule for a machine that cannot enforce a limit. It is the same for verdicts and for sessions."""

from collections.abc import Collection

from domain.errors import Refused
from verification.sandbox.base import Capabilities, Sandbox
from verification.sandbox.machine import name_of


async def probed(sandbox: Sandbox, *, allow_degraded: bool, accepted: Collection[str] = ()) -> Capabilities:
    """Probe a sandbox and return the limits that it enforces.

    Raises Unavailable if no box starts. Raises Refused if the machine cannot enforce a limit, unless that limit is in
    `accepted` or `allow_degraded` is True.
    """
    held = await sandbox.probe()
    missing = [limit for limit in held.not_held if limit not in accepted]
    if missing and not allow_degraded:
        raise Refused(
            f"The sandbox cannot enforce these limits on this machine: {', '.join(missing)}.",
            hint="Run as root, or as a user with systemd and delegated memory control. To accept the missing limits on "
            f'this machine, run: aura sandbox accept {" ".join(map(name_of, missing))} --reason "why". '
            "To accept them for one command only, add --allow-degraded.",
            code="sandbox_degraded",
        )
    return held
