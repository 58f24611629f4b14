"""The table of a worker's rights in docs/operators.md."""

from bus.worker_accounts import WorkerRight

ANSWERS = {"request": "one", "request_many": "many", "receive": "none: it receives the messages"}


def row(right: WorkerRight) -> str:
    """Return the row of a right."""
    subject = right.subject.format(employee="<employee>", orders="<orders>", bucket="<bucket>")
    return f"| {right.purpose} | `{subject}` | {ANSWERS[right.way]} |"
