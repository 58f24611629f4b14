"""Limits of packs, of the history in them, of their buckets and of the worker's cache."""

import msgspec

from bus.object_bucket import BucketLimits
from verification.tree_limits import FILE_BYTES_MAX, TREE_BYTES_MAX, TREE_FILES_MAX

MIB = 1024**2

NAME_BYTES_MAX = 255
"""Maximum length of one name in a path, as in Linux."""
INDEX_BYTES_MAX = 16 * MIB
"""Maximum size of the list of a pack's entries."""
RATIO_MAX = 200
RATIO_FREE_BYTES = 64 * MIB
"""A pack may expand to RATIO_FREE_BYTES whatever its size. A larger one may expand at most RATIO_MAX times."""

HISTORY_COMMITS_MAX = 500
"""Maximum number of commits in a working copy's history, the base included."""
HISTORY_BYTES_MAX = 24 * MIB
"""Maximum size of a stored history (compressed). It is one blob."""
HISTORY_CONTENT_BYTES_MAX = 96 * MIB
"""Maximum size of the objects of a history, without the files of the base."""
HISTORY_OBJECTS_MAX = 100_000
"""Maximum number of objects of a history."""

DIFFERENCE_BYTES_MAX = 64 * MIB
"""Maximum size of all files of a difference together."""
DIFFERENCE_ENTRIES_MAX = TREE_FILES_MAX
INLINE_BYTES_MAX = 8 * MIB
"""A larger hand-in goes through the worker's upload bucket."""


class PackLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one kind of pack. `bytes_max`: of the pack. `content_bytes_max`: of all its files together."""

    bytes_max: int
    content_bytes_max: int
    entries_max: int
    file_bytes_max: int = FILE_BYTES_MAX


BASE_LIMITS = PackLimits(
    bytes_max=TREE_BYTES_MAX + INDEX_BYTES_MAX + HISTORY_BYTES_MAX + 8 * MIB,
    content_bytes_max=TREE_BYTES_MAX,
    entries_max=TREE_FILES_MAX,
)
DIFFERENCE_LIMITS = PackLimits(
    bytes_max=DIFFERENCE_BYTES_MAX + INDEX_BYTES_MAX + MIB,
    content_bytes_max=DIFFERENCE_BYTES_MAX,
    entries_max=DIFFERENCE_ENTRIES_MAX,
)

PACKS = "AURA_PACKS"
PACKS_LIMITS = BucketLimits(bytes_max=2048 * MIB, age_s=24 * 3600.0)
PACK_REFRESH_AGE_S = 12 * 3600.0
"""An older pack is stored again before an order names it. The rest of its age is longer than any lease."""
UPLOADS = "AURA_UPLOAD"
UPLOADS_LIMITS = BucketLimits(bytes_max=2 * DIFFERENCE_LIMITS.bytes_max, age_s=3600.0)

CACHE_BYTES_MAX = 4096 * MIB
CACHE_AGE_S = 7 * 24 * 3600.0
"""A cache entry that was not used for so many seconds is removed."""
