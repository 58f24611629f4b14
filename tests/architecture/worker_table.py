"""The table of a worker's rights in docs/operators.md."""

from bus.worker_accounts import WorkerRight

WAYS = {"request": "publish, and receive one answer", "receive": "subscribe"}


def row(right: WorkerRight) -> str:
    """Return the row of a right."""
    subject = right.subject.format(employee="<employee>", orders="<orders>", bucket="<bucket>")
    return f"| {right.purpose} | `{subject}` | {WAYS[right.way]} |"
