"""Runs pytest inside the box and answers with what it reported. Runs alone, on the standard library and the toolbox.

It reads the order (JSON) from its standard input and writes one line, nonce and JSON, to what was its standard output.
The code under test shares this process, so that it could forge every word of the answer: evidence of grade B.
"""

import importlib.machinery
import json
import os
import sys
from typing import Any

MESSAGE_CHARS_MAX = 300


def _clean(text: Any) -> str:
    """One bounded line that is text everywhere."""
    line = " ".join(str(text).split())[:MESSAGE_CHARS_MAX]
    return line.encode("utf-8", "replace").decode()


class StubType(type):
    """The class of all that a stub module holds: calling one gives None, and every attribute is another one."""

    def __call__(cls, *_args: Any, **_kwargs: Any) -> Any:
        return None

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stub(name)


def stub(name: str) -> Any:
    return StubType.__new__(StubType, name, (), {})


class StubFinder:
    """Finds the modules of the project, all of them empty promises. Asked last, when nobody else knows a name."""

    def __init__(self, names: list[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        if name.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # both at once

    def create_module(self, _spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        def attribute(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return stub(name)

        module.__getattr__ = attribute


class Reporter:
    """A pytest plugin that keeps what was collected and how each phase of each test ended."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.collected: list[str] = []
        self.phases: list[tuple[str, str, str, bool, str]] = []
        self.errors: list[tuple[str, str]] = []
        self.skipped: list[tuple[str, str]] = []
        self.deselected = 0

    def pytest_load_initial_conftests(self) -> None:
        """The project becomes importable only now, when pytest has all of its own parts."""
        project = self.order["project"]
        if self.order["stubs"] is not None:
            sys.meta_path.append(StubFinder(self.order["stubs"]))
            return
        below = os.path.join(project, "src")
        sys.path[:0] = [project, *([below] if os.path.isdir(below) else [])]
        paths = [*sys.path[: 2 if os.path.isdir(below) else 1], os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.errors.append((_clean(report.nodeid), _said(report)))
        elif report.skipped:
            self.skipped.append((_clean(report.nodeid), _said(report)))

    def pytest_deselected(self, items: Any) -> None:
        self.deselected += len(items)

    def pytest_collection_finish(self, session: Any) -> None:
        if self.order["backwards"]:
            session.items.reverse()  # whole: what shares a module or a class stays together
        self.collected = [_clean(item.nodeid) for item in session.items]

    def pytest_runtest_logreport(self, report: Any) -> None:
        told = _said(report) if report.outcome != "passed" else ""
        expected = hasattr(report, "wasxfail")
        self.phases.append((_clean(report.nodeid), str(report.when), str(report.outcome), expected, told))


def _said(report: Any) -> str:
    """The short message of a failure or the reason of a skip."""
    reason = report.longrepr
    crash = getattr(reason, "reprcrash", None)
    if crash is not None:
        return _clean(crash.message)
    return _clean(reason[-1] if isinstance(reason, tuple) else reason)


def main() -> None:
    """Takes the order, runs pytest and answers once; nothing of the code under test runs after the answer."""
    dumps, write, leave = json.dumps, os.write, os._exit
    order = json.loads(sys.stdin.buffer.read())
    channel = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    os.makedirs(order["project"], exist_ok=True)
    os.chdir(order["project"])
    sys.path.insert(0, order["tools"])
    import pytest

    sys.path.remove(order["tools"])
    sys.path.append(order["tools"])
    sys.argv[:] = ["pytest"]
    reporter = Reporter(order)
    status = int(pytest.main(order["arguments"], plugins=[reporter]))
    told = {
        "collected": reporter.collected,
        "phases": reporter.phases,
        "errors": reporter.errors,
        "skipped": reporter.skipped,
        "deselected": reporter.deselected,
        "status": status,
    }
    answer = f"{order['nonce']} {dumps(told)}\n".encode()
    while answer:
        answer = answer[write(channel, answer) :]
    leave(0)


if __name__ == "__main__":
    main()
