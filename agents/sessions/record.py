"""The prompts of a session, rebuilt from the receipts of its calls."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.snapshot import PromptRecord


class RecordedPrompt(NamedTuple):
    """The prompt of one call: `missing` messages that no receipt names, then the digests of the others.

    Messages are missing if the receipt of an earlier call was never sent, or was purged.
    """

    missing: int = 0
    messages: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """The number of its messages."""
        return self.missing + len(self.messages)

    def first(self, count: int) -> "RecordedPrompt":
        """Return the first `count` messages of the prompt."""
        return RecordedPrompt(min(self.missing, count), self.messages[: max(0, count - self.missing)])

    def after(self, count: int) -> tuple[str, ...]:
        """Return the digests of the known messages after the first `count`."""
        return self.messages[max(0, count - self.missing) :]


def prompts_of(records: Mapping[int, PromptRecord]) -> dict[int, RecordedPrompt]:
    """Return the prompt of each call, by index. `records`: the receipts of the attempt that are on record.

    A worker wrote the receipts. So a base may be unknown, later than its call, or part of a circle: then its messages
    are missing.
    """
    prompts: dict[int, RecordedPrompt] = {}
    for index in sorted(records):
        chain: list[int] = []
        at: int | None = index
        while at is not None and at in records and at not in prompts and at not in chain:
            chain.append(at)
            at = records[at].base
        for each in reversed(chain):
            prompts[each] = _prompt(records[each], prompts)
    return prompts


def _prompt(record: PromptRecord, prompts: Mapping[int, RecordedPrompt]) -> RecordedPrompt:
    if record.base is None:
        return RecordedPrompt(0, record.messages)
    base = prompts.get(record.base)
    kept = max(0, record.kept)
    before = RecordedPrompt(kept) if base is None else base.first(kept)
    return RecordedPrompt(before.missing, before.messages + record.messages)


class Conversations:
    """The conversations of an attempt. An agent may hold several of them at the same time."""

    def __init__(self, records: Mapping[int, PromptRecord]) -> None:
        self.prompts = prompts_of(records)
        self._next: dict[int, int] = {}
        for index in sorted(records):
            base = records[index].base
            if base is not None and base < index:
                self._next.setdefault(base, index)

    def after(self, index: int) -> tuple[str, ...]:
        """Return the digests of the messages after the prompt of call `index`: its answer, and the results of its
        actions. They are known from the next call of the conversation.
        """
        following = self._next.get(index)
        if following is None or index not in self.prompts:
            return ()
        return self.prompts[following].after(self.prompts[index].length)
