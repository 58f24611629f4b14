"""The outcome of a shadow run as text for people."""

from director.services.shadow_run import ShadowResult, TaskOutcome
from director.terminal.escape import visible
from director.terminal.tables import money, table


def shadow_text(result: ShadowResult) -> str:
    """Return the outcome of a task before and in its shadow run, as a table with two lines."""
    lines = [_line("before", result.before), _line("shadow run", result.shadow)]
    header = ("", "run", "employee", "result", "attempts", "calls", "tokens", "work", "cost")
    end = f"{visible(result.employee)} {'solved' if result.verified else 'did not solve'} task {visible(result.task)}."
    return f"{table(header, lines)}\n\n{end} Nothing is delivered, and no score includes it."


def _line(head: str, outcome: TaskOutcome) -> tuple[object, ...]:
    if outcome.verified:
        result = "verified"
    elif outcome.findings:
        result = f"rejected: {', '.join(outcome.findings)}"
    else:
        result = "not verified"
    effort = outcome.effort
    names = ", ".join(visible(name) for name in outcome.employees) or "nobody"
    numbers = (effort.attempts, effort.calls, effort.tokens, f"{effort.work_s:.1f} s", money(effort.usd))
    return (head, outcome.run, names, result, *numbers)
