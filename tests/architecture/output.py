"""The rule for output to the terminal: only the command line and the entries of processes may write to it."""

import ast
from collections.abc import Iterator

from tests.architecture.parsing import nodes

WRITING_FOLDERS = ("director/cli/", "bench/", "verification/in_box/")
WRITING_FILES = frozenset(
    {
        "bus/embedded/supervisor.py",  # the log of the supervisor
        "bus/crash_dump.py",  # the last words of a process
        "agents/employees/providers/llama_cpp_server.py",  # the process of the embedded model
        "director/deployment/container_healthcheck.py",  # the health check of a container
        "director/deployment/container_secrets.py",  # the service that makes the secrets of containers
        "director/deployment/process_log.py",  # the log of a process that serves
    }
)
_STREAMS = frozenset({"stdout", "stderr", "__stdout__", "__stderr__"})
_WRITERS = frozenset({"print", "pprint", "print_exc", "print_exception", "print_stack", "echo", "secho", "Console"})
_TERMINALS = ("/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/1", "/dev/fd/2")
_STDOUT, _STDERR = 1, 2


def writes_at_the_edge(path: str, source: str) -> list[str]:
    """Forbid print, the standard streams, typer's echo and rich outside the command line and the entries of processes.

    Code inside a string is not checked, because it runs in a box or in a separate process.
    """
    if path.startswith(WRITING_FOLDERS) or path in WRITING_FILES:
        return []
    remedy = "return it, raise it, or call back; the command line writes, and processes listed in WRITING_FILES"
    return [f"{path}:{line}: {what} writes to the terminal: {remedy}" for line, what in _writers(source)]


def _writers(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each node that reaches the terminal."""
    of_sys = {"sys"} | {
        alias.asname
        for node in nodes(source)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "sys" and alias.asname
    }
    for node in nodes(source):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in of_sys and name in _STREAMS:
                yield node.lineno, f"sys.{name}"
            case ast.ImportFrom(module="sys") if any(alias.name in _STREAMS for alias in node.names):
                yield node.lineno, "a stream of sys"
            case ast.Import() | ast.ImportFrom() if any(_package(name) == "rich" for name in _imported(node)):
                yield node.lineno, "rich"
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _WRITERS:
                yield node.lineno, name
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="os"), attr="write"), args=[ast.Constant(value=number), *_]
            ):
                if number in (_STDOUT, _STDERR):
                    yield node.lineno, "os.write"
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=module), ast.Constant(value=name), *_]):
                if module in of_sys and name in _STREAMS:
                    yield node.lineno, f"sys.{name}"
            case ast.Call(args=[ast.Constant(value=str(text)), *_]) if text in _TERMINALS:
                yield node.lineno, text


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the dotted names of an import. `from a.b import c` gives both `a.b` and `a.b.c`."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    return [node.module or "", *(f"{node.module}.{name}" for name in names)]


def _package(name: str) -> str:
    return name.partition(".")[0]
