"""A box whose first process is the gateway relay, for tests of the relay alone. Agents run in the box of a session."""

import asyncio

import msgspec

from agents.gateway.box_channel import RELAY, GatewayChannel, Handle, RelayOrder, relay_files
from verification.sandbox.base import PYTHON, RunResult, RunSpec, Sandbox


async def run_with_gateway(sandbox: Sandbox, spec: RunSpec, order: RelayOrder, handle: Handle) -> RunResult:
    """Run a program in a box whose only way out is `handle`. The relay is the first process of the box.

    `spec` has no `argv` and no `door`. Raises Unavailable if no box starts.
    """
    spec = msgspec.structs.replace(
        spec, argv=(PYTHON, "-I", "-S", RELAY), read_only={**spec.read_only, **relay_files()}
    )
    return await run_with_channel(sandbox, spec, GatewayChannel(), order, handle)


async def run_with_channel(
    sandbox: Sandbox, spec: RunSpec, channel: GatewayChannel, order: RelayOrder, handle: Handle
) -> RunResult:
    """Run a program that has the channel itself as its standard input, and close the channel at its end."""
    try:
        channel.order(order)
        spec = msgspec.structs.replace(spec, door=channel.theirs.fileno())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(sandbox.run(spec))
            running.add_done_callback(lambda _: channel.box_ended())
            await channel.serve(handle)
        return running.result()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers handle single errors, not exception groups
    finally:
        channel.close()
