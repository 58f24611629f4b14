"""The result of reading an answer, and the limits for one answer."""

from collections.abc import Mapping

import msgspec

ANSWER_CHARS_MAX = 500_000
"""A longer answer is not read. A model writes fewer characters than this, because its length limit is at most 128,000
tokens.
"""
LINES_MAX = 12_000
"""Maximum number of lines of one answer. A longer answer is not read."""
FENCES_MAX = 1_000
"""Maximum number of fences in one answer. An answer with more fences is not read."""
BLOCKS_MAX = 256
"""Maximum number of blocks, diffs and elements that are read in one answer."""
FILES_MAX = 64
"""Maximum number of files that one answer may change."""
REASONS_MAX = 12
REASON_CHARS_MAX = 500
CANNOT = "CANNOT:"
"""The beginning of an answer that states that the task cannot be done. Such an answer is allowed and counts less
against the employee than a wrong answer.
"""


class ParsedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The change that an answer proposes.

    `files`: path -> complete new content. `deleted`: paths to remove. A rename is a deletion and a new file. `dropped`:
    paths out of scope. They are not handed in. `declined`: the reason why the task cannot be done, if the answer states
    it. `not_understood`: reasons that the prompt of the next attempt will contain.
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
