"""One run of a coding agent in the box of a session. Its only way out is the model gateway of the attempt."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from agents.cli_agents.acp import client_files
from agents.cli_agents.check_command import check_files
from agents.cli_agents.command_line import PROMPT_FILE, TOOLBOX, AgentJob, relay_order
from agents.gateway.box_channel import RELAY, GatewayChannel, relay_files
from agents.gateway.gateway import Gateway
from verification.sandbox.base import PROGRAMS, PYTHON
from verification.sandbox.session_box import SessionBox
from verification.sandbox.session_command import CommandEnd, CommandResult

WATCH_EVERY_S = 0.25
USED_UP_GRACE_S = 20.0
"""Seconds from the first refusal because of the budget until the agent is ended. It can write its last files."""
USED_UP_REFUSALS_MAX = 5
"""Number of refusals because of the budget after which the agent is ended earlier, because it only asks again."""
OUTPUT_BYTES_MAX = 32 * 1024
_RELAY = (f"{PROGRAMS}/{PYTHON}", "-I", "-S", RELAY)
EarlyEnd = Literal["used_up", "not_permitted"]
"""Reason for which an agent is ended early."""
AgentEnd = CommandEnd | EarlyEnd


class AgentResult(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one agent. `output`: the beginning and the end of what it wrote.

    `end`: `used_up` if the gateway has refused calls because the budget is used up, and the agent ended with an error
    or was ended. `not_permitted` if the manager permits no further call; `why` explains it. Otherwise it is the end of
    a command. `refused`: the codes of the refused requests.
    """

    end: AgentEnd
    exit_code: int | None
    signal: int | None
    output: str
    wall_s: float
    refused: tuple[str, ...]
    why: str = ""
    code: str = ""  # of the refused permit, if `end` is `used_up` or `not_permitted`


def agent_files(job: AgentJob) -> dict[str, bytes]:
    """Return the read-only files that the box of an agent needs, by their paths."""
    client = client_files() if job.template.prompt == "acp" else {}
    return {PROMPT_FILE: job.prompt.encode(errors="replace"), **relay_files(), **check_files(), **client}


def agent_folders(job: AgentJob) -> Mapping[str, Path]:
    """Return the read-only folders that the box of an agent needs: its program."""
    return {TOOLBOX: job.toolbox}


async def run_agent(box: SessionBox, job: AgentJob, gateway: Gateway, *, wall_s: float | None = None) -> AgentResult:
    """Run the agent in an open box that has `agent_files` and `agent_folders`.

    Afterwards no process of the agent runs, so the difference can be read from the box. If this call is
    cancelled, the agent is ended. Raises Invalid and LimitReached for a job that cannot be started.
    """
    channel = GatewayChannel()
    try:
        channel.order(relay_order(job))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(box.run(_RELAY, wall_s=wall_s, source=channel.theirs.fileno()))
            running.add_done_callback(lambda _: channel.box_ended())
            watching = group.create_task(_watched(running, box, gateway))
            await channel.serve(gateway.serve)
        return _result(running.result(), watching.result(), gateway)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers handle single errors, not exception groups
    finally:
        channel.close()


async def _watched(running: "asyncio.Task[CommandResult]", box: SessionBox, gateway: Gateway) -> EarlyEnd | None:
    """End the agent if it can make no further call. Return the reason, or None if it ended by itself."""
    first: float | None = None
    loop = asyncio.get_running_loop()
    while not running.done():
        refusals = sum(map(_is_used_up, gateway.refused))
        if refusals and first is None:
            first = loop.time()
        late = first is not None and loop.time() - first > USED_UP_GRACE_S
        reason: EarlyEnd | None = "used_up" if late or refusals >= USED_UP_REFUSALS_MAX else None
        if gateway.call_refused is not None and not _is_used_up(gateway.call_refused.code):
            reason = "not_permitted"
        if reason:
            box.stop_command()
            await asyncio.wait({running})
            return reason
        await asyncio.wait({running}, timeout=WATCH_EVERY_S)
    return None


def _result(result: CommandResult, stopped: EarlyEnd | None, gateway: Gateway) -> AgentResult:
    end: AgentEnd = result.reason
    used_up = [code for code in gateway.refused if _is_used_up(code)]
    if end == "cancelled" and stopped:
        end = stopped
    elif used_up and (end, result.exit_code) != ("exit", 0):
        end = "used_up"
    why, code = result.why, ""
    if end == "not_permitted" and gateway.call_refused is not None:
        why, code = gateway.call_refused.message, gateway.call_refused.code
    elif end == "used_up":
        code = used_up[-1]
    return AgentResult(
        end=end,
        exit_code=result.exit_code,
        signal=result.signal,
        output=result.observed(OUTPUT_BYTES_MAX),
        wall_s=result.wall_s,
        refused=tuple(gateway.refused),
        why=why,
        code=code,
    )


def _is_used_up(code: str) -> bool:
    return code.endswith("_used_up")
