"""Python source of strangers, parsed here and not in a box: never run, and within limits."""

import ast

PARSED_BYTES_MAX = 1024 * 1024
"""Of one file. What it takes is its writer's choice: at worst some 500 bytes of memory and 5 us for each byte."""


def parsed(source: bytes, *, bytes_max: int = PARSED_BYTES_MAX) -> ast.Module | None:
    """The program; None for what is no Python, or too large."""
    if len(source) > bytes_max:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
