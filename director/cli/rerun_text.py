"""A run that was played from its record, as text for people."""

from collections.abc import Iterator

from agents.rerun.report import DeliveryPlayed, PromptDifference, Rerun
from director.terminal.escape import below, visible
from domain.wording import counted

NONE = "(no message at this place)"


def rerun_text(rerun: Rerun) -> str:
    """Return the result of a rerun. Text from outside Aura is escaped and indented."""
    played = f"{counted(rerun.calls, 'call')} played without a model, {counted(rerun.verdicts, 'verdict')} made again"
    lines = [played, *_prompts(rerun)]
    for work in rerun.work:
        paths = f": {', '.join(work.paths)}" if work.paths else ""
        lines.append(f"{work.task}, attempt {work.attempt}: recorded {work.recorded}, today {work.today}{paths}")
    for verdict in rerun.verdict_differences:
        where = f"{verdict.task}, attempt {verdict.attempt}" if verdict.task else "the merged tree"
        lines.append(f"verdict on {where}: recorded {verdict.recorded}, today {verdict.today}")
    for taken in rerun.from_record:
        lines.append(f"{taken.task}, attempt {taken.attempt}: taken from the record, not played. {taken.reason}")
    if rerun.stopped is not None:
        lines.append(f"stopped at event {rerun.stopped.seq} ({rerun.stopped.event}): {rerun.stopped.reason}")
    lines += map(_delivery, rerun.deliveries)
    if not rerun.deliveries and rerun.stopped is None:
        lines.append(f"No delivery is on record. At the end of the record the run is {rerun.phase}, today too.")
    return "\n".join(visible(line) if "\n" not in line else line for line in lines)


def _prompts(rerun: Rerun) -> Iterator[str]:
    if rerun.not_compared:
        number = counted(rerun.not_compared, "prompt was", "prompts were")
        yield f"prompts: {number} cut on record, and cannot be compared"
    if not rerun.prompts:
        yield "prompts: all compared prompts are the recorded ones"
        return
    yield f"prompts: {len(rerun.prompts)} would differ today. The first difference of each:"
    for difference in rerun.prompts:
        yield _repeated(difference) if difference.repeats else _prompt(difference)


def _call(difference: PromptDifference) -> str:
    call = difference.call
    return visible(f"  {call.task}, attempt {call.attempt}, call {call.index + 1} ({difference.employee})")


def _repeated(difference: PromptDifference) -> str:
    return f"{_call(difference)}: message {difference.message + 1}, which an earlier call had already"


def _prompt(difference: PromptDifference) -> str:
    return "\n".join(
        [
            f"{_call(difference)}: message {difference.message + 1} ({visible(difference.role)})",
            f"    recorded: {below(NONE if difference.recorded is None else difference.recorded, ' ' * 8)}",
            f"    today:    {below(NONE if difference.today is None else difference.today, ' ' * 8)}",
        ]
    )


def _delivery(delivery: DeliveryPlayed) -> str:
    same = "the same tree" if delivery.same else "another tree"
    lines = [f"delivery: {same}: {delivery.tree}"]
    if not delivery.same:
        lines.append(f"  recorded: {delivery.recorded_tree}")
    if delivery.commit is None:
        lines.append(f"  its repository was not built: {visible(delivery.not_built)}")
    elif delivery.commit == delivery.recorded_commit:
        lines.append(f"  its repository has the same commit: {delivery.commit}")
    else:
        lines.append(f"  its repository was built: commit {delivery.commit}, recorded {delivery.recorded_commit}")
    return "\n".join(lines)
