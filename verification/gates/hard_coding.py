"""Gate against hard-coded results. If a sealed case or property failed, it searches the code for the visible cases."""

import asyncio

from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.gates.cases import failed
from verification.source_scan.hard_coding import hard_coded_path
from verification.verdict.model import Finding


class HardCoding(VerdictGate):
    name = "hard_coding"

    async def ask(self, subject: Subject) -> GateReport:
        found: list[Finding] = []
        lost = {one.criterion for one in subject.tried if one.sealed and one.problem is not None}
        asked = [each for each in subject.criteria if each.id in lost or failed(each.id, subject.trials, sealed=True)]
        for criterion in asked:
            path = await asyncio.to_thread(hard_coded_path, criterion, subject.changed, subject.tree, subject.base)
            if path:
                text = f"{path} contains arguments and results of the visible cases of {criterion.id} as literals"
                shown = f"{text}; solve the criterion instead"
                found.append(
                    Finding(kind="hard_coded", criterion=criterion.id, path=path, detail=text, for_author=shown)
                )
        evidence = {"sealed_failures": [criterion.id for criterion in asked]}
        return verdict_on(
            found, text="only criteria with a failed sealed case or property were checked", evidence=evidence
        )
