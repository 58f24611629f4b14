"""The event of a refusal: a command was not allowed. The event changes no state. It only makes the refusal visible."""

from uuid import UUID

from domain.message import Event


class CommandRefused(Event, frozen=True, kw_only=True):
    """`count` above 1: a summary of refusals that the rate limit held back. `command` is then the last of them."""

    type = "refusal.refused"
    principal: UUID
    command: str
    code: str
    message: str
    count: int = 1

    def entity(self) -> tuple[str, UUID]:
        return "refusal", self.principal
