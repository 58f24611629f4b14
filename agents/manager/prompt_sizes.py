"""The measured sizes of the next prompts. The reservation of a call depends on the size of its prompt."""

from collections import OrderedDict
from uuid import UUID

from domain.task import TaskState

SIZES_KEPT_MAX = 10_000
NOT_SIZED = -1
"""Marks a prompt that could not be measured, for example because its content was purged. The cost of the longest prompt
is then reserved.
"""


class PromptSizes:
    """The sizes of the next prompts in tokens. Each attempt has its own prompt, because a prompt contains the findings
    of earlier attempts, and the comments of people.
    """

    def __init__(self) -> None:
        self._sizes: OrderedDict[tuple[UUID, UUID, int, int], int] = OrderedDict()
        self._missed: set[UUID] = set()

    def wanted(self, run: UUID, part: TaskState) -> int | None:
        """Return the size of a task's next prompt for its assignment. If it is not known, `missed` names the run."""
        size = self.of(run, part)
        if size is None:
            self._missed.add(run)
        return size

    def missed(self) -> set[UUID]:
        """Return the runs whose sizes were wanted in vain since the last call."""
        missed, self._missed = self._missed, set()
        return missed

    def of(self, run: UUID, part: TaskState) -> int | None:
        """Return the size of a task's next prompt, or None if the size is not known yet."""
        return self._sizes.get((run, part.id, len(part.tried), len(part.comments)))

    def put(self, run: UUID, part: TaskState, size: int) -> None:
        self._sizes[run, part.id, len(part.tried), len(part.comments)] = size
        while len(self._sizes) > SIZES_KEPT_MAX:
            self._sizes.popitem(last=False)
