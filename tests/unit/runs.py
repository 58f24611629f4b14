"""Commands of a run, and the events of a run from its submission to its release."""

from decimal import Decimal

from msgspec.structs import replace

from domain import run_act_messages as acts
from domain import run_messages as m
from domain.caps import Limit
from domain.message import Event
from domain.money import Amount
from domain.run import MINUTE_US
from domain.task import Assign
from domain.tree import Entry
from tests.unit.given import decide as decide_after
from tests.unit.samples import (
    ALLOWANCE,
    AT,
    BLOB,
    CALL,
    COMMAND,
    EMPLOYEE,
    ESTIMATE,
    EVIDENCE,
    FILES,
    FIRST,
    GOOD,
    ORDER,
    OTHER_RUN,
    OTHER_TREE,
    PLAN,
    PLANNED,
    RUN,
    SECOND,
    SUBMITTED,
    TREE,
    WORK,
    happened,
)

SUBMIT = m.Submit(
    id=COMMAND,
    at=AT,
    run=RUN,
    title="Slug maker",
    requirement=BLOB,
    sealed=EVIDENCE,
    allowance=ALLOWANCE,
    plan=PLAN,
    attempts_max=2,
    base_tree=EVIDENCE,
    base_repo="site",
    base_commit="1" * 40,
    base_ref="main",
    base_history="e" * 64,
    proof="notes",
    labels={"team": "web"},
    work=WORK,
    estimate=ESTIMATE,
    task_caps={"T1": Limit(usd=Decimal("0.50"))},
    on_budget="ask",
)
ADMIT = m.Admit(id=COMMAND, at=AT, run=RUN)
ASSIGN = Assign(
    id=COMMAND,
    at=AT,
    run=RUN,
    task=FIRST,
    employee=EMPLOYEE,
    order=ORDER,
    attempt=1,
    seed=7,
    reservation=CALL,
    due_at=AT + MINUTE_US,
)
RETURN = m.Return(
    id=COMMAND,
    at=AT,
    run=RUN,
    commit="c" * 40,
    base_commit="2" * 40,
    base_tree=OTHER_TREE,
    base_history="f" * 64,
    conflicts={SECOND: ("b.py",)},
    files=(m.TaskFiles(task=FIRST, files={"a.py": Entry(kind="file", digest=EVIDENCE)}),),
    reason="main has moved",
)
"""The Director's command if the branch has new commits and one of two tasks conflicts."""
COMMENT = acts.TaskComment(task=SECOND, text="Name the column `total`, not `sum`.")
RETURN_WITH_COMMENTS = acts.ReturnWithComments(id=COMMAND, at=AT, run=RUN, commit="c" * 40, comments=(COMMENT,))
OVERRIDE = acts.Override(
    **{name: getattr(SUBMIT, name) for name in m.Submit.__struct_fields__},
    of=OTHER_RUN,
    files=FILES,
    tree=TREE,
    released=(acts.ReleasedWork(task=FIRST, name="T1", attempt=2, employee=EMPLOYEE, verdict="rejected"),),
    missing=("T2",),
    reason=" the customer waits, and I read the code ",
)
"""The Director's command that releases rejected work of another run."""
END = m.End(id=COMMAND, at=AT, run=RUN, outcome="cancelled", reason=" enough ")
STAGES: tuple[tuple[m.RunCommand, str], ...] = (
    (m.Plan(id=COMMAND, at=AT, run=RUN), "run.planned"),
    (m.JudgeMerged(id=COMMAND, at=AT, run=RUN, judgement=GOOD), "run.verified"),
    (m.StartDelivery(id=COMMAND, at=AT, run=RUN), "run.delivery_started"),
    (
        m.FinishDelivery(id=COMMAND, at=AT, run=RUN, commit="c" * 40, folder="deliveries/slug", branch="main"),
        "run.delivered",
    ),
    (m.Approve(id=COMMAND, at=AT, run=RUN, reason="I ran it"), "run.approved"),
    (m.FinishRelease(id=COMMAND, at=AT, run=RUN, commit="c" * 40, ref="refs/tags/release"), "run.released"),
)
FIRST_VERIFIED = (*SUBMITTED, *happened("task.verified"))
ALL_VERIFIED = (*FIRST_VERIFIED, *(replace(event, task=SECOND) for event in FIRST_VERIFIED[len(PLANNED) :]))
(CHARGED,) = happened("task.call_finished")
WAY = (*ALL_VERIFIED, *happened("run.merged", *(name for _, name in STAGES[1:])))


def before(name: str) -> tuple[Event, ...]:
    """Return the events before the event of this type."""
    return WAY[: [event.type for event in WAY].index(name)]


def with_budget(amount: Amount, minutes: int = 20, attempts_max: int = 2) -> tuple[Event, ...]:
    """Return a submission with other limits."""
    allowance = m.Allowance(amount=amount, minutes=minutes)
    return decide_after(replace(SUBMIT, allowance=allowance, attempts_max=attempts_max))
