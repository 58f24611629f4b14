"""The result of reading an answer, and the limits of one reading."""

from collections.abc import Mapping

import msgspec

ANSWER_CHARS_MAX = 500_000
"""A longer answer is not read. Models write less than this within their length limits (128,000 tokens)."""
LINES_MAX = 12_000
"""Limit of lines of one answer. A longer answer is not read."""
FENCES_MAX = 1_000
"""Limit of lines with a fence in one answer. An answer with more is not read."""
BLOCKS_MAX = 256
"""Number of blocks, diffs and elements of one answer that are read."""
FILES_MAX = 64
"""Number of files that one answer may change."""
REASONS_MAX = 12
REASON_CHARS_MAX = 500
CANNOT = "CANNOT:"
"""The beginning of an answer that states that the task cannot be done. It is allowed, and costs less than a wrong
answer.
"""


class ParsedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The change that an answer asks for.

    `files`: path -> whole new content. `deleted`: paths to remove; a rename is a deletion and a file. `dropped`: paths
    out of scope, which are not handed in. `declined`: the reason why the task cannot be done, if the answer states it.
    `not_understood`: reasons in plain words, for the next attempt's prompt.
    """

    files: Mapping[str, bytes] = {}
    deleted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    declined: str = ""
    not_understood: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the answer has files or deletions to hand in."""
        return bool(self.files or self.deleted)
