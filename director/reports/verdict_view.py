"""A verdict as it is shown: with what it is about, what it rested on and how to have it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from director.terminal.escape import below, visible
from director.terminal.text import table
from domain.tree import hex_of
from verification.requirements.model import Requirement
from verification.verdict.attestation import Basis, statement_of
from verification.verdict.base_notes import BaseNotes, base_notes
from verification.verdict.model import Finding, Verdict
from verification.verdict.statement import Resource

TEXT_CHARS_MAX = 90
"""Of a gate's line in a table on the terminal."""


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """One verdict. `again`: the command that judges the same tree with the same seed, or a sentence about it.

    `recorded`: what the log says of it, as data; empty for one that was just given. `signer`: the public key in hex.
    `handed_in`: how what was judged was read, where it was compared with a base.
    """

    verdict: Verdict
    requirement: Requirement
    about: str
    again: str
    recorded: Mapping[str, Any] = field(default_factory=dict)
    signer: str = ""
    handed_in: Mapping[str, list[str]] = field(default_factory=dict)
    base_commit: str | None = None

    def rested_on(self) -> tuple[Resource, ...]:
        """Requirement, sealed cases, image and so on, by digest."""
        statement = statement_of(self.verdict, self.requirement, Basis(evidence="", base_commit=self.base_commit))
        return tuple(each for each in statement.predicate.configuration if each.name != "verdict")

    @property
    def notes(self) -> BaseNotes:
        """Notes about the base."""
        return base_notes(self.verdict, self.requirement)

    @property
    def headline(self) -> str:
        """The outcome, how many of the base's test files ran if not all did, and whether anything new was proved."""
        return ", ".join(filter(None, ("Verified" if self.verdict.verified else "Rejected", self.notes.short)))

    def says(self, criterion: str) -> str:
        """The sentence of a criterion."""
        return next((each.says for each in self.requirement.criteria if each.id == criterion), "")

    def data(self) -> dict[str, Any]:
        """For machines: the verdict, and where there is one its place on the record."""
        data: dict[str, Any] = msgspec.to_builtins(self.verdict)
        if self.recorded:
            data |= {"recorded": {**self.recorded, "signer": self.signer}}
        if self.notes.said:
            data |= {"on_base": msgspec.to_builtins(self.notes), "base_notes": list(self.notes.lines)}
        if self.handed_in:
            data |= {"handed_in": dict(self.handed_in)}
        return data

    def text(self) -> str:
        """For people: criteria, gates, findings, and the verdict in one line."""
        verdict = self.verdict
        notes = self.notes
        lines = [f"{self.headline}.", *(f"- {visible(line)}" for line in notes.lines), ""] if notes.said else []
        lines.append(criteria_table(verdict))
        if verdict.gates:
            lines += ["", gates_table(verdict), ""]
        lines += [_line(finding) for finding in verdict.findings]
        lines.append(
            f"{'Verified' if verdict.verified else 'Rejected'}: tree {hex_of(verdict.tree)[:16]}, "
            f"grade {verdict.grade}, {verdict.sandbox}, seed {verdict.seed}, {verdict.wall_s:.1f} s"
        )
        return "\n".join(lines)


def criteria_table(verdict: Verdict) -> str:
    """Build the table of criteria and their results."""
    rows = [
        (
            visible(part.id),
            part.grade,
            "passed" if part.passed else "failed",
            f"{part.visible_passed}/{part.visible_total}",
            f"{part.sealed_passed}/{part.sealed_total}",
        )
        for part in verdict.criteria
    ]
    return table(("criterion", "grade", "verdict", "visible", "sealed"), rows)


def gates_table(verdict: Verdict) -> str:
    """Build the table of gates and their results, in the order in which they were asked."""
    rows = [
        (gate.gate, gate.grade, gate.result.replace("_", " "), f"{gate.seconds:.2f}", _short(gate.text))
        for gate in verdict.gates
    ]
    return table(("gate", "grade", "result", "seconds", "text"), rows)


def place_of(finding: Finding) -> str:
    """The path or the criterion that a finding is about."""
    return finding.path or finding.criterion or ""


def _line(finding: Finding) -> str:
    strike = " (integrity)" if finding.integrity else ""
    return f"{finding.kind}{strike} {visible(place_of(finding))}: {below(finding.detail)}"


def _short(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= TEXT_CHARS_MAX else f"{line[: TEXT_CHARS_MAX - 1]}…"
