"""A verdict with its subject, its inputs, and the command that repeats it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from director.reports.places import UNKNOWN, Places
from director.reports.verdict_reasons import Reason, reasons_of
from verification.requirements.model import Requirement
from verification.verdict.attestation import Basis, statement_of
from verification.verdict.base_notes import BaseNotes, base_notes
from verification.verdict.model import Verdict
from verification.verdict.statement import Resource


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """One verdict. `again`: the command that judges the same tree with the same seed, or a sentence if there is none.

    `recorded`: its event, as data; empty for a new verdict. `signer`: the public key in hex.
    `degraded`: the sentence about limits that the sandbox did not hold; empty if it held all.
    `handed_in`: notes on a folder that was compared with a base. `places`: the paths of its files.
    """

    verdict: Verdict
    requirement: Requirement
    about: str
    again: str
    recorded: Mapping[str, Any] = field(default_factory=dict)
    signer: str = ""
    handed_in: Mapping[str, list[str]] = field(default_factory=dict)
    base_commit: str | None = None
    places: Places = UNKNOWN
    degraded: str = ""

    def rested_on(self) -> tuple[Resource, ...]:
        """Return the inputs of the verdict with their digests: requirement, sealed cases, image and so on."""
        statement = statement_of(self.verdict, self.requirement, Basis(evidence="", base_commit=self.base_commit))
        return tuple(each for each in statement.predicate.configuration if each.name != "verdict")

    @property
    def notes(self) -> BaseNotes:
        """Notes about the base."""
        return base_notes(self.verdict, self.requirement)

    @property
    def headline(self) -> str:
        """The outcome, with a short note about the base if there is one."""
        return ", ".join(filter(None, ("Verified" if self.verdict.verified else "Rejected", self.notes.short)))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons of a rejection, one for each cause. Empty for a verified tree."""
        return reasons_of(self.verdict, self.requirement, self.places)

    def says(self, criterion: str) -> str:
        """Return the sentence of a criterion."""
        return next((each.says for each in self.requirement.criteria if each.id == criterion), "")

    def data(self) -> dict[str, Any]:
        """Return the verdict for --json, with its event if it is recorded."""
        data: dict[str, Any] = msgspec.to_builtins(self.verdict)
        if not self.verdict.verified:
            data |= {"reasons": msgspec.to_builtins(self.reasons)}
        if self.recorded:
            data |= {"recorded": {**self.recorded, "signer": self.signer}}
        if self.notes.said:
            data |= {"on_base": msgspec.to_builtins(self.notes), "base_notes": list(self.notes.lines)}
        if self.handed_in:
            data |= {"handed_in": dict(self.handed_in)}
        return data
