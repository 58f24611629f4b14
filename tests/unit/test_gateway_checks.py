"""The checks that an agent asks for through the gateway."""

import asyncio

import pytest

from agents.gateway import checks
from agents.gateway.checks import Checks
from domain.errors import Unavailable
from tests.gateways import post, send, world
from tests.providers import answering

ASK = post("/aura/check", {})


async def test_the_text_of_the_worker_is_the_answer() -> None:
    async def check() -> str:
        return "A1: 1 of 2 visible cases"

    async with world(answering()) as made:
        without = await send(made.gateway, ASK)
        made.gateway.checks = Checks(check)
        answer = await send(made.gateway, ASK)
        assert (without.status, without.json["error"]["code"]) == (404, "no_check")
        assert (answer.status, answer.json) == (200, {"text": "A1: 1 of 2 visible cases"})
        assert made.account.calls == {}, "a check makes no call of a model"
        assert made.provider.seen == []


async def test_one_check_runs_at_a_time() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def check() -> str:
        begun.set()
        await go_on.wait()
        return "judged"

    async with world(answering()) as made:
        made.gateway.checks = Checks(check)
        first = asyncio.create_task(send(made.gateway, ASK))
        await begun.wait()
        second = await send(made.gateway, ASK)
        go_on.set()
        assert (second.status, second.json["error"]["code"]) == (429, "check_busy")
        assert (await first).json == {"text": "judged"}
        assert (await send(made.gateway, ASK)).status == 200


async def test_a_check_that_fails_or_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> str:
        raise Unavailable("No box starts.", hint="Try again.")

    async def slow() -> str:
        await asyncio.sleep(60)
        return "never"

    monkeypatch.setattr(checks, "CHECK_WAIT_S", 0.05)
    async with world(answering()) as made:
        made.gateway.checks = Checks(broken)
        assert "No box starts." in (await send(made.gateway, ASK)).json["text"]
        made.gateway.checks = Checks(slow)
        assert "no result" in (await send(made.gateway, ASK)).json["text"]


async def test_the_number_of_checks_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> str:
        return "judged"

    monkeypatch.setattr(checks, "CHECKS_MAX", 2)
    async with world(answering()) as made:
        made.gateway.checks = Checks(check)
        answers = [await send(made.gateway, ASK) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 403]


async def test_another_method_or_parameter_is_refused() -> None:
    async def check() -> str:
        return "judged"

    async with world(answering()) as made:
        made.gateway.checks = Checks(check)
        for raw in (ASK.replace(b"POST", b"GET", 1), post("/aura/check?x=1", {}), post("/aura/checks", {})):
            assert (await send(made.gateway, raw)).status in (400, 404)
        assert made.gateway.checks.made == 0
