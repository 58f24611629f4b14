"""The form of a rule: a function of one event and the Auditor's rows, with named limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from bus.projection_rows import Rows
from domain import incident
from domain.incident import Follows, Kind, Severity
from domain.message import Event, Recorded

Limits = Mapping[str, int]
"""Name of a limit, which ends with its unit or is a count -> its value."""


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """A result of a rule. `evidence`: ids of earlier events; the event of the rule itself is always added."""

    detail: str
    evidence: tuple[UUID, ...] = ()
    measured: Mapping[str, int] = {}
    run: UUID | None = None
    task: UUID | None = None
    employee: UUID | None = None
    version: UUID | None = None
    strike: bool = False


Check = Callable[[Recorded, Rows, Limits], Noticed | None]
"""Takes an event and the rows after it. It returns a result only if this event reaches the limit."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `on`: the types of its events. `says`: the rule in one sentence, with the names of its limits."""

    kind: Kind
    on: tuple[type[Event], ...]
    check: Check
    says: str
    limits: Limits
    follows: Follows = ""

    @property
    def severity(self) -> Severity:
        return incident.SEVERITIES[self.kind]
