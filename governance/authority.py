"""The capability matrix: the events that each role may cause, and the NATS subjects of a worker. It is the only source
of these rights.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from bus.subjects import PROBE_PREFIX, PROBED_PREFIX, WORK_PREFIX
from bus.worker_accounts import WorkerRight
from domain import employee
from domain.message import Command
from domain.registry import COMMANDS
from domain.tree import digest_of

Role = Literal["director", "manager", "verifier", "auditor", "accountant", "hr", "recorder", "employee"]
ROLES: tuple[Role, ...] = get_args(Role)

_TASK = frozenset(
    {
        "task.assigned",
        "task.call_started",
        "task.call_finished",
        "task.attempt_ended",
        "task.submitted",
        "task.released",
    }
)
_VERDICTS = frozenset({"task.verified", "task.rejected", "run.verified", "run.rejected"})
_RUN = frozenset(
    {
        "run.admitted",
        "run.planned",
        "run.merged",
        "run.delivery_started",
        "run.delivered",
        "run.released",
        "run.ended",
        "organisation.budget_reserved",
        "organisation.budget_settled",
        "organisation.cap_warned",
        "organisation.tranche_lent",
        "organisation.tranche_returned",
        "run.tranche_received",
        "run.tranche_returned",
        "run.budget_warned",
        "run.funds_requested",
    }
)
_DIRECTOR = frozenset(
    {
        "organisation.founded",
        "organisation.budget_set",
        "organisation.budget_raised",
        "organisation.cap_set",
        "organisation.cap_warned",
        "organisation.paused",
        "organisation.halted",
        "organisation.resumed",
        "organisation.limit_accepted",
        "organisation.limit_withdrawn",
        "organisation.fallback_set",
        "organisation.routing_set",
        "organisation.version_blacklisted",
        "organisation.version_cleared",
        "organisation.account_set",
        "organisation.account_removed",
        "organisation.account_reopened",
        "employee.hired",
        "employee.suspended",
        "employee.reinstated",
        "employee.dismissed",
        "employee.rehired",
        "employee.appealed",
        "employee.appeal_decided",
        "employee.renamed",
        "employee.placed",
        "employee.reviewer_checked",
        "run.submitted",
        "run.secrets_consented",
        "run.returned",
        "run.commented",
        "run.overridden",
        "run.approved",
        "run.budget_raised",
        "run.funds_refused",
        "run.ended",
        "incident.acknowledged",
        "incident.worked",
        "incident.closed",
        "user.created",
        "user.role_granted",
        "user.role_revoked",
        "user.disabled",
        "user.enabled",
        "chat.message_sent",
        "user.linked",
        "user.unlinked",
    }
)
_HR = frozenset({"employee.warned", "employee.suspended", "employee.reinstated", "employee.dismissed"})
"""HR reinstates at the end of a term, and dismisses by the ladder of strikes."""
_CAREER = frozenset({"employee.promoted", "employee.demoted", "employee.placed", "employee.fined"})
"""The Accountant moves tiers and fines by rule. It places an employee only to renew the ceilings of its tier."""
_INCIDENT = frozenset({"incident.raised"})
_RECEIPT = frozenset({"organisation.halt_acknowledged"})
"""Each component that stops at a halt says so. The manager also says it for workers, who have no key for the log."""

MATRIX: Mapping[Role, frozenset[str]] = {
    "director": _DIRECTOR,
    "manager": _RUN | _TASK | _INCIDENT | _RECEIPT,
    "verifier": _VERDICTS | _INCIDENT | _RECEIPT,
    "auditor": _INCIDENT | _RECEIPT | {"incident.lapsed"},
    "accountant": _CAREER | _INCIDENT | _RECEIPT,
    "hr": _HR | _INCIDENT | _RECEIPT,
    "recorder": frozenset(),
    "employee": frozenset(),
}
"""Role -> the events that it may cause. Refusals are not listed: the gate itself causes them."""

POLICY_VERSION = (
    "matrix-" + digest_of(repr(sorted((role, sorted(events)) for role, events in MATRIX.items())).encode())[:12]
)
"""Version of the matrix. Every envelope holds the version that permitted its event."""


def may(role: Role, causes: Iterable[str]) -> bool:
    """Return whether a role may cause all events that a command can cause."""
    return set(causes) <= MATRIX[role]


RESERVED: Mapping[type[Command], Role] = {
    employee.Suspend: "director",
    employee.Reinstate: "director",
    employee.Dismiss: "director",
    employee.Place: "director",
}
"""Commands of one role whose events another role may cause too, but only by a rule: HR ends terms with EndTerm, and
dismisses with Strike.
"""


def may_send(role: Role, command: type[Command]) -> bool:
    """Return whether a role may send a command of this kind."""
    return may(role, COMMANDS[command].causes) and RESERVED.get(command, role) == role


def senders(command: type[Command]) -> tuple[Role, ...]:
    """Return the roles that may send a command of this kind."""
    return tuple(role for role in ROLES if may_send(role, command))


WORKER_RIGHTS = (
    WorkerRight("take its orders", "$JS.API.CONSUMER.MSG.NEXT.AURA_ORDERS.{orders}", "request"),
    WorkerRight("acknowledge an order", "$JS.ACK.AURA_ORDERS.{orders}.>", "request"),
    WorkerRight("hand in results", f"{WORK_PREFIX}.result.{{employee}}", "request"),
    WorkerRight("ask for a permit", f"{WORK_PREFIX}.permit.{{employee}}", "request"),
    WorkerRight("receive probes", f"{PROBE_PREFIX}.{{employee}}", "receive"),
    WorkerRight("answer probes", f"{PROBED_PREFIX}.{{employee}}.*", "request"),
    WorkerRight("read packs", "$JS.API.DIRECT.GET.OBJ_AURA_PACKS", "request"),
    WorkerRight("read packs by name", "$JS.API.DIRECT.GET.OBJ_AURA_PACKS.>", "request"),
    WorkerRight("write to its own upload bucket", "$O.{bucket}.>", "request"),
)
"""The NATS subjects of a worker's credential. It may do nothing else. The servers' configurations, the table in
docs/operators.md and the tests are derived from this list.
"""
