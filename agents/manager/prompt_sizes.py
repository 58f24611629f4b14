"""The sizes of the prompts that come next, as far as they are known: what a reservation follows from."""

from collections import OrderedDict
from uuid import UUID

from domain.task import TaskState

SIZES_KEPT_MAX = 10_000
NOT_SIZED = -1
"""A size that cannot be told, because the content is gone: the longest prompt is reserved."""


class PromptSizes:
    """The sizes of the prompts that come next, in tokens. Another attempt has another prompt: it holds the findings."""

    def __init__(self) -> None:
        self._sizes: OrderedDict[tuple[UUID, UUID, int], int] = OrderedDict()

    def of(self, run: UUID, part: TaskState) -> int | None:
        """The size of a task's next prompt; None until it is known."""
        return self._sizes.get((run, part.id, len(part.tried)))

    def put(self, run: UUID, part: TaskState, size: int) -> None:
        self._sizes[run, part.id, len(part.tried)] = size
        while len(self._sizes) > SIZES_KEPT_MAX:
            self._sizes.popitem(last=False)
