"""The rules of the project as functions: (path, source) -> violations, each "path:line: what is wrong".

Paths are relative to the project, with forward slashes. test_rules.py tests each rule with bad and good snippets, and
test_project.py applies it to the whole project.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache

from tests.architecture.docstrings import plain_opener
from tests.architecture.output import writes_at_the_edge
from tests.architecture.parsing import nodes, parsed

FILE_LINES_MAX = 299
FUNCTION_LINES_MAX = 60

GATE = "governance/gate.py"
EVENT_PUBLISHER = "bus/publisher.py"  # defines publish_events
WORK = "bus/work_queue.py"
SUBJECTS = "bus/subjects.py"
# Where nats' own publish may be called. JetStream's requests (direct get, stream info) are made anywhere in bus/.
NATS_PUBLISHERS = frozenset(
    {
        EVENT_PUBLISHER,
        WORK,
        "bus/nats_client.py",  # requests of all others
        "bus/object_bucket.py",  # packs and uploads: chunks of byte strings, no events
        "bus/probes.py",  # asks a worker, on aura.probe.>
        "bus/push_consumer.py",  # answers the server's flow control
        "bus/rehydration.py",  # `aura repair`: puts recorded events back at their own sequences, and decides nothing
        "bench/limits.py",  # measures the server alone, on a stream of its own
        "bench/kinds_of_runs.py",  # publishes an event a second time, which makes it void
    }
)

# (file, function) that stand at a process edge and therefore may catch everything: they park, report or re-raise.
PROCESS_EDGES = frozenset(
    {
        ("director/cli/main.py", "main"),
        ("director/cli/remote/running.py", "Prepared._to_the_end"),  # one command of a person: the process goes on
        ("director/mcp/server.py", "McpDoor.call_tool"),  # one call: its client gets a coded error, others go on
        ("director/mcp/server.py", "McpDoor.read_resource"),  # the same for a resource
        ("director/cli/serving.py", "LogDoor.run"),  # a defect is a line of the log, and ends the process
        ("bus/projection.py", "fold"),  # an event that a projection cannot take is parked
        ("bus/projection.py", "fold_page"),  # the same in a replay: `fold` parks it
        ("agents/delivery/aura_casebox.py", "_attempt"),  # delivered code under pytest: the error is the result
        ("verification/in_box/pytest_worker.py", "usable"),  # an import of code under test in its box
        ("verification/in_box/tagged_values.py", "attempt"),  # code under test in its box: what it raises is the answer
        ("agents/workers/worker.py", "Worker._take"),  # one order: the other calls of the process go on
        ("agents/workers/worker.py", "Worker._result"),  # one call: what nobody expected is handed in as a defect
        ("agents/workers/worker.py", "Worker._close"),  # connections that are given back at the end
        ("agents/gateway/gateway.py", "Gateway.serve"),  # one connection: the others of the box and the worker go on
        ("agents/manager/permits.py", "Permitting.answer"),  # one request: the worker gets an answer, others go on
        ("agents/workers/pool.py", "Workers._employee"),  # one employee that cannot be built: the others work
        ("agents/workers/probing.py", "Served._called"),  # one probe: the worker goes on
        ("agents/manager/intake.py", "Reception._take"),  # one hand-in: the next one is heard
        ("agents/manager/orders.py", "Ordering._sent"),  # one order that cannot be made ends its call
        ("agents/manager/briefing.py", "Sizing._size"),  # one prompt that cannot be sized is reserved at its most
    }
)

Rule = Callable[[str, str], list[str]]


def short_file(path: str, source: str) -> list[str]:
    """Forbid long files. A file has one subject."""
    lines = len(source.splitlines())
    return [f"{path}:{lines}: {lines} lines, at most {FILE_LINES_MAX}: split by noun"] if lines > FILE_LINES_MAX else []


def short_functions(path: str, source: str) -> list[str]:
    """Forbid long functions. A function fits on a screen."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                found.append(f"{path}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}")
    return found


def gate_alone_publishes_events(path: str, source: str) -> list[str]:
    """Forbid the name `publish_events` outside the gate. Even a reference without a call is a violation."""
    if path in {GATE, EVENT_PUBLISHER}:
        return []
    return [
        f"{path}:{line}: only {GATE} publishes on aura.evt.>: send a command instead"
        for line in _references(source, "publish_events")
    ]


def work_alone_names_work_subjects(path: str, source: str) -> list[str]:
    """Forbid `aura.work.>` outside bus/work_queue.py, so only this module can publish to these subjects."""
    if path in {WORK, SUBJECTS}:
        return []
    return [
        f"{path}:{line}: aura.work.> belongs to {WORK}: call its functions"
        for line, text in _texts_of(source)
        if text.startswith("aura.work")
    ]


def nats_is_spoken_in_bus(path: str, source: str) -> list[str]:
    """Forbid `.publish(` outside the publishers of bus/, and `.request(` and the JetStream API outside bus/."""
    found = []
    for node in nodes(source):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        asks = path.startswith("bus/") and bool(node.args) and _text(node.args[0]).startswith("$JS.API.")
        publishes = node.func.attr == "publish" and path not in NATS_PUBLISHERS and not asks
        requests = node.func.attr == "request" and not path.startswith("bus/")
        if publishes or requests:
            found.append(f"{path}:{node.lineno}: .{node.func.attr}() belongs to bus/")
    return found


_SQL = re.compile(
    r"""\s*(?:
      select \s+ (?: .+ \s from \s | \d | [\w.]+ \s* \( )
    | insert \s+ into \s
    | update \s+ \S+ (?: \s+ as \s+ \w+ | \s+ \w+ )? \s+ set \s
    | delete \s+ from \s
    | (?: create | alter | drop ) \s+ (?: or \s+ replace \s+ | unlogged \s+ | temp \s+ | unique \s+ )?
      (?: table | schema | index | role | user | function | trigger | view | materialized | database | extension
        | sequence | type ) \b
    | truncate \s
    | copy \s+ \S+ .* \s (?: from | to ) \s
    | grant \s .+ \s (?: on | to ) \s
    | revoke \s .+ \s (?: on | from ) \s
    | with \s+ \w+ \s* (?: \( [\w\s,]* \) )? \s* as \s
    | lock \s+ table \s
    | set \s+ (?: local | session | search_path ) \s
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def sql_stands_in_sql(path: str, source: str) -> list[str]:
    """Forbid SQL statements in Python. A statement has a name and a file in sql/."""
    return [
        f"{path}:{line}: SQL belongs in sql/queries/NAME.sql: {text.strip()[:40]!r}"
        for line, text in _texts_of(source)
        if _is_sql(text)
    ]


def few_catch_everything(path: str, source: str) -> list[str]:
    """Forbid a bare `except`, and `except` or `suppress` of Exception or BaseException, except at entries of processes.

    A handler that ends with a bare `raise` is permitted, because it only cleans up.
    """
    found = []
    for function, node in _nodes_with_function(source):
        if (path, function) in PROCESS_EDGES:
            continue
        broad = isinstance(node, ast.ExceptHandler) and (node.type is None or _is_broad(node.type))
        if isinstance(node, ast.ExceptHandler) and broad and not _re_raises(node):
            found.append(f"{path}:{node.lineno}: catch only what you handle; process edges are listed in PROCESS_EDGES")
        if isinstance(node, ast.Call) and _name(node.func) == "suppress" and any(map(_is_broad, node.args)):
            found.append(f"{path}:{node.lineno}: suppress only what you expect")
    return found


def nothing_happens_at_import(path: str, source: str) -> list[str]:
    """Forbid printing, reading the environment and running an event loop outside functions."""
    forbidden = {"print", "getenv", "environ", "run", "connect", "basicConfig"}
    found = []
    for statement in parsed(source).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom):
            continue
        for node in _outside_functions(statement):
            called = isinstance(node, ast.Call)
            used = _name(node.func if isinstance(node, ast.Call) else node)
            if used == "environ" or (called and used in forbidden):
                found.append(f"{path}:{statement.lineno}: {used} at import: do it in a function")
    return found


def types_are_read_at_import(path: str, source: str) -> list[str]:
    """Require that typed decoding uses a decoder that the module makes at import (docs/adr/0009)."""
    remedy = "make a decoder where the module begins: two threads that ask first crash msgspec"
    found = []
    for function, node in _nodes_with_function(source):
        if not isinstance(node, ast.Call):
            continue
        called = _name(node.func)
        typed = called == "decode" and any(keyword.arg == "type" for keyword in node.keywords)
        late = called == "Decoder" and bool(function)
        converts = called == "convert" and ast.unparse(node.func) == "msgspec.convert"
        if typed or late or converts:
            found.append(f"{path}:{node.lineno}: {remedy}")
    return found


SOURCE_RULES: tuple[Rule, ...] = (
    short_file,
    short_functions,
    gate_alone_publishes_events,
    work_alone_names_work_subjects,
    nats_is_spoken_in_bus,
    sql_stands_in_sql,
    few_catch_everything,
    nothing_happens_at_import,
    types_are_read_at_import,
    plain_opener,
    writes_at_the_edge,
)


def _is_sql(text: str) -> bool:
    """Whether a text is an SQL statement.

    Its first word has only capital or only small letters, unlike a sentence's.
    """
    word = re.match(r"\s*([A-Za-z]+)", text)
    return bool(word and (word[1].isupper() or word[1].islower()) and _SQL.match(text))


@cache
def _texts_of(source: str) -> tuple[tuple[int, str], ...]:
    return tuple(_texts(parsed(source)))


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of all strings except docstrings. Inserted values of an f-string become x."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.expr) and (text := _text(node)):
            yield node.lineno, text
        else:
            yield from _texts(node)


def _text(node: ast.AST) -> str:
    """Return the text of a string literal, or an empty text for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else ""


def _references(source: str, name: str) -> Iterator[int]:
    """Yield the lines where an attribute, a name, an import or a string is exactly `name`."""
    for node in nodes(source):
        names: tuple[object, ...] = ()
        if isinstance(node, ast.Attribute):
            names = (node.attr,)
        elif isinstance(node, ast.Name):
            names = (node.id,)
        elif isinstance(node, ast.alias):
            names = (node.name, node.asname)
        elif isinstance(node, ast.Constant):
            names = (node.value,)
        if name in names and isinstance(node, ast.expr | ast.alias):
            yield node.lineno


def _name(node: ast.AST) -> str:
    """Return the last part of a dotted name, or an empty text for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_broad(node: ast.expr) -> bool:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(_name(part) in {"Exception", "BaseException"} for part in parts)


def _re_raises(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@cache
def _nodes_with_function(source: str) -> list[tuple[str, ast.AST]]:
    """Return every node with the qualified name of its function or class."""
    found: list[tuple[str, ast.AST]] = []

    def collect(tree: ast.AST, function: str) -> None:
        for node in ast.iter_child_nodes(tree):
            inner = function
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{function}.{node.name}".lstrip(".")
            found.append((inner, node))
            collect(node, inner)

    collect(parsed(source), "")
    return found


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
        return
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _outside_functions(child)
