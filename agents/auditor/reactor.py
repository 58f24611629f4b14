"""The Auditor's reactions: it asks the rules about each event, and closes incidents whose cause is gone."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from agents.auditor.rule import Noticed, Rule
from agents.auditor.rules import RULES_OF
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, incident, run_messages
from domain.message import Command, Recorded, derive
from projections.auditor_watch import OpenFinding, version_at


class Auditor:
    """The auditor's reactions."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        event = recorded.event
        commands: list[Command] = []
        for rule in RULES_OF.get(type(event), ()):  # type: ignore[arg-type]  # Erased is no key
            noticed = rule.check(recorded, rows, rule.limits)
            if noticed is not None:
                commands.append(_raise(rule, noticed, recorded, cause))
        if isinstance(event, employee.Hired):
            commands += _lapse_versions(event.employee, rows, cause)
        elif isinstance(event, run_messages.Ended):
            commands += _lapse(rows.of(OpenFinding, event.run), "The run has ended.", cause)
        return commands

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del rows  # a void event does not change the rows
        envelope = recorded.envelope
        detail = f"Event {recorded.seq} ({envelope.type}) does not count: {recorded.void}."
        return [
            incident.Raise(
                **cause.fields("auditor.void"),
                incident=derive(cause.source, "void", recorded.seq),
                kind="void_event",
                detail=detail,
                evidence=(envelope.id,),
                run=envelope.run,
                employee=envelope.employee,
            )
        ]


def _raise(rule: Rule, noticed: Noticed, recorded: Recorded, cause: Cause) -> incident.Raise:
    evidence = tuple(dict.fromkeys((*noticed.evidence, recorded.envelope.id)))
    return incident.Raise(
        **cause.fields(f"auditor.{rule.kind}"),
        incident=derive(cause.source, rule.kind),
        kind=rule.kind,
        detail=noticed.detail,
        strike=noticed.strike,
        run=noticed.run,
        task=noticed.task,
        employee=noticed.employee,
        evidence=evidence,
        limits=rule.limits,
        measured=noticed.measured,
        follows=rule.follows,
        employee_version=noticed.version,
    )


def _lapse_versions(who: UUID, rows: Rows, cause: Cause) -> Iterator[Command]:
    """Close the findings about a version that the employee no longer has."""
    present = version_at(rows, who)
    gone = [finding for finding in rows.of(OpenFinding, who) if finding.version not in (None, present)]
    yield from _lapse(gone, "The employee has another version.", cause)


def _lapse(findings: Sequence[OpenFinding], reason: str, cause: Cause) -> Iterator[Command]:
    for finding in findings:
        yield incident.Lapse(**cause.fields("auditor.lapse"), incident=UUID(finding.key), reason=reason)
