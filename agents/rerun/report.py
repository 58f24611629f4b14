"""The result of playing a run from its record."""

import msgspec

EXCERPT_CHARS = 160
"""Characters of a message that are shown from its first difference on."""
BEFORE_CHARS = 40
"""Characters that are shown before the first difference."""


class CallId(msgspec.Struct, frozen=True, kw_only=True):
    """The key of the record: the task, the number of the attempt, the order, and the index of the call."""

    task: str
    attempt: int
    order: str
    index: int


class PromptDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose prompt would differ today. `message`: the position of the first message that differs, from 0.

    `recorded` and `today` are excerpts from the first difference on. None: there is no message at this position, or it
    is not on record. `repeats`: an earlier call of the session had this difference already, and no other one is new.
    """

    call: CallId
    employee: str
    message: int
    role: str
    recorded: str | None
    today: str | None
    repeats: bool = False


class WorkDifference(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt with another end or another hand-in today. `paths`: the paths with another content."""

    task: str
    attempt: int
    recorded: str
    today: str
    paths: tuple[str, ...] = ()


class VerdictDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that differs today. `task` is empty for the verdict on the merged tree."""

    task: str
    attempt: int
    recorded: str
    today: str


class DeliveryPlayed(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was built again in a temporary folder. `tree`: the digest of the verified tree.

    The ids of the commits may differ although the trees are the same, because a proof among the files contains the
    times of the verdict. `not_built`: why no repository was built.
    """

    same: bool
    recorded_tree: str
    tree: str
    recorded_commit: str
    commit: str | None
    not_built: str = ""


class FromRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose result was taken from the record and not played. `reason`: why."""

    task: str
    attempt: int
    reason: str


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The place where today's run leaves the record. `seq`, `event`: the first event that cannot follow today."""

    seq: int
    event: str
    reason: str


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run that was played from its record.

    `calls`, `verdicts`: the numbers of played calls and of new verdicts. `not_compared`: number of played calls whose
    prompt is not on record as a whole. `same`: the record could be followed to its end, and each delivery has the
    recorded tree. Prompts may differ all the same. `phase`: of the run at the end.
    """

    run: str
    same: bool
    phase: str
    calls: int
    not_compared: int
    verdicts: int
    prompts: tuple[PromptDifference, ...]
    work: tuple[WorkDifference, ...]
    verdict_differences: tuple[VerdictDifference, ...]
    deliveries: tuple[DeliveryPlayed, ...]
    from_record: tuple[FromRecord, ...]
    stopped: Stop | None


class Notes:
    """The differences that were found so far."""

    def __init__(self) -> None:
        self.calls = 0
        self.not_compared = 0
        self.verdicts = 0
        self.prompts: list[PromptDifference] = []
        self.work: list[WorkDifference] = []
        self.verdict_differences: list[VerdictDifference] = []
        self.deliveries: list[DeliveryPlayed] = []
        self.from_record: list[FromRecord] = []

    def result(self, run: str, phase: str, stopped: Stop | None) -> Rerun:
        """Return the result. `phase`: of the run at the end."""
        return Rerun(
            run=run,
            phase=phase,
            same=stopped is None and all(each.same for each in self.deliveries),
            calls=self.calls,
            not_compared=self.not_compared,
            verdicts=self.verdicts,
            prompts=tuple(self.prompts),
            work=tuple(self.work),
            verdict_differences=tuple(self.verdict_differences),
            deliveries=tuple(self.deliveries),
            from_record=tuple(self.from_record),
            stopped=stopped,
        )
