"""Queues for tests of workers: every call is permitted, as by a manager with enough budget."""

from uuid import UUID

import msgspec

from agents.permits import PermitAnswer, PermitRequest


class Permitting:
    """Grants every permit, and remembers the requests."""

    permits_asked: list[PermitRequest]

    async def ask_permit(self, employee: UUID, data: bytes, wait_s: float, /) -> bytes | None:
        del employee, wait_s
        request = msgspec.json.decode(data, type=PermitRequest)
        self.__dict__.setdefault("permits_asked", []).append(request)
        return msgspec.json.encode(PermitAnswer(status="granted", claim=request.claim))
