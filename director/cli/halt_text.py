"""The receipt of a halt as text."""

from director.services.halt_receipt import HaltReceipt, silent
from director.terminal.escape import visible
from director.terminal.text import table
from domain.wording import counted


def halt_text(receipt: HaltReceipt) -> str:
    """Return the receipt of a halt: each component with its time, the boxes that ended, and the money in flight."""
    rows = [
        (
            visible(each.component),
            f"{each.after_ms} ms" if each.after_ms is not None else "no answer",
            str(each.calls or "-"),
            visible(", ".join(each.boxes)) or "-",
        )
        for each in receipt.components
    ]
    lines = [
        f"Halted, event {receipt.seq}: {visible(receipt.reason)}",
        table(("component", "stopped after", "calls cut off", "boxes ended"), rows),
        f"In flight at the halt: {counted(receipt.open_calls, 'call')} without a receipt, {receipt.in_flight.usd} USD "
        f"and {receipt.in_flight.tokens} tokens reserved and not settled. A cut-off call costs its upper bound.",
        f"The recorder has stored the log up to event {receipt.recorded_up_to}.",
    ]
    if names := silent(receipt):
        lines.append(f"No answer from: {', '.join(map(visible, names))}. See whether it runs: aura status")
    return "\n".join([*lines, 'To go on: aura resume --reason "…"'])
