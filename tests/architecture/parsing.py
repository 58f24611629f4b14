"""Syntax trees of sources. Many rules read the same file, so each text is parsed and walked only once."""

import ast
from functools import cache


@cache
def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a text. Callers must not change the tree."""
    return ast.parse(source)


@cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    """Return every node of the syntax tree of a text."""
    return tuple(ast.walk(parsed(source)))
