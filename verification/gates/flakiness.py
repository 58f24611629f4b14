"""Flakiness: the same cases twice more, in another order and with another seed of Python's hashes."""

from verification.gates.base import Gate, Report, Subject, nothing_to_do, verdict_on
from verification.trials import Trial, run_all
from verification.verdict import Finding

RUNS_MORE = 2


class Flakiness(Gate):
    """A case that has passed and then fails is neither: the tree is not verified, and it is nobody's strike."""

    name = "flakiness"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> Report:
        if not subject.trials:
            return nothing_to_do("there are no cases")
        flaky: dict[tuple[str, bool], list[Trial]] = {}
        for number in range(1, RUNS_MORE + 1):
            trials = [trial.again() for trial in subject.trials]
            await run_all(trials, subject.project, subject.sandbox, subject.seed + number)
            for trial in trials:
                if trial.problem is not None:
                    flaky.setdefault((trial.criterion, trial.sealed), []).append(trial)
        findings = [_finding(name, sealed, trials) for (name, sealed), trials in flaky.items()]
        evidence = {"runs": RUNS_MORE + 1, "cases": len(subject.trials), "flaky": sorted({name for name, _ in flaky})}
        return verdict_on(findings, text=f"{RUNS_MORE + 1} runs of {len(subject.trials)} cases", evidence=evidence)


def _finding(criterion: str, sealed: bool, trials: list[Trial]) -> Finding:
    detail = "; ".join(f"line {trial.case.line}: {trial.problem.text if trial.problem else ''}" for trial in trials)
    shown = f"criterion {criterion} passed once and failed once" + ("" if sealed else f": {detail}")
    return Finding(kind="flaky", criterion=criterion, detail=detail[:2000], for_author=shown[:2000])
