"""The checks that an agent asks for: the worker judges a copy of the work outside the box. They cost no model call."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from agents.gateway.limits import CHECK_WAIT_S, CHECKS_MAX
from agents.gateway.refusals import GatewayRefusal
from domain.errors import AuraError

Check = Callable[[], Awaitable[str]]
"""Judges a copy of the work, and returns the text that the employee may see."""


class Checks:
    """The checks of one attempt. One runs at a time."""

    def __init__(self, check: Check | None) -> None:
        self._check = check
        self._busy = asyncio.Lock()
        self.made = 0

    async def answer(self) -> bytes:
        """Make a check and return the body of the answer. Raises GatewayRefusal."""
        if self._check is None:
            raise GatewayRefusal(404, "no_check", "This attempt has no check. Run the tests of the project yourself.")
        if self._busy.locked():
            raise GatewayRefusal(429, "check_busy", "Another check runs. Wait for its result.", retry_after_s=30)
        if self.made >= CHECKS_MAX:
            raise GatewayRefusal(403, "checks_used_up", f"The attempt has used its {CHECKS_MAX} checks.")
        async with self._busy:
            self.made += 1
            return json.dumps({"text": await self._checked(self._check)}).encode()

    async def _checked(self, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_WAIT_S):
                return await check()
        except TimeoutError:
            return f"The check had no result after {CHECK_WAIT_S:g} s."
        except AuraError as error:
            return f"The check was not made: {error}"
