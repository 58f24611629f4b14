"""The Director's acts as text."""

from director.services.override import OverrideStarted
from director.terminal.escape import visible
from director.terminal.text import table


def override_text(started: OverrideStarted) -> str:
    """Return the work that an override releases, and the next step."""
    rows: list[tuple[str, str, str]] = [(visible(part.name), str(part.attempt), part.verdict) for part in started.work]
    rows += [(visible(name), "-", "no work") for name in started.missing]
    return "\n".join(
        [
            f"NOT VERIFIED. Run {started.run} releases this work of run {started.of}:",
            table(("task", "attempt", "verdict"), rows),
            f"Its delivery waits for an approval. Follow it with: aura watch {started.run}",
        ]
    )
