"""Random draws that can be repeated: each is a number of a counter, hashed with SHA-256 under a seed."""

from hashlib import sha256

DRAW_BITS = 64
DRAW_END = 1 << DRAW_BITS
"""A draw is at least 0 and less than this."""


def draw(seed: str, counter: int) -> int:
    """Return draw number `counter` of the seed. Equal arguments give equal draws, in every process."""
    return int.from_bytes(sha256(f"{seed} {counter}".encode()).digest()[: DRAW_BITS // 8])
