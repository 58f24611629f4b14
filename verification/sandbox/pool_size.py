"""Limits of the pool of waiting boxes, in a module that imports no sandbox."""

import msgspec

from verification.sandbox.base import MIB


class PoolSize(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a pool."""

    boxes_max: int = 16
    age_max_s: float = 600.0
    free_memory_min_bytes: int = 512 * MIB  # with less free memory, the pool ends its boxes and makes none
