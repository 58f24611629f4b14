"""Runs of an attack as one command of a session."""

import asyncio
import json
import os
from collections.abc import Iterable

from domain.tree import Tree
from tests.attacks.attack import PRELUDE, Attack, Seen, outcomes_of
from tests.attacks.canaries import SECRET, SECRET_VARIABLE, Canaries
from tests.attacks.leftovers import processes_with
from verification.sandbox.base import Limits, Reason, Sandbox
from verification.sandbox.session_box import SessionBox
from verification.sandbox.session_command import CommandResult
from verification.sandbox.session_limits import SessionLimits

AT_ONCE = 4
ALIVE = ("python3", "-I", "-c", "import os; print('processes', sum(name.isdigit() for name in os.listdir('/proc')))")
ALIVE_SAID = "processes 2\n"
"""The keeper and the command itself. No other process may be in the box at the start of a command."""


INPUT = "write to the input"
"""This attempt succeeds in a session and reaches nobody, because the input of a command is /dev/null."""


def session_limits(limits: Limits) -> SessionLimits:
    """Return the limits of a session that are equal to those of a run."""
    return SessionLimits(
        memory_bytes=limits.memory_bytes,
        processes=limits.processes,
        files=limits.files,
        disk_bytes=limits.work_bytes,
        tmp_bytes=limits.tmp_bytes,
        file_bytes=limits.file_bytes,
        open_files=limits.open_files,
        minutes=5,
        command_s=limits.wall_s,
        command_s_max=limits.wall_s,
        output_bytes=limits.output_bytes,
    )


async def in_session(sandbox: Sandbox, attack: Attack) -> tuple[Seen, CommandResult]:
    """Run the attack as one command. Return what was seen in the open box, and the result of the next command."""
    os.environ[SECRET_VARIABLE] = SECRET  # of this process, from which boxes are started
    with Canaries() as canaries:
        async with SessionBox(sandbox, Tree({}), limits=session_limits(attack.limits), allow_degraded=True) as box:
            argv = ("python3", "-I", "-c", PRELUDE + attack.code, json.dumps(canaries.facts() | dict(attack.facts)))
            result = await box.run(argv)
            survivors = len(processes_with(canaries.mark))
            alive = await box.run(ALIVE)
        return seen_of(result, survivors, canaries.hits()), alive


def seen_of(result: CommandResult, survivors: int, hits: tuple[str, ...]) -> Seen:
    output = result.head + result.tail
    code = result.exit_code if result.signal is None else 128 + result.signal
    return Seen(
        reason=_reason(result),
        exit_code=code,
        wall_s=result.wall_s,
        outcomes={what: outcome for what, outcome in outcomes_of(output).items() if what != INPUT},
        output_bytes=len(output),
        files={},
        hits=hits,
        survivors=survivors,
        leaked=SECRET.encode() in output,
        said=f"{result.why} {output[-300:].decode(errors='replace')}",
    )


def _reason(result: CommandResult) -> Reason:
    """Return the reason in the words of a run. A session leaves out the middle of a long output, and goes on."""
    match result.reason:
        case "exit" if result.left_out:
            return "output_limit"
        case "exit" | "timeout" | "memory" | "file_limit":
            return result.reason
        case "signal":
            return "exit"
    return "setup_failed"


async def all_in_session(
    sandbox: Sandbox, attacks: Iterable[Attack], at_once: int = AT_ONCE
) -> dict[str, tuple[Seen, CommandResult]]:
    """Run each attack in a separate session, several at a time."""
    free = asyncio.Semaphore(at_once)

    async def one(attack: Attack) -> tuple[str, tuple[Seen, CommandResult]]:
        async with free:
            return attack.name, await in_session(sandbox, attack)

    return dict(await asyncio.gather(*(one(attack) for attack in attacks)))
