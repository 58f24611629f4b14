"""Small mistakes in a program: for one node of the syntax tree, the wrong nodes that a person might write instead."""

import ast
import copy
from collections.abc import Iterator
from typing import Any

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OTHER_TEXT = "another text"
_DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Delete)


def mistakes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the wrong nodes for a node. They are expressions for an expression, and statements for a statement."""
    if isinstance(node, ast.expr):
        yield from _of_expression(node)
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)


def opposite(test: ast.expr) -> ast.expr | None:
    """Return the negated condition; None if `mistakes` already yields a mistake with the same effect."""
    if isinstance(test, ast.Compare | ast.Constant) or (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        return None
    return ast.UnaryOp(op=ast.Not(), operand=test)


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _formats(node):
        yield ast.BinOp(left=node.left, op=_OPERATORS[type(node.op)](), right=node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(op=ast.Or() if isinstance(node.op, ast.And) else ast.And(), values=node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Compare):
        yield from _comparisons(node)
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value=value) for value in _constants(node.value))
    elif isinstance(node, ast.Slice):
        yield from _slices(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        yield from _ranges(node)


def _formats(node: ast.BinOp) -> bool:
    """Return whether a node formats a text, as in `"%s" % value`. Any other operator there only raises an error."""
    return isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)


def _comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for index, op in enumerate(node.ops):
        for other in _COMPARISONS[type(op)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield ast.Compare(left=node.left, ops=ops, comparators=node.comparators)


def _constants(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value - 1)
    if isinstance(value, float):
        return (value + 1.0,)
    if isinstance(value, str):
        return ("",) if value else (_OTHER_TEXT,)
    if isinstance(value, bytes):
        return (b"",) if value else (_OTHER_TEXT.encode(),)
    return ()


def _shifted(node: ast.expr, by: int) -> ast.expr:
    op = ast.Add() if by > 0 else ast.Sub()
    return ast.BinOp(left=node, op=op, right=ast.Constant(value=abs(by)))


def _slices(node: ast.Slice) -> Iterator[ast.expr]:
    """Yield slices with a bound that is off by one. The operator for constants changes constant bounds."""
    for name in ("lower", "upper"):
        bound = getattr(node, name)
        if bound is not None and not _is_number(bound):
            changed = copy.copy(node)
            setattr(changed, name, _shifted(bound, 1))
            yield changed


def _ranges(node: ast.Call) -> Iterator[ast.expr]:
    for index, bound in enumerate(node.args[:2]):
        if not _is_number(bound) and not isinstance(bound, ast.Starred):
            for by in (1, -1):
                args = [*node.args[:index], _shifted(bound, by), *node.args[index + 1 :]]
                yield ast.Call(func=node.func, args=args, keywords=node.keywords)


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant)


def _of_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, ast.Return):
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(value=ast.Constant(value=None))
    elif isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    elif isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield ast.AugAssign(target=node.target, op=_OPERATORS[type(node.op)](), value=node.value)
        yield ast.Pass()
    elif isinstance(node, _DROPPED) and not is_text(node) and not _declares(node):
        yield ast.Pass()


def is_text(node: ast.AST) -> bool:
    """Return whether a node is a docstring or another bare constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _declares(node: ast.stmt) -> bool:
    """Return whether a statement only declares the type of a name, without a value."""
    return isinstance(node, ast.AnnAssign) and node.value is None
