"""Red first: on the base, before the author came, the criteria fail. One that does not says little about the author."""

from verification.execution.trials import run_all, trials_of
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.gates.cases import failed
from verification.properties.runner import properties_of, try_all


class RedFirst(VerdictGate):
    """It blocks nothing: a criterion that the base meets already is a property of the requirement."""

    name = "red_first"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        if not subject.base:
            return GateReport(result="passed", text="there was nothing before", evidence={"red": _ids(subject)})
        trials = trials_of(subject.criteria)
        properties = properties_of(subject.criteria)
        if not trials and not properties:
            return nothing_to_do("no criterion has cases")
        project = subject.project.with_files(subject.base)
        await run_all(trials, project, subject.sandbox, subject.seed)
        red = {trial.criterion for trial in trials if trial.problem is not None}
        tried = await try_all(
            [each for each in properties if each[0] not in red], project, subject.sandbox, subject.seed
        )
        why: dict[str, list[str]] = {}
        for name in [each.id for each in subject.criteria if each.judged_outside]:
            kinds = {problem.kind for sealed in (False, True) for _, problem in failed(name, trials, sealed=sealed)}
            kinds |= {one.problem.kind for one in tried if one.criterion == name and one.problem is not None}
            why[name] = sorted(kinds)
        unknown = sorted(name for name in red if not why[name])  # not run, because others had not ended in time
        green = sorted(why.keys() - red - {name for name, kinds in why.items() if kinds})
        evidence = {"red": why, **({"green": green} if green else {}), **({"not_run": unknown} if unknown else {})}
        if green:
            return GateReport(result="noted", text=f"{', '.join(green)} held on the base already", evidence=evidence)
        text = f"; {', '.join(unknown)} could not be asked in time" if unknown else ""
        return GateReport(result="passed", text=f"each criterion failed on the base{text}", evidence=evidence)


def _ids(subject: Subject) -> list[str]:
    return [criterion.id for criterion in subject.criteria]
