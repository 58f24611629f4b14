"""Messages of a keeper that are not valid. The test plays the keeper's end of the channel."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator

import pytest

from verification.in_box.keeper import PACKET_BYTES_MAX
from verification.sandbox.keeper_channel import KeeperChannel, Lost, Order

ORDER = Order(argv=("true",), folder="/work", wall_s=5, head=40_000, tail=40_000)
WAIT_S = 30
HONEST = {"number": 1, "reason": "exit", "code": 0, "head": 40_000, "tail": 10, "bytes": 50_000}


@pytest.fixture
async def channel() -> AsyncIterator[KeeperChannel]:
    made = KeeperChannel()
    yield made
    made.close()


async def answered(channel: KeeperChannel) -> bytes:
    return (await asyncio.wait_for(channel.answer(1, ORDER), WAIT_S))[1]


async def test_an_order_and_its_answer_pass(channel: KeeperChannel) -> None:
    channel.send(1, ORDER)
    words, ancillary, _, _ = channel.theirs.recvmsg(100, socket.CMSG_SPACE(4))
    descriptor = int.from_bytes(ancillary[0][2], "little")
    with os.fdopen(descriptor, "rb") as file:
        assert (words, json.load(file)["argv"]) == (b"run 1", ["true"])
    output = os.urandom(40_010)
    channel.theirs.send(json.dumps(HONEST).encode())
    channel.theirs.send(output[:PACKET_BYTES_MAX])
    channel.theirs.send(output[PACKET_BYTES_MAX:])
    assert await answered(channel) == output


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"[" * 5000,
        json.dumps(HONEST | {"number": 2}).encode(),
        json.dumps(HONEST | {"head": 40_001}).encode(),
        json.dumps(HONEST | {"tail": -1}).encode(),
        json.dumps(HONEST | {"tail": 10**9}).encode(),
        json.dumps(HONEST | {"bytes": 100}).encode(),
        json.dumps(HONEST | {"reason": "verified"}).encode(),
        b"x" * (PACKET_BYTES_MAX + 1),
    ],
)
async def test_a_report_that_is_not_valid_is_lost(channel: KeeperChannel, report: bytes) -> None:
    channel.theirs.send(report)
    with pytest.raises(Lost):
        await answered(channel)


async def test_an_output_that_is_longer_than_reported_or_cut_off_is_lost(channel: KeeperChannel) -> None:
    short = HONEST | {"head": 5, "tail": 0}
    channel.theirs.send(json.dumps(short).encode())
    channel.theirs.send(b"123456")
    with pytest.raises(Lost, match="output"):
        await answered(channel)
    channel.theirs.send(json.dumps(short).encode())
    channel.theirs.send(b"123")
    channel.theirs.close()
    with pytest.raises(Lost, match="hung up"):
        await answered(channel)
    with pytest.raises(Lost):
        channel.send(2, ORDER)
    with pytest.raises(Lost):
        channel.stop(2, "memory")


async def test_descriptors_are_never_received(channel: KeeperChannel) -> None:
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(channel.theirs, [json.dumps(HONEST).encode()], [0, 1, 2])
    with pytest.raises(Lost):
        await answered(channel)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_the_first_message_must_be_ready(channel: KeeperChannel) -> None:
    channel.theirs.send(b"ready")
    await channel.ready()
    channel.theirs.send(b"steady")
    with pytest.raises(Lost):
        await channel.ready()
