"""Parser for untrusted Python source. It runs outside a sandbox, so it never executes the source and has limits."""

import ast

PARSED_BYTES_MAX = 1024 * 1024
"""Limit for one file. In the worst case, each byte of the file costs about 500 bytes of memory and 5 us of time."""


def parsed(source: bytes, *, bytes_max: int = PARSED_BYTES_MAX) -> ast.Module | None:
    """Return the syntax tree of a program; None if the program is not valid Python or is too large."""
    if len(source) > bytes_max:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
