"""The known sizes of the next prompts. A reservation depends on them."""

from collections import OrderedDict
from uuid import UUID

from domain.task import TaskState

SIZES_KEPT_MAX = 10_000
NOT_SIZED = -1
"""The size of a prompt that cannot be made because its content was purged. The longest prompt is reserved."""


class PromptSizes:
    """The sizes of the next prompts in tokens. Each attempt has another prompt, because the prompt contains the
    findings.
    """

    def __init__(self) -> None:
        self._sizes: OrderedDict[tuple[UUID, UUID, int], int] = OrderedDict()

    def of(self, run: UUID, part: TaskState) -> int | None:
        """Return the size of a task's next prompt, or None until it is known."""
        return self._sizes.get((run, part.id, len(part.tried)))

    def put(self, run: UUID, part: TaskState, size: int) -> None:
        self._sizes[run, part.id, len(part.tried)] = size
        while len(self._sizes) > SIZES_KEPT_MAX:
            self._sizes.popitem(last=False)
