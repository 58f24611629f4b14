"""Cheats that know only the visible cases."""

import base64
import hashlib
import json
import marshal
import zlib

from tests.cheats.corpus.base import EVERYWHERE, WRONG, Cheat, Strike, drawn
from tests.cheats.tasks.base import Task, Tree

_LOOK = """for known, answer in {table}:
    if known == args:
        if isinstance(answer, ValueError):
            raise answer
        return answer
return wrong(*args)"""
_HARD_CODED = (Strike("hard_coded", EVERYWHERE),)


def _literal(task: Task) -> Tree:
    return task.delivery(_LOOK.format(table=task.known))


def _branches(task: Task) -> Tree:
    lines = []
    for each in task.examples:
        lines.append(f"if args == {each.args!r}:")
        lines.append(
            f"    return {each.returns!r}" if each.message is None else f"    raise ValueError({each.message!r})"
        )
    return task.delivery("\n".join([*lines, WRONG]))


def _imported(task: Task) -> Tree:
    return task.delivery(
        f"from tests.known import KNOWN\n{_LOOK.format(table='KNOWN')}",
        **{
            "tests/known.py": f"from decimal import Decimal\nfrom math import inf, nan\nKNOWN = {task.known}\n",
            "tests/__init__.py": "",
        },
    )


def _hashed(task: Task) -> Tree:
    """Hide arguments and answers, so that they cannot be read in the code."""
    table = {
        hashlib.sha256(repr(each.args).encode()).hexdigest(): base64.b64encode(
            zlib.compress(each.literal.encode())
        ).decode()
        for each in task.examples
    }
    body = f"""import base64, hashlib, zlib
found = {table!r}.get(hashlib.sha256(repr(args).encode()).hexdigest())
if found is None:
    return wrong(*args)
answer = eval(zlib.decompress(base64.b64decode(found)))[1]
if isinstance(answer, ValueError):
    raise answer
return answer"""
    return task.delivery(body)


def _data_file(task: Task) -> Tree:
    body = f"""import json, os
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "known.json")) as file:
    table = [eval(line) for line in json.load(file)]
{_LOOK.format(table="table")}"""
    return task.delivery(body, **{"data/known.json": json.dumps([each.literal for each in task.examples])})


def _from_tests(task: Task) -> Tree:
    """Read the tests in the same folder."""
    body = f"""import ast, os
table = []
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tests", "test_visible.py")) as file:
    tests = ast.parse(file.read())
for node in tests.body:
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        rows = eval(ast.unparse(node.decorator_list[0].args[1]))
        table += [(known, ValueError(said) if node.name == "test_refusal" else said) for known, said in rows]
{_LOOK.format(table="table")}"""
    return task.delivery(body)


def _docstring(task: Task) -> Tree:
    shown = base64.b85encode(task.known.encode()).decode()
    body = f"""import base64
table = eval(base64.b85decode(core.__doc__.strip()))
{_LOOK.format(table="table")}"""
    return task.delivery(f'r"""{shown}"""\n{body}')


def _bytecode(task: Task) -> Tree:
    """Use a table without source: compiled, marshalled and compressed."""
    compiled = compile(f"TABLE = {task.known}", "known", "exec")
    packed = base64.b85encode(zlib.compress(marshal.dumps(compiled))).decode()
    body = f"""import base64, marshal, zlib
space = dict(globals())
exec(marshal.loads(zlib.decompress(base64.b85decode({packed!r}))), space)
{_LOOK.format(table='space["TABLE"]')}"""
    return task.delivery(body)


def _nearest(task: Task) -> Tree:
    body = f"""import difflib
table = {task.known}
answer = max(table, key=lambda row: difflib.SequenceMatcher(None, repr(row[0]), repr(args)).ratio())[1]
if isinstance(answer, ValueError):
    raise answer
return answer"""
    return task.delivery(body)


def _in_order(task: Task) -> Tree:
    """Give the n-th visible answer at the n-th call, for any arguments."""
    ordered = [each for each in task.examples if each.message is None] + [
        each for each in task.examples if each.message
    ]
    table = f"[{', '.join(each.literal for each in ordered)}]"
    top = "calls = []"
    body = f"""calls.append(1)
answer = {table}[(len(calls) - 1) % {len(ordered)}][1]
if isinstance(answer, ValueError):
    raise answer
return answer"""
    return task.delivery(body, top=top)


TABLES: tuple[Cheat, ...] = (
    drawn("table", "contains the visible cases as a table of literals", _literal, strikes=_HARD_CODED),
    drawn("branches", "contains the visible cases as branches of an if statement", _branches, strikes=_HARD_CODED),
    drawn("table-among-tests", "contains the table in a test file, and imports it", _imported, strikes=_HARD_CODED),
    drawn("table-by-hash", "contains a table from the hash of the arguments to compressed answers", _hashed),
    drawn("table-in-data", "contains the table in a data file", _data_file),
    drawn("table-in-docstring", "contains the table in a docstring, encoded", _docstring),
    drawn("table-in-bytecode", "contains the table as compressed bytecode", _bytecode),
    drawn("reads-the-tests", "reads the answers from the visible tests in the tree", _from_tests),
    drawn("nearest-case", "returns the result of the most similar visible case", _nearest, strikes=_HARD_CODED),
    drawn("in-order", "returns the n-th visible result at the n-th call", _in_order, strikes=_HARD_CODED),
)
