"""A double of a provider with two keys: the first key is used up after some calls, the second one is not."""

import asyncio
import json
from collections import Counter
from typing import Any

from tests.loopback import Reply, Seen, completion, raw

MAIN, SPARE = "sk-main-5d1c2f7a90b34e68", "sk-spare-81e0a4c7d2f95b36"
ENVIRONMENT = {"MAIN_KEY": MAIN, "SPARE_KEY": SPARE}
USED_UP = {"error": {"message": "You exceeded your current quota.", "type": "insufficient_quota"}}
SLOW_DOWN = {"error": {"message": "Rate limit reached.", "type": "rate_limit_error"}}
REFUSED_KEY = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}


def refuses(status: int, body: Any, **headers: str) -> Reply:
    return raw(status, json.dumps(body).encode(), **headers)


def tool_turn(index: int, name: str, **arguments: Any) -> bytes:
    """Return a chat completion with one call of a tool."""
    call = {"id": f"c{index}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    return completion(None, finish="tool_calls", tool_calls=[call])


class TwoKeys:
    """Answers turn by turn. `turns`: the answer to a conversation with that many answers before it.

    `main_max`: calls of the first key that are answered. Every later one gets `refusal`, until `paid`.
    """

    def __init__(self, turns: list[bytes], *, main_max: int, refusal: Reply) -> None:
        self.turns = turns
        self.main_max = main_max
        self.refusal = refusal
        self.paid = asyncio.Event()
        self.answered: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def __call__(self, writer: asyncio.StreamWriter, seen: Seen) -> None:
        key = seen.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in (MAIN, SPARE) or (
            key == MAIN and self.answered[MAIN] >= self.main_max and not self.paid.is_set()
        ):
            self.refused[key] += 1
            await self.refusal(writer, seen)
            return
        self.answered[key] += 1
        before = sum(message["role"] == "assistant" for message in seen.body["messages"])
        await raw(200, self.turns[min(before, len(self.turns) - 1)])(writer, seen)
