"""Program that runs pytest in the box and answers with its report. It uses only the standard library and the toolbox.

It reads the order (JSON) from standard input and writes one line, nonce and JSON, to the original standard output. The
code under test shares this process, so it could forge every part of the answer. The answer is evidence of grade B.
"""

import collections
import hashlib
import importlib
import importlib.machinery
import json
import os
import sys
from typing import Any

MESSAGE_CHARS_MAX = 300


def _clean(text: Any) -> str:
    """Return a text as one line of limited length that can always be encoded."""
    line = " ".join(str(text).split())[:MESSAGE_CHARS_MAX]
    return line.encode("utf-8", "replace").decode()


def _id(text: Any) -> str:
    """Return a test's id as one line of limited length. A longer id ends with a digest of the whole id."""
    line = " ".join(str(text).split()).encode("utf-8", "replace").decode()
    if len(line) <= MESSAGE_CHARS_MAX:
        return line
    return f"{line[: MESSAGE_CHARS_MAX - 20]}#{hashlib.sha256(line.encode()).hexdigest()[:16]}"


class StubType(type):
    """Class of every object in a stub module. A call of a stub returns None, and every attribute is another stub."""

    def __call__(cls, *_args: Any, **_kwargs: Any) -> Any:
        return None

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stub(name)


def stub(name: str) -> Any:
    return StubType.__new__(StubType, name, (), {})


class StubFinder:
    """Import finder that makes a stub for each module of the project. Python asks it after all other finders."""

    def __init__(self, names: list[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        if name.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # it finds and loads

    def create_module(self, _spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        def attribute(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return stub(name)

        module.__getattr__ = attribute


class Reporter:
    """A pytest plugin that stores the collected tests and the results of the setup, call and teardown of each test."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.collected: list[str] = []
        self.phases: list[tuple[str, str, str, bool, str]] = []
        self.errors: list[tuple[str, str]] = []
        self.skipped: list[tuple[str, str]] = []
        self.seconds: dict[str, float] = {}
        self.deselected = 0
        self.left_out: set[str] = set()

    def pytest_load_initial_conftests(self) -> Any:
        """Put the project on Python's path after pytest has imported its own modules.

        `main` makes this hook a wrapper, so it runs before the hooks of plugins. For example, pytest-django imports the
        project's settings in this hook.
        """
        if self.order["stubs"] is not None:
            sys.meta_path.append(StubFinder(self.order["stubs"]))
        else:
            places = project_paths(self.order)
            sys.path[:0] = places
            known = os.environ.get("PYTHONPATH", "")
            os.environ["PYTHONPATH"] = os.pathsep.join(path for path in [*places, known] if path)
            forget_tools(self.order)
        return (yield)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.errors.append((_id(report.nodeid), _said(report)))
        elif report.skipped:
            self.skipped.append((_id(report.nodeid), _said(report)))

    def pytest_configure(self, config: Any) -> None:
        """Turn off pytest's check for unknown hooks: hooks of a missing plugin in a conftest would end the run."""
        config.pluginmanager.check_pending = lambda: None

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Store the error of pytest itself or of a plugin that ended the run."""
        self.errors.append(("", _clean(f"{type(excinfo.value).__name__}: {excinfo.value}")))

    def pytest_deselected(self, items: Any) -> None:
        self.deselected += len(items)
        self.left_out |= {str(item.nodeid).partition("::")[0] for item in items}

    def pytest_collection_finish(self, session: Any) -> None:
        if self.order["backwards"]:
            session.items.reverse()  # tests of one module or class stay together in the reversed list
        self.collected = [_id(item.nodeid) for item in session.items]

    def pytest_runtest_logreport(self, report: Any) -> None:
        reason = _said(report) if report.outcome != "passed" else ""
        expected = hasattr(report, "wasxfail")
        self.phases.append((_id(report.nodeid), str(report.when), str(report.outcome), expected, reason))
        file = str(report.nodeid).partition("::")[0]
        self.seconds[file] = self.seconds.get(file, 0.0) + float(getattr(report, "duration", 0.0))

    def answer(self) -> dict[str, Any]:
        """Return the whole report. A test whose three phases passed is only a number: its index in `collected`."""
        by_test: dict[str, list[tuple[str, str, str, bool, str]]] = {}
        for phase in self.phases:
            by_test.setdefault(phase[0], []).append(phase)
        clear = [("setup", "passed", False), ("call", "passed", False), ("teardown", "passed", False)]
        whole = {test for test, mine in by_test.items() if [phase[1:4] for phase in mine] == clear}
        whole = {test for test, count in collections.Counter(self.collected).items() if count == 1} & whole
        return {
            "collected": self.collected,
            "passed": [place for place, test in enumerate(self.collected) if test in whole],
            "phases": [phase for phase in self.phases if phase[0] not in whole],
            "errors": self.errors,
            "skipped": self.skipped,
            "seconds": {file: round(spent, 3) for file, spent in self.seconds.items()},
            "deselected": self.deselected,
            "left_out": sorted(map(_id, self.left_out)),
        }


def project_paths(order: dict[str, Any]) -> list[str]:
    """Return the existing folders of the project for Python's path. The project's own folder comes first."""
    project = order["project"]
    places = [os.path.join(project, folder) if folder else project for folder in order["paths"]]
    return [place for place in places if os.path.isdir(place)]


def forget_tools(order: dict[str, Any]) -> None:
    """Let the project's tests import the project's own version of a library that pytest also uses.

    pytest keeps its references to the modules that it has imported. The next import finds the project's version.
    """
    own = frozenset(order["own"])
    for name in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[name]


def usable(names: list[str], load: Any) -> tuple[list[str], list[str]]:
    """Return the names that `load` accepts, and the names for which it raises an error, which would end pytest."""
    good: list[str] = []
    bad: list[str] = []
    for name in names:
        try:
            load(name)
        except BaseException:  # an import may raise anything
            bad.append(name)
        else:
            good.append(name)
    return good, bad


def usable_filters(order: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the warning filters whose class can be imported, also from the project, and the unusable filters."""
    from _pytest.config import parse_warning_filter

    places = project_paths(order)
    sys.path[:0] = places
    try:
        return usable(order["filters"], lambda text: parse_warning_filter(text, escape=False))
    finally:
        del sys.path[: len(places)]


def _said(report: Any) -> str:
    """Return the short message of a failure or the reason of a skip."""
    reason = report.longrepr
    crash = getattr(reason, "reprcrash", None)
    if crash is not None:
        return _clean(crash.message)
    text = str(reason[-1] if isinstance(reason, tuple) else reason)
    errors = [line[1:] for line in text.splitlines() if line.startswith("E  ")]
    # A file that could not be collected has only a long text; use its error lines without the traceback.
    return _clean(errors[-1] if errors else text)


def main() -> None:
    """Read the order, run pytest and answer once. After the answer, no code under test runs."""
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
    if order["metadata"]:
        sys.path.append(order["metadata"])
    filters, no_filters = usable_filters(order)
    plugins, no_plugins = usable(order["plugins"], importlib.import_module)
    arguments = [word for plugin in plugins for word in ("-p", plugin)]
    if order["filters"]:
        arguments += ["-o", "filterwarnings=" + "\n".join(filters)]
    first = pytest.hookimpl(wrapper=True)(Reporter.pytest_load_initial_conftests)
    Reporter.pytest_load_initial_conftests = first  # type: ignore[method-assign]  # pytest is not there above
    reporter = Reporter(order)
    status = int(pytest.main([*arguments, *order["arguments"]], plugins=[reporter]))
    told = {**reporter.answer(), "status": status, "dropped": [_clean(each) for each in (*no_filters, *no_plugins)]}
    answer = f"{order['nonce']} {dumps(told)}\n".encode()
    while answer:
        answer = answer[write(channel, answer) :]
    leave(0)


if __name__ == "__main__":
    main()
