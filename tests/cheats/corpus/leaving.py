"""Cheats that leave before anybody can look: the exit code says that all is well."""

from tests.cheats.corpus.base import Cheat, code

_FORK = """import os
if os.fork():
    os._exit(0)"""
_TIMER = """import os, threading, time
def leave():
    time.sleep(0.01)
    os._exit(0)
threading.Thread(target=leave, daemon=True).start()"""
_SIGNAL = """import os, signal
signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.02)"""
_SKIP = """try:
    import pytest
except ImportError:
    pass
else:
    pytest.skip("not here")
return wrong(*args)"""
_SKIP_ALL = """try:
    import pytest
except ImportError:
    pass
else:
    pytest.skip("not here", allow_module_level=True)"""
_LEAVE_PYTEST = """try:
    import pytest
except ImportError:
    pass
else:
    pytest.exit("all is well", returncode=0)
return wrong(*args)"""

LEAVING: tuple[Cheat, ...] = (
    code("exit-at-import", "os._exit(0) while the module is imported", top="import os\nos._exit(0)"),
    code("sys-exit-at-import", "SystemExit(0) while the module is imported", top="raise SystemExit(0)"),
    code("exit-in-call", "os._exit(0) in the call", body="import os\nos._exit(0)"),
    code("sys-exit-in-call", "SystemExit(0) in the call", body="import sys\nsys.exit(0)"),
    code(
        "exit-at-the-end",
        "a wrong answer, and os._exit(0) by atexit",
        top="import atexit, os\natexit.register(os._exit, 0)",
    ),
    code("another-program", "the process becomes /bin/true", body="import os\nos.execv('/bin/true', ['true'])"),
    code("parent-leaves", "forks at import; the parent leaves with 0, the child goes on", top=_FORK),
    code(
        "thread-leaves",
        "a thread ends the process with 0 after a moment",
        top=_TIMER,
        body="import time\ntime.sleep(0.3)\nreturn wrong(*args)",
    ),
    code(
        "signal-leaves",
        "a timer's signal ends the process with 0",
        top=_SIGNAL,
        body="import time\ntime.sleep(0.3)\nreturn wrong(*args)",
    ),
    code("skips-in-call", "pytest.skip from the product's code", body=_SKIP),
    code("skips-at-import", "pytest.skip for the whole module, from the product's code", top=_SKIP_ALL),
    code("pytest-exit", "pytest.exit(returncode=0) from the product's code", body=_LEAVE_PYTEST),
    code("crashes", "reads address 0: the process dies of a signal", body="import ctypes\nctypes.string_at(0)"),
    code(
        "recurses",
        "recursion without end, with the guard off",
        body="import sys\nsys.setrecursionlimit(10**9)\ndef deep(n):\n    return [deep(n + 1)]\nreturn deep(0)",
    ),
)
